/** Fronts of models with their uncertainty. */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { paretoFront } from "./pareto.ts";
import type { ParetoAxis } from "./pareto.ts";

const random = new Random(3);
const prompts = Array.from({ length: 120 }, () => random.normal());
/** Scores of a model on the same prompts: alike, with noise of its own. */
const scoresOf = (level: number): number[] => prompts.map((x) => level + x + 0.5 * random.normal());

// helpful and harmful: 0 and 1 trade one for the other, 2 is worse than 0 on both
const helpful = [scoresOf(1), scoresOf(0), scoresOf(0.5)];
const harmful = [scoresOf(0.5), scoresOf(-1), scoresOf(1)];
const axes: ParetoAxis[] = [
  { scores: helpful, better: "higher" },
  { scores: harmful, better: "lower" },
];

describe("a front that is clear", () => {
  const { models, dominates } = paretoFront(axes, { random: new Random(1) });

  test("who is on it, who is not, and who dominates whom", () => {
    expect(models.map(({ onFront }) => onFront)).toEqual([true, true, false]);
    expect(models.map(({ probabilityOnFront }) => probabilityOnFront)).toEqual([1, 1, 0]);
    expect(models[2]!.clearlyDominatedBy).toEqual([0]);
    expect(dominates).toEqual([
      [0, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(models[0]!.means[0]!.estimate).toBeCloseTo(1, 0);
  });

  test("repeats with its seed", () => {
    const twice = [1, 1].map((seed) => paretoFront(axes, { random: new Random(seed) }));
    expect(twice[0]).toEqual(twice[1]);
  });
});

test("probabilities are those of the normal law where differences are normal", () => {
  // the second is ahead by about one standard error on one axis, equal in expectation on the other
  const one = prompts.map((x) => x);
  const noise = prompts.map(() => random.normal());
  const centre = noise.reduce((sum, x) => sum + x, 0) / noise.length;
  const scale = Math.sqrt(noise.reduce((sum, x) => sum + (x - centre) ** 2, 0) / noise.length ** 2);
  const two = one.map((x, i) => x + noise[i]! - centre + scale);
  const { dominates, models } = paretoFront(
    [
      { scores: [one, two], better: "higher" },
      { scores: [one, one.map((x) => x + 1)], better: "higher" },
    ],
    { random: new Random(2), resamples: 4000 },
  );
  expect(dominates[1]![0]).toBeCloseTo(0.8413, 1);
  expect(Math.abs(dominates[1]![0]! - 0.8413)).toBeLessThan(0.03);
  expect(dominates[0]![1]).toBe(0);
  expect(models[0]!.probabilityOnFront).toBeCloseTo(1 - dominates[1]![0]!, 12);
  expect(models[1]!.clearlyDominatedBy).toEqual([]);
});

test("clusters are drawn as a whole: alike prompts tell less", () => {
  const clusters = Array.from({ length: 120 }, (_, i) => i % 6);
  const shift = clusters.map((group) => [0.6, -0.5, 0.6, -0.4, 0.5, 0.1][group]!);
  const base = prompts.map((x) => x);
  const better = base.map((x, i) => x + shift[i]!);
  const make = (labels: number[] | undefined): ReturnType<typeof paretoFront> =>
    paretoFront(
      [
        { scores: [base, better], better: "higher", clusters: labels },
        { scores: [base, base], better: "higher", clusters: labels },
      ],
      { random: new Random(4) },
    );
  expect(make(undefined).dominates[1]![0]).toBeGreaterThan(0.99);
  expect(make(clusters).dominates[1]![0]).toBeLessThan(0.85);
  expect(make(clusters).models[0]!.clearlyDominatedBy).toEqual([]);
});

test("equal models are all on the front, and axes of other prompts are drawn apart", () => {
  const row = [1, 2, 3, 4];
  const short = [1, 0, 1];
  const found = paretoFront(
    [
      { scores: [row, row], better: "higher", set: "a" },
      { scores: [short, short], better: "lower", set: "b", range: [0, 1] },
    ],
    { random: new Random(1), resamples: 200 },
  );
  expect(found.models.map(({ probabilityOnFront }) => probabilityOnFront)).toEqual([1, 1]);
  expect(found.dominates).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

test("clear domination of equal models is called in at most 5%", () => {
  const rounds = 300;
  let called = 0;
  for (let round = 0; round < rounds; round++) {
    const base = Array.from({ length: 30 }, () => random.normal());
    const other = (): number[] => base.map((x) => x + 0.5 * random.normal());
    const { models } = paretoFront(
      [
        { scores: [base, other()], better: "higher" },
        { scores: [base, base.map((x) => x + 1)], better: "higher" },
      ],
      { random, resamples: 1 },
    );
    if (models[0]!.clearlyDominatedBy.length > 0) called++;
  }
  expect(called / rounds).toBeLessThan(0.05);
});

test("of five equal models on axes that go together any clear domination is called in at most 5%", () => {
  const rounds = 120;
  let called = 0;
  for (let round = 0; round < rounds; round++) {
    const models = Array.from({ length: 5 }, () =>
      Array.from({ length: 30 }, () => random.normal()),
    );
    // the second axis says the same again, so that only the number of pairs protects
    const both: ParetoAxis[] = [1, 2].map((scale) => ({
      scores: models.map((row) => row.map((x) => scale * x)),
      better: "higher",
    }));
    const found = paretoFront(both, { random, resamples: 1 });
    if (found.models.some(({ clearlyDominatedBy }) => clearlyDominatedBy.length > 0)) called++;
  }
  // uncorrected it is called in about a quarter of the rounds
  expect(called / rounds).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / rounds));
});

test("Holm's steps find what Bonferroni's level for all pairs does not", () => {
  const base = Array.from({ length: 30 }, () => random.normal());
  const noise = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 1 : -1));
  // t of 2.3 by the last pair, clear at 0.05 and not at 0.05 / 3
  const second = base.map((x, i) => x + 9 + (i % 4 < 2 ? 0.1 : -0.1));
  const rows = [base, second, second.map((x, i) => x + 0.427 + noise[i]!)];
  const { models } = paretoFront(
    [1, 2].map((scale) => ({
      scores: rows.map((row) => row.map((x) => scale * x)),
      better: "higher",
    })),
    { random, resamples: 1 },
  );
  expect(models.map(({ clearlyDominatedBy }) => clearlyDominatedBy)).toEqual([[1, 2], [2], []]);
});

test("what allows no claim, and what is refused", () => {
  const options = { random: new Random(1), resamples: 50 };
  const two = paretoFront(
    [
      {
        scores: [
          [1, 2],
          [3, 4],
        ],
        better: "higher",
      },
      {
        scores: [
          [1, 2],
          [3, 4],
        ],
        better: "lower",
      },
    ],
    options,
  );
  expect(two).toMatchObject({ noClaim: "2 independent groups" });
  expect(two.models.map(({ probabilityOnFront }) => probabilityOnFront)).toEqual([1, 1]);
  expect(() => paretoFront([axes[0]!], options)).toThrow(/two axes/);
  expect(() => paretoFront([axes[0]!, { scores: [[1, 2]], better: "higher" }], options)).toThrow(
    /axis 2 has 1 models, the first 3/,
  );
  expect(() =>
    paretoFront([axes[0]!, { scores: [[1], [1], [NaN]], better: "higher", set: "b" }], options),
  ).toThrow(/not finite/);
  expect(() =>
    paretoFront([axes[0]!, { scores: [[1], [1], [2]], better: "higher" }], options),
  ).toThrow(/same prompts; got 120 and 1/);
});
