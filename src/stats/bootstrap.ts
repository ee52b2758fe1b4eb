/**
 * Bootstrap intervals: percentile and bias-corrected accelerated (BCa), over single observations or
 * whole clusters.
 *
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapters 11, 13 and 14.
 * Differences:
 * 1. with clusters, whole clusters are drawn, and the jackknife behind BCa's acceleration leaves
 *    out whole clusters.
 * 2. Where BCa has no answer (every replicate on one side of the estimate) it falls back to
 *    percentiles and says so in `method`.
 * 3. Few clusters, or unequal ones, have too few resamples to tell their spread: the interval is
 *    then the jackknife's, with Student's t; fewer than three allow no claim.
 */
import type { Random } from "../core/random.ts";
import type { Labels } from "./clusters.ts";
import { whyNoSpread, satterthwaite, twoSidedStudent } from "./clusters.ts";
import { checkConfidence, checkFinite, mean } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import { normalCdf, normalQuantile } from "./special.ts";
import { largestOf } from "../core/extremes.ts";

export type BootstrapMethod = "percentile" | "bca";

export interface BootstrapOptions {
  /** Seeded: the same generator gives the same interval. */
  random: Random;
  /**
   * Replicates; 2,000 where left out. An end of a 95% interval then moves by about 2% of its width
   * between seeds.
   */
  resamples?: number;
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  /** BCa where left out. */
  method?: BootstrapMethod;
  /** One label for each observation. */
  clusters?: Labels | undefined;
}

export interface BootstrapInterval extends Interval {
  /** Standard deviation of the replicates, or the jackknife's. */
  standardError: number;
  /** 0 for the jackknife. */
  resamples: number;
  /** What the interval was made by in the end. */
  method: BootstrapMethod | "jackknife";
}

/**
 * Interval of any statistic of a list of observations.
 * @param statistic reads a resampled list (same length, or with clusters about the same) and
 * returns a finite number
 */
export function bootstrapInterval<T>(
  observations: readonly T[],
  statistic: (sample: readonly T[]) => number,
  options: BootstrapOptions,
): BootstrapInterval {
  const units = unitsOf(observations, options.clusters);
  const resamples = options.resamples ?? 2000;
  if (!Number.isInteger(resamples) || resamples < 1)
    throw new RangeError(`resamples must be a positive integer; got ${resamples}`);
  if (observations.length === 0)
    return {
      estimate: NaN,
      low: -Infinity,
      high: Infinity,
      n: 0,
      standardError: NaN,
      resamples,
      method: "percentile",
      noClaim: "nothing observed",
    };
  if (options.clusters && clusterEquivalents(units) < JACKKNIFE_BELOW)
    return jackknifeInterval(units, statistic, options.confidence ?? 0.95);
  const estimate = statistic(observations);
  const replicates = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) replicates[i] = statistic(drawUnits(units, options.random));
  if (replicates.every((value) => value === estimate))
    return {
      estimate,
      low: -Infinity,
      high: Infinity,
      n: observations.length,
      standardError: 0,
      resamples,
      method: "percentile",
      noClaim: "all resamples agree",
    };
  const wanted = options.method ?? "bca";
  const jackknife = wanted === "bca" && units.length > 1 ? leaveEachOut(units, statistic) : [];
  const { low, high, method } = intervalFromReplicates({
    estimate,
    replicates,
    jackknife,
    confidence: options.confidence ?? 0.95,
  });
  const centre = mean([...replicates]);
  const standardError = Math.sqrt(
    replicates.reduce((total, value) => total + (value - centre) ** 2, 0) / (resamples - 1),
  );
  return { estimate, low, high, n: observations.length, standardError, resamples, method };
}

/**
 * Clusters of equal size that tell as much: from here on the bootstrap covers as often as it says
 * (docs/results.md).
 */
export const JACKKNIFE_BELOW = 40;

/** Kish's: n² over the sum of squared sizes. */
function clusterEquivalents(units: readonly (readonly unknown[])[]): number {
  const n = units.reduce((total, { length }) => total + length, 0);
  return n ** 2 / units.reduce((total, { length }) => total + length ** 2, 0);
}

/** Leaves out each cluster in turn. */
function jackknifeInterval<T>(
  units: readonly T[][],
  statistic: (sample: readonly T[]) => number,
  confidence: number,
): BootstrapInterval {
  const all = units.flat();
  const about = {
    estimate: statistic(all),
    n: all.length,
    resamples: 0,
    method: "jackknife" as const,
  };
  const none = (noClaim: string, standardError: number): BootstrapInterval => ({
    ...about,
    low: -Infinity,
    high: Infinity,
    standardError,
    noClaim,
  });
  const reason = whyNoSpread({
    clusters: units.length,
    largest: largestOf(units.map(({ length }) => length)) / all.length,
  });
  if (reason !== undefined) return none(reason, NaN);
  const left = leaveEachOut(units, statistic);
  checkFinite([about.estimate, ...left], "values of a jackknifed statistic");
  const centre = mean(left);
  const standardError = Math.sqrt(
    ((units.length - 1) / units.length) *
      left.reduce((total, value) => total + (value - centre) ** 2, 0),
  );
  if (!(standardError > 0)) return none("leaving out any group changes nothing", standardError);
  const half =
    twoSidedStudent(
      checkConfidence(confidence),
      satterthwaite(units.map(({ length }) => length / all.length)),
    ) * standardError;
  return { ...about, low: about.estimate - half, high: about.estimate + half, standardError };
}

export interface Replicates {
  estimate: number;
  /** The statistic of every resample, in any order. */
  replicates: ArrayLike<number>;
  /** The statistic with each unit left out; empty for percentiles. */
  jackknife: readonly number[];
  confidence: number;
}

/**
 * The interval that a set of replicates gives: BCa where the jackknife is there and BCa is defined,
 * else percentiles.
 */
export function intervalFromReplicates({
  estimate,
  replicates,
  jackknife,
  confidence,
}: Replicates): { low: number; high: number; method: BootstrapMethod } {
  const sorted = Float64Array.from(replicates).toSorted();
  checkFinite([...sorted, estimate, ...jackknife], "values of a bootstrapped statistic");
  const tail = (1 - checkConfidence(confidence)) / 2;
  const percentiles = {
    low: quantileOfSorted(sorted, tail),
    high: quantileOfSorted(sorted, 1 - tail),
    method: "percentile" as const,
  };
  if (jackknife.length === 0) return percentiles;
  const adjust = bcaLevels(estimate, sorted, jackknife);
  const [low, high] = [adjust(tail), adjust(1 - tail)];
  if (!Number.isFinite(low) || !Number.isFinite(high)) return percentiles;
  return {
    low: quantileOfSorted(sorted, low),
    high: quantileOfSorted(sorted, high),
    method: "bca",
  };
}

/** Maps a nominal level to BCa's (equation 14.10); NaN where the bias correction is infinite. */
function bcaLevels(
  estimate: number,
  sorted: Float64Array,
  jackknife: readonly number[],
): (level: number) => number {
  const below = sorted.reduce(
    (count, value) => count + (value < estimate ? 1 : value === estimate ? 0.5 : 0),
    0,
  );
  const bias = normalQuantile(below / sorted.length);
  const centre = mean(jackknife);
  const [squares, cubes] = jackknife.reduce(
    ([two, three], value) => [two + (centre - value) ** 2, three + (centre - value) ** 3],
    [0, 0] as [number, number],
  );
  const acceleration = squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
  return (level) => {
    const z = bias + normalQuantile(level);
    return normalCdf(bias + z / (1 - acceleration * z));
  };
}

/** Quantile with linear interpolation between order statistics (numpy's default). */
export function quantileOfSorted(sorted: ArrayLike<number>, level: number): number {
  const position = (sorted.length - 1) * level;
  const index = Math.floor(position);
  const low = sorted[index]!;
  return low + (position - index) * ((sorted[index + 1] ?? low) - low);
}

/** Observations that are drawn together. */
function unitsOf<T>(observations: readonly T[], clusters: Labels | undefined): T[][] {
  if (!clusters) return observations.map((observation) => [observation]);
  if (clusters.length !== observations.length)
    throw new RangeError(
      `clusters: ${clusters.length} labels for ${observations.length} observations`,
    );
  const units = new Map<string | number, T[]>();
  for (const [i, label] of clusters.entries()) {
    const unit = units.get(label);
    if (unit) unit.push(observations[i]!);
    else units.set(label, [observations[i]!]);
  }
  return [...units.values()];
}

/** The statistic with each unit left out in turn. */
function leaveEachOut<T>(
  units: readonly T[][],
  statistic: (sample: readonly T[]) => number,
): number[] {
  const all = units.flat();
  let start = 0;
  return units.map(({ length }) => {
    const rest = all.toSpliced(start, length);
    start += length;
    return statistic(rest);
  });
}

function drawUnits<T>(units: readonly T[][], random: Random): T[] {
  const sample: T[] = [];
  for (let i = 0; i < units.length; i++)
    for (const observation of units[random.integer(units.length)]!) sample.push(observation);
  return sample;
}
