import { beforeEach, describe, expect, test } from "vitest";
import { testFolder, jsonLines } from "../../data/testing.ts";
import { importFile } from "../exchange/import-file.ts";
import { loadLabels } from "../labels/load.ts";
import type { Database } from "../store/database.ts";
import { STORES, storesOf } from "../testing.ts";
import { adjudicate, reopen } from "./adjudicate.ts";
import { layOut, toDecide } from "./disagreements.ts";

describe.each(STORES)("decisions on $kind", (store) => {
  const { fresh } = storesOf(store);
  const host = "00000000-0000-4000-8000-000000000001";
  const project = { id: 0, kind: "compare" as const };
  let database: Database;
  beforeEach(async () => {
    database = await fresh();
    await database.rows("INSERT INTO people (id, name, host) VALUES ($1, 'Host', true)", [host]);
    const [row] = await database.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
       VALUES ('p', 'p', 'compare', '{}', 3) RETURNING id`,
    );
    project.id = row!["id"] as number;
    const folder = testFolder();
    const votes = (prompt: string, says: string): object[] =>
      [...says].map((letter, n) => ({
        prompt,
        chosen: letter === "b" ? "bad" : "good",
        rejected: letter === "b" ? "good" : "bad",
        p: letter === "t" ? 0.5 : 1,
        annotator: ["ann", "bob", "cid"][n],
      }));
    await importFile(database, {
      project,
      principles: [],
      path: folder.write(
        "up.jsonl",
        jsonLines(...votes("clear", "ggg"), ...votes("differ", "ggb"), ...votes("tied", "ttg")),
      ),
      name: "up.jsonl",
      as: "tasks",
      judgements: "keep",
    });
    folder.remove();
  });

  const decide = (task: number, more: object = {}) =>
    adjudicate(database, {
      project,
      task,
      person: host,
      decision: "accepted",
      judgement: { choice: 0 },
      note: "look again",
      ...more,
    });
  const listed = async () =>
    layOut(database, toDecide(await loadLabels(database, project.id, { fresh: true })));
  const stateOf = async (task: number) =>
    (await database.rows("SELECT state, judged FROM tasks WHERE id = $1", [task]))[0];

  test("tasks on which people differ are listed, the least certain first, without names", async () => {
    const found = await listed();
    expect(found.map(({ content, reason }) => [content.prompt, reason])).toEqual([
      ["tied", "differ"],
      ["differ", "differ"],
    ]);
    expect(found[0]!.judgements.map(({ who }) => who)).toEqual(["A", "B", "C"]);
    expect(JSON.stringify(found)).not.toMatch(/ann|bob|cid/);
  });

  test("an accepted label holds, and leaves the list; taken back, votes decide again", async () => {
    const { task } = (await listed())[1]!;
    expect(await decide(task)).toEqual({ state: "settled", judgements: 0 });
    const { labels, facts } = await loadLabels(database, project.id, { fresh: true });
    const own = labels.find((each) => facts.tasks[each.task]!.id === task)!;
    expect([own.label.p, own.certainty, own.consensus]).toEqual([1, 1, { choice: 0 }]);
    expect((await listed()).map((each) => each.task)).not.toContain(task);
    expect(await reopen(database, { project, task, person: host })).toEqual({
      state: "full",
      restored: 0,
    });
    expect((await listed()).map((each) => each.task)).toContain(task);
    await expect(reopen(database, { project, task, person: host })).rejects.toThrow(
      "nothing was decided",
    );
  });

  test("a rejected task has no label, and none of its judgements counts", async () => {
    const { task } = (await listed())[0]!;
    expect(await decide(task, { decision: "rejected", judgement: undefined })).toEqual({
      state: "withdrawn",
      judgements: 3,
    });
    const { labels, facts } = await loadLabels(database, project.id, { fresh: true });
    expect(labels.map((each) => facts.tasks[each.task]!.id)).not.toContain(task);
    expect(await reopen(database, { project, task, person: host })).toEqual({
      state: "full",
      restored: 3,
    });
  });

  test("returned judgements go to whoever gave them, passed-on ones to others", async () => {
    const [first, second] = await listed();
    const one = first!.judgements[0]!.id;
    expect(
      await decide(first!.task, { decision: "returned", judgement: undefined, judgements: [one] }),
    ).toEqual({ state: "full", judgements: 1 });
    expect(await stateOf(first!.task)).toEqual({ state: "full", judged: 3 });
    expect((await listed()).map(({ task }) => task)).toEqual([second!.task]);
    const assignments = await database.rows(
      "SELECT a.state FROM assignments a JOIN judgements j ON j.assignment = a.id WHERE j.id = $1",
      [one],
    );
    expect(assignments).toEqual([{ state: "returned" }]);
    await decide(second!.task, { decision: "passed-on", judgement: undefined });
    expect(await stateOf(second!.task)).toEqual({ state: "open", judged: 0 });
    const returned = await database.rows(
      "SELECT count(*) AS n FROM assignments WHERE task = $1 AND state = 'returned'",
      [second!.task],
    );
    expect(returned).toEqual([{ n: 0 }]);
    const history = await database.rows(
      "SELECT detail ->> 'decision' AS decision FROM history WHERE what = 'adjudicated' ORDER BY id",
    );
    expect(history).toEqual([{ decision: "returned" }, { decision: "passed-on" }]);
  });

  test("what makes no sense is refused: another project's task, gold, another kind's label", async () => {
    const { task } = (await listed())[0]!;
    await expect(decide(task + 1000)).rejects.toThrow("no such task in this project");
    await expect(
      adjudicate(database, {
        project: { id: project.id + 1, kind: "compare" },
        task,
        person: host,
        decision: "rejected",
        note: "",
      }),
    ).rejects.toThrow("no such task in this project");
    await expect(decide(task, { judgement: { accept: true } })).rejects.toThrow("no judgement");
    await expect(decide(task, { decision: "rejected" })).rejects.toThrow("only an accepted task");
    await database.rows("UPDATE tasks SET gold = '{\"choice\": 0}' WHERE id = $1", [task]);
    await expect(decide(task)).rejects.toThrow("gold question");
  });
});
