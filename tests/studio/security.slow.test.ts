/**
 * Who may come in and what they may send: each test fails where its defence is taken away. Text that
 * is shown has a test in a real browser (studio/), what a judgement may reveal beside the queue.
 * @module-tag dear
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { OutgoingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startStudio } from "../../src/studio/listen.ts";
import type { RunningStudio } from "../../src/studio/listen.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-security-"));
const warnings: string[] = [];
const lines: string[] = [];
let studio: RunningStudio;
let hostCookie = "";

interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A request with exactly these headers, which `fetch` would not let through. */
const send = (
  method: string,
  path: string,
  { headers = {}, body }: { headers?: OutgoingHttpHeaders; body?: string | Buffer } = {},
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(studio.url);
    const sent = httpRequest({ hostname, port, method, path, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text: Buffer.concat(pieces).toString(),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });

const JSON_TYPE = { "content-type": "application/json" };
const post = (path: string, value: unknown, headers: OutgoingHttpHeaders = {}): Promise<Reply> =>
  send("POST", path, { headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) });
const codeOf = ({ text }: Reply): unknown =>
  (JSON.parse(text) as { error: { code: string } }).error.code;
const cookie = (): string => hostCookie.split("=")[0]!;
const token = (): string => studio.hostLink.split("/").at(-1)!;

beforeAll(async () => {
  studio = await startStudio({
    folder,
    runs: join(folder, "runs"),
    port: 0,
    host: "127.0.0.1",
    allowHosts: ["label.example.org"],
    allowOrigins: [],
    databaseUrl: "",
    page: join(folder, "page"),
    command: [process.execPath, "none"],
    warn: (id, message) => warnings.push(`${id} ${message}`),
    onRequest: ({ method, path, status }) => lines.push(`${method} ${path} ${status}`),
  });
  const opened = await post("/api/session", { token: token() });
  hostCookie = String(opened.headers["set-cookie"]).split(";")[0]!;
});
afterAll(async () => {
  await studio.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("names and origins", () => {
  test("another name that leads here is refused (DNS rebinding), also for the page", async () => {
    for (const path of ["/api/session", "/", "/api/projects"])
      for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example"]) {
        const reply = await send("GET", path, { headers: { host } });
        expect([reply.status, codeOf(reply)], path).toEqual([403, "host_not_allowed"]);
      }
    const named = await send("GET", "/api/session", { headers: { host: "label.example.org" } });
    expect(named.status).toBe(200);
  });

  test("a page of another origin neither reads nor writes, session or not", async () => {
    const { host } = new URL(studio.url);
    const foreign: OutgoingHttpHeaders[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://${host}.evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of foreign) {
      const given = { ...headers, cookie: hostCookie };
      const read = await send("GET", "/api/projects", { headers: given });
      expect([read.status, codeOf(read)]).toEqual([403, "origin_not_allowed"]);
      const written = await send("DELETE", "/api/session", { headers: given });
      expect(written.status).toBe(403);
      expect(read.headers["access-control-allow-origin"]).toBeUndefined();
    }
    const still = await send("GET", "/api/session", { headers: { cookie: hostCookie } });
    expect(still.text).toContain('"host":true');
  });

  test("what a form can send is no request", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const reply = await send("POST", "/api/session", {
        headers: { "content-type": type },
        body: JSON.stringify({ token: token() }),
      });
      expect([reply.status, codeOf(reply)]).toEqual([415, "unsupported_media_type"]);
      expect(reply.headers["set-cookie"]).toBeUndefined();
    }
  });
});

describe("sessions", () => {
  test("the cookie is out of reach of scripts and of other sites", async () => {
    const reply = await post("/api/session", { token: token() });
    const cookie = String(reply.headers["set-cookie"]);
    expect(cookie).toContain("HttpOnly");
    expect(cookie).toContain("SameSite=Strict");
    expect(cookie).toContain("Path=/");
  });

  test("a wrong token, and none, let nobody in", async () => {
    const wrong = await post("/api/session", { token: "x".repeat(43) });
    expect([wrong.status, codeOf(wrong)]).toEqual([401, "wrong_token"]);
    for (const given of ["", `${cookie()}=`, `${cookie()}=x`, `other=${token()}`]) {
      const reply = await send("DELETE", "/api/session", { headers: { cookie: given } });
      expect([reply.status, codeOf(reply)]).toEqual([401, "no_session"]);
    }
  });

  test("leaving ends this browser's session, and no other", async () => {
    const open = async (): Promise<string> =>
      String((await post("/api/session", { token: token() })).headers["set-cookie"]).split(";")[0]!;
    const [mine, other] = [await open(), await open()];
    expect((await send("DELETE", "/api/session", { headers: { cookie: mine } })).status).toBe(200);
    const who = async (cookie: string): Promise<string> =>
      (await send("GET", "/api/session", { headers: { cookie } })).text;
    expect(await who(mine)).toBe('{"person":null}');
    expect(await who(other)).toContain('"host":true');
  });

  test("the host's token and sessions' are neither in the log nor in the store", async () => {
    await send("GET", `/?token=${token()}`);
    const session = hostCookie.split("=")[1]!;
    expect(lines.length).toBeGreaterThan(10);
    for (const secret of [token(), session]) {
      expect(lines.join("\n")).not.toContain(secret);
      expect(warnings.join("\n")).not.toContain(secret);
    }
    const rows = await studio.studio.database.rows(
      "SELECT encode(hash, 'escape') AS h FROM sessions",
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(session);
    // behind #, where browsers keep it to themselves
    expect(new URL(studio.hostLink).pathname + new URL(studio.hostLink).search).toBe("/");
  });

  test("files with secrets are their owner's alone", () => {
    for (const name of ["host-token", "studio.json"]) {
      expect(readFileSync(join(folder, name), "utf8")).toContain(token());
      expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
    }
    expect(statSync(folder).mode & 0o077).toBe(0);
  });
});

describe("what is sent", () => {
  test("too large, deep, malformed or unknown bodies are refused in words", async () => {
    const large = await post("/api/session", { token: "x".repeat(1_100_000) });
    expect([large.status, codeOf(large)]).toEqual([413, "body_too_large"]);
    const deep = await send("POST", "/api/session", {
      headers: JSON_TYPE,
      body: `${"[".repeat(5000)}${"]".repeat(5000)}`,
    });
    expect([deep.status, codeOf(deep)]).toEqual([400, "invalid_json"]);
    for (const body of ["", "{", "null", '{"token":1}', '{"__proto__":{"host":true}}', "\u0000"]) {
      const reply = await send("POST", "/api/session", { headers: JSON_TYPE, body });
      expect(reply.status, body).toBe(400);
      expect(reply.headers["set-cookie"]).toBeUndefined();
    }
    expect(({} as { host?: boolean }).host).toBeUndefined();
  });

  test("a path does not lead out of the page's files", async () => {
    for (const path of [
      "/../host-token",
      "/..%2fhost-token",
      "/%2e%2e/host-token",
      "/%252e%252e%252fhost-token",
      "/assets/..%5c..%5chost-token",
      "/host-token",
      "//host-token",
      "/%00host-token",
      "/studio.json",
      "/store/pgdata/PG_VERSION",
    ]) {
      const reply = await send("GET", path);
      expect(reply.text, path).not.toContain(token());
      expect(reply.status, path).toBeGreaterThanOrEqual(400);
    }
  });
});

test("every answer has the policy that lets no foreign or inline script run", async () => {
  for (const path of ["/api/session", "/none", "/api/none"]) {
    const { headers } = await send("GET", path);
    const policy = String(headers["content-security-policy"]);
    const directives = new Map(
      policy.split("; ").map((each) => [each.split(" ")[0]!, each.split(" ").slice(1)]),
    );
    expect(directives.get("default-src")).toEqual(["'none'"]);
    expect(directives.get("script-src")).toEqual(["'self'"]);
    expect(directives.get("connect-src")).toEqual(["'self'"]);
    expect(directives.get("frame-ancestors")).toEqual(["'none'"]);
    expect(directives.get("base-uri")).toEqual(["'none'"]);
    expect(directives.get("form-action")).toEqual(["'none'"]);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
  }
});
