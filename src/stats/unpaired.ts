/**
 * Two samples that share nothing: different prompts, or two groups of people. What was measured on
 * the same prompts belongs into paired.ts; the test that treats such data as unpaired is here too,
 * to show what that hides.
 *
 * Source: Welch (1947) with Satterthwaite's degrees of freedom for means; Newcombe (1998, method
 * 10) for shares, in Zou and Donner's (2008) form, which makes the interval of a difference from
 * any two intervals; lm-evaluation-harness, scripts/model_comparator.py for the z test; McNemar
 * (1947), Edwards (1948) and Fagerland, Lydersen and Laake (2013, mid-p) for pairs.
 */
import type { Labels } from "./clusters.ts";
import { clusteredMean, twoSidedStudent } from "./clusters.ts";
import type { Interval, MeanOptions } from "./intervals.ts";
import { mean, meanInterval, shareInterval, variance } from "./intervals.ts";
import { mcnemarExact } from "./paired.ts";
import { binomialPmf, chiSquareSurvival, studentTwoSided } from "./special.ts";

/** Clusters of either sample; none is in both. */
export interface UnpairedOptions {
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  clustersOfA?: Labels | undefined;
  clustersOfB?: Labels | undefined;
  /** Between which the values must lie, as in {@link meanInterval}. */
  range?: MeanOptions["range"];
}

/**
 * Difference of the means of two independent samples: Welch's interval, or of values in a range
 * what their two intervals give.
 */
export function unpairedDifference(
  a: readonly number[],
  b: readonly number[],
  { clustersOfA, clustersOfB, range, confidence = 0.95 }: UnpairedOptions = {},
): Interval {
  const shared = { confidence, ...(range ? { range } : {}) };
  const first = meanInterval(a, { ...shared, clusters: clustersOfA });
  const second = meanInterval(b, { ...shared, clusters: clustersOfB });
  if (range) return differenceOf(first, second, range[1] - range[0]);
  const about = { estimate: first.estimate - second.estimate, n: a.length + b.length };
  const noClaim = first.noClaim ?? second.noClaim;
  if (noClaim !== undefined) return { ...about, low: -Infinity, high: Infinity, noClaim };
  const variances = [first, second].map(({ standardError }) => standardError ** 2);
  const total = variances[0]! + variances[1]!;
  const freedom =
    total ** 2 /
    (variances[0]! ** 2 / first.degreesOfFreedom + variances[1]! ** 2 / second.degreesOfFreedom);
  const half = twoSidedStudent(confidence, freedom) * Math.sqrt(total);
  return { ...about, low: about.estimate - half, high: about.estimate + half };
}

/** Difference of two shares of independent samples; the values may be soft, in [0, 1]. */
export function unpairedShareDifference(
  a: readonly number[],
  b: readonly number[],
  { clustersOfA, clustersOfB, confidence = 0.95 }: Omit<UnpairedOptions, "range"> = {},
): Interval {
  return differenceOf(
    shareInterval(a, { confidence, clusters: clustersOfA }),
    shareInterval(b, { confidence, clusters: clustersOfB }),
    1,
  );
}

/**
 * The interval of a difference of two independent estimates from their own.
 * @param reach the largest difference there can be
 */
function differenceOf(a: Interval, b: Interval, reach: number): Interval {
  const about = { estimate: a.estimate - b.estimate, n: a.n + b.n };
  const noClaim = a.noClaim ?? b.noClaim;
  if (noClaim !== undefined) return { ...about, low: -reach, high: reach, noClaim };
  return {
    ...about,
    low: Math.max(-reach, about.estimate - Math.hypot(a.estimate - a.low, b.high - b.estimate)),
    high: Math.min(reach, about.estimate + Math.hypot(a.high - a.estimate, b.estimate - b.low)),
  };
}

/**
 * The two-sample z test by which lm-evaluation-harness compares two models: each with the standard
 * error of its own mean, as if they had answered different prompts. On the same prompts it misses
 * what pairs show.
 * @returns z and its two-sided p-value; z is 0 where the means are equal, whatever their errors
 */
export function unpairedZTest(
  a: readonly number[],
  b: readonly number[],
  { clustersOfA, clustersOfB }: Pick<UnpairedOptions, "clustersOfA" | "clustersOfB"> = {},
): { z: number; pValue: number } {
  if (a.length < 2 || b.length < 2)
    throw new RangeError(`a z test needs two values each; got ${a.length} and ${b.length}`);
  const difference = mean(a) - mean(b);
  if (difference === 0) return { z: 0, pValue: 1 };
  const z = difference / Math.hypot(errorOf(a, clustersOfA), errorOf(b, clustersOfB));
  return { z, pValue: Number.isFinite(z) ? studentTwoSided(z, Infinity) : 0 };
}

const errorOf = (values: readonly number[], clusters: Labels | undefined): number =>
  clusters
    ? clusteredMean(values, clusters).standardError
    : Math.sqrt(variance(values) / values.length);

export interface McNemarTests {
  /** Never rejects more often than it says; the one that attune reports. */
  exact: number;
  /** The exact one less half of the probability of what was seen: closer to its level, not exact. */
  midP: number;
  /** By the chi-square distribution, from some 25 pairs that differ. */
  chiSquare: number;
  /** The same with Edwards's correction, near the exact one. */
  chiSquareCorrected: number;
}

/**
 * The p-values that go by McNemar's name, for comparison with what other programs print.
 * @param onlyA pairs where a succeeded and b failed
 * @param onlyB pairs where b succeeded and a failed
 */
export function mcnemarTests(onlyA: number, onlyB: number): McNemarTests {
  const exact = mcnemarExact(onlyA, onlyB).pValue;
  const [n, gap] = [onlyA + onlyB, Math.abs(onlyA - onlyB)];
  if (n === 0) return { exact, midP: 1, chiSquare: 1, chiSquareCorrected: 1 };
  // of two equal counts the one seen is the only table at least as far, counted once
  const seen = binomialPmf(Math.min(onlyA, onlyB), n, 0.5);
  return {
    exact,
    midP: gap === 0 ? 1 - seen / 2 : exact - seen,
    chiSquare: chiSquareSurvival(gap ** 2 / n, 1),
    chiSquareCorrected: chiSquareSurvival(Math.max(0, gap - 1) ** 2 / n, 1),
  };
}
