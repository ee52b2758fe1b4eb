/** Runs over HTTP: who may see them, what is found, and what a browser that comes back gets. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { startStudio } from "../listen.ts";
import type { RunningStudio } from "../listen.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-runs-http-"));
const run = join(folder, "runs", "deep", "one run");
let studio: RunningStudio;
let cookie = "";

/** Exactly this path: `fetch` would mend it. */
const ask = (path: string, headers: Record<string, string> = { cookie }) =>
  new Promise<{ status: number; policy: string; text: string }>((resolve, reject) => {
    const { hostname, port } = new URL(studio.url);
    httpRequest({ hostname, port, path, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          policy: String(response.headers["content-security-policy"]),
          text: Buffer.concat(pieces).toString(),
        }),
      );
    })
      .on("error", reject)
      .end();
  });

const line = (step: number): string => `${JSON.stringify({ step, loss: 1 / step })}\n`;

/** Events of a stream until there are so many. */
async function events(
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<{ id: string; data: { type: string; steps?: number[] } }[]> {
  const ending = new AbortController();
  const response = await fetch(studio.url + path, {
    headers: { cookie, ...headers },
    signal: ending.signal,
  });
  const found: { id: string; data: { type: string; steps?: number[] } }[] = [];
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const parts = text.split("\n\n");
    text = parts.pop()!;
    for (const part of parts) {
      const [, data] = /^data: (.*)$/m.exec(part) ?? [];
      if (data === undefined) continue;
      const id = /^id: (.*)$/m.exec(part)?.[1] ?? "";
      found.push({ id, data: JSON.parse(data) as { type: string; steps?: number[] } });
    }
    if (found.length >= count) break;
  }
  ending.abort();
  return found;
}

beforeAll(async () => {
  mkdirSync(run, { recursive: true });
  const info = {
    schema: 1,
    command: "sft",
    argv: [],
    workingFolder: folder,
    status: "completed",
    seed: 1,
    versions: {},
    dataHash: "d",
    modelFingerprint: "m",
    keepLast: 2,
    created: "2026-01-01T00:00:00.000Z",
  };
  writeFileSync(join(run, "run.json"), JSON.stringify(info));
  writeFileSync(join(run, "config.resolved.json"), '{"seed":1}');
  writeFileSync(join(run, "metrics.jsonl"), line(1) + line(2));
  writeFileSync(join(run, "curves.html"), "<h1>curves</h1>");
  writeFileSync(join(folder, "secret.html"), "secret");
  symlinkSync(join(folder, "secret.html"), join(run, "link.html"));
  studio = await startStudio({
    folder: join(folder, "studio"),
    runs: join(folder, "runs"),
    port: 0,
    host: "127.0.0.1",
    allowHosts: [],
    allowOrigins: [],
    databaseUrl: "",
    page: join(folder, "page"),
    command: [process.execPath, "none"],
    warn: () => undefined,
  });
  const opened = await fetch(`${studio.url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: studio.hostLink.split("/").at(-1) }),
  });
  cookie = opened.headers.get("set-cookie")!.split(";")[0]!;
});
afterAll(async () => {
  await studio.close();
  rmSync(folder, { recursive: true, force: true });
});

const REPORT = "/api/report?path=";
const NAME = encodeURIComponent("deep/one run");

describe("reports", () => {
  test("are answered with a policy that runs nothing", async () => {
    const { status, policy, text } = await ask(`${REPORT}${NAME}%2Fcurves.html`);
    expect([status, text]).toEqual([200, "<h1>curves</h1>"]);
    expect(policy).toMatch(/^default-src 'none';.*; sandbox$/);
    expect(policy).not.toContain("script-src");
  });

  test.each([
    "../secret.html",
    "%2e%2e%2fsecret.html",
    "%252e%252e%252fsecret.html",
    "..%5csecret.html",
    `${NAME}/link.html`,
    `${NAME}/curves.html%00`,
    `${NAME}/curves%2500.html`,
    `${encodeURIComponent(join(folder, "secret.html"))}`,
    "%2fetc%2fpasswd",
    `${NAME}/run.json`,
    `${NAME}/../../../secret.html`,
  ])("are not found at %s", async (path) => {
    const { status, text } = await ask(REPORT + path);
    // a NUL is refused before anybody looks for the file
    expect(status).toBe(path.endsWith("%00") ? 400 : 404);
    expect(text).not.toContain("secret");
  });
});

test("nobody but the host sees runs, or begins any", async () => {
  for (const path of [
    "/api/runs",
    `/api/runs/${NAME}`,
    `${REPORT}x.html`,
    "/api/live",
    "/api/jobs",
  ])
    expect((await ask(path, {})).status).toBe(401);
});

describe("a run", () => {
  test("is found by its name, whatever is in it", async () => {
    expect(JSON.parse((await ask(`/api/runs/${NAME}`)).text)).toMatchObject({
      name: "deep/one run",
      step: 2,
      options: [{ name: "seed", value: "1" }],
    });
    expect((await ask("/api/runs/..%2Fstudio")).status).toBe(404);
    expect((await ask("/api/runs/%252e%252e%252fstudio")).status).toBe(404);
  });

  test("is followed from a cursor, and from Last-Event-ID after a break", async () => {
    const curves = z
      .object({ cursor: z.string(), curves: z.array(z.object({ x: z.array(z.number()) })) })
      .parse(JSON.parse((await ask(`/api/runs/${NAME}/curves`)).text));
    expect(curves.curves[0]!.x).toEqual([1, 2]);
    appendFileSync(join(run, "metrics.jsonl"), line(3));
    const watch = JSON.stringify([{ run: "deep/one run", cursor: curves.cursor }]);
    const path = `/api/live?watch=${encodeURIComponent(watch)}`;
    const [first] = await events(path, 1);
    expect(first!.data).toMatchObject({ type: "points", steps: [3] });
    appendFileSync(join(run, "metrics.jsonl"), line(4) + line(5));
    const [next] = await events(path, 1, { "last-event-id": first!.id });
    expect(next!.data).toMatchObject({ type: "points", steps: [4, 5] });
  });

  test("is asked for with cursors and lists as they should be, or refused", async () => {
    expect((await ask("/api/comparison?runs=x")).status).toBe(400);
    expect((await ask(`/api/comparison?runs=${encodeURIComponent('["nothing"]')}`)).status).toBe(
      404,
    );
    expect((await ask(`/api/runs/${NAME}/curves?width=1000000`)).status).toBe(400);
  });
});
