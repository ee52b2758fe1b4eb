import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Database } from "../store/database.ts";
import { STORES, storesOf } from "../testing.ts";
import { nextTasks } from "./claim.ts";
import { judgeTask } from "./judge.ts";
import { skipTask } from "./skip.ts";
import { judgementOf, judgeAll, judgeOne, makeMember, makeProject } from "./testing.ts";
import { undoLast } from "./undo.ts";

const count = async (database: Database, sql: string): Promise<number> =>
  (await database.rows(`SELECT count(*) AS n FROM ${sql}`))[0]!["n"] as number;

describe.each(STORES)("the queue on $kind", (store) => {
  const { fresh } = storesOf(store);

  test("gives everybody every task once, up to the overlap", async () => {
    const database = await fresh();
    const project = await makeProject(database, { overlap: 2, tasks: 5 });
    const [ann, bob, cid] = await Promise.all([
      makeMember(database, project),
      makeMember(database, project),
      makeMember(database, project),
    ]);
    const all = Array.from({ length: 5 }, (_, index) => `question ${index}`);
    expect(await judgeAll(database, ann)).toEqual({ prompts: all, idle: "nothing-left" });
    expect(await judgeAll(database, bob)).toEqual({ prompts: all, idle: "nothing-left" });
    expect(await judgeAll(database, cid)).toEqual({ prompts: [], idle: "nothing-left" });
    expect(await count(database, "judgements WHERE state = 'counted'")).toBe(10);
    expect(await count(database, "tasks WHERE state = 'full' AND judged = 2 AND leased = 0")).toBe(
      5,
    );
  });

  test("counts exactly the overlap where many submit in one moment", async () => {
    const database = await fresh();
    const project = await makeProject(database, { overlap: 3, tasks: 20, gold: 2 });
    const people = await Promise.all(
      Array.from({ length: 12 }, () => makeMember(database, project)),
    );
    const seen = await Promise.all(people.map((person) => judgeAll(database, person)));
    for (const { prompts } of seen) expect(new Set(prompts).size).toBe(prompts.length);
    expect(await count(database, "tasks WHERE gold IS NULL AND judged = 3 AND leased = 0")).toBe(
      20,
    );
    expect(
      await count(database, "judgements j JOIN tasks t ON t.id = j.task WHERE t.gold IS NULL"),
    ).toBe(60);
    expect(await count(database, "judgements WHERE state <> 'counted'")).toBe(0);
  });

  test("holds what was given, and no more than five", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 9 });
    const ann = await makeMember(database, project);
    const first = await nextTasks(database, ann, 2);
    const again = await nextTasks(database, ann, 9);
    expect(first.tasks).toHaveLength(2);
    expect(again.tasks).toHaveLength(5);
    expect(again.tasks).toEqual(expect.arrayContaining(first.tasks));
    const bob = await makeMember(database, project);
    expect((await nextTasks(database, bob, 5)).tasks).toHaveLength(4);
    const cid = await makeMember(database, project);
    expect(await nextTasks(database, cid, 1)).toEqual({
      tasks: [],
      idle: "with-others",
      leave: null,
    });
  });

  test("the same judgement sent again is the same one, and another under its id is refused", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 2 });
    const ann = await makeMember(database, project);
    const { tasks } = await nextTasks(database, ann, 2);
    const given = judgementOf(tasks[0]!.assignment);
    const answers = await Promise.all([1, 2, 3].map(() => judgeTask(database, ann, given)));
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ state: "counted" })));
    expect(await count(database, "judgements")).toBe(1);
    const other = { ...given, judgement: { choice: 1 } };
    await expect(judgeTask(database, ann, other)).rejects.toThrow("another judgement has this id");
    const twice = judgementOf(tasks[0]!.assignment);
    await expect(judgeTask(database, ann, twice)).rejects.toThrow("undo it first");
    const bob = await makeMember(database, project);
    await expect(judgeTask(database, bob, given)).rejects.toThrow("another judgement has this id");
    const taken = judgementOf(tasks[1]!.assignment);
    await expect(judgeTask(database, bob, taken)).rejects.toThrow("not yours");
  });

  test("of two people who send one id in the same moment one is told to make another", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 20, overlap: 2 });
    const people = [await makeMember(database, project), await makeMember(database, project)];
    const refused: unknown[] = [];
    for (let round = 0; round < 20; round++) {
      const id = randomUUID();
      const given = await Promise.all(people.map((person) => nextTasks(database, person, 1)));
      const sent = await Promise.allSettled(
        people.map((person, n) =>
          judgeTask(database, person, judgementOf(given[n]!.tasks[0]!.assignment, { id })),
        ),
      );
      for (const each of sent) if (each.status === "rejected") refused.push(each.reason.code);
      const last = sent.findIndex(({ status }) => status === "rejected");
      const again = judgementOf(given[last]!.tasks[0]!.assignment);
      await judgeTask(database, people[last]!, again);
    }
    expect(refused).toEqual(Array.from({ length: 20 }, () => "other_judgement"));
  });

  test("undoes judgements and skips, one after the other, and keeps them in the history", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 3 });
    const ann = await makeMember(database, project);
    await judgeOne(database, ann, { comment: "first", judgement: { choice: 1 } });
    const { tasks } = await nextTasks(database, ann, 1);
    await skipTask(database, ann, { assignment: tasks[0]!.assignment, flag: "odd", comment: "?" });
    const skipped = await undoLast(database, ann);
    expect(skipped).toMatchObject({
      judgement: null,
      flag: "odd",
      comment: "?",
      task: tasks[0] && {
        assignment: tasks[0].assignment,
        content: tasks[0].content,
      },
    });
    const judged = await undoLast(database, ann);
    expect(judged).toMatchObject({ judgement: { choice: 1 }, comment: "first" });
    await expect(undoLast(database, ann)).rejects.toThrow("nothing to undo");
    expect(await count(database, "tasks WHERE judged = 0 AND leased = 1 AND state = 'open'")).toBe(
      2,
    );
    const what = await database.rows("SELECT what FROM history ORDER BY id");
    expect(what.map((row) => row["what"])).toEqual([
      "given",
      "judged",
      "given",
      "skipped",
      "undone",
      "undone",
    ]);
    await judgeAll(database, ann);
    expect(await count(database, "judgements WHERE state = 'counted'")).toBe(3);
    expect(await count(database, "judgements WHERE state = 'undone'")).toBe(1);
  });
});
