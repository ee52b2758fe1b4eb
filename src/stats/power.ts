/**
 * How many comparisons does a claim need, and how small a difference can a given number show?
 *
 * Source: the usual normal approximations (Fleiss, Levin and Paik, chapter 4); Miller (arXiv
 * 2411.00640), section 5, for paired evaluations.
 */
import { twoSidedNormal } from "./intervals.ts";
import { normalQuantile } from "./special.ts";

export interface PowerOptions {
  /** Two-sided error of the first kind; 0.05 where left out. */
  alpha?: number;
  /** Probability to find the effect where it is there; 0.8 where left out. */
  power?: number;
  /**
   * Variance of a clustered mean over that of independent observations; 1 where left out. See
   * {@link designEffect}.
   */
  designEffect?: number;
}

export interface SharePowerOptions extends PowerOptions {
  /**
   * Of win rates, a tie counting half: the share of comparisons that are no tie, or 4 times the
   * mean squared distance of outcomes from 1/2; 1 where left out.
   */
  decided?: number;
}

function quantiles({ alpha = 0.05, power = 0.8 }: PowerOptions): [number, number] {
  if (!(power > 0 && power < 1))
    throw new RangeError(`power must lie between 0 and 1; got ${power}`);
  return [twoSidedNormal(1 - alpha), normalQuantile(power)];
}

/** Comparisons needed to tell a win rate from another, 50% where left out. */
export function comparisonsForShare(
  share: number,
  against = 0.5,
  options: SharePowerOptions = {},
): number {
  if (!(share >= 0 && share <= 1 && against > 0 && against < 1))
    throw new RangeError(`shares lie in [0, 1]; got ${share} and ${against}`);
  if (share === against) return Infinity;
  const [first, second] = quantiles(options);
  const { designEffect: effect = 1, decided = 1 } = options;
  if (!(decided >= 0 && decided <= 1))
    throw new RangeError(`the share that is decided lies in [0, 1]; got ${decided}`);
  // a rate far from a half leaves less room for ties
  const spread = Math.max(decided, 2 * Math.abs(share - 0.5), 2 * Math.abs(against - 0.5)) / 4;
  const deviationAt = (rate: number): number => Math.sqrt(spread - (rate - 0.5) ** 2);
  const root = first * deviationAt(against) + second * deviationAt(share);
  return Math.ceil(effect * (root / (share - against)) ** 2);
}

/** The smallest win rate above 50% that n comparisons can tell from 50%. */
export function detectableShare(n: number, options: SharePowerOptions = {}): number {
  if (comparisonsForShare(1, 0.5, options) > n) return NaN;
  let [low, high] = [0.5, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (comparisonsForShare(middle, 0.5, options) > n) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Prompts needed to find a mean paired difference.
 * @param difference in the units of the score
 * @param deviation standard deviation of the differences, in the same units
 */
export function promptsForDifference(
  difference: number,
  deviation: number,
  options: PowerOptions = {},
): number {
  const [first, second] = quantiles(options);
  return Math.ceil(
    (options.designEffect ?? 1) * (((first + second) * deviation) / difference) ** 2,
  );
}

/** The smallest mean paired difference that n prompts can show, in the units of the score. */
export function detectableDifference(
  n: number,
  deviation: number,
  options: PowerOptions = {},
): number {
  const [first, second] = quantiles(options);
  return ((first + second) * deviation * Math.sqrt(options.designEffect ?? 1)) / Math.sqrt(n);
}

/**
 * 1 + (m - 1) rho: how much clusters of m observations with intraclass correlation rho widen a
 * variance.
 */
export function designEffect(clusterSize: number, intraclassCorrelation: number): number {
  return 1 + (clusterSize - 1) * intraclassCorrelation;
}
