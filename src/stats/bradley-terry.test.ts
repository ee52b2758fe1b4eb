import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { differenceError, elo, fitBradleyTerry } from "./bradley-terry.ts";
import type { Comparison } from "./bradley-terry.ts";
import { fitLogistic } from "./logistic.ts";
import { sigmoid } from "./special.ts";

const comparisons: Comparison[] = (
  [
    [0, 1, 1, 0],
    [0, 1, 1, 0],
    [0, 1, 0, 1],
    [1, 2, 1, 1],
    [1, 2, 0.5, 2],
    [2, 0, 0.5, 2],
    [2, 0, 1, 3],
    [3, 0, 0, 3],
    [3, 1, 1, 4],
    [3, 2, 0, 4],
    [3, 2, 0.5, 5],
    [0, 1, 0.5, 5],
    [1, 3, 1, 6],
  ] as const
).map(([x, y, outcome, cluster]) => ({ a: x, b: y, outcome, cluster }));
const unclustered = comparisons.map(({ a, b, outcome }) => ({ a, b, outcome }));

/** CR3 by clubSandwich, which leaves out the jackknife's factor (G - 1) / G. */
const golden = JSON.parse(
  readFileSync(new URL("golden/clusters.json", import.meta.url), "utf8"),
) as { bradleyTerry: { standardErrors: number[] }; weighted: { covariance: number[] } };

function expectClose(got: ArrayLike<number>, want: readonly number[], digits: number): void {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => expect(got[i], `number ${i}`).toBeCloseTo(value, digits));
}

describe("against statsmodels 0.15.0 and scipy 1.17.1", () => {
  test("without a prior: GLM(Binomial), HC0 and clubSandwich's clustered errors", () => {
    const fit = fitBradleyTerry(unclustered, 4, { regularisation: 0 });
    expectClose(
      fit.strengths,
      [0, -0.24936615322794906, -0.05335445381244782, -0.9706406073084501],
      9,
    );
    expectClose(
      fit.standardErrors,
      [0, 0.7083809099213497, 0.7486450667508622, 0.9569737197992771],
      9,
    );
    const clustered = fitBradleyTerry(comparisons, 4, { regularisation: 0 });
    expectClose(
      clustered.standardErrors,
      [0, ...golden.bradleyTerry.standardErrors.map((error) => error * Math.sqrt(6 / 7))],
      6,
    );
  });

  test("with a prior, and Davidson's ties: minimisation of the written-out likelihood", () => {
    expectClose(
      fitBradleyTerry(comparisons, 4, { regularisation: 0.3 }).strengths,
      [0, -0.21324170881006407, -0.03761509990096604, -0.7998913074931024],
      6,
    );
    const ties = fitBradleyTerry(comparisons, 4, { ties: "davidson", regularisation: 0 });
    expectClose(
      ties.strengths,
      [0, -0.3703622741183313, -0.07885989673455136, -1.4474084578438635],
      6,
    );
    expect(Math.log(ties.tiePropensity!)).toBeCloseTo(-0.03900780202823757, 6);
    const regular = fitBradleyTerry(comparisons, 4, { ties: "davidson", regularisation: 0.3 });
    expectClose(
      regular.strengths,
      [
        0,
        0.06395981207707749 - 0.3576821716275063,
        0.3100368856448176 - 0.3576821716275063,
        -0.7316787675635944 - 0.3576821716275063,
      ],
      6,
    );
  });

  test("logistic regression with weights, soft targets and clusters: GLM with freq_weights; HC0 of GLM over the repeated rows; clubSandwich", () => {
    const x = [-1, 0.5, 0.2, 1.5, -0.3, 2, -1.5, 0.9];
    const data = {
      columns: 2,
      rows: x.map((value) => ({ indices: [0, 1], values: [1, value] })),
      targets: [0, 1, 0.5, 1, 0, 0.8, 0.2, 0],
      weights: [1, 2, 1, 1, 3, 1, 1, 1],
    };
    const fit = fitLogistic(data);
    expectClose(fit.coefficients, [-0.837326803391584, 1.6105963528103204], 9);
    expectClose(
      fit.covariance,
      [0.31572018896067344, 0.0010442450858273134, 0.0010442450858274017, 0.4228604394698137],
      9,
    );
    const clustered = fitLogistic({ ...data, clusters: [0, 0, 1, 1, 2, 2, 3, 3] });
    // Four clusters: the model's errors are larger than the jackknife's, and those count.
    for (const i of [0, 3])
      expect(clustered.covariance[i]).toBeGreaterThan((golden.weighted.covariance[i]! * 3) / 4);
  });
});

describe("symmetries", () => {
  const game = fc
    .tuple(
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 0.5, 1),
    )
    .map(([a, step, outcome]) => ({ a, b: (a + step) % 5, outcome }));

  test("swapping sides changes nothing; reversing all outcomes reverses strengths; copies are weights", () => {
    fc.assert(
      fc.property(
        fc.array(game, { minLength: 1, maxLength: 40 }),
        fc.constantFrom("half" as const, "davidson" as const),
        (games, ties) => {
          const tied = games.filter(({ outcome }) => outcome === 0.5).length;
          fc.pre(ties === "half" || (tied > 0 && tied < games.length));
          const options = { ties, regularisation: 0.1 };
          const fit = fitBradleyTerry(games, 5, options);
          const swapped = fitBradleyTerry(
            games.map(({ a, b, outcome }) => ({ a: b, b: a, outcome: 1 - outcome })),
            5,
            options,
          );
          const reversed = fitBradleyTerry(
            games.map((each) => ({ ...each, outcome: 1 - each.outcome })),
            5,
            options,
          );
          const doubled = fitBradleyTerry([...games, ...games], 5, options);
          const weighted = fitBradleyTerry(
            games.map((each) => ({ ...each, weight: 2 })),
            5,
            options,
          );
          expectClose(swapped.strengths, [...fit.strengths], 8);
          expectClose(
            reversed.strengths,
            [...fit.strengths].map((x) => -x),
            8,
          );
          expectClose(weighted.strengths, [...doubled.strengths], 8);
          expectClose(weighted.covariance, [...doubled.covariance], 8);
          const clustered = (list: readonly Comparison[]): Float64Array =>
            fitBradleyTerry(
              list.map((each) => ({ ...each, cluster: each.a })),
              5,
              options,
            ).covariance;
          expectClose(
            clustered(games.map((each) => ({ ...each, weight: 2 }))),
            [...clustered([...games, ...games])],
            8,
          );
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });

  test("another anchor shifts all strengths and keeps every difference and its error", () => {
    const [first, other] = [
      fitBradleyTerry(comparisons, 4),
      fitBradleyTerry(comparisons, 4, { anchor: 2 }),
    ];
    expectClose(
      other.strengths,
      [...first.strengths].map((x) => x - first.strengths[2]!),
      10,
    );
    expect(differenceError(first.covariance, 4, 3, 2)).toBeCloseTo(other.standardErrors[3]!, 10);
  });
});

test("recovers known strengths, and its errors are as large as they say", () => {
  const random = new Random(5);
  const truth = [0, 0.8, -0.5, 1.5];
  let covered = 0;
  const rounds = 300;
  for (let round = 0; round < rounds; round++) {
    const games = Array.from({ length: 400 }, () => {
      const a = random.integer(4);
      const b = (a + 1 + random.integer(3)) % 4;
      return { a, b, outcome: random.chance(sigmoid(truth[a]! - truth[b]!)) ? 1 : 0 };
    });
    const { strengths, standardErrors } = fitBradleyTerry(games, 4);
    for (const i of [1, 2, 3])
      if (Math.abs(strengths[i]! - truth[i]!) <= 1.96 * standardErrors[i]!) covered++;
  }
  expect(covered / (3 * rounds)).toBeGreaterThan(0.93);
  expect(covered / (3 * rounds)).toBeLessThan(0.97);
});

test("few clusters that are all on one side leave strengths open, and one cluster alone tells nothing", () => {
  const won = Array.from({ length: 24 }, (_, i): Comparison => ({
    a: 1,
    b: 0,
    outcome: 1,
    cluster: i % 4,
  }));
  const { standardErrors, degreesOfFreedom, strengths } = fitBradleyTerry(won, 2);
  expect(degreesOfFreedom[1]).toBeCloseTo(3, 9);
  // Three standard errors reach from certainty to even odds.
  expect(strengths[1]! - 3 * standardErrors[1]!).toBeLessThan(0);
  const alone = fitBradleyTerry(
    won.map((each) => ({ ...each, cluster: 0 })),
    2,
  );
  expect([alone.standardErrors[1], alone.degreesOfFreedom[1]]).toEqual([Infinity, 0]);
});

describe("what the data cannot say", () => {
  test("a player that never lost is refused without a prior, and finite with one", () => {
    const games = [
      { a: 0, b: 1, outcome: 1 },
      { a: 1, b: 2, outcome: 1 },
      { a: 2, b: 1, outcome: 1 },
    ];
    expect(() => fitBradleyTerry(games, 3, { regularisation: 0 })).toThrow(
      /undetermined[^]*player 1, or a group with it, never wins/,
    );
    expect(fitBradleyTerry(games, 3).strengths.every(Number.isFinite)).toBe(true);
  });

  test("players that nothing links to the anchor have an infinite error", () => {
    const fit = fitBradleyTerry(
      [
        { a: 0, b: 1, outcome: 1 },
        { a: 0, b: 1, outcome: 0 },
        { a: 2, b: 3, outcome: 1 },
      ],
      4,
    );
    expect(fit.groups[0]).toBe(fit.groups[1]);
    expect(fit.groups[0]).not.toBe(fit.groups[2]);
    expect([...fit.standardErrors].map(Number.isFinite)).toEqual([true, true, false, false]);
  });

  test("bad comparisons are refused by number", () => {
    expect(() => fitBradleyTerry([], 2)).toThrow(/no comparisons/);
    expect(() => fitBradleyTerry([{ a: 0, b: 0, outcome: 1 }], 2)).toThrow(/comparison 1/);
    expect(() => fitBradleyTerry([{ a: 0, b: 1, outcome: 1.2 }], 2)).toThrow(/not a probability/);
    expect(() => fitBradleyTerry([{ a: 0, b: 1, outcome: 1 }], 2, { ties: "davidson" })).toThrow(
      /0 ties in 1/,
    );
    expect(() =>
      fitLogistic({ columns: 1, rows: [{ indices: [0], values: [1] }], targets: [1] }),
    ).toThrow(/no finite answer/);
  });
});

test("the chess scale: 400 points are ten to one", () => {
  expect(elo(Math.log(10))).toBeCloseTo(1400, 10);
});
