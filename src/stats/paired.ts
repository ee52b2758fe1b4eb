/**
 * Comparisons of two systems on the same prompts. Pairing removes what both share (an easy prompt is easy for both),
 * so differences show that two separate intervals hide.
 *
 * Source: Miller (arXiv 2411.00640) for paired differences with clusters; McNemar (1947), exact form; Bonett and Price
 * (2012, "Adjusted Wald confidence interval for a difference of binomial proportions based on paired data"); Phipson and
 * Smyth (2010) for the p-value of a random permutation test, which is never 0.
 */
import { AttuneError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";
import { bootstrapInterval } from "./bootstrap.ts";
import type { BootstrapInterval, BootstrapOptions } from "./bootstrap.ts";
import { checkFinite, mean, meanInterval, twoSidedNormal } from "./intervals.ts";
import type { Interval, MeanInterval, MeanOptions } from "./intervals.ts";
import { binomialCdf, studentTwoSided } from "./special.ts";

export interface PairedDifference extends MeanInterval {
  /** Two-sided, of the t test that the true mean difference is 0. */
  pValue: number;
  /** Pairs where a is above b, equal to it, and below it. */
  wins: number;
  ties: number;
  losses: number;
}

/** Mean of a - b over paired observations, with its t interval (clustered where `clusters` is given) and p-value. */
export function pairedDifference(a: readonly number[], b: readonly number[], options: MeanOptions = {}): PairedDifference {
  const differences = subtract(a, b);
  const interval = meanInterval(differences, options);
  const { standardError, degreesOfFreedom, estimate } = interval;
  // Equal differences have no spread: t is 0/0 where all are 0, and infinite otherwise.
  const t = estimate === 0 ? 0 : estimate / standardError;
  const pValue = degreesOfFreedom < 1 ? NaN : studentTwoSided(t, options.quantile === "normal" ? Infinity : degreesOfFreedom);
  return { ...interval, pValue, ...countSigns(differences) };
}

/** The same mean difference with a bootstrap interval: for differences far from normal, or few clusters. */
export function pairedBootstrap(a: readonly number[], b: readonly number[], options: BootstrapOptions): BootstrapInterval {
  const differences = subtract(a, b);
  checkFinite(differences, "paired differences");
  return bootstrapInterval(differences, mean, options);
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
  if (!Number.isInteger(onlyA) || !Number.isInteger(onlyB) || onlyA < 0 || onlyB < 0) throw new RangeError(`McNemar's test takes two counts; got ${onlyA} and ${onlyB}`);
  return { pValue: n === 0 ? 1 : Math.min(1, 2 * binomialCdf(Math.min(onlyA, onlyB), n, 0.5)) };
}

/** Sign test: whether a is above b more often than below; ties say nothing and are left out. */
export function signTest(a: readonly number[], b: readonly number[]): ExactTest {
  const signs = countSigns(subtract(a, b));
  return { ...mcnemarExact(signs.wins, signs.losses), ...signs };
}

export interface PermutationOptions {
  random: Random;
  /** Random sign flips; 10,000 where left out. */
  permutations?: number;
  /** Signs are flipped for whole clusters. */
  clusters?: readonly (string | number)[] | undefined;
}

/** Up to this many units every sign pattern is tried, so the p-value is exact. */
const EXACT_UNITS = 14;

/** Two-sided sign-flip test of the mean difference; assumes only that a and b are exchangeable if nothing differs. */
export function permutationTest(a: readonly number[], b: readonly number[], options: PermutationOptions): { estimate: number; pValue: number; exact: boolean } {
  const differences = subtract(a, b);
  checkFinite(differences, "paired differences");
  if (differences.length === 0) return { estimate: NaN, pValue: NaN, exact: true };
  const sums = sumByCluster(differences, options.clusters);
  const total = sums.reduce((x, y) => x + y, 0);
  // Sums in another order differ in the last bits; those are ties.
  const threshold = Math.abs(total) - 1e-12 * sums.reduce((x, y) => x + Math.abs(y), 0);
  const exact = sums.length <= EXACT_UNITS;
  const extreme = exact ? exactExtremes(sums, threshold) : randomExtremes(sums, threshold, options);
  return { estimate: total / differences.length, pValue: extreme, exact };
}

function exactExtremes(sums: readonly number[], threshold: number): number {
  const patterns = 2 ** sums.length;
  let extreme = 0;
  for (let bits = 0; bits < patterns; bits++) {
    let total = 0;
    for (let i = 0; i < sums.length; i++) total += (bits >>> i) & 1 ? -sums[i]! : sums[i]!;
    if (Math.abs(total) >= threshold) extreme++;
  }
  return extreme / patterns;
}

function randomExtremes(sums: readonly number[], threshold: number, { random, permutations = 10_000 }: PermutationOptions): number {
  let extreme = 0;
  for (let round = 0; round < permutations; round++) {
    let total = 0;
    for (let i = 0, bits = 0; i < sums.length; i++, bits >>>= 1) {
      if (i % 32 === 0) bits = random.bits();
      total += bits & 1 ? -sums[i]! : sums[i]!;
    }
    if (Math.abs(total) >= threshold) extreme++;
  }
  return (extreme + 1) / (permutations + 1);
}

/**
 * Difference of two shares on the same prompts, with Bonett and Price's interval (unlike the t interval it has a width
 * where no pair differs) and McNemar's exact p-value. With clusters the interval is the clustered t interval.
 * @param a whether the event happened, for each prompt
 */
export function pairedShareDifference(a: readonly boolean[], b: readonly boolean[], options: MeanOptions = {}): Interval & ExactTest {
  const differences = subtract(a.map(Number), b.map(Number));
  const signs = countSigns(differences);
  const { pValue } = mcnemarExact(signs.wins, signs.losses);
  const n = differences.length;
  if (options.clusters) {
    const { estimate, low, high } = meanInterval(differences, options);
    return { estimate, low, high, n, pValue, ...signs };
  }
  const [onlyA, onlyB] = [(signs.wins + 1) / (n + 2), (signs.losses + 1) / (n + 2)];
  const half = twoSidedNormal(options.confidence ?? 0.95) * Math.sqrt((onlyA + onlyB - (onlyA - onlyB) ** 2) / (n + 2));
  const centre = onlyA - onlyB;
  return { estimate: (signs.wins - signs.losses) / n, low: Math.max(-1, centre - half), high: Math.min(1, centre + half), n, pValue, ...signs };
}

function subtract(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) throw new AttuneError("internal", `paired values differ in number: ${a.length} and ${b.length}`);
  return a.map((value, index) => value - b[index]!);
}

function countSigns(differences: readonly number[]): { wins: number; ties: number; losses: number } {
  const wins = differences.filter((value) => value > 0).length;
  const losses = differences.filter((value) => value < 0).length;
  return { wins, ties: differences.length - wins - losses, losses };
}

function sumByCluster(values: readonly number[], clusters: readonly (string | number)[] | undefined): number[] {
  if (!clusters) return [...values];
  if (clusters.length !== values.length) throw new RangeError(`clusters: ${clusters.length} labels for ${values.length} values`);
  const sums = new Map<string | number, number>();
  for (const [i, label] of clusters.entries()) sums.set(label, (sums.get(label) ?? 0) + values[i]!);
  return [...sums.values()];
}
