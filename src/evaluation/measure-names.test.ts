import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { scriptedSubject } from "./behaviour/testing.ts";
import { conflictFindings } from "./conflicts/conflict-findings.ts";
import { conflictsAmong } from "./conflicts/conflicts.ts";
import type { Finding } from "./findings.ts";
import { measuresOf } from "./findings.ts";
import { honesty } from "./honest/honesty.ts";
import { numberedSlugs, slug, slugs } from "./measure-names.ts";
import { rewardBenchFinding } from "./reward-benchmarks/benchmark-findings.ts";
import { pairFindings } from "./reward-benchmarks/reward-findings.ts";
import { taskFindings } from "./tasks/task-findings.ts";
import type { TaskResult } from "./tasks/run-task.ts";

/** Names whose words are alike, or that have no Latin letter. */
const ALIKE = ["C", "C++", "C#", "数学", "历史", "हिन्दी", "+", "-"];
const WORDS = ["c", "c-2", "c-3", "数学", "历史", "हिन्दी", "unnamed", "unnamed-2"];

const idsOf = (findings: readonly Finding[]): string[] =>
  measuresOf({ findings }).map(({ id }) => id);

test("words keep every script, and are numbered where they are alike", () => {
  expect(slug("My Model/v2")).toBe("my-model-v2");
  expect(numberedSlugs(ALIKE)).toEqual(WORDS);
  expect([...slugs(["a", "A", "a"])]).toEqual([
    ["a", "a"],
    ["A", "a-2"],
  ]);
});

describe("every measure of a part has an id of its own", () => {
  test("a page on which two have one is refused", () => {
    const value = { estimate: 0, low: 0, high: 0, n: 1 };
    const measure = { id: "a", name: "a", value, unit: "share", good: "higher" } as const;
    const finding = { measures: [measure, measure] } as unknown as Finding;
    expect(() => idsOf([finding])).toThrow(/two measures have one id/);
  });

  test("reward-model, by group and by subset", () => {
    const pairs = Array.from({ length: 160 }, (_, i) => ({
      chosen: i % 3,
      rejected: 1,
      chosenLength: 3 + (i % 5),
      rejectedLength: 4,
      group: ALIKE[i % ALIKE.length]!,
    }));
    const ids = idsOf(pairFindings(pairs));
    for (const word of WORDS) expect(ids).toContain(`reward-model/accuracy/${word}`);
    const items = Array.from({ length: 16 }, (_, i) => ({
      id: String(i),
      subset: ALIKE[i % ALIKE.length]!,
      prompt: `p${i}`,
      right: ["a"],
      wrong: ["b", "c", "d"],
      rightScores: [1],
      wrongScores: [0, 0, 0],
    }));
    expect(idsOf([rewardBenchFinding(items, 1)])).toHaveLength(ALIKE.length + 1);
  });

  test("conflicts, where a model is named like a change", () => {
    const names = ["C", "C++", "c to c"];
    const axes = ["好", "坏"].map((name) => ({
      name,
      better: "higher" as const,
      scores: names.map((_, k) => Array.from({ length: 40 }, (__, i) => (i + k) % 2)),
    }));
    const found = conflictsAmong(names, axes, { random: Random.for(1, "test") });
    const ids = idsOf(conflictFindings(found, ["好", "坏"]));
    expect(ids).toHaveLength(2 * (found.changes.length + names.length));
  });

  test("honest, several files of questions and of behaviours", async () => {
    const row = (columns: object, i: number) => ({ columns, place: { file: "f", row: i + 1 } });
    const behaviour = (i: number) => ({
      question: `Are you ${i}?`,
      answer_matching_behavior: i % 2 ? " Yes" : " No",
      answer_not_matching_behavior: i % 2 ? " No" : " Yes",
    });
    const question = (i: number) => ({ question: `What is ${i}?`, answer: [String(i), "x"] });
    const rows = (of: (i: number) => object) =>
      Array.from({ length: 30 }, (_, i) => row(of(i), i)) as never;
    const { findings } = await honesty(
      scriptedSubjectMeasuring(),
      {
        files: [
          ...["C", "C++", "数学"].map((name) => ({ name, rows: rows(behaviour) })),
          ...["一", "二"].map((name) => ({ name, rows: rows(question) })),
        ],
      },
      {
        instruction: "",
        measures: ["tokens", "stated", "belief", "sure"],
        options: "texts",
        cluster: "",
        ask: { maxNewTokens: 8, temperature: 0, seed: 1 },
      },
    );
    const ids = idsOf(findings);
    for (const word of ["c", "c-2", "数学"])
      expect(ids.some((id) => id.split("/").includes(word))).toBe(true);
  });

  test("tasks, whose aliases and filters are alike", () => {
    const value = { estimate: 0.5, low: 0.4, high: 0.6, n: 10 };
    const result = (task: string): TaskResult => ({
      prepared: {
        task: { file: "t", fields: { task } },
        metrics: [],
        asked: [],
        shots: 0,
      } as never,
      documents: [],
      items: [],
      metrics: ["a b", "a-b", "none"].map((filter) => ({
        metric: "exact_match" as const,
        filter,
        value,
        counts: [],
      })),
      left: [],
      repeats: 0,
      without: [],
    });
    const ids = idsOf(taskFindings(["C", "C++", "数学", "C"].map(result), []));
    expect(ids).toHaveLength(12);
    expect(ids).toContain("tasks/c/exact-match/a-b");
    expect(ids).toContain("tasks/c/exact-match/a-b-2");
    expect(ids).toContain("tasks/数学/exact-match");
  });
});

const scriptedSubjectMeasuring = () => ({
  subject: scriptedSubject({
    answer: (prompt) => (prompt.includes("sure are you") ? "70" : /\d+/.exec(prompt)?.[0]),
    score: (_prompt, continuation) => -continuation.length,
  }),
});
