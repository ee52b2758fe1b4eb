/** Multiple testing, power and over-optimisation. */
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import type { Interval } from "./intervals.ts";
import { twoSidedNormal } from "./intervals.ts";
import {
  benjaminiHochberg,
  bonferroni,
  holm,
  simultaneousConfidence,
  simultaneousIntervals,
} from "./multiple-testing.ts";
import {
  bestOfN,
  bestOfNCurve,
  bestOfNKl,
  fitOptimisation,
  optimisationReward,
} from "./over-optimisation.ts";
import {
  comparisonsForShare,
  designEffect,
  detectableDifference,
  detectableShare,
  promptsForDifference,
} from "./power.ts";
import { studentTwoSided } from "./special.ts";

describe("multiple testing", () => {
  const p = [0.01, 0.04, 0.03, 0.005, 0.2, 0.04, 0.9];

  test("equals statsmodels 0.15.0 multipletests", () => {
    [0.06, 0.16, 0.15, 0.035, 0.4, 0.16, 0.9].forEach((want, i) =>
      expect(holm(p)[i]).toBeCloseTo(want, 12),
    );
    [0.035, 0.056, 0.056, 0.035, 0.7 / 3, 0.056, 0.9].forEach((want, i) =>
      expect(benjaminiHochberg(p)[i]).toBeCloseTo(want, 12),
    );
  });

  test("equals multipletests on sets of 1 to 20, equal ones among them", () => {
    const { adjusted } = JSON.parse(
      readFileSync(new URL("./golden/estimators.json", import.meta.url), "utf8"),
    ) as { adjusted: Record<"p" | "holm" | "discovery" | "bonferroni", number[]>[] };
    for (const set of adjusted) {
      for (const [found, want] of [
        [holm(set.p), set.holm],
        [benjaminiHochberg(set.p), set.discovery],
        [bonferroni(set.p), set.bonferroni],
      ] as const)
        for (const [i, value] of want.entries()) expect(found[i]).toBeCloseTo(value, 12);
    }
    expect(adjusted.map((set) => set.p.length)).toEqual([1, 3, 8, 20]);
  });

  /** A normal estimate with error 1. */
  const comparison = (
    estimate: number,
  ): { pValue: number; intervalAt: (confidence: number) => Interval } => ({
    pValue: studentTwoSided(estimate, Infinity),
    intervalAt: (confidence) => ({
      estimate,
      low: estimate - twoSidedNormal(confidence),
      high: estimate + twoSidedNormal(confidence),
      n: 10,
    }),
  });

  test("simultaneous intervals never contradict Holm", () => {
    // Bonferroni asks for 2.39 of three; Holm for 2.39, 2.24 and 1.96, one after the other
    const [first, second, third] = simultaneousIntervals([3, -2.3, 1.5].map(comparison));
    expect(first).toMatchObject({ side: 1 });
    expect(first!.low).toBeCloseTo(3 - 2.394, 3);
    expect(second).toMatchObject({ side: -1, high: 0 });
    expect(second!.low).toBeCloseTo(-2.3 - 2.394, 3);
    expect(third).toMatchObject({ side: 0 });
    expect(third!.low).toBeLessThan(0);
    expect(simultaneousConfidence(0.95, 5)).toBeCloseTo(0.99, 12);
    expect(simultaneousIntervals([])).toEqual([]);
    expect(() => simultaneousConfidence(0.95, 0)).toThrow(/from 1; got 0/);
    const nothing = { estimate: 1, low: -1, high: 1, n: 2, noClaim: "2 independent groups" };
    expect(simultaneousIntervals([{ pValue: 0.001, intervalAt: () => nothing }])[0]!.side).toBe(0);
  });

  test("all of them hold in 95%, whichever are rejected", () => {
    const random = new Random(5);
    for (const truths of [
      [0, 0, 0, 0],
      [3, -2.5, 0.3, 0],
      [6, 6, 2.2, 0.1],
    ]) {
      let held = 0;
      const rounds = 1000;
      for (let round = 0; round < rounds; round++) {
        const found = simultaneousIntervals(
          truths.map((truth) => comparison(truth + random.normal())),
        );
        if (found.every(({ low, high }, i) => low <= truths[i]! && truths[i]! <= high)) held++;
      }
      expect(held / rounds).toBeGreaterThan(0.93);
    }
  });

  test("never below the raw p-value, in its order, and Holm never below Benjamini-Hochberg", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        (values) => {
          const [family, discovery] = [holm(values), benjaminiHochberg(values)];
          for (const [i, value] of values.entries()) {
            expect(discovery[i]).toBeGreaterThanOrEqual(value - 1e-15);
            expect(family[i]).toBeGreaterThanOrEqual(discovery[i]! - 1e-15);
            for (const [j, other] of values.entries())
              if (value < other) expect(family[i]).toBeLessThanOrEqual(family[j]!);
          }
        },
      ),
      { seed: 6 },
    );
    expect(() => holm([0.5, NaN])).toThrow(RangeError);
  });
});

describe("power", () => {
  test("comparisons against 50% are the published ones", () => {
    // Two-sided 5%, power 80%, no ties, no clusters.
    for (const [share, n] of [
      [0.52, 4904],
      [0.55, 783],
      [0.6, 194],
      [0.65, 85],
    ] as const)
      expect(comparisonsForShare(share)).toBe(n);
    expect(comparisonsForShare(0.55, 0.5, { designEffect: 2 })).toBe(1566);
    expect(comparisonsForShare(0.5)).toBe(Infinity);
  });

  test("the detectable share is the one that needs just this many", () => {
    for (const n of [85, 194, 783, 2000]) {
      expect(comparisonsForShare(detectableShare(n))).toBeLessThanOrEqual(n);
      expect(comparisonsForShare(detectableShare(n) - 0.002)).toBeGreaterThan(n);
    }
    expect(detectableShare(2)).toBeNaN();
  });

  test("ties tell more for their number, and are fewer where the win rate needs it", () => {
    // half of them: variances of 0.125 and 0.125 - 0.0025, by hand
    const root = 1.959964 * Math.sqrt(0.125) + 0.841621 * Math.sqrt(0.1225);
    expect(comparisonsForShare(0.55, 0.5, { decided: 0.5 })).toBe(Math.ceil((root / 0.05) ** 2));
    expect(detectableShare(100, { decided: 0.5 })).toBeLessThan(detectableShare(100));
    const few = comparisonsForShare(0.75, 0.5, { decided: 0.1 });
    expect(few).toBe(comparisonsForShare(0.75, 0.5, { decided: 0.5 }));
  });

  test("promised power is what simulation finds", () => {
    const n = promptsForDifference(0.3, 1);
    expect(n).toBe(88);
    expect(detectableDifference(n, 1)).toBeCloseTo(0.3, 2);
    const random = new Random(7);
    let found = 0;
    for (let round = 0; round < 2000; round++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += 0.3 + random.normal();
      if (Math.abs(sum / Math.sqrt(n)) > 1.96) found++;
    }
    expect(Math.abs(found / 2000 - 0.8)).toBeLessThan(0.03);
    expect(designEffect(5, 0.25)).toBe(2);
  });
});

describe("over-optimisation", () => {
  test("KL of best-of-n", () => {
    for (const [n, kl] of [
      [1, 0],
      [2, 0.193],
      [4, 0.636],
      [16, 1.835],
      [64, 3.1745],
      [256, 4.549],
      [1024, 5.932],
      [4096, 7.318],
    ] as const)
      expect(bestOfNKl(n)).toBeCloseTo(kl, 3);
    expect(() => bestOfNKl(0)).toThrow(RangeError);
  });

  test("best-of-n equals the mean over all subsets, ties drawn fairly", () => {
    const random = new Random(2);
    const proxy = [0.3, 1.2, 0.3, -1, 2, 2, 0.3, 0.9];
    const gold = proxy.map(() => random.normal());
    for (const n of [1, 2, 3, 5, 8]) {
      let [total, count] = [0, 0];
      for (let bits = 0; bits < 2 ** proxy.length; bits++) {
        const subset = proxy.map((_, i) => i).filter((i) => (bits >> i) & 1);
        if (subset.length !== n) continue;
        const top = Math.max(...subset.map((i) => proxy[i]!));
        const best = subset.filter((i) => proxy[i] === top);
        total += best.reduce((sum, i) => sum + gold[i]!, 0) / best.length;
        count++;
      }
      expect(bestOfN(proxy, gold, n)).toBeCloseTo(total / count, 12);
    }
    expect(() => bestOfN(proxy, gold, 9)).toThrow(/best of 9 cannot be estimated from 8 samples/);
  });

  test("the whole curve equals every point of it", () => {
    const random = new Random(3);
    const proxy = Array.from({ length: 300 }, () => Math.round(20 * random.normal()) / 10);
    const gold = proxy.map((score) => score + random.normal());
    const curve = bestOfNCurve(proxy, gold);
    expect(curve).toHaveLength(300);
    curve.forEach((value, index) => expect(value).toBeCloseTo(bestOfN(proxy, gold, index + 1), 9));
    expect(bestOfNCurve([4, 1, 1], [1, 2, 4])).toEqual([
      7 / 3,
      expect.closeTo((2 * 1 + 3) / 3, 12),
      1,
    ]);
    expect(bestOfNCurve([], [])).toEqual([]);
  });

  test("a large pool does not overflow", () => {
    const scores = Array.from({ length: 5000 }, (_, i) => i / 5000);
    expect(bestOfN(scores, scores, 1000)).toBeCloseTo(1000 / 1001, 3);
    expect(bestOfNCurve(scores.slice(0, 2000), scores.slice(0, 2000))[999]).toBeCloseTo(
      (1000 / 1001) * 0.4,
      3,
    );
  });

  const distance = [0.5, 1, 1.5, 2, 2.5, 3];
  const reward = [0.6, 1.05, 1.2, 1.25, 1.1, 0.8];
  const points = distance.map((d, i) => ({
    distance: d,
    reward: reward[i]!,
    weight: [1, 2, 1, 1, 3, 1][i]!,
  }));

  test("fits and their t intervals equal statsmodels' WLS; two points have none", () => {
    const golden = JSON.parse(
      readFileSync(new URL("golden/tests.json", import.meta.url), "utf8"),
    ) as {
      weighted: {
        kind: "best-of-n" | "rl";
        coefficients: number[];
        intervals: [number, number][];
      }[];
    };
    for (const { kind, coefficients, intervals } of golden.weighted) {
      const { alpha, beta } = fitOptimisation(kind, points);
      for (const [i, found] of [alpha, beta].entries()) {
        expect(found.estimate).toBeCloseTo(coefficients[i]!, 11);
        expect(found.low).toBeCloseTo(intervals[i]![0], 10);
        expect(found.high).toBeCloseTo(intervals[i]![1], 10);
      }
    }
    expect(fitOptimisation("rl", points.slice(1, 3)).alpha).toMatchObject({
      low: -Infinity,
      noClaim: "2 points",
    });
  });

  test("exact laws are recovered, with the published peaks; points near 0 do not disturb the RL law", () => {
    for (const kind of ["best-of-n", "rl"] as const) {
      const law = [0, 0.01, 0.3, 0.8, 1.5, 2.5, 4].map((d) => ({
        distance: d,
        reward: d === 0.01 && kind === "rl" ? 5 : optimisationReward(kind, 1.2, 0.4, d),
      }));
      const fit = fitOptimisation(kind, law);
      expect(fit.alpha.estimate).toBeCloseTo(1.2, 10);
      expect(fit.beta.estimate).toBeCloseTo(0.4, 10);
      expect(fit.peakDistance).toBeCloseTo(kind === "rl" ? Math.exp(1.2 / 0.4 - 1) : 1.2 / 0.8, 9);
      expect(fit.peakReward).toBeCloseTo(kind === "rl" ? 0.4 * Math.exp(2) : 1.2 ** 2 / 1.6, 9);
      expect(fit.residual).toBeLessThan(1e-10);
    }
  });

  test("a curve that never turns has its peak at infinity; one distance is not a curve", () => {
    const rising = [1, 2, 3].map((d) => ({ distance: d, reward: d + 0.2 * d * d }));
    expect(fitOptimisation("best-of-n", rising)).toMatchObject({
      peakDistance: Infinity,
      peakReward: NaN,
    });
    expect(() =>
      fitOptimisation("rl", [
        { distance: 0, reward: 0 },
        { distance: 1, reward: 1 },
      ]),
    ).toThrow(/1 usable of 2 points/);
  });
});
