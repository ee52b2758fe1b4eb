/**
 * Comparisons of two systems on the same prompts. Pairing removes what both share (an easy prompt
 * is easy for both), so differences show that two separate intervals hide.
 *
 * Source: Miller (arXiv 2411.00640) for paired differences with clusters; McNemar (1947), exact
 * form; Bonett and Price (2012, "Adjusted Wald confidence interval for a difference of binomial
 * proportions based on paired data"). Every p-value counts clusters where they are given, as the
 * interval beside it does: by flipping the signs of whole clusters (McNemar's and the sign test are
 * the same for clusters of one), or by t where there are many. No p-value of flipped signs is
 * clear where the interval beside it is not: they alone take few and skewed values for different
 * (sign-flips.ts).
 */
import { AttuneError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import type { BootstrapInterval, BootstrapOptions } from "./bootstrap.ts";
import { bootstrapMean } from "./bootstrap-mean.ts";
import type { Labels } from "./clusters.ts";
import { sumByLabel } from "./clusters.ts";
import { checkFinite, mean, meanInterval, notBelowInterval } from "./intervals.ts";
import type { Interval, MeanInterval, MeanOptions } from "./intervals.ts";
import { EXACT_UNITS, exactExtremes, randomExtremes, signFlipTest } from "./sign-flips.ts";
import { binomialCdf, studentTwoSided } from "./special.ts";

export interface PairedDifference extends MeanInterval {
  /**
   * Two-sided, that the true mean difference is 0: of the t test, and of flipped signs for few
   * clusters or differences without spread. NaN where nothing is claimed.
   */
  pValue: number;
  /** Pairs where a is above b, equal to it, and below it. */
  wins: number;
  ties: number;
  losses: number;
}

/**
 * Mean of a - b over paired observations, with its t interval (clustered where `clusters` is given)
 * and p-value.
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  options: MeanOptions = {},
): PairedDifference {
  const differences = subtract(a, b);
  const interval = meanInterval(differences, options);
  return {
    ...interval,
    pValue: pairedPValue(differences, interval, options),
    ...countSigns(differences),
  };
}

const clearOnlyWithInterval = (
  pValue: number,
  differences: readonly number[],
  options: MeanOptions,
): number =>
  notBelowInterval(pValue, (confidence) => meanInterval(differences, { ...options, confidence }));

function pairedPValue(
  differences: readonly number[],
  { standardError, degreesOfFreedom, estimate }: MeanInterval,
  options: MeanOptions,
): number {
  const { clusters, quantile, range } = options;
  const sums = sumsOf(differences, clusters);
  if (sums.length < 2) return NaN;
  // Equal differences have no spread, so t is 0/0 or infinite, whatever their number.
  const flipped = !(standardError > 0) || (clusters && sums.length <= EXACT_UNITS);
  const pValue = flipped
    ? signFlipTest(sums)
    : studentTwoSided(
        estimate / standardError,
        quantile === "normal" ? Infinity : degreesOfFreedom,
      );
  return flipped || range ? clearOnlyWithInterval(pValue, differences, options) : pValue;
}

/**
 * The same mean difference with a bootstrap interval, of 10,000 replicates where left out: for
 * differences far from normal, or few clusters.
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  options: BootstrapOptions,
): BootstrapInterval {
  const differences = subtract(a, b);
  checkFinite(differences, "paired differences");
  return bootstrapMean(differences, options);
}

export interface ExactTest {
  /** Two-sided. */
  pValue: number;
  /** Pairs that decide: only one of the two succeeded, or one scored higher. */
  wins: number;
  losses: number;
  ties: number;
}

/**
 * McNemar's exact test, from the two counts that matter.
 * @param onlyA pairs where a succeeded and b failed
 * @param onlyB pairs where b succeeded and a failed
 */
export function mcnemarExact(onlyA: number, onlyB: number): { pValue: number } {
  const n = onlyA + onlyB;
  if (!Number.isInteger(onlyA) || !Number.isInteger(onlyB) || onlyA < 0 || onlyB < 0)
    throw new RangeError(`McNemar's test takes two counts; got ${onlyA} and ${onlyB}`);
  return { pValue: n === 0 ? 1 : Math.min(1, 2 * binomialCdf(Math.min(onlyA, onlyB), n, 0.5)) };
}

/**
 * Sign test: whether a is above b more often than below; ties say nothing and are left out.
 * Clusters count as a whole.
 */
export function signTest(
  a: readonly number[],
  b: readonly number[],
  { clusters }: Pick<MeanOptions, "clusters"> = {},
): ExactTest {
  const differences = subtract(a, b);
  return { pValue: signedPValue(differences.map(Math.sign), clusters), ...countSigns(differences) };
}

/** P-value of differences that are all 1, 0 or -1. */
function signedPValue(signs: readonly number[], clusters: Labels | undefined): number {
  if (signs.length === 0) return NaN;
  if (clusters)
    return clearOnlyWithInterval(signFlipTest(sumByLabel(signs, clusters)), signs, {
      clusters,
      range: [-1, 1],
    });
  const { wins, losses } = countSigns(signs);
  return mcnemarExact(wins, losses).pValue;
}

export interface PermutationOptions {
  random: Random;
  /** Random sign flips; 10,000 where left out. */
  permutations?: number;
  /** Signs are flipped for whole clusters. */
  clusters?: Labels | undefined;
}

/**
 * Two-sided sign-flip test of the mean difference; assumes only that a and b are exchangeable if
 * nothing differs.
 */
export function permutationTest(
  a: readonly number[],
  b: readonly number[],
  options: PermutationOptions,
): { estimate: number; pValue: number; exact: boolean } {
  const differences = subtract(a, b);
  checkFinite(differences, "paired differences");
  if (differences.length === 0) return { estimate: NaN, pValue: NaN, exact: true };
  const sums = sumsOf(differences, options.clusters);
  const exact = sums.length <= EXACT_UNITS;
  const pValue = exact
    ? exactExtremes(sums)
    : randomExtremes(sums, { random: options.random, flips: options.permutations ?? 10_000 });
  return { estimate: mean(differences), pValue, exact };
}

/**
 * Difference of two shares on the same prompts, with Bonett and Price's interval (unlike the t
 * interval it has a width where no pair differs) and McNemar's exact p-value; with clusters both
 * count as many independent prompts as there are.
 * @param a whether the event happened, for each prompt
 */
export function pairedShareDifference(
  a: readonly boolean[],
  b: readonly boolean[],
  options: MeanOptions = {},
): Interval & ExactTest {
  const differences = subtract(a.map(Number), b.map(Number));
  const { estimate, low, high, n, noClaim } = meanInterval(differences, {
    ...options,
    range: [-1, 1],
  });
  return {
    estimate,
    low,
    high,
    n,
    ...(noClaim === undefined ? {} : { noClaim }),
    pValue: signedPValue(differences, options.clusters),
    ...countSigns(differences),
  };
}

function subtract(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length)
    throw new AttuneError(
      "internal",
      `paired values differ in number: ${a.length} and ${b.length}`,
    );
  return a.map((value, index) => value - b[index]!);
}

function countSigns(differences: readonly number[]): {
  wins: number;
  ties: number;
  losses: number;
} {
  const wins = differences.filter((value) => value > 0).length;
  const losses = differences.filter((value) => value < 0).length;
  return { wins, ties: differences.length - wins - losses, losses };
}

/** Sums of clusters; the values themselves where there are none. */
const sumsOf = (values: readonly number[], clusters: Labels | undefined): readonly number[] =>
  clusters ? sumByLabel(values, clusters) : values;
