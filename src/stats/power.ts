/**
 * How many comparisons does a claim need, and how small a difference can a given number show?
 *
 * Source: the usual normal approximations (Fleiss, Levin and Paik, chapter 4); Miller (arXiv
 * 2411.00640), section 5, for paired evaluations.
 */
import { twoSidedNormal } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
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

function quantiles({ alpha = 0.05, power = 0.8 }: PowerOptions): [number, number] {
  if (!(power > 0 && power < 1))
    throw new RangeError(`power must lie between 0 and 1; got ${power}`);
  return [twoSidedNormal(1 - alpha), normalQuantile(power)];
}

/** Comparisons needed to tell a win rate from another (50% where left out); ties not counted. */
export function comparisonsForShare(
  share: number,
  against = 0.5,
  options: PowerOptions = {},
): number {
  if (!(share >= 0 && share <= 1 && against > 0 && against < 1))
    throw new RangeError(`shares lie in [0, 1]; got ${share} and ${against}`);
  if (share === against) return Infinity;
  const [first, second] = quantiles(options);
  const root = first * Math.sqrt(against * (1 - against)) + second * Math.sqrt(share * (1 - share));
  return Math.ceil((options.designEffect ?? 1) * (root / (share - against)) ** 2);
}

/** The smallest win rate above 50% that n comparisons can tell from 50%. */
export function detectableShare(n: number, options: PowerOptions = {}): number {
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

export interface Settling {
  /** The interval is clear of what it is compared with: nothing more is needed. */
  settled: boolean;
  /** The smallest difference that as many observations show with the power that was asked for. */
  detectable: number;
  /**
   * More observations of the same kind (in clusters as these) until a difference as large as the
   * one seen would be found; Infinity where none was seen.
   */
  more: number;
  /** The same if the truth is half of what was seen; a difference that is seen is often too large. */
  moreIfHalf: number;
  /** The same if the truth is at the farther end of the interval: fewer will not do. */
  fewest: number;
}

/**
 * How many more observations would settle what an interval leaves open, counted for a new look at
 * all of them. What clusters cost is in the interval's width, and so here.
 * @param interval of a difference, or of a win rate with `against` 1/2
 * @param options confidence of that interval; the test is its complement unless alpha is given
 * @returns undefined where the interval claims nothing, or has no width
 */
export function toSettle(
  interval: Interval,
  options: Omit<PowerOptions, "designEffect"> & { against?: number; confidence?: number } = {},
): Settling | undefined {
  const { against = 0, confidence = 0.95 } = options;
  const { estimate, low, high, n, noClaim } = interval;
  // an end that is cut off at the range is nearer than the error
  const half = Math.max(high - estimate, estimate - low);
  if (noClaim !== undefined || !(half > 0) || !Number.isFinite(half)) return undefined;
  const [first, second] = quantiles({ alpha: 1 - confidence, ...options });
  const detectable = ((first + second) * half) / twoSidedNormal(confidence);
  const settled = low > against || high < against;
  const moreFor = (difference: number): number =>
    settled ? 0 : Math.max(0, Math.ceil(n * (detectable / difference) ** 2 - 1e-9) - n);
  const seen = Math.abs(estimate - against);
  return {
    settled,
    detectable,
    more: moreFor(seen),
    moreIfHalf: moreFor(seen / 2),
    fewest: moreFor(Math.max(Math.abs(high - against), Math.abs(low - against))),
  };
}
