/**
 * The weighted mean of independent estimates, from the interval of each: a benchmark's mean over
 * its categories, several tasks together.
 *
 * Source: Zou and Donner (2008), the method of variance estimates recovery, for a linear function
 * of any number of parameters: each gives its own distance to the end of its interval, so that the
 * whole is as skewed as its parts.
 */
import type { Interval } from "./intervals.ts";

export interface Stratum {
  readonly interval: Interval;
  /** Of the mean; they sum to 1. */
  readonly weight: number;
}

/** Nothing is claimed where one of the estimates claims nothing: the rest may lie anywhere. */
export function stratifiedMean(strata: readonly Stratum[]): Interval {
  const estimate = strata.reduce(
    (sum, { weight, interval }) => sum + weight * interval.estimate,
    0,
  );
  const n = strata.reduce((sum, { interval }) => sum + interval.n, 0);
  const over = (end: "low" | "high"): number =>
    strata.reduce((sum, { weight, interval }) => sum + weight * interval[end], 0);
  const noClaim =
    strata.length === 0
      ? "nothing observed"
      : strata.find(({ interval }) => interval.noClaim !== undefined)?.interval.noClaim;
  if (noClaim !== undefined)
    return {
      estimate: strata.length === 0 ? NaN : estimate,
      low: over("low"),
      high: over("high"),
      n,
      noClaim,
    };
  const reach = (end: "low" | "high"): number =>
    Math.hypot(
      ...strata.map(({ weight, interval }) => weight * (interval[end] - interval.estimate)),
    );
  return { estimate, low: estimate - reach("low"), high: estimate + reach("high"), n };
}
