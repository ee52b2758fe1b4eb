import { describe, expect, it } from "vitest";
import type { RunDetails } from "../runs/compare.ts";
import { notFiniteNote, outsideNote, runCurves, valueRange } from "./run-curves.ts";

/** As much of a run as its curves are made of: the values of steps 1, 2, ... by metric. */
const runOf = (values: Readonly<Record<string, readonly number[]>>): RunDetails =>
  ({
    series: new Map(
      Object.entries(values).map(([name, each]) => [
        name,
        each.map((value, i) => ({ step: i + 1, value })),
      ]),
    ),
  }) as unknown as RunDetails;

const names = (metrics: readonly string[]): string[][] => {
  const { main, further } = runCurves(
    runOf(Object.fromEntries(metrics.map((name) => [name, [1]]))),
  );
  return [main, further].map((curves) => curves.map(({ name }) => name));
};

describe("the curves of a run", () => {
  it.each<[string, string[], string[], string[]]>([
    [
      "sft",
      [
        "loss",
        "entropy",
        "mean_token_accuracy",
        "learning_rate",
        "num_tokens",
        "epoch",
        "eval_loss",
        "eval_entropy",
        "eval_mean_token_accuracy",
      ],
      ["loss", "mean_token_accuracy", "entropy"],
      ["learning_rate", "num_tokens", "epoch"],
    ],
    [
      "dpo without held-out pairs",
      [
        "rewards/chosen",
        "rewards/margins",
        "rewards/accuracies",
        "loss",
        "logps/chosen",
        "grad_norm",
      ],
      ["loss", "rewards/accuracies", "rewards/margins", "rewards/chosen"],
      ["logps/chosen", "grad_norm"],
    ],
    [
      "ppo",
      [
        "objective/kl",
        "objective/entropy",
        "objective/scores",
        "lr",
        "val/explained_variance",
        "episode",
      ],
      ["objective/scores", "objective/kl", "val/explained_variance"],
      ["objective/entropy", "lr", "episode"],
    ],
    ["kto", ["kl", "loss", "eval_kl"], ["loss", "kl"], []],
    ["a metric of another version", ["loss", "whatever"], ["loss", "whatever"], []],
  ])(
    "of %s: what tells how well it does comes first, and counters never",
    (_name, metrics, main, further) => {
      expect(names(metrics)).toEqual([main, further]);
    },
  );

  it("are means of steps where there are many, and leave out what is not finite", () => {
    const [curve] = runCurves(
      runOf({
        loss: Array.from({ length: 301 }, (_, i) => (i === 6 || i === 9 ? NaN : i)),
        eval_loss: [4, Infinity],
      }),
    ).main;
    expect(curve).toMatchObject({
      label: "loss (nats)",
      stepsPerPoint: 3,
      notFinite: { count: 3, firstStep: 2 },
      heldOut: [{ x: 1, y: 4 }],
      last: { training: 300, heldOut: Infinity },
    });
    expect(curve!.training.slice(0, 3)).toEqual([
      { x: 2, y: 1, low: 0, high: 2 },
      { x: 5, y: 4, low: 3, high: 5 },
      { x: expect.closeTo(28 / 3, 12), y: expect.closeTo(25 / 3, 12), low: 7, high: 10 },
    ]);
    expect(notFiniteNote(curve!)).toBe(
      "3 values are not finite, the first at step 2, and left out",
    );
  });
});

describe("the range of values", () => {
  const noisy = Array.from({ length: 50 }, (_, i) => 1 + Math.sin(i));

  it.each<[string, number[], object | undefined]>([
    ["nothing", [], undefined],
    [
      "a steep beginning",
      Array.from({ length: 200 }, (_, i) => 1 / (i + 1)),
      { low: 1 / 200, high: 1, outside: undefined },
    ],
    ["a few values", [3, 1, 2], { low: 1, high: 3, outside: undefined }],
    [
      "a spike among too few values to call it one",
      [1, 2, 1e9],
      { low: 1, high: 1e9, outside: undefined },
    ],
    ["equal values", [2, 2, 2], { low: 1, high: 3, outside: undefined }],
    ["zeros", [0, 0], { low: -1, high: 1, outside: undefined }],
    [
      "values that differ by rounding",
      [1, 1 + 1e-15],
      { low: expect.closeTo(0.5, 9), high: expect.closeTo(1.5, 9), outside: undefined },
    ],
    ["mostly zeros", [...Array<number>(40).fill(0), 1, 2], { low: 0, high: 2, outside: undefined }],
    [
      "spikes",
      [...noisy, 1e9, -50],
      { low: Math.min(...noisy), high: Math.max(...noisy), outside: { count: 2, farthest: 1e9 } },
    ],
  ])("of %s", (_name, values, expected) => {
    expect(valueRange([values])).toEqual(expected);
  });

  it("of two curves is that of both, each with its own beginning", () => {
    expect(valueRange([[5, ...noisy], [3, 1, 0.5], []])).toEqual({
      low: Math.min(...noisy),
      high: 5,
      outside: undefined,
    });
    expect(valueRange([noisy, [1e6, 1]])).toMatchObject({ high: 1e6, outside: undefined });
    expect(valueRange([noisy, [1, 1e6]])).toMatchObject({
      high: Math.max(...noisy),
      outside: { count: 1, farthest: 1e6 },
    });
  });

  it("says what it leaves out", () => {
    expect(
      [[...noisy, 1e9], [...noisy, 1e9, -1e10], noisy].map((values) =>
        outsideNote(valueRange([values])!),
      ),
    ).toEqual([
      "1 value lies outside the chart, at 1.00e+9",
      "2 values lie outside the chart, the farthest at -1.00e+10",
      undefined,
    ]);
  });
});
