/**
 * `attune push` to a hub on the loopback interface: what arrives, what the card says, and what is
 * refused.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { openModel } from "../../src/models/open.ts";
import { fetchModel } from "../../src/models/weights/hub.ts";
import { uploadModel } from "../../src/models/weights/hub-upload.ts";
import { FakeHub } from "../support/fake-hub.ts";
import { attune, copyGolden } from "./support.ts";

const parent = mkdtempSync(join(tmpdir(), "attune-push-"));
const path = (...parts: string[]): string => join(parent, ...parts);
let hub: FakeHub;

beforeAll(async () => {
  vi.stubEnv("ATTUNE_CACHE", path("cache"));
  vi.stubEnv("HF_TOKEN", "hf_secret");
  hub = new FakeHub();
  vi.stubEnv("HF_ENDPOINT", await hub.start());
  const model = copyGolden("smollm2", path("private-folder", "model"));
  const pairs = Array.from({ length: 20 }, (_, i) => ({
    prompt: `where is the mill${" ?".repeat(i % 5)} ${i}`,
    chosen: " by the river .",
    rejected: " no one knows .",
  }));
  writeFileSync(
    path("secret-pairs.jsonl"),
    pairs.map((row) => `${JSON.stringify(row)}\n`).join(""),
  );
  const { status, err } = await attune(
    "--quiet",
    "dpo",
    "--model",
    model,
    "--data",
    path("secret-pairs.jsonl"),
    "--out",
    path("run"),
    "--held-out",
    "4",
    "--max-steps",
    "2",
    "--beta",
    "0.3",
    "--batch-size",
    "4",
    "--learning-rate",
    "1e-3",
  );
  expect([status, status === 0 ? "" : err]).toEqual([0, ""]);
});
afterEach(() => {
  hub.failing = undefined;
  hub.partBytes = Infinity;
  hub.onUpload = undefined;
});
afterAll(async () => {
  await hub.stop();
  vi.unstubAllEnvs();
  rmSync(parent, { recursive: true, force: true });
});

test("the adapter arrives byte by byte, with a card, and with its base by the hub's name; nothing of this machine", async () => {
  hub.partBytes = 1000;
  const { status, out, err } = await attune(
    "push",
    path("run"),
    "me/tiny",
    "--base-model",
    "org/base",
    "--license",
    "apache-2.0",
  );
  expect([status, status === 0 ? "" : err]).toEqual([0, ""]);
  expect(out).toMatch(/\/me\/tiny \(made now, private\), commit fedcba987654\n/);
  const files = hub.files("me/tiny");
  expect(Object.keys(files).toSorted()).toEqual([
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  for (const name of ["adapter_model.safetensors", "tokenizer.json"])
    expect(files[name]!.equals(readFileSync(path("run", "model", name))), name).toBe(true);
  const config = JSON.parse(
    readFileSync(path("run", "model", "adapter_config.json"), "utf8"),
  ) as object;
  expect(JSON.parse(files["adapter_config.json"]!.toString())).toEqual({
    ...config,
    base_model_name_or_path: "org/base",
  });
  expect(
    JSON.parse(hub.requests.find(({ url }) => url === "/api/repos/create")!.body.toString()),
  ).toMatchObject({ name: "tiny", organization: "me", visibility: "private", type: "model" });
  expect(
    hub.requests
      .filter(({ url }) => !url.startsWith("/lfs/"))
      .every(({ authorization }) => authorization === "Bearer hf_secret"),
  ).toBe(true);
  for (const { body } of hub.requests) expect(body.includes(parent)).toBe(false);

  const card = files["README.md"]!.toString();
  expect(parse(card.split("---\n")[1]!)).toEqual({
    license: "apache-2.0",
    library_name: "peft",
    pipeline_tag: "text-generation",
    base_model: "org/base",
    base_model_relation: "adapter",
    tags: ["attune", "dpo", "lora"],
  });
  expect(card).toMatch(/^\| beta \| 0\.3 \|$/m);
  expect(card).toMatch(/^\| data \| secret-pairs\.jsonl \|$/m);
  expect(card).toMatch(/On \d+ held-out pairs the model puts [\d.]+%/);
  expect(card).toMatch(/^\| eval\\_loss \|/m);
  expect(card).toMatch(/seed 42/);
  expect(card).toMatch(/AutoPeftModelForCausalLM\.from_pretrained\("me\/tiny"\)/);
});

test("merged, it can be fetched again and is the same model", async () => {
  const { status, out } = await attune("push", path("run"), "me/whole", "--merged", "--public");
  expect([status, out]).toEqual([0, expect.stringMatching(/made now, public/)]);
  const { folder } = await fetchModel("me/whole", { cacheFolder: path("hub-cache") });
  const [fetched, own] = [await openModel(folder), await openModel(path("run"), { merge: true })];
  expect([...fetched.model.weights.keys()]).toEqual([...own.model.weights.keys()]);
  for (const [name, { data }] of own.model.weights)
    expect(
      createHash("sha256")
        .update(fetched.model.weights.get(name)!.data as Float32Array)
        .digest("hex"),
      name,
    ).toBe(
      createHash("sha256")
        .update(data as Float32Array)
        .digest("hex"),
    );
  expect(hub.files("me/whole")["README.md"]!.toString()).toMatch(/library_name: transformers\n/);
});

test("a second push sends only what is new, and says that the repository was there", async () => {
  const sent = (): number =>
    hub.requests.filter(({ method, url }) => method === "PUT" && url.startsWith("/lfs/")).length;
  const before = sent();
  const { out } = await attune(
    "push",
    path("run"),
    "me/tiny",
    "--base-model",
    "org/base",
    "--message",
    "again",
  );
  expect(out).toMatch(/\(was there\)/);
  expect(sent()).toBe(before);
  expect(hub.requests.findLast(({ url }) => url.includes("/commit/"))!.body.toString()).toMatch(
    /^\{"key":"header","value":\{"summary":"again"/,
  );
});

test("a dry run shows the card and the files, and asks the hub nothing", async () => {
  const before = hub.requests.length;
  const { status, out } = await attune(
    "push",
    path("run"),
    "me/other",
    "--base-model",
    "org/base",
    "--dry-run",
  );
  expect([status, hub.requests.length]).toEqual([0, before]);
  expect(out).toMatch(
    /^---\nlibrary_name: peft\n[^]*would be sent to me\/other, private where it is made now:\n {2}README\.md/,
  );
});

describe("what is refused", () => {
  const pushing = (...more: string[]) => attune("push", path("run"), "me/refused", ...more);

  test("a base that nobody else has, a name that is none, options without effect, a run that is not finished", async () => {
    expect(await pushing()).toMatchObject({
      status: 2,
      err: expect.stringMatching(
        /read from this machine[^]*--base-model OWNER\/NAME[^]*--merged/,
      ) as string,
    });
    expect(await attune("push", path("run"), "refused", "--merged")).toMatchObject({
      status: 2,
      err: expect.stringMatching(/expected: OWNER\/NAME/) as string,
    });
    expect(await pushing("--base-model", "org/base", "--dtype", "float16")).toMatchObject({
      status: 2,
      err: expect.stringMatching(/--dtype has no effect without --merged/) as string,
    });
    expect(await attune("push", path("nowhere"), "me/refused")).toMatchObject({ status: 2 });
  });

  test.each([
    ["/api/repos/create", 401, /does not know this token/],
    ["/api/repos/create", 403, /may not write to me\/refused/],
    ["/api/models/me/refused/preupload", 404, /no such place as me\/refused/],
    [
      "/api/models/me/refused/commit",
      500,
      /refuses the upload[^]*nothing of it is in the repository/,
    ],
  ])("%s answers %d", async (starts, status, message) => {
    hub.failing = { starts, status };
    expect(await pushing("--base-model", "org/base")).toMatchObject({
      status: 2,
      err: expect.stringMatching(message) as string,
    });
    expect(hub.files("me/refused")).toEqual({});
  });

  test("no token, and no hub", async () => {
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HF_TOKEN_PATH", path("no-token"));
    expect(await pushing("--base-model", "org/base")).toMatchObject({
      status: 2,
      err: expect.stringMatching(/without a token[^]*HF_TOKEN/) as string,
    });
    vi.stubEnv("HF_TOKEN", "hf_secret");
    await expect(
      uploadModel("me/refused", [], {
        message: "m",
        visibility: "private",
        hubUrl: "http://127.0.0.1:9",
      }),
    ).rejects.toThrow(/cannot be reached/);
  });

  test("an upload that is stopped leaves nothing in the repository", async () => {
    const stop = new AbortController();
    hub.onUpload = () => stop.abort();
    const content = new Blob([new Uint8Array(5000).fill(7)]);
    await expect(
      uploadModel("me/stopped", [{ path: "model.safetensors", content }], {
        message: "m",
        visibility: "private",
        signal: stop.signal,
      }),
    ).rejects.toMatchObject({ code: "interrupted" });
    expect(hub.files("me/stopped")).toEqual({});
  });
});
