import { expect, test } from "vitest";
import { mean } from "../../stats/intervals.ts";
import type { Judge } from "../../training/rollout/judge.ts";
import type { ComparisonJudge } from "../compare/judges.ts";
import { scoredJudge } from "../judges/scored-judge.ts";
import { judgeLooks, spreadOver, standardised } from "./judged-looks.ts";

const prompts = ["p0", "p1", "p2", "p3"];
/** Longer answers from look to look, the first prompt's equal throughout. */
const looks = [
  { step: 0, texts: ["same", "a", "bb", "ccc"] },
  { step: 5, texts: ["same", "aa", "bbb", "c"] },
  { step: 9, texts: ["same", "aaa", "", "cccc"] },
];

const longest = (judge: Partial<Judge> = {}): ComparisonJudge => ({
  name: "longest",
  kind: "function",
  judge: {
    name: "longest",
    compare: (_, first, second) =>
      Promise.resolve(first.length > second.length ? 1 : first.length < second.length ? 0 : 0.5),
    ...judge,
  },
});

test("a judge that scores gives its scores, prompt by prompt", async () => {
  const judge = scoredJudge({
    name: "length",
    score: (answers) => Promise.resolve(answers.map(({ text }) => text.length)),
  });
  const judged = await judgeLooks(
    { judge, kind: "function", name: "length", symmetric: true },
    { prompts, looks },
    { seed: 1 },
  );
  expect(judged.looks).toEqual([
    { step: 0, values: [4, 1, 2, 3] },
    { step: 5, values: [4, 2, 3, 1] },
    { step: 9, values: [4, 3, 0, 4] },
  ]);
  expect(judged.range).toBeUndefined();
});

test("scores from 0 to 1 are shares", async () => {
  const judge = scoredJudge({
    name: "even",
    score: (answers) => Promise.resolve(answers.map(({ text }) => (text.length + 1) % 2)),
  });
  const { range } = await judgeLooks(
    { judge, kind: "gold", name: "even" },
    { prompts, looks },
    { seed: 1 },
  );
  expect(range).toEqual([0, 1]);
});

test("a judge that compares gives wins over where the run began; equal answers are ties", async () => {
  const asked: string[] = [];
  const judged = await judgeLooks(
    longest({
      compare: (prompt, first, second) => {
        asked.push(`${String(prompt)}: ${first} or ${second}`);
        return Promise.resolve(first.length > second.length ? 1 : 0);
      },
    }),
    { prompts, looks },
    { seed: 1 },
  );
  expect(judged.looks).toEqual([
    { step: 0, values: [0.5, 0.5, 0.5, 0.5] },
    { step: 5, values: [0.5, 1, 1, 0] },
    { step: 9, values: [0.5, 1, 0, 1] },
  ]);
  expect(judged.range).toEqual([0, 1]);
  // both orders of three pairs at two looks, and nothing about equal answers
  expect(asked).toHaveLength(12);
  expect(asked.filter((each) => each.startsWith("p0"))).toEqual([]);
  expect(asked).toEqual(expect.arrayContaining(["p1: aa or a", "p1: a or aa"]));
});

test("what is refused at one look is left out of all, with its reason", async () => {
  const judged = await judgeLooks(
    longest({
      compare: (_, first, second) =>
        Promise.resolve(first === "" || second === "" ? { refused: "there is no answer" } : 1),
    }),
    { prompts, looks },
    { seed: 1 },
  );
  expect(judged.kept).toEqual([0, 1, 3]);
  expect(judged.refused).toEqual([{ prompt: 2, why: "there is no answer" }]);
  for (const { values } of judged.looks) expect(values).toHaveLength(3);
});

test("a judge for whom the first place wins is a tie in both orders", async () => {
  const { looks: judged } = await judgeLooks(
    longest({ compare: () => Promise.resolve(1) }),
    { prompts, looks },
    { seed: 1 },
  );
  for (const { values } of judged) expect(values).toEqual([0.5, 0.5, 0.5, 0.5]);
});

test("rewards are told in standard deviations of what it began as", () => {
  const scores = [
    [1, 3, 5, 7],
    [3, 5, 7, 9],
  ];
  const [start, later] = standardised([0, 4], scores)!;
  expect(mean(start!.values)).toBeCloseTo(0, 12);
  // the variance of 1, 3, 5, 7 is 5
  expect(mean(later!.values)).toBeCloseTo(2 / Math.sqrt(5), 12);
  expect(later!.step).toBe(4);
  expect(
    standardised(
      [0, 4],
      [
        [1, 1],
        [2, 3],
      ],
    ),
  ).toBeUndefined();
});

test("looks are spread over the run, the last among them", () => {
  const steps = [10, 20, 30, 40, 50, 60, 70, 80, 90];
  expect(spreadOver(steps, 3)).toEqual([30, 60, 90]);
  expect(spreadOver(steps, 9)).toEqual(steps);
  expect(spreadOver(steps, 20)).toEqual(steps);
  expect(spreadOver(steps, 0)).toEqual([]);
  expect(spreadOver(steps, 4).at(-1)).toBe(90);
});
