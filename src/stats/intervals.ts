/** Intervals for shares and means. Numbers in, numbers out. */

export interface Interval {
  estimate: number;
  low: number;
  high: number;
  /** Number of observations. */
  n: number;
}

/** Quantile of the standard normal distribution for two-sided confidence 0.95. */
const Z95 = 1.959963984540054;

/**
 * Wilson's score interval for a share (Wilson 1927), 95% where `z` is left out. Fractional successes (half for a tie)
 * are allowed.
 */
export function wilson(successes: number, n: number, z = Z95): Interval {
  if (n === 0) return { estimate: NaN, low: 0, high: 1, n };
  const share = successes / n;
  const denominator = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / denominator;
  const half = (z / denominator) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return { estimate: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half), n };
}

/** Mean with its normal interval (variance with Bessel's correction), 95% where `z` is left out. */
export function meanInterval(values: readonly number[], z = Z95): Interval {
  const n = values.length;
  const mean = values.reduce((total, value) => total + value, 0) / n;
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = n > 1 ? z * Math.sqrt(variance / n) : Infinity;
  return { estimate: mean, low: mean - half, high: mean + half, n };
}

/** Mean of the differences a - b of paired observations, with its interval. */
export function pairedDifference(a: readonly number[], b: readonly number[], z = Z95): Interval {
  if (a.length !== b.length) throw new RangeError(`paired values differ in number: ${a.length} and ${b.length}`);
  return meanInterval(a.map((value, index) => value - b[index]!), z);
}
