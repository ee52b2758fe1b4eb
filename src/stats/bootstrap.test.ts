import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { bootstrapInterval, intervalFromReplicates, quantileOfSorted } from "./bootstrap.ts";
import { clusteredMean } from "./clusters.ts";
import { mean } from "./intervals.ts";

const values = [1.5, 2.25, -0.5, 3, 4.75, 2, 0.25, 1, 9.5, 3.75];

/**
 * 200 resampled means by a linear congruential generator, so that scipy can be given the very same
 * replicates.
 */
function fixedReplicates(): number[] {
  let state = 12345;
  return Array.from({ length: 200 }, () => {
    let total = 0;
    for (let j = 0; j < values.length; j++) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      total += values[(state >> 16) % values.length]!;
    }
    return total / values.length;
  });
}

const leaveOneOut = values.map((_, left) => mean(values.filter((_value, i) => i !== left)));

describe("against scipy 1.17.1", () => {
  // scipy.stats.bootstrap((x,), np.mean, n_resamples=0, bootstrap_result=..., confidence_level=0.9)
  test("the same replicates give the same intervals", () => {
    const bca = intervalFromReplicates({
      estimate: mean(values),
      replicates: fixedReplicates(),
      jackknife: leaveOneOut,
      confidence: 0.9,
    });
    expect(bca.method).toBe("bca");
    expect(bca.low).toBeCloseTo(1.5981221614183847, 11);
    expect(bca.high).toBeCloseTo(4.457598442202975, 11);
    const percentile = intervalFromReplicates({
      estimate: mean(values),
      replicates: fixedReplicates(),
      jackknife: [],
      confidence: 0.9,
    });
    expect(percentile.low).toBeCloseTo(1.2975, 11);
    expect(percentile.high).toBeCloseTo(4.2525, 11);
  });

  test("many replicates give scipy's interval of 200,000", () => {
    const interval = bootstrapInterval(values, mean, { random: new Random(1), resamples: 40_000 });
    expect(Math.abs(interval.low - 1.5)).toBeLessThan(0.05);
    expect(Math.abs(interval.high - 5.075)).toBeLessThan(0.08);
  });
});

test("the same seed gives the same interval, another seed another", () => {
  const run = (seed: number): number =>
    bootstrapInterval(values, mean, { random: new Random(seed) }).low;
  expect(run(5)).toBe(run(5));
  expect(run(5)).not.toBe(run(6));
});

test("clusters are drawn whole: the spread is that of the clustered standard error", () => {
  const random = new Random(8);
  const clusters = Array.from({ length: 200 }, (_, i) => i % 40);
  const shift = Array.from({ length: 40 }, () => random.normal());
  const sample = clusters.map((label) => shift[label]! + 0.3 * random.normal());
  const clustered = bootstrapInterval(sample, mean, { random, clusters, method: "percentile" });
  const naive = bootstrapInterval(sample, mean, { random, method: "percentile" });
  expect(clustered.standardError / clusteredMean(sample, clusters).standardError).toBeGreaterThan(
    0.93,
  );
  expect(clustered.standardError / clusteredMean(sample, clusters).standardError).toBeLessThan(
    1.07,
  );
  expect(clustered.standardError / naive.standardError).toBeGreaterThan(1.8);
});

test("covers the mean of a skewed distribution, BCa better than a plain percentile does", () => {
  // Exponential, n = 15: percentile intervals are known to cover about 89% here, BCa about 91%.
  const random = new Random(11);
  const covered = { percentile: 0, bca: 0 };
  const rounds = 600;
  for (let round = 0; round < rounds; round++) {
    const sample = Array.from({ length: 15 }, () => -Math.log(1 - random.uniform()));
    for (const method of ["percentile", "bca"] as const) {
      const { low, high } = bootstrapInterval(sample, mean, { random, resamples: 400, method });
      if (low <= 1 && 1 <= high) covered[method]++;
    }
  }
  expect(covered.percentile / rounds).toBeGreaterThan(0.85);
  expect(covered.bca).toBeGreaterThan(covered.percentile);
  expect(covered.bca / rounds).toBeLessThan(0.97);
});

test("edge cases: nothing, no spread, a statistic that breaks", () => {
  const random = new Random(1);
  expect(bootstrapInterval([], mean, { random })).toMatchObject({
    estimate: NaN,
    low: -Infinity,
    high: Infinity,
  });
  expect(bootstrapInterval([2, 2, 2], mean, { random })).toMatchObject({
    low: -Infinity,
    high: Infinity,
    noClaim: "all resamples agree",
  });
  // No resample has all the values: every replicate lies below the estimate, so BCa has no answer.
  const distinct = (sample: readonly number[]): number => new Set(sample).size;
  expect(
    bootstrapInterval(
      Array.from({ length: 20 }, (_, i) => i),
      distinct,
      { random, resamples: 200 },
    ),
  ).toMatchObject({ estimate: 20, method: "percentile" });
  expect(() => bootstrapInterval([1, 2], () => NaN, { random })).toThrow(/not finite/);
  expect(() => bootstrapInterval([1, 2], mean, { random, resamples: 0 })).toThrow(RangeError);
});

test("quantiles interpolate as numpy does", () => {
  expect([0, 0.1, 0.5, 1].map((level) => quantileOfSorted([1, 2, 4, 8], level))).toEqual([
    1, 1.3, 3, 8,
  ]);
});
