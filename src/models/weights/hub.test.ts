import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { safePath } from "./hub-cache.ts";
import { fetchDataset, fetchModel, isHubId, locateModel } from "./hub.ts";
import { type HubOptions, type HubProgress } from "./hub-access.ts";
import { INDEX } from "./safetensors-writer.ts";
import { withFolder } from "./testing.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** A hub on the loopback interface that holds one repository. */
class FakeHub {
  files: Record<string, Uint8Array | string> = {};
  /** Paths whose content is not the one that was announced. */
  readonly tampered = new Set<string>();
  /** Answers to a repository or a file: a status, or a broken connection after some bytes. */
  status = 200;
  breakAfter: number[] = [];
  ignoresRanges = false;
  stalls = false;
  readonly requests: {
    url: string;
    range: string | undefined;
    authorization: string | undefined;
  }[] = [];
  private readonly server: Server = createServer((request, response) =>
    this.answer(request, response),
  );

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  content(path: string): Buffer {
    return Buffer.from(this.files[path]!);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = decodeURIComponent(request.url ?? "");
    this.requests.push({
      url,
      range: request.headers.range,
      authorization: request.headers.authorization,
    });
    const json = (value: unknown): void =>
      void response
        .writeHead(200, { "Content-Type": "application/json" })
        .end(JSON.stringify(value));
    if (this.status !== 200)
      return void response
        .writeHead(this.status, { "Content-Type": "application/json" })
        .end('{"error":"no"}');
    if (/^\/api\/(models|datasets)\/org\/name\/revision\/main\?/.test(url))
      return json({ _id: "1", id: "org/name", sha: COMMIT, lastModified: "2026-01-01" });
    if (url.startsWith("/api/") && url.includes(`/org/name/tree/${COMMIT}`))
      return json(this.tree(url.includes("recursive=true")));
    const path = new RegExp(`^/(?:datasets/)?org/name/resolve/${COMMIT}/(.*)$`).exec(url)?.[1];
    if (path === undefined || !(path in this.files)) return void response.writeHead(404).end();
    this.sendFile(path, request.headers.range, response);
  }

  private tree(recursive: boolean): unknown[] {
    return Object.keys(this.files)
      .filter((path) => recursive || !path.includes("/"))
      .map((path) => {
        const content = this.content(path);
        const large = path.endsWith(".safetensors") || path.endsWith(".parquet");
        const oid = createHash("sha1")
          .update(`blob ${content.length}\0`)
          .update(content)
          .digest("hex");
        return {
          type: "file",
          path,
          size: content.length,
          oid,
          ...(large
            ? {
                lfs: {
                  oid: createHash("sha256").update(content).digest("hex"),
                  size: content.length,
                  pointerSize: 130,
                },
              }
            : {}),
        };
      });
  }

  private sendFile(path: string, range: string | undefined, response: ServerResponse): void {
    const content = this.content(path);
    if (this.tampered.has(path)) content[0]! ^= 1;
    const asked = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    const probe = range === "bytes=0-0";
    const [from, to] =
      asked && (probe || !this.ignoresRanges)
        ? [Number(asked[1]), Number(asked[2]) + 1]
        : [0, content.length];
    const body = content.subarray(from, to);
    response.writeHead(from === 0 && to === content.length && !probe ? 200 : 206, {
      ETag: '"e"',
      "Content-Length": body.length,
      "Content-Range": `bytes ${from}-${to - 1}/${content.length}`,
    });
    if (probe) return void response.end(body);
    if (this.stalls) return void response.write(body.subarray(0, 1));
    const limit = path.endsWith(".safetensors") ? this.breakAfter.shift() : undefined;
    if (limit === undefined) return void response.end(body);
    response.write(body.subarray(0, limit), () => response.destroy());
  }
}

const MODEL = {
  "config.json": '{"model_type":"llama"}',
  "tokenizer.json": "{}",
  "model.safetensors": Buffer.from("weights".repeat(1000)),
  "pytorch_model.bin": "pickle",
  "README.md": "#",
  "onnx/model.onnx": "x",
};

let hub: FakeHub;
let url: string;

beforeEach(async () => {
  hub = new FakeHub();
  hub.files = { ...MODEL };
  url = await hub.start();
  for (const name of [
    "HF_TOKEN",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
  ])
    vi.stubEnv(name, undefined);
  // Neither a real cache nor a real token may be found.
  vi.stubEnv("HF_HOME", "/nonexistent");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
});

/** Runs with an empty cache and a hub that answers at once. */
async function withCache<T>(
  use: (options: HubOptions & { cacheFolder: string }) => Promise<T>,
): Promise<T> {
  return withFolder((folder) => use({ cacheFolder: folder, hubUrl: url, retrySeconds: 0.01 }));
}

const downloads = (): string[] =>
  hub.requests
    .filter(({ url, range }) => url.includes("/resolve/") && range !== "bytes=0-0")
    .map(({ url }) => url.split(COMMIT)[1]!.slice(1));

describe("a model", () => {
  test("only what attune reads is fetched, into the layout of the shared cache", async () => {
    await withCache(async (options) => {
      const { folder, commit, files } = await fetchModel("org/name", options);
      const root = join(options.cacheFolder, "models--org--name");
      expect(folder).toBe(join(root, "snapshots", COMMIT));
      expect(commit).toBe(COMMIT);
      expect((await readdir(folder)).toSorted()).toEqual([
        "config.json",
        "model.safetensors",
        "tokenizer.json",
      ]);
      expect(files).toEqual(
        ["config.json", "model.safetensors", "tokenizer.json"].map((name) => join(folder, name)),
      );
      expect(await readFile(join(folder, "model.safetensors"))).toEqual(MODEL["model.safetensors"]);
      const sha256 = createHash("sha256").update(MODEL["model.safetensors"]).digest("hex");
      expect(await readlink(join(folder, "model.safetensors"))).toBe(
        join("..", "..", "blobs", sha256),
      );
      expect(await readFile(join(root, "refs", "main"), "utf8")).toBe(COMMIT);
      expect((await readdir(join(root, "blobs"))).filter((name) => name.includes("."))).toEqual([]);
    });
  });

  test("what is there is not fetched again, and works offline", async () => {
    await withCache(async (options) => {
      const first = await fetchModel("org/name", options);
      hub.requests.length = 0;
      expect(await fetchModel("org/name", options)).toEqual(first);
      expect(downloads()).toEqual([]);
      hub.requests.length = 0;
      expect(await fetchModel("org/name", { ...options, offline: true })).toEqual(first);
      expect(await fetchModel("org/name", { ...options, revision: COMMIT })).toEqual(first);
      vi.stubEnv("HF_HUB_OFFLINE", "1");
      vi.stubEnv("HF_HUB_CACHE", options.cacheFolder);
      expect(await fetchModel("org/name")).toEqual(first);
      expect(hub.requests).toEqual([]);
    });
  });

  test("without a network the cache is used", async () => {
    await withCache(async (options) => {
      const first = await fetchModel("org/name", options);
      hub.status = 503;
      expect(await fetchModel("org/name", options)).toEqual(first);
      await hub.stop();
      expect(await fetchModel("org/name", options)).toEqual(first);
    });
  });

  test("shards by the index, without the single file beside them", async () => {
    await withCache(async (options) => {
      hub.files = {
        ...MODEL,
        [INDEX]:
          '{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}',
        "model-00001-of-00002.safetensors": "1",
        "model-00002-of-00002.safetensors": "2",
      };
      const { folder } = await fetchModel("org/name", options);
      expect((await readdir(folder)).toSorted()).toEqual([
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        INDEX,
        "tokenizer.json",
      ]);
      expect((await fetchModel("org/name", { ...options, offline: true })).folder).toBe(folder);
    });
  });

  test("a cache that transformers made is used, one that lacks a shard is not", async () => {
    await withCache(async (options) => {
      const root = join(options.cacheFolder, "models--org--name");
      const folder = join(root, "snapshots", COMMIT);
      await mkdir(folder, { recursive: true });
      await mkdir(join(root, "refs"));
      await writeFile(join(root, "refs", "main"), `${COMMIT}\n`);
      for (const [name, text] of Object.entries({
        "config.json": "{}",
        [INDEX]:
          '{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}',
        "model-00001-of-00002.safetensors": "1",
      }))
        await writeFile(join(folder, name), text);
      await expect(fetchModel("org/name", { ...options, offline: true })).rejects.toThrow(
        new RegExp(
          "org/name is not in the cache, and HF_HUB_OFFLINE is set" +
            String.raw`\n {2}got: the cache lacks model-00002-of-00002.safetensors` +
            String.raw`\n {2}try: unset HF_HUB_OFFLINE`,
        ),
      );
      await writeFile(join(folder, "model-00002-of-00002.safetensors"), "2");
      expect((await fetchModel("org/name", { ...options, offline: true })).files).toHaveLength(4);
    });
  });

  test("a path that exists is itself; anything else is an id or refused", async () => {
    await withCache(async (options) => {
      expect(await locateModel(options.cacheFolder, options)).toBe(options.cacheFolder);
      expect(hub.requests).toEqual([]);
      expect(await locateModel("org/name", options)).toBe(
        join(options.cacheFolder, "models--org--name", "snapshots", COMMIT),
      );
      await expect(locateModel("./no/such/model.gguf", options)).rejects.toThrow(
        /there is no model at this path/,
      );
    });
  });

  test("progress adds up to the total", async () => {
    await withCache(async (options) => {
      const seen: HubProgress[] = [];
      await fetchModel("org/name", { ...options, onProgress: (progress) => seen.push(progress) });
      const total = ["config.json", "tokenizer.json", "model.safetensors"].reduce(
        (sum, name) => sum + hub.content(name).length,
        0,
      );
      expect(seen.at(-1)).toMatchObject({ bytes: total, total });
      expect(seen.at(-1)!.bytesPerSecond).toBeGreaterThan(0);
      expect(seen.every(({ bytes }, i) => bytes >= (seen[i - 1]?.bytes ?? 0))).toBe(true);
    });
  });
});

describe("broken downloads", () => {
  test("go on where they stopped, within one call", async () => {
    await withCache(async (options) => {
      hub.breakAfter = [3000, 1000];
      const seen: HubProgress[] = [];
      const { folder } = await fetchModel("org/name", {
        ...options,
        onProgress: (progress) => seen.push(progress),
      });
      expect(await readFile(join(folder, "model.safetensors"))).toEqual(MODEL["model.safetensors"]);
      const ranges = hub.requests
        .filter(({ url, range }) => url.endsWith("model.safetensors") && range !== "bytes=0-0")
        .map(({ range }) => range);
      expect(ranges).toEqual([undefined, "bytes=3000-6999", "bytes=4000-6999"]);
      expect(seen.at(-1)).toMatchObject({ bytes: seen.at(-1)!.total });
    });
  });

  test("go on where an earlier call stopped", async () => {
    await withCache(async (options) => {
      hub.breakAfter = [2000, 0, 0, 0, 0, 0, 0];
      await expect(fetchModel("org/name", options)).rejects.toMatchObject({ code: "network" });
      const blobs = join(options.cacheFolder, "models--org--name", "blobs");
      const part = (await readdir(blobs)).find((name) => name.endsWith(".incomplete"))!;
      expect((await stat(join(blobs, part))).size).toBe(2000);
      expect(existsSync(join(options.cacheFolder, "models--org--name", "refs", "main"))).toBe(
        false,
      );
      hub.breakAfter = [];
      hub.requests.length = 0;
      const { folder } = await fetchModel("org/name", options);
      expect(await readFile(join(folder, "model.safetensors"))).toEqual(MODEL["model.safetensors"]);
      expect(hub.requests.map(({ range }) => range)).toContain("bytes=2000-6999");
      expect(await readdir(blobs)).not.toContain(part);
    });
  });

  test("a server that ignores ranges is asked for the whole file", async () => {
    await withCache(async (options) => {
      hub.breakAfter = [2000];
      hub.ignoresRanges = true;
      const seen: HubProgress[] = [];
      const { folder } = await fetchModel("org/name", {
        ...options,
        onProgress: (progress) => seen.push(progress),
      });
      expect(await readFile(join(folder, "model.safetensors"))).toEqual(MODEL["model.safetensors"]);
      expect(seen.at(-1)!.bytes).toBe(seen.at(-1)!.total);
    });
  });

  test.each(["model.safetensors", "config.json"])(
    "%s with another content than promised is refused",
    async (name) => {
      await withCache(async (options) => {
        hub.tampered.add(name);
        await expect(fetchModel("org/name", options)).rejects.toMatchObject({
          code: "network",
          message: expect.stringContaining(
            `${name} does not have the content that the hub promised`,
          ),
        });
        expect(downloads().filter((path) => path === name)).toHaveLength(2);
        expect(
          existsSync(join(options.cacheFolder, "models--org--name", "snapshots", COMMIT, name)),
        ).toBe(false);
      });
    },
  );

  test("a connection that stands still is given up", async () => {
    await withCache(async (options) => {
      hub.stalls = true;
      await expect(
        fetchModel("org/name", { ...options, stallSeconds: 0.05 }),
      ).rejects.toMatchObject({
        code: "network",
        message: expect.stringMatching(/stands still\n {2}got: no byte in 0.05 s/),
      });
    });
  });

  test("the user can stop", async () => {
    await withCache(async (options) => {
      hub.stalls = true;
      const controller = new AbortController();
      const fetching = fetchModel("org/name", { ...options, signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      await expect(fetching).rejects.toMatchObject({ code: "interrupted" });
      await expect(
        fetchModel("org/name", { ...options, signal: AbortSignal.abort() }),
      ).rejects.toMatchObject({ code: "interrupted" });
    });
  });
});

describe("errors", () => {
  test.each<[number, string]>([
    [
      401,
      "the hub gives no access to the model org/name\n" +
        "  got: HTTP status 401\n" +
        "  try: check the spelling; for a private or gated one accept its terms on its page " +
        "and set HF_TOKEN",
    ],
    [403, "the hub gives no access to the model org/name"],
    [404, "the hub has no model org/name\n  got: HTTP status 404\n  try: check the spelling"],
    [
      500,
      "cannot be reached, and org/name is not in the cache\n" +
        "  got: HTTP status 500; nothing in the cache\n" +
        "  try: check the connection",
    ],
  ])("status %d", async (status, message) => {
    await withCache(async (options) => {
      hub.status = status;
      const error: unknown = await fetchModel("org/name", options).catch(
        (caught: unknown) => caught,
      );
      expect(error).toBeInstanceOf(AttuneError);
      expect(error).toMatchObject({
        code: "network",
        exitCode: 2,
        message: expect.stringContaining(message),
      });
      expect(await readdir(options.cacheFolder)).toEqual([]);
    });
  });

  test("no network and nothing cached", async () => {
    await withCache(async (options) => {
      await hub.stop();
      await expect(fetchModel("org/name", options)).rejects.toMatchObject({
        code: "network",
        message: expect.stringMatching(
          new RegExp(
            "cannot be reached, and org/name is not in the cache" +
              String.raw`\n {2}got: fetch failed: ECONNREFUSED; nothing in the cache` +
              String.raw`\n {2}try: check the connection`,
          ),
        ),
      });
    });
  });

  test("an unknown revision is named", async () => {
    await withCache(async (options) => {
      await expect(fetchModel("org/name", { ...options, revision: "v2" })).rejects.toThrow(
        /the hub has no model org\/name with the revision v2/,
      );
    });
  });

  test("an answer without an end is given up", async () => {
    await withCache(async (options) => {
      const told = expect.stringMatching(
        /^the hub's answer about org\/name is of no use\n {2}got: a reply of more than \d+ MiB/,
      );
      // what it says of the repository has some 90 bytes, its list of files far more
      await expect(
        fetchModel("org/name", { ...options, mostAnswerBytes: 50 }),
      ).rejects.toMatchObject({ code: "network", message: told });
      await expect(
        fetchModel("org/name", { ...options, mostAnswerBytes: 150 }),
      ).rejects.toMatchObject({ code: "network", message: told });
      expect(downloads()).toEqual([]);
    });
  });

  test("pickled weights only, GGUF only", async () => {
    await withCache(async (options) => {
      hub.files = { "config.json": "{}", "pytorch_model.bin": "x" };
      await expect(fetchModel("org/name", options)).rejects.toMatchObject({
        code: "model",
        message: expect.stringMatching(
          /org\/name has no safetensors weights[^]*attune never fetches them/,
        ),
      });
      hub.files = { "m.Q8_0.gguf": "x" };
      await expect(fetchModel("org/name", options)).rejects.toThrow(
        /try: download m.Q8_0.gguf and give its path/,
      );
      expect(downloads()).toEqual([]);
    });
  });

  test("the token goes to the hub, and only a hub token", async () => {
    await withCache(async (options) => {
      await fetchModel("org/name", { ...options, accessToken: "hf_secret" });
      expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(
        new Set(["Bearer hf_secret"]),
      );
      const error = await fetchModel("org/name", { ...options, accessToken: "secret" }).catch(
        (caught: unknown) => caught as AttuneError,
      );
      expect(error).toMatchObject({
        code: "network",
        message: expect.stringContaining("must start with 'hf_'"),
      });
    });
  });

  test("paths and ids that lead elsewhere", async () => {
    for (const path of [
      "../x",
      "a/../../x",
      "/etc/passwd",
      "C:\\x",
      "a\\..\\x",
      "",
      "a//b",
      "./a",
      "c:x",
    ])
      expect(() => safePath(path), path).toThrow(/leads out of its folder/);
    expect(safePath("data/train-00000.parquet")).toBe("data/train-00000.parquet");
    for (const id of ["../x", "a/b/c", "/a", "a b", "", "a/..", "-a/b", "a--b/c", "x.git"]) {
      expect(isHubId(id), id).toBe(false);
      await expect(fetchModel(id)).rejects.toMatchObject({ code: "usage" });
    }
    for (const id of ["gpt2", "HuggingFaceTB/SmolLM2-135M-Instruct", "a/b.c_d-1"])
      expect(isHubId(id), id).toBe(true);
  });
});

describe("a data set", () => {
  const data = {
    "README.md": "#",
    "dataset_infos.json": "{}",
    "data/train-00000-of-00001.parquet": "PAR1",
    "data/test-00000-of-00001.parquet": "PAR2",
    "raw/all.jsonl": "{}",
  };

  test("its Parquet files, all or of one split", async () => {
    await withCache(async (options) => {
      hub.files = data;
      const test = await fetchDataset("datasets/org/name", { ...options, split: "test" });
      expect(test.files).toEqual([join(test.folder, "data/test-00000-of-00001.parquet")]);
      expect(test.folder).toContain(join("datasets--org--name", "snapshots"));
      const all = await fetchDataset("org/name", options);
      expect(all.files.map((file) => file.slice(all.folder.length + 1))).toEqual([
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00001.parquet",
      ]);
      expect(await readFile(all.files[1]!, "utf8")).toBe("PAR1");
      expect(await fetchDataset("org/name", { ...options, offline: true })).toEqual(all);
      await expect(fetchDataset("org/name", { ...options, split: "dev" })).rejects.toMatchObject({
        code: "data",
        message: expect.stringContaining("another split than dev"),
      });
    });
  });

  test("JSONL where there is no Parquet, also empty", async () => {
    await withCache(async (options) => {
      hub.files = { "README.md": "#", "harmless-base/train.jsonl.gz": "", "config.json": "{}" };
      const { folder, files } = await fetchDataset("org/name", options);
      expect(files).toEqual([join(folder, "harmless-base/train.jsonl.gz")]);
      expect(await readFile(files[0]!, "utf8")).toBe("");
    });
  });
});
