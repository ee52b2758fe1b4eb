import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadDataset } from "../../data/dataset.ts";
import { jsonLines, testFolder } from "../../data/testing.ts";
import type { Database } from "../../labelling/store/database.ts";
import { STORES, storesOf } from "../../labelling/testing.ts";
import { createStudioApp } from "../http/app.ts";
import { beginSession } from "../http/caller.ts";
import type { Studio } from "../studio.ts";
import { exchangeHandlers, plainName } from "./exchange.ts";
import { reliabilityHandlers } from "./reliability.ts";
import { hostPerson } from "./session.ts";

const folder = testFolder();
afterAll(() => folder.remove());

test("names of uploads lead nowhere", () => {
  expect(plainName("../../etc/passwd.jsonl")).toBe("passwd.jsonl");
  expect(plainName("..\\..\\x.json")).toBe("x.json");
  expect(plainName("...hidden.csv")).toBe("hidden.csv");
  expect(plainName("a\u0000b\n/c d.parquet")).toBe("c_d.parquet");
});

describe.each(STORES)("files over HTTP on $kind", (store) => {
  const { fresh } = storesOf(store);
  let database: Database;
  let server: Server;
  let url: string;
  let token: string;
  const place = join(folder.path, store.kind);
  beforeAll(async () => {
    database = await fresh();
    mkdirSync(place);
    const studio = {
      database,
      folder: place,
      warn: (_: string, message: string) => process.stderr.write(`${message}\n`),
    } as unknown as Studio;
    const app = createStudioApp({
      studio,
      handlers: [...exchangeHandlers, ...reliabilityHandlers],
      page: () => undefined,
      stop: new AbortController().signal,
      host: "127.0.0.1",
      allowHosts: [],
      allowOrigins: [],
    });
    server = createAdaptorServer({
      fetch: (request, bindings) => app.fetch(request, bindings as HttpBindings),
      autoCleanupIncoming: false,
    }) as Server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    token = await beginSession(database, (await hostPerson(database)).id);
    await database.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
       VALUES ('tea', 'Tea', 'compare', '{}', 3)`,
    );
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${url}/api/projects/tea/${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
    });
  const upload = (name: string, body: string, more = "") =>
    ask(`import?name=${encodeURIComponent(name)}${more}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/octet-stream" },
    });
  const vote = (annotator: string, chosen: string, prompt = "p") => ({
    prompt,
    chosen,
    rejected: chosen === "a" ? "b" : "a",
    p: 1,
    annotator,
  });

  test("a file comes in, its labels go out, and nothing of either stays lying about", async () => {
    const rows = ["ann", "bob", "cid"].map((name) => vote(name, name === "cid" ? "b" : "a"));
    const came = await upload("../votes.jsonl", jsonLines(...rows));
    expect(await came.json()).toMatchObject({ added: 1, judgements: 3, annotators: 3 });
    expect(readdirSync(join(place, "uploads"))).toEqual([]);
    const went = await ask("export?minimumJudgements=2");
    expect(went.headers.get("content-disposition")).toContain("tea-labels.jsonl");
    const { records } = await loadDataset(folder.write("out.jsonl", await went.text()));
    expect(records).toMatchObject([{ kind: "preference", chosen: "a", rejected: "b" }]);
    expect(readdirSync(join(place, "exports"))).toEqual([]);
    const contents = await ask("export/contents?format=trl");
    const { rows: count, notes } = (await contents.json()) as { rows: number; notes: string[] };
    expect(count).toBe(1);
    expect(notes.join()).toContain("not held by trl");
  });

  test("what is wrong with a file is told by its own name, and leaves nothing behind", async () => {
    const bad = await upload("bad.jsonl", '{"prompt": 3}\n');
    expect(bad.status).toBe(400);
    expect(await bad.text()).toContain("bad.jsonl");
    const strange = await upload("picture.png", "x");
    expect(await strange.text()).toContain("this kind of file is not read");
    expect(readdirSync(join(place, "uploads"))).toEqual([]);
    expect((await ask("export?minimumJudgements=99")).status).toBe(400);
  });

  test("reliability, disagreements and a decision", async () => {
    const told = (await (await ask("reliability")).json()) as {
      people: { name: string; accuracy: { estimate: number } }[];
      open: number;
      agreement: { tasks: number }[];
    };
    expect(told.people.map(({ name }) => name).toSorted()).toEqual(["ann", "bob", "cid"]);
    expect(told).toMatchObject({ open: 1, agreement: [{ axis: "", tasks: 1 }] });
    const list = (await (await ask("disagreements")).json()) as {
      total: number;
      tasks: { task: number; judgements: { id: string }[] }[];
    };
    expect(list.total).toBe(1);
    const { task } = list.tasks[0]!;
    const decided = await ask(`tasks/${task}/adjudication`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ decision: "accepted", judgement: { choice: 1 } }),
    });
    expect(await decided.json()).toEqual({ state: "settled", judgements: 0 });
    const after = (await (await ask("disagreements")).json()) as { total: number };
    expect(after.total).toBe(0);
    const taken = await ask(`tasks/${task}/adjudication`, { method: "DELETE" });
    expect(await taken.json()).toEqual({ state: "full", restored: 0 });
    const imports = (await (await ask("imports")).json()) as { name: string }[];
    expect(imports.map(({ name }) => name)).toEqual(["../votes.jsonl"]);
  });

  test("only owners see any of it", async () => {
    const [stranger] = await database.rows(
      `INSERT INTO people (id, name) VALUES (gen_random_uuid(), 'eve') RETURNING id`,
    );
    const mine = token;
    token = await beginSession(database, stranger!["id"] as string);
    for (const path of ["reliability", "disagreements", "export", "imports", "export/contents"])
      expect((await ask(path)).status, path).toBe(404);
    await database.rows(
      "INSERT INTO memberships (project, person, role) SELECT id, $1, 'annotator' FROM projects",
      [stranger!["id"] as string],
    );
    for (const path of ["reliability", "disagreements", "export", "imports", "export/contents"])
      expect((await ask(path)).status, path).toBe(403);
    expect((await upload("votes.jsonl", "{}")).status).toBe(403);
    token = mine;
  });
});
