import { readFileSync, existsSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { loadDataset } from "../../data/dataset.ts";
import type { DataRecord, PreferenceRecord } from "../../data/records.ts";
import { jsonLines, testFolder } from "../../data/testing.ts";
import type { KindName } from "../kinds/index.ts";
import type { Database } from "../store/database.ts";
import { STORES, storesOf } from "../testing.ts";
import { exportFile, removeExport } from "./export-file.ts";
import type { ExportOptions } from "./export-file.ts";
import { WHOLE } from "./export-rows.ts";
import { importFile } from "./import-file.ts";

const folder = testFolder();
afterAll(() => folder.remove());

describe.each(STORES)("an export on $kind", (store) => {
  const { fresh } = storesOf(store);
  let database: Database;
  beforeEach(async () => {
    database = await fresh();
  });

  async function filled(kind: KindName, rows: readonly object[], slug = "project") {
    const [row] = await database.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
       VALUES ($1, 'a project', $2, '{"axes": ["helpful", "harmless"]}', 3) RETURNING id`,
      [slug, kind],
    );
    const project = { id: row!["id"] as number, slug, kind };
    await bring(project, rows);
    return project;
  }
  const bring = (project: ExportOptions["project"], rows: readonly object[]) =>
    importFile(database, {
      project,
      principles: ["Be kind."],
      path: folder.write("up.jsonl", jsonLines(...rows)),
      name: "test.jsonl",
      as: "tasks",
      judgements: "keep",
    });

  async function out(project: ExportOptions["project"], more: Partial<ExportOptions> = {}) {
    const exported = await exportFile(database, {
      project,
      filter: WHOLE,
      format: "attune",
      as: "jsonl",
      folder: folder.path,
      ...more,
    });
    const { records } = await loadDataset(exported.path);
    removeExport(exported);
    expect(existsSync(exported.path)).toBe(false);
    return { ...exported, records };
  }

  const votes = (prompt: string, says: string): object[] =>
    [...says].map((letter, n) => ({
      prompt,
      chosen: letter === "b" ? `bad ${prompt}` : `good ${prompt}`,
      rejected: letter === "b" ? `good ${prompt}` : `bad ${prompt}`,
      p: letter === "t" ? 0.5 : 1,
      ...(letter === "t" ? {} : { margin: 1 / 3, side: n % 2 === 0 ? "first" : "second" }),
      annotator: ["ann", "bob", "cid", "dan"][n],
      models: letter === "b" ? { chosen: "m2", rejected: "m1" } : { chosen: "m1", rejected: "m2" },
      source: "somewhere",
      extra: { topic: "tea" },
    }));
  const many = Array.from({ length: 40 }, (_, n) =>
    votes(`q${n}`, n % 8 === 0 ? "ggb" : "ggg"),
  ).flat();

  test("labels have their probability, interval, margin and where they come from", async () => {
    const project = await filled("compare", [...many, ...votes("tied", "tt")]);
    const { records, notes } = await out(project);
    expect(notes).toEqual([]);
    expect(records).toHaveLength(41);
    const clear = records.find(
      (each) => each.kind === "preference" && each.prompt === "q1",
    ) as PreferenceRecord;
    expect(clear.chosen).toBe("good q1");
    expect(clear.p).toBeGreaterThan(0.95);
    expect(clear.models).toEqual({ chosen: "m1", rejected: "m2" });
    expect(clear.margin).toBeCloseTo(1 / 3, 5);
    expect(clear.split).toBe("test");
    expect(clear.source).toBe("somewhere");
    const { topic, studio } = clear.extra as { topic: string; studio: Record<string, unknown> };
    expect(topic).toBe("tea");
    expect(studio).toMatchObject({ project: "project", file: "test.jsonl", row: 4, votes: 3 });
    const [low, high] = studio["interval"] as [number, number];
    expect(low).toBeLessThan(clear.p);
    expect(high).toBeGreaterThanOrEqual(clear.p);
    const split = records.find(
      (each) => each.kind === "preference" && each.prompt === "q0",
    ) as PreferenceRecord;
    expect(split.p).toBeLessThan(clear.p);
    const tied = records.find(
      (each) => each.kind === "preference" && each.prompt === "tied",
    ) as PreferenceRecord;
    expect(tied.p).toBe(0.5);
    const sure = await out(project, {
      filter: { ...WHOLE, minimumProbability: 0.7, minimumJudgements: 3 },
    });
    expect(sure.notes.join()).toContain("fewer than 3 judgements");
  });

  test("the same state gives the same bytes", async () => {
    const project = await filled("compare", many);
    const bytes = async (): Promise<string> => {
      const exported = await exportFile(database, {
        project,
        filter: WHOLE,
        format: "attune",
        as: "jsonl",
        folder: folder.path,
      });
      const text = readFileSync(exported.path, "utf8");
      removeExport(exported);
      return text;
    };
    expect(await bytes()).toBe(await bytes());
  });

  test("judgements go out and come in again as they were", async () => {
    const rows = [
      ...votes("p", "gbt"),
      {
        prompt: "q",
        chosen: "a",
        rejected: "b",
        p: 1,
        annotator: "ann",
        source: "somewhere",
        extra: { studio: { axes: { helpful: "chosen", harmless: "rejected" }, comment: "hm" } },
      },
      {
        prompt: "q",
        chosen: "a",
        rejected: "b",
        p: 0.5,
        annotator: "bob",
        source: "somewhere",
        extra: { studio: { choice: "both-bad" } },
      },
    ];
    const project = await filled("compare", rows);
    const first = await exportFile(database, {
      project,
      filter: { ...WHOLE, what: "judgements" },
      format: "attune",
      as: "parquet",
      folder: folder.path,
    });
    const [row] = await database.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
       VALUES ('again', 'again', 'compare', '{}', 3) RETURNING id`,
    );
    const again = { id: row!["id"] as number, slug: "again", kind: "compare" as const };
    await importFile(database, {
      project: again,
      principles: [],
      path: first.path,
      name: "out.parquet",
      as: "tasks",
      judgements: "keep",
    });
    const judged = (id: number) =>
      database.rows(
        `SELECT t.content, p.name, j.judgement, j.sides, j.comment FROM judgements j
         JOIN tasks t ON t.id = j.task JOIN people p ON p.id = j.person
         WHERE j.project = $1 ORDER BY t.content #>> '{prompt}', p.name`,
        [id],
      );
    const before = await judged(project.id);
    expect(before).toHaveLength(5);
    expect(before[4]!["judgement"]).toEqual({ choice: "both-bad" });
    expect(await judged(again.id)).toEqual(before);
    removeExport(first);
  });

  test("a poorer format says what it drops, and a format that holds nothing of it refuses", async () => {
    const project = await filled("compare", many);
    const { records, notes } = await out(project, { format: "openai-preference" });
    expect(records).toHaveLength(40);
    expect(notes.join("\n")).toContain("not held by openai-preference: p of 40 records");
    await expect(out(project, { format: "xstest" })).rejects.toThrow("only read");
    await expect(out(project, { filter: { ...WHOLE, minimumJudgements: 9 } })).rejects.toThrow(
      "nothing to export",
    );
  });

  test("every kind goes out as what trains on it", async () => {
    const accept = await filled(
      "accept",
      [
        { prompt: "p", completion: "a", label: true, annotator: "ann" },
        { prompt: "p", completion: "a", label: true, annotator: "bob" },
        { prompt: "p", completion: "b", label: false, annotator: "bob" },
      ],
      "accept",
    );
    const kinds = (records: readonly DataRecord[]) => records.map(({ kind }) => kind);
    const accepted = await out(accept);
    expect(
      accepted.records.map((each) =>
        each.kind === "unpaired" ? [each.completion, each.label] : each,
      ),
    ).toEqual([
      ["a", true],
      ["b", false],
    ]);
    const completions = [
      { completion: "a", rank: 2, model: "m" },
      { completion: "b", rank: 1 },
      { completion: "c", rank: 3 },
    ];
    const rank = await filled(
      "rank",
      ["ann", "bob"].map((annotator) => ({ prompt: "p", completions, annotator })),
      "rank",
    );
    const ranked = await out(rank);
    expect(kinds(ranked.records)).toEqual(["ranked"]);
    expect(ranked.records[0]).toMatchObject({
      completions: expect.arrayContaining([{ completion: "a", rank: 2, model: "m" }]),
    });
    const rewrite = await filled("rewrite", [{ prompt: "p", completion: "a" }], "rewrite");
    await database.rows(
      `INSERT INTO people (id, name) VALUES ('00000000-0000-4000-8000-000000000007', 'ann')`,
    );
    await database.rows(
      `WITH t AS (UPDATE tasks SET judged = 1 WHERE project = $1 RETURNING id), a AS (
         INSERT INTO assignments (id, project, task, person, state, sides, claimed, expires)
         SELECT '00000000-0000-4000-8000-000000000008', $1, id,
           '00000000-0000-4000-8000-000000000007', 'judged', '{0}', now(), now() FROM t RETURNING id, task)
       INSERT INTO judgements (id, assignment, project, task, person, judgement, sides, shown_ms, state)
       SELECT '00000000-0000-4000-8000-000000000009', id, $1, task,
         '00000000-0000-4000-8000-000000000007', '{"text": "better"}', '{0}', 5000, 'counted' FROM a`,
      [rewrite.id],
    );
    const written = await out(rewrite);
    expect(written.records).toMatchObject([
      {
        kind: "demonstration",
        prompt: "p",
        completion: "better",
        extra: { studio: { annotator: "ann", before: "a", seconds: 5 } },
      },
    ]);
  });
});
