/**
 * Leases that end, what is skipped, returned and passed on, an overlap that changes, gold questions.
 * @module-tag dear
 */
import { describe, expect, test } from "vitest";
import { addTasks } from "../exchange/add-tasks.ts";
import { changeProject } from "../projects.ts";
import { adjudicate } from "../review/adjudicate.ts";
import type { Database } from "../store/database.ts";
import { STORES, storesOf } from "../testing.ts";
import { nextTasks } from "./claim.ts";
import { judgeTask } from "./judge.ts";
import { skipTask } from "./skip.ts";
import { addPairs, judgementOf, judgeAll, judgeOne, makeMember, makeProject } from "./testing.ts";
import { undoLast } from "./undo.ts";
import type { Visitor } from "./visit.ts";

const count = async (database: Database, sql: string): Promise<number> =>
  (await database.rows(`SELECT count(*) AS n FROM ${sql}`))[0]!["n"] as number;

/** The time of a person's leases is over. */
const lapse = (database: Database, { person }: Visitor) =>
  database.rows(
    "UPDATE assignments SET expires = now() - interval '1 second' WHERE person = $1 AND state = 'leased'",
    [person],
  );

const promptsOf = async (database: Database, visitor: Visitor, many: number): Promise<string[]> =>
  (await nextTasks(database, visitor, many)).tasks.map(({ content }) => String(content.prompt));

/** What the counts of a project say must be what is there. */
async function expectCounts(database: Database, project: number): Promise<void> {
  const [kept] = await database.rows(
    `SELECT sum(gold)::bigint AS gold, sum(open)::bigint AS open, sum(filled)::bigint AS filled,
       sum(judged)::bigint AS judged, sum(open_judged)::bigint AS open_judged
     FROM project_counts WHERE project = $1`,
    [project],
  );
  const [there] = await database.rows(
    `SELECT count(*) FILTER (WHERE gold IS NOT NULL) AS gold,
       count(*) FILTER (WHERE gold IS NULL AND state = 'open') AS open,
       count(*) FILTER (WHERE gold IS NULL AND state = 'full') AS filled,
       (coalesce(sum(judged) FILTER (WHERE gold IS NULL), 0))::bigint AS judged,
       (coalesce(sum(judged) FILTER (WHERE gold IS NULL AND state = 'open'), 0))::bigint AS open_judged
     FROM tasks WHERE project = $1`,
    [project],
  );
  expect(kept).toEqual(there);
}

describe.each(STORES)("leases on $kind", (store) => {
  const { fresh } = storesOf(store);

  test("that end free their places for others, who find them though they had looked past", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 4 });
    const ann = await makeMember(database, project);
    const bob = await makeMember(database, project);
    expect(await promptsOf(database, ann, 2)).toHaveLength(2);
    expect((await judgeAll(database, bob)).idle).toBe("with-others");
    await lapse(database, ann);
    expect((await judgeAll(database, bob)).prompts).toEqual(["question 0", "question 1"]);
    expect(await nextTasks(database, ann, 2)).toMatchObject({ tasks: [], idle: "nothing-left" });
    expect(await count(database, "history WHERE what = 'expired'")).toBe(2);
    await expectCounts(database, project);
  });

  test("that end are given to the same person again where nobody took them, sides unchanged", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 2 });
    const ann = await makeMember(database, project);
    const before = await nextTasks(database, ann, 2);
    await lapse(database, ann);
    const after = await nextTasks(database, ann, 2);
    const plain = ({ tasks }: typeof before) =>
      tasks
        .map(({ assignment, content }) => ({ assignment, content }))
        .toSorted((a, b) => (a.assignment < b.assignment ? -1 : 1));
    expect(plain(after)).toEqual(plain(before));
    expect(await count(database, "tasks WHERE leased = 1")).toBe(2);
  });

  test("a judgement after the lease's end counts where the place is free, else it is kept as late", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 2 });
    const ann = await makeMember(database, project);
    const bob = await makeMember(database, project);
    const { tasks } = await nextTasks(database, ann, 2);
    await lapse(database, ann);
    const [first, second] = tasks;
    const counted = await judgeTask(database, ann, judgementOf(first!.assignment));
    expect(counted).toEqual({ state: "counted" });
    expect((await judgeAll(database, bob)).prompts).toEqual([String(second!.content.prompt)]);
    const late = judgementOf(second!.assignment);
    expect(await judgeTask(database, ann, late)).toEqual({ state: "late" });
    expect(await judgeTask(database, ann, late)).toEqual({ state: "late" });
    expect(await count(database, "judgements WHERE state = 'counted'")).toBe(2);
    expect(await count(database, "judgements WHERE state = 'late'")).toBe(1);
    expect(await undoLast(database, ann)).toMatchObject({ judgement: { choice: 0 } });
    expect(await judgeTask(database, ann, judgementOf(second!.assignment))).toEqual({
      state: "late",
    });
    expect(await count(database, "tasks WHERE judged = 1 AND leased = 0 AND state = 'full'")).toBe(
      2,
    );
    await expectCounts(database, project);
  });

  test("what is skipped goes to others, and not to the same person", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 2 });
    const ann = await makeMember(database, project);
    const bob = await makeMember(database, project);
    const { tasks } = await nextTasks(database, ann, 2);
    expect((await judgeAll(database, bob)).idle).toBe("with-others");
    for (const { assignment } of tasks) {
      const skip = { assignment, flag: "", comment: "" };
      await skipTask(database, ann, skip);
      await skipTask(database, ann, skip);
    }
    expect(await nextTasks(database, ann, 1)).toMatchObject({ tasks: [], idle: "nothing-left" });
    expect((await judgeAll(database, bob)).prompts).toHaveLength(2);
    // the place of what is taken back is gone
    await undoLast(database, ann);
    const held = await nextTasks(database, ann, 1);
    expect(await judgeTask(database, ann, judgementOf(held.tasks[0]!.assignment))).toEqual({
      state: "late",
    });
  });

  test("what is returned comes first, with the note, and its judgement replaces the old one", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 3 });
    const ann = await makeMember(database, project);
    await judgeOne(database, ann);
    const task = "(SELECT task FROM judgements)";
    await database.rows(
      `INSERT INTO adjudications (task, project, person, decision, note)
       VALUES (${task}, $1, $2, 'returned', 'Read the guidelines again')`,
      [project, ann.person],
    );
    await database.rows(`UPDATE assignments SET state = 'returned' WHERE task = ${task}`);
    const { tasks } = await nextTasks(database, ann, 1);
    expect(tasks).toMatchObject([
      { returned: "Read the guidelines again", content: { prompt: "question 0" } },
    ]);
    const again = judgementOf(tasks[0]!.assignment, { judgement: { choice: "tie" } });
    expect(await judgeTask(database, ann, again)).toEqual({ state: "counted" });
    const states = await database.rows("SELECT state FROM judgements ORDER BY created");
    expect(states).toEqual([{ state: "replaced" }, { state: "counted" }]);
    expect(await count(database, "tasks WHERE judged = 1 AND leased = 0")).toBe(1);
    expect((await promptsOf(database, ann, 2)).toSorted()).toEqual(["question 1", "question 2"]);
    await expectCounts(database, project);
  });
});

describe.each(STORES)("a project that changes on $kind", (store) => {
  const { fresh } = storesOf(store);

  test("asks others where judgements are passed on, though they have looked past", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 2 });
    const ann = await makeMember(database, project);
    const bob = await makeMember(database, project);
    await judgeAll(database, ann);
    expect((await judgeAll(database, bob)).prompts).toEqual([]);
    const [task] = await database.rows("SELECT id FROM tasks ORDER BY rank");
    await adjudicate(database, {
      project: { id: project, kind: "compare" },
      task: task!["id"] as number,
      person: bob.person,
      decision: "passed-on",
      note: "",
    });
    expect((await judgeAll(database, ann)).prompts).toEqual([]);
    expect((await judgeAll(database, bob)).prompts).toEqual(["question 0"]);
    await expectCounts(database, project);
  });

  test("gives what two imports add at once, wherever it stands in the queue", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 2 });
    const ann = await makeMember(database, project);
    await judgeAll(database, ann);
    const content = { prompt: "first of all", answers: ["a", "b"] };
    await addTasks(database, { id: project, kind: "compare" }, [{ content, rank: -5 }]);
    expect((await judgeAll(database, ann)).prompts).toEqual(["first of all"]);
  });

  test("asks for more where the overlap grows, and for no more where it shrinks", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 3 });
    const people: Visitor[] = [];
    for (let index = 0; index < 4; index++) people.push(await makeMember(database, project));
    const [ann, bob, cid, dan] = people as [Visitor, Visitor, Visitor, Visitor];
    const change = (overlap: number) =>
      changeProject(database, { project, person: ann.person }, { overlap });
    expect((await judgeAll(database, ann)).prompts).toHaveLength(3);
    expect((await judgeAll(database, bob)).prompts).toHaveLength(0);
    await change(3);
    expect((await judgeAll(database, ann)).prompts).toHaveLength(0);
    expect((await judgeAll(database, bob)).prompts).toHaveLength(3);
    const held = await nextTasks(database, cid, 3);
    await change(2);
    expect((await judgeAll(database, dan)).prompts).toHaveLength(0);
    const late = await judgeTask(database, cid, judgementOf(held.tasks[0]!.assignment));
    expect(late).toEqual({ state: "late" });
    expect(await count(database, "tasks WHERE judged = 2 AND state = 'full'")).toBe(3);
    expect(await count(database, "history WHERE what = 'changed'")).toBe(2);
    await expectCounts(database, project);
  });

  test("changes while people are at work: nothing counts twice, and nothing is left open", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 12, overlap: 1 });
    const people: Visitor[] = [];
    for (let index = 0; index < 6; index++) people.push(await makeMember(database, project));
    const change = async (): Promise<void> => {
      for (const overlap of [2, 4, 1, 3])
        await changeProject(database, { project, person: people[0]!.person }, { overlap });
    };
    await Promise.all([change(), ...people.map((person) => judgeAll(database, person))]);
    for (const person of people) await judgeAll(database, person);
    expect(await count(database, "tasks WHERE judged < 3 OR leased <> 0 OR state <> 'full'")).toBe(
      0,
    );
    const twice = "(SELECT 1 FROM judgements GROUP BY task, person HAVING count(*) > 1) AS t";
    expect(await count(database, twice)).toBe(0);
    await expectCounts(database, project);
  });

  test("gives what is added later, paused nothing, closed what comes is late", async () => {
    const database = await fresh();
    const project = await makeProject(database, { tasks: 1 });
    const ann = await makeMember(database, project);
    const change = (state: "open" | "paused" | "closed") =>
      changeProject(database, { project, person: ann.person }, { state });
    expect((await judgeAll(database, ann)).idle).toBe("nothing-left");
    await addPairs(database, project, { tasks: 2, from: 1 });
    const { tasks } = await nextTasks(database, ann, 2);
    await change("paused");
    expect(await nextTasks(database, ann, 1)).toEqual({ tasks: [], idle: "paused", leave: null });
    expect(await judgeTask(database, ann, judgementOf(tasks[0]!.assignment))).toEqual({
      state: "counted",
    });
    await change("closed");
    expect(await nextTasks(database, ann, 1)).toMatchObject({ idle: "closed" });
    expect(await judgeTask(database, ann, judgementOf(tasks[1]!.assignment))).toEqual({
      state: "late",
    });
    await database.rows("UPDATE memberships SET removed = now()");
    await change("open");
    expect(await nextTasks(database, ann, 1)).toMatchObject({ idle: "removed" });
  });
});

describe.each(STORES)("gold questions on $kind", (store) => {
  const { fresh } = storesOf(store);

  test("are mixed in by their share, asked of everybody once, and take nobody's place", async () => {
    const database = await fresh();
    const settings = { goldShare: 0.25 };
    const project = await makeProject(database, { overlap: 2, tasks: 60, gold: 8, settings });
    for (let index = 0; index < 2; index++) {
      const person = await makeMember(database, project);
      const { prompts } = await judgeAll(database, person);
      const gold = prompts.filter((prompt) => Number(prompt.replace("question ", "")) >= 60);
      expect(prompts.length - gold.length).toBe(60);
      expect(new Set(gold).size).toBe(8);
      // not one after the other at the end
      const places = prompts.flatMap((prompt, place) => (gold.includes(prompt) ? [place] : []));
      expect(places[0]).toBeLessThan(20);
    }
    expect(
      await count(database, "tasks WHERE gold IS NOT NULL AND judged = 2 AND leased = 0"),
    ).toBe(8);
    expect(await count(database, "tasks WHERE gold IS NULL AND state = 'full'")).toBe(60);
    await expectCounts(database, project);
  });

  test("are not asked where their share is 0", async () => {
    const database = await fresh();
    const settings = { goldShare: 0 };
    const project = await makeProject(database, { tasks: 4, gold: 4, settings });
    const ann = await makeMember(database, project);
    expect((await judgeAll(database, ann)).prompts).toHaveLength(4);
  });
});
