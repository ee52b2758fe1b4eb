/** Replicates by counts have the distribution of those drawn one by one. */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { drawBinomial, drawMultinomial, logFactorials } from "./binomial-draws.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import { bootstrapMean, meanReplicates } from "./bootstrap-mean.ts";
import { mean } from "./intervals.ts";
import { binomialCdf, binomialPmf, chiSquareSurvival } from "./special.ts";

describe("binomial draws", () => {
  test.each([
    [12, 0.3],
    [40, 0.5],
    [200, 0.9],
    [5000, 0.01],
    [10_000, 0.37],
    [10_000, 0.0002],
  ])("n = %d, p = %d: counts fit the probabilities", (n, p) => {
    const random = Random.for(3, "binomial", n, String(p));
    const table = logFactorials(n);
    const draws = 20_000;
    const seen = new Map<number, number>();
    for (let i = 0; i < draws; i++) {
      const k = drawBinomial(n, p, { random, table });
      seen.set(k, (seen.get(k) ?? 0) + 1);
    }
    expect([...seen.keys()].every((k) => Number.isInteger(k) && k >= 0 && k <= n)).toBe(true);
    // neighbours together until ten are expected
    let [statistic, cells, expected, count, from] = [0, 0, 0, 0, 0];
    for (let k = 0; k <= n; k++) {
      expected += draws * binomialPmf(k, n, p);
      count += seen.get(k) ?? 0;
      if (expected < 10) continue;
      if (draws * (1 - binomialCdf(k, n, p)) < 10) break;
      statistic += (count - expected) ** 2 / expected;
      [cells, expected, count, from] = [cells + 1, 0, 0, k + 1];
    }
    const rest = draws * (1 - binomialCdf(from - 1, n, p));
    const last = [...seen].reduce((sum, [k, times]) => sum + (k >= from ? times : 0), 0);
    statistic += (last - rest) ** 2 / rest;
    expect(chiSquareSurvival(statistic, cells)).toBeGreaterThan(0.001);
  });

  test("counts of cells sum to the draws, and vary as a multinomial's do", () => {
    const random = new Random(4);
    const [cells, into] = [[30, 0, 60, 10], new Float64Array(4)];
    const options = { random, table: logFactorials(100), into };
    const products = [0, 0, 0];
    for (let round = 0; round < 20_000; round++) {
      drawMultinomial(100, cells, options);
      if (into[0]! + into[2]! + into[3]! !== 100) throw new Error(`counts ${into.join(" ")}`);
      products[0]! += (into[0]! - 30) ** 2 / 20_000;
      products[1]! += ((into[0]! - 30) * (into[2]! - 60)) / 20_000;
      products[2]! += (into[3]! - 10) ** 2 / 20_000;
    }
    expect(Math.abs(products[0]! / 21 - 1)).toBeLessThan(0.04);
    expect(Math.abs(products[1]! / -18 - 1)).toBeLessThan(0.06);
    expect(Math.abs(products[2]! / 9 - 1)).toBeLessThan(0.04);
  });
});

/** Largest distance of the two distribution functions. */
function kolmogorov(a: Float64Array, b: Float64Array): number {
  const [x, y] = [a.toSorted(), b.toSorted()];
  let [i, j, largest] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const value = Math.min(x[i]!, y[j]!);
    // what rounding adds to equal sums is no difference
    while (i < x.length && x[i]! <= value + 1e-12) i++;
    while (j < y.length && y[j]! <= value + 1e-12) j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest;
}

function plainReplicates(
  values: readonly number[],
  clusters: readonly number[] | undefined,
  { random, resamples }: { random: Random; resamples: number },
): Float64Array {
  const groups = new Map<number, number[]>();
  for (const [i, value] of values.entries()) {
    const label = clusters?.[i] ?? i;
    groups.set(label, [...(groups.get(label) ?? []), value]);
  }
  const units = [...groups.values()].map((members) => [
    members.length,
    members.reduce((sum, value) => sum + value, 0),
  ]);
  return Float64Array.from({ length: resamples }, () => {
    let [size, sum] = [0, 0];
    for (let i = 0; i < units.length; i++) {
      const unit = units[random.integer(units.length)]!;
      size += unit[0]!;
      sum += unit[1]!;
    }
    return sum / size;
  });
}

const random = new Random(9);
const outcomes = Array.from({ length: 300 }, () => random.pick([0, 0.5, 1, 1]));
const scores = Array.from({ length: 300 }, () => random.normal());
const skewed = Array.from({ length: 150 }, () => Math.exp(2 * random.normal()));
const pairs = outcomes.map((_, i) => Math.floor(i / 2));
const uneven = outcomes.map((_, i) => Math.floor(Math.sqrt(20 * i)));

test.each<[string, number[], number[] | undefined]>([
  ["win, tie, loss", outcomes, undefined],
  ["win, tie, loss in pairs", outcomes, pairs],
  ["win, tie, loss in clusters of many sizes", outcomes, uneven],
  ["scores", scores, undefined],
  ["scores in pairs", scores, pairs],
  ["scores in clusters of many sizes", scores, uneven],
  ["scores of which a few count most", skewed, undefined],
])("%s: the same distribution as drawing one by one", (_, values, clusters) => {
  const resamples = 8000;
  const ours = meanReplicates(values, { random: new Random(1), resamples, clusters });
  const plain = plainReplicates(values, clusters, { random: new Random(2), resamples });
  // 1% of pairs of samples of this size from one distribution are further apart
  expect(kolmogorov(ours, plain)).toBeLessThan(1.63 * Math.sqrt(2 / resamples));
  const spreadOf = (replicates: Float64Array): number => {
    const centre = mean(replicates);
    return mean(replicates.map((value) => (value - centre) ** 2));
  };
  expect(Math.abs(spreadOf(ours) / spreadOf(plain) - 1)).toBeLessThan(0.08);
});

test("the interval is bootstrapInterval's, and repeats with its seed", () => {
  for (const [values, clusters] of [
    [outcomes, pairs],
    [scores, undefined],
    [skewed, undefined],
  ] as const) {
    const ours = bootstrapMean(values, { random: new Random(1), clusters });
    const plain = bootstrapInterval(values, mean, {
      random: new Random(2),
      clusters,
      resamples: 4000,
    });
    const width = plain.high - plain.low;
    expect(ours.method).toBe("bca");
    expect(ours.estimate).toBeCloseTo(plain.estimate, 12);
    expect(Math.abs(ours.low - plain.low)).toBeLessThan(0.05 * width);
    expect(Math.abs(ours.high - plain.high)).toBeLessThan(0.05 * width);
    expect(Math.abs(ours.standardError / plain.standardError - 1)).toBeLessThan(0.06);
    expect(bootstrapMean(values, { random: new Random(1), clusters })).toEqual(ours);
  }
});

test("what allows no claim, and few clusters, as bootstrapInterval", () => {
  const options = { random: new Random(1), resamples: 200 };
  expect(bootstrapMean([], options)).toMatchObject({ n: 0, noClaim: "nothing observed" });
  const third = Array.from({ length: 50 }, () => 1 / 3);
  const clusters = third.map((_, i) => (i < 10 ? Math.floor(i / 2) : i));
  expect(bootstrapMean(third, { ...options, clusters })).toMatchObject({
    low: -Infinity,
    noClaim: "all resamples agree",
  });
  expect(bootstrapMean([4], options)).toMatchObject({ noClaim: "all resamples agree" });
  const few = outcomes.map((_, i) => i % 12);
  expect(bootstrapMean(outcomes, { ...options, clusters: few })).toEqual(
    bootstrapInterval(outcomes, mean, { ...options, clusters: few }),
  );
  expect(() => bootstrapMean([1, NaN], options)).toThrow(/not finite/);
  expect(() => bootstrapMean([1, 2], { ...options, clusters: [1] })).toThrow(/1 labels for 2/);
  expect(() => bootstrapMean([1, 2], { random: options.random, resamples: 0.5 })).toThrow(/0.5/);
});
