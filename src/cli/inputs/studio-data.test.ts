import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { loadDataset } from "../../data/dataset.ts";
import { jsonLines, testFolder } from "../../data/testing.ts";
import { importFile } from "../../labelling/exchange/import-file.ts";
import { openStore } from "../../labelling/store/open.ts";
import { startStudio } from "../../studio/listen.ts";
import type { Reporter } from "../display/reporter.ts";
import { remoteData } from "./find-data.ts";
import { FOLDER_VARIABLE, pinned, pinnedValues } from "./studio-data.ts";

const place = testFolder();
const folder = join(place.path, "attune-studio");
const notes: string[] = [];
const context = {
  reporter: { note: (text: string) => void notes.push(text) } as Partial<Reporter> as Reporter,
  signal: new AbortController().signal,
};
const load = (source: string) => loadDataset(source, { resolveRemote: remoteData(context) });
const vote = (prompt: string, annotator: string) => ({
  prompt,
  chosen: "a",
  rejected: "b",
  p: 1,
  annotator,
});

/** Brings judgements in, as long as nobody else has the store open. */
async function bring(...prompts: string[]): Promise<void> {
  const database = await openStore({ folder, databaseUrl: "" });
  try {
    await database.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
       VALUES ('tea', 'Tea', 'compare', '{}', 2), ('empty', 'Empty', 'compare', '{}', 1)
       ON CONFLICT DO NOTHING`,
    );
    const [row] = await database.rows("SELECT id FROM projects WHERE slug = 'tea'");
    await importFile(database, {
      project: { id: row!["id"] as number, kind: "compare" },
      principles: [],
      path: place.write(
        "up.jsonl",
        jsonLines(...prompts.flatMap((prompt) => [vote(prompt, "ann"), vote(prompt, "bob")])),
      ),
      name: "up.jsonl",
      as: "tasks",
      judgements: "keep",
    });
  } finally {
    await database.close();
  }
}

const before = { ...process.env };
beforeAll(async () => {
  mkdirSync(folder);
  process.env[FOLDER_VARIABLE] = folder;
  delete process.env["DATABASE_URL"];
  await bring("p1", "p2");
});
afterEach(() => void notes.splice(0));
afterAll(() => {
  for (const name of [FOLDER_VARIABLE, "DATABASE_URL"])
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  place.remove();
});

test("a project is read, and named by a snapshot that stays whatever is judged later", async () => {
  const name = await pinned("studio:tea", context);
  expect(name).toMatch(/^studio:tea@[0-9a-f]{16}$/);
  expect(notes.join()).toContain(name);
  const first = await load(name);
  expect(first.records.map((each) => each.kind)).toEqual(["preference", "preference"]);
  expect(await pinned("studio:tea", context)).toBe(name);
  await bring("p3");
  const later = await pinned("studio:tea", context);
  expect(later).not.toBe(name);
  expect((await load(name)).hash).toBe(first.hash);
  expect((await load("studio:tea")).records).toHaveLength(3);
  expect(await pinned(name, context)).toBe(name);
  expect(
    readdirSync(join(folder, "snapshots")).every((each) => /^tea-\w{16}\.jsonl$/.test(each)),
  ).toBe(true);
});

test("options are pinned wherever a project stands in them, and left alone elsewhere", async () => {
  const name = await pinned("studio:tea", context);
  expect(await pinnedValues({ data: ["a.jsonl", "studio:tea"], seed: 1 }, context)).toEqual({
    data: ["a.jsonl", name],
    seed: 1,
  });
  expect(await pinnedValues({ data: "a.jsonl" }, context)).toBeUndefined();
});

test("what is not there is said with what is", async () => {
  await expect(load("studio:tee")).rejects.toThrow(/no such project[\s\S]*empty, tea/);
  await expect(load("studio:empty")).rejects.toThrow("nothing to export");
  await expect(load("studio:../etc")).rejects.toThrow("names no project");
  await expect(load("studio:tea@0000000000000000")).rejects.toThrow("this snapshot");
  process.env[FOLDER_VARIABLE] = join(place.path, "elsewhere");
  await expect(load("studio:tea")).rejects.toThrow("there is no studio here");
  process.env[FOLDER_VARIABLE] = folder;
});

test(
  "a running studio is asked, and gives the same bytes; one that was killed is passed over",
  { tags: ["dear"] },
  async () => {
    const offline = await pinned("studio:tea", context);
    const studio = await startStudio({
      folder,
      runs: join(place.path, "runs"),
      command: [],
      warn: () => undefined,
      host: "127.0.0.1",
      port: 0,
      allowHosts: [],
      allowOrigins: [],
      databaseUrl: "",
      page: join(place.path, "page"),
    });
    try {
      expect(await pinned("studio:tea", context)).toBe(offline);
      await expect(load("studio:tee")).rejects.toThrow(/no such project[\s\S]*tea/);
      await expect(load("studio:empty")).rejects.toThrow("nothing to export");
      const [sessions] = await studio.studio.database.rows("SELECT count(*) AS n FROM sessions");
      expect(sessions).toEqual({ n: 0 });
    } finally {
      await studio.close();
    }
    expect(readFileSync(join(folder, "studio.json"), "utf8")).toContain("token");
    expect(await pinned("studio:tea", context)).toBe(offline);
  },
);
