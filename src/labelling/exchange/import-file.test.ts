import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, testFolder } from "../../data/testing.ts";
import type { KindName } from "../kinds/index.ts";
import type { Database } from "../store/database.ts";
import { STORES, storesOf } from "../testing.ts";
import { importFile } from "./import-file.ts";
import type { ImportOptions } from "./import-file.ts";

const folder = testFolder();
afterAll(() => folder.remove());

describe.each(STORES)("an import on $kind", (store) => {
  const { fresh } = storesOf(store);
  let database: Database;
  beforeAll(async () => {
    database = await fresh();
  });

  let made = 0;
  async function project(kind: KindName, overlap = 1): Promise<ImportOptions["project"]> {
    const [row] = await database.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
     VALUES ($1, 'a project', $2, '{}', $3) RETURNING id`,
      [`p${made++}`, kind, overlap],
    );
    return { id: row!["id"] as number, kind };
  }

  const bring = (
    into: ImportOptions["project"],
    rows: readonly object[],
    more: Partial<ImportOptions> = {},
  ) =>
    importFile(database, {
      project: into,
      principles: ["Be kind."],
      path: folder.write("up.jsonl", jsonLines(...rows)),
      name: "train.jsonl",
      as: "tasks",
      judgements: "keep",
      ...more,
    });

  test("pairs with annotators become one task each, with every judgement whatever order it came in", async () => {
    const into = await project("compare", 2);
    const pair = { prompt: "p", chosen: "good", rejected: "bad" };
    const outcome = await bring(into, [
      { ...pair, p: 1, annotator: "ann", side: "first", models: { chosen: "m1", rejected: "m2" } },
      { prompt: "p", chosen: "bad", rejected: "good", p: 1, annotator: "bob", side: "first" },
      { ...pair, p: 0.5, annotator: "cid" },
      { ...pair, p: 1, annotator: "ann" },
      { prompt: "q", chosen: "x", rejected: "y", p: 1, annotator: "ann", margin: 1 },
    ]);
    expect(outcome).toMatchObject({
      format: "attune",
      rows: 5,
      added: 2,
      known: 3,
      judgements: 4,
      annotators: 3,
    });
    expect(outcome.notes.join("\n")).toContain("1 judgement left out: the same person");
    const rows = await database.rows(
      `SELECT t.content -> 'answers' AS answers, t.hidden, t.state, t.judged, p.name, j.judgement,
       j.sides, j.origin
     FROM judgements j JOIN tasks t ON t.id = j.task JOIN people p ON p.id = j.person
     WHERE j.project = $1 ORDER BY t.id, p.name`,
      [into.id],
    );
    const chosen = rows.map(({ answers, judgement, name, state, judged, sides }) => {
      const { choice } = judgement as { choice: number | string };
      const texts = answers as string[];
      return {
        name,
        state,
        judged,
        chosen: typeof choice === "number" ? texts[choice] : choice,
        first: texts[(sides as number[])[0] ?? -1],
      };
    });
    expect(chosen).toEqual([
      { name: "ann", state: "full", judged: 3, chosen: "good", first: "good" },
      { name: "bob", state: "full", judged: 3, chosen: "bad", first: "bad" },
      { name: "cid", state: "full", judged: 3, chosen: "tie", first: undefined },
      { name: "ann", state: "open", judged: 1, chosen: "x", first: undefined },
    ]);
    expect(rows[3]!["judgement"]).toMatchObject({ strength: "significantly" });
    const hidden = rows[0]!["hidden"] as { models: string[]; file: string; row: number };
    const answers = rows[0]!["answers"] as string[];
    expect(hidden.models[answers.indexOf("good")]).toBe("m1");
    expect(hidden).toMatchObject({ file: "train.jsonl", row: 1, split: "train" });
    const again = await bring(into, [{ ...pair, p: 1, annotator: "ann" }]);
    expect(again).toMatchObject({ added: 0, known: 1, judgements: 0, annotators: 1 });
  });

  test("a label of nobody is kept beside the task and counts as no judgement; as gold it is known", async () => {
    const into = await project("compare");
    const rows = [
      { prompt: "p", chosen: "a", rejected: "b" },
      { prompt: "q", chosen: "c", rejected: "d" },
    ];
    const outcome = await bring(into, rows);
    expect(outcome).toMatchObject({ added: 2, judgements: 0, gold: 0 });
    expect(outcome.notes.join("\n")).toContain("2 labels without the name of whoever judged");
    const [one] = await database.rows(
      "SELECT content, hidden, state FROM tasks WHERE project = $1 ORDER BY rank LIMIT 1",
      [into.id],
    );
    const { answers } = one!["content"] as { answers: string[] };
    const { label } = one!["hidden"] as { label: { choice: number } };
    expect([answers[label.choice], one!["state"]]).toEqual(["a", "open"]);
    const gold = await bring(into, rows.slice(1), { as: "gold" });
    expect(gold).toMatchObject({ added: 0, known: 1, gold: 1 });
    const found = await database.rows(
      "SELECT content, gold FROM tasks WHERE project = $1 AND gold IS NOT NULL",
      [into.id],
    );
    expect(found).toHaveLength(1);
    const known = found[0] as { content: { answers: string[] }; gold: { choice: number } };
    expect(known.content.answers[known.gold.choice]).toBe("c");
  });

  test("the first answer means nothing: the preferred one stands first in half of the tasks", async () => {
    const into = await project("compare");
    const rows = Array.from({ length: 400 }, (_, n) => ({
      prompt: `p${n}`,
      chosen: `a good answer ${n}`,
      rejected: `bad ${n}`,
    }));
    await bring(into, rows);
    const [count] = await database.rows(
      "SELECT count(*) AS n FROM tasks WHERE project = $1 AND hidden #>> '{label,choice}' = '0'",
      [into.id],
    );
    expect(Math.abs(Number(count!["n"]) - 200)).toBeLessThan(50);
  });

  test("every kind takes what it can, and says with a count what it cannot", async () => {
    const answers = {
      prompt: "p",
      completions: [
        { completion: "a", rank: 2 },
        { completion: "b", rank: 1 },
        { completion: "c", rank: 3 },
      ],
    };
    const rank = await project("rank");
    expect(await bring(rank, [{ ...answers, annotator: "ann" }])).toMatchObject({
      added: 1,
      judgements: 1,
    });
    const [ranked] = await database.rows(
      "SELECT t.content, j.judgement FROM judgements j JOIN tasks t ON t.id = j.task WHERE t.project = $1",
      [rank.id],
    );
    const shown = ranked as { content: { answers: string[] }; judgement: { ranks: number[] } };
    expect(
      Object.fromEntries(shown.content.answers.map((text, n) => [text, shown.judgement.ranks[n]])),
    ).toEqual({ a: 2, b: 1, c: 3 });
    const compare = await project("compare");
    expect(await bring(compare, [{ ...answers, annotator: "ann" }])).toMatchObject({
      added: 3,
      judgements: 3,
    });
    const accept = await project("accept");
    expect(
      await bring(accept, [
        { prompt: "p", completion: "a", label: true, annotator: "ann" },
        { prompt: "p", completion: "a", label: false, annotator: "bob" },
      ]),
    ).toMatchObject({ added: 1, known: 1, judgements: 2 });
    const rewrite = await project("rewrite");
    expect(await bring(rewrite, [{ prompt: "p", completion: "a" }])).toMatchObject({ added: 1 });
    const critique = await project("critique");
    expect(await bring(critique, [{ prompt: "p", completion: "a" }])).toMatchObject({ added: 1 });
    const [asked] = await database.rows("SELECT content FROM tasks WHERE project = $1", [
      critique.id,
    ]);
    expect(asked!["content"]).toEqual({ prompt: "p", answers: ["a"], principles: ["Be kind."] });
    await expect(bring(compare, [{ prompt: "p", completion: "a" }])).rejects.toThrow(
      "no row gives a task to compare",
    );
    await expect(
      bring(rewrite, [{ prompt: "p", completion: "a" }], { as: "gold" }),
    ).rejects.toThrow("there is no one right answer");
  });

  test("a file that is wrong changes nothing, and is named as people know it", async () => {
    const into = await project("compare");
    const rows = Array.from({ length: 1200 }, (_, n) => ({
      prompt: `p${n}`,
      chosen: "a",
      rejected: "b",
    }));
    await expect(bring(into, [...rows, { prompt: "p", chosen: 3, rejected: "b" }])).rejects.toThrow(
      "train.jsonl",
    );
    const [count] = await database.rows("SELECT count(*) AS n FROM tasks WHERE project = $1", [
      into.id,
    ]);
    expect(count!["n"]).toBe(0);
  });

  test("characters that the store does not hold are replaced, with a count", async () => {
    const into = await project("compare");
    const outcome = await bring(into, [{ prompt: "a\u0000b \ud800", chosen: "a", rejected: "b" }]);
    expect(outcome.notes.join("\n")).toContain("1 task with characters that no store holds");
    const [row] = await database.rows("SELECT content FROM tasks WHERE project = $1", [into.id]);
    expect((row!["content"] as { prompt: string }).prompt).toBe("a\uFFFDb \uFFFD");
  });
});
