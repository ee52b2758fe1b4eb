/**
 * Clustered estimates: against clubSandwich, at their limits, and their coverage by simulation
 * (scripts/coverage.ts has the whole grid).
 */
import { readFileSync } from "node:fs";
import { assert, array, constantFrom, integer, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { calibration } from "./calibration.ts";
import { clusteredMean, effectiveSize, satterthwaite, twoSidedStudent } from "./clusters.ts";
import { clopperPearson, mean, meanInterval, shareInterval } from "./intervals.ts";
import { fitLogistic } from "./logistic.ts";
import { mcnemarExact, pairedDifference, pairedShareDifference, signTest } from "./paired.ts";
import { signFlipTest } from "./sign-flips.ts";
import { studentTwoSided } from "./special.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { SHAPES, measureCoverage } from "./testing/coverage.ts";

interface Golden {
  means: {
    name: string;
    values: number[];
    clusters: number[];
    standardError: number;
    degreesOfFreedom: number;
    pValue: number;
    low: number;
    high: number;
  }[];
  logistic: {
    name: string;
    feature: number[];
    targets: number[];
    clusters: number[];
    coefficients: number[];
    covariance: number[];
  }[];
}
const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8")) as T;
const golden = read<Golden>("clusters");
const tests = read<{
  flips: { sums: number[]; p: number }[];
  binomial: [number, number, number][];
}>("tests");

describe("against clubSandwich", () => {
  test.each(golden.means)(
    "CR2 with Satterthwaite's degrees of freedom: $name",
    ({ values, clusters, standardError, degreesOfFreedom, pValue, low, high }) => {
      const found = pairedDifference(
        values,
        values.map(() => 0),
        { clusters },
      );
      expect(found.standardError).toBeCloseTo(standardError, 11);
      const sizes = [...new Set(clusters)].map(
        (label) => clusters.filter((each) => each === label).length,
      );
      const freedom = satterthwaite(sizes.map((size) => size / values.length));
      expect(freedom).toBeCloseTo(degreesOfFreedom, 9);
      expect(found.estimate - twoSidedStudent(0.95, freedom) * found.standardError).toBeCloseTo(
        low,
        9,
      );
      expect(found.estimate + twoSidedStudent(0.95, freedom) * found.standardError).toBeCloseTo(
        high,
        9,
      );
      expect(studentTwoSided(found.estimate / found.standardError, freedom)).toBeCloseTo(pValue, 9);
      // Ours has fewer where values are alike within unequal clusters.
      expect(found.degreesOfFreedom).toBeLessThanOrEqual(freedom + 1e-12);
      if (new Set(sizes).size === 1) expect(found.degreesOfFreedom).toBeCloseTo(freedom, 9);
    },
  );

  test.each(golden.logistic)(
    "CR3 of a logistic regression, with the jackknife's factor: $name",
    ({ feature, targets, clusters, coefficients, covariance }) => {
      const fit = fitLogistic({
        columns: 2,
        rows: feature.map((x) => ({ indices: [0, 1], values: [1, x] })),
        targets,
        clusters,
      });
      const groups = new Set(clusters).size;
      coefficients.forEach((value, i) => expect(fit.coefficients[i]).toBeCloseTo(value, 9));
      covariance.forEach((value, i) =>
        expect(fit.covariance[i]).toBeCloseTo((value * (groups - 1)) / groups, 7),
      );
      expect(fit.degreesOfFreedom(0)).toBeLessThanOrEqual(groups - 1 + 1e-9);
      expect(fit.degreesOfFreedom(0)).toBeGreaterThan(1);
    },
  );
});

describe("tests by flipped signs", () => {
  test("equal scipy's permutation test over all patterns, and McNemar's test", () => {
    for (const { sums, p } of tests.flips) expect(signFlipTest(sums)).toBeCloseTo(p, 12);
    for (const [wins, losses, p] of tests.binomial) {
      expect(
        signFlipTest([...Array<number>(wins).fill(1), ...Array<number>(losses).fill(-1), 0, 0]),
      ).toBeCloseTo(p, 11);
      expect(mcnemarExact(wins, losses).pValue).toBeCloseTo(p, 11);
    }
    // Too many units to try all, and no whole numbers: seeded flips, so the same p-value every
    // time.
    const sums = Array.from({ length: 20 }, (_, i) => Math.sin(i) + 0.3);
    expect(signFlipTest(sums)).toBe(signFlipTest(sums));
    expect(signFlipTest([0, 0])).toBe(1);
    expect(signFlipTest([])).toBeNaN();
  });

  test("a clustered p-value is that of the clusters' sums, wherever one is printed", () => {
    const a = [true, true, true, true, true, true, true, true, false];
    const b = a.map(() => false);
    const clusters = [0, 0, 0, 0, 1, 1, 1, 1, 2];
    // Eight prompts won of two people: plain McNemar says 0.008.
    expect(pairedShareDifference(a, b).pValue).toBeLessThan(0.01);
    expect(pairedShareDifference(a, b, { clusters }).pValue).toBe(0.5);
    expect(signTest(a.map(Number), b.map(Number), { clusters }).pValue).toBe(0.5);
    expect(
      pairedDifference(a.map(Number), b.map(Number), { clusters, range: [-1, 1] }).pValue,
    ).toBe(0.5);
  });
});

describe("limits", () => {
  test("clusters of one are no clusters; the effective size lies between the clusters and the observations", () => {
    assert(
      property(
        array(tuple(constantFrom(0, 1), integer({ min: 0, max: 6 })), {
          minLength: 6,
          maxLength: 40,
        }),
        (rows) => {
          const [values, labels] = [rows.map(([value]) => value), rows.map(([, label]) => label)];
          const groups = new Set(labels).size;
          const found = clusteredMean(values, labels);
          if (groups < 2) return;
          expect(found.degreesOfFreedom).toBeLessThanOrEqual(groups - 1 + 1e-9);
          const size = effectiveSize(found, 0.95);
          expect(size).toBeGreaterThanOrEqual(found.leastSize - 1e-9);
          expect(size).toBeLessThanOrEqual(values.length + 1e-9);
          expect(found.leastSize).toBeLessThanOrEqual(groups + 1e-9);
          const own = clusteredMean(
            values,
            values.map((_, i) => i),
          );
          expect(own.leastSize).toBeCloseTo(values.length, 9);
          expect(own.degreesOfFreedom).toBeCloseTo(values.length - 1, 6);
        },
      ),
      { seed: 23, numRuns: 60 },
    );
    for (const groups of [2, 3, 10])
      expect(satterthwaite(Array<number>(groups).fill(1 / groups))).toBeCloseTo(groups - 1, 9);
  });

  test("what cannot be claimed is said, not shown as an interval", () => {
    const values = [1, 2, 3, 4, 5, 6];
    const reasons = (labels: number[]): unknown[] => {
      const all = [
        meanInterval(values, { clusters: labels }),
        meanInterval(values, { clusters: labels, range: [0, 10] }),
        shareInterval(
          values.map((x) => x % 2),
          { clusters: labels },
        ),
        bootstrapInterval(values, mean, { random: new Random(1), clusters: labels }),
      ];
      return all.map(({ noClaim }) => noClaim);
    };
    expect(reasons([0, 0, 0, 0, 0, 0])).toEqual(Array(4).fill("1 independent group"));
    expect(reasons([0, 0, 0, 1, 1, 1])).toEqual(Array(4).fill("2 independent groups"));
    expect(reasons([0, 0, 1, 1, 2, 2])).toEqual(Array(4).fill(undefined));
    expect(meanInterval([4, 4, 4])).toMatchObject({
      low: -Infinity,
      high: Infinity,
      noClaim: "all values are equal",
    });
    expect(meanInterval([4])).toMatchObject({
      low: -Infinity,
      high: Infinity,
      noClaim: "1 observation",
    });
    expect(meanInterval([], { clusters: [] })).toMatchObject({
      estimate: NaN,
      noClaim: "nothing observed",
    });
    const labels = [...Array<number>(500).fill(0), 1, 2];
    expect(
      meanInterval(
        labels.map((_, i) => Math.sin(i)),
        { clusters: labels },
      ),
    ).toMatchObject({ low: -Infinity, noClaim: "one group holds nearly all" });
    expect(() => meanInterval([0, 2], { range: [0, 1] })).toThrow(/must lie in \[0, 1\]; got 2/);
  });

  test("where nothing differs the interval of a difference has a width, with clusters too", () => {
    const none = Array<boolean>(60).fill(false);
    const width = (groups: number): number => {
      const { low, high, pValue } = pairedShareDifference(none, none, {
        clusters: none.map((_, i) => i % groups),
      });
      expect([pValue, high]).toEqual([1, -low]);
      return high;
    };
    expect(width(5)).toBeGreaterThan(width(20));
    expect(width(20)).toBeGreaterThan(width(60));
    expect(width(60)).toBeCloseTo(pairedShareDifference(none, none).high, 12);
    const scores = none.map(() => 0.7);
    expect(
      meanInterval(scores, { range: [0, 1], clusters: none.map((_, i) => i % 5) }),
    ).toMatchObject({
      estimate: expect.closeTo(0.7, 12) as number,
      low: expect.any(Number) as number,
    });
  });

  test("the closed form of the degrees of freedom is that of the matrices", () => {
    const [weights, variances] = [
      [0.4, 0.3, 0.2, 0.1],
      [1, 0.5, 2, 3],
    ];
    const deviations = weights.map((_, g) =>
      weights.map((weight, h) => (g === h ? 1 : 0) - weight),
    );
    const covariance = deviations.map((row) =>
      deviations.map((other) => row.reduce((sum, x, k) => sum + x * other[k]! * variances[k]!, 0)),
    );
    const scaled = covariance.map((row, g) =>
      row.map((value) => (value * weights[g]! ** 2) / (1 - weights[g]!)),
    );
    const trace = scaled.reduce((sum, row, g) => sum + row[g]!, 0);
    const square = scaled.reduce(
      (sum, row, g) => sum + row.reduce((inner, value, h) => inner + value * scaled[h]![g]!, 0),
      0,
    );
    expect(satterthwaite(weights, variances)).toBeCloseTo(trace ** 2 / square, 10);
  });

  test("bins of a calibration count clusters", () => {
    const predictions = Array.from({ length: 40 }, () => 0.6);
    const targets = predictions.map((_, i) => (i % 4 === 0 ? 0 : 1));
    const clusters = predictions.map((_, i) => i % 4);
    const [plain, clustered] = [
      calibration(predictions, targets).bins[0]!.observed,
      calibration(predictions, targets, { clusters }).bins[0]!.observed,
    ];
    expect(clustered.estimate).toBe(plain.estimate);
    expect(clustered.low).toBeCloseTo(clopperPearson(3, 4).low, 9);
    expect(clustered.high - clustered.low).toBeGreaterThan(2 * (plain.high - plain.low));
  });
});

// A small part of the grid, with fixed seeds: bounds leave room for the error of 400 rounds (1.1
// points).
describe("coverage and error of the first kind", () => {
  const grid = (["equal", "unequal", "half"] as const).flatMap((shape) =>
    [3, 8].flatMap((groups) => [0.3, 1].map((correlation) => ({ shape, groups, correlation }))),
  );
  test.each(grid)("$groups clusters, $shape, correlation $correlation", (scenario) => {
    expect(Object.keys(SHAPES)).toContain(scenario.shape);
    for (const { estimator, covered, rejected } of measureCoverage(scenario, {
      rounds: 400,
      seed: 23,
      quick: true,
    })) {
      expect({ estimator, covered: covered >= 0.91 || covered }).toEqual({
        estimator,
        covered: true,
      });
      if (rejected !== undefined)
        expect({ estimator, rejected: rejected <= 0.085 || rejected }).toEqual({
          estimator,
          rejected: true,
        });
    }
  });
});
