/**
 * Intervals for shares and means. Numbers in, numbers out.
 *
 * Source: Wilson (1927) for shares; Miller, "Adding error bars to evals" (arXiv 2411.00640),
 * section 2.2, for clusters; Bonett and Price (2012) for values with bounds.
 * Differences:
 * 1. clustered standard errors are CR2 with Satterthwaite's degrees of freedom (Miller has
 *    neither), which matters below about 40 clusters and wherever they are unequal.
 * 2. Where nothing can be claimed the interval is all that is possible, and says why.
 * docs/results.md has the coverage.
 */
import { AttuneError } from "../core/errors.ts";
import type { Labels } from "./clusters.ts";
import type { ClusteredMean } from "./clusters.ts";
import {
  clusteredMean,
  effectiveSize,
  whyNoSpread,
  tooFewClusters,
  twoSidedStudent,
} from "./clusters.ts";
import { betaQuantile, normalQuantile } from "./special.ts";

/** A number that was measured, with what is compatible with it. */
export interface Interval {
  /** The number itself; NaN where nothing was observed. */
  estimate: number;
  /** Lower end. */
  low: number;
  /** Upper end. */
  high: number;
  /** Number of observations. */
  n: number;
  /** Why nothing is claimed: the interval is then all that is possible. */
  noClaim?: string;
}

/** Without the error that an interval was made of, which is no number where nothing is claimed. */
export const plainInterval = ({ estimate, low, high, n, noClaim }: Interval): Interval => ({
  estimate,
  low,
  high,
  n,
  ...(noClaim === undefined ? {} : { noClaim }),
});

export interface MeanOptions {
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  /** Quantile of Student's t (default) or of the normal distribution. */
  quantile?: "t" | "normal";
  /** One label for each value: values of one cluster may depend on each other. */
  clusters?: Labels | undefined;
  /**
   * Between which the values must lie. The interval then lies there too, and has a width where all
   * values are equal.
   */
  range?: readonly [number, number];
}

export interface MeanInterval extends Interval {
  standardError: number;
  /** n - 1; of clusters Satterthwaite's, at most their number - 1. */
  degreesOfFreedom: number;
}

/**
 * Wilson's score interval for a share. Fractional successes (half for a tie) are allowed; the
 * interval is then wider than it need be. Without observations it is [0, 1].
 * @param confidence two-sided, in (0, 1)
 */
export function wilson(successes: number, n: number, confidence = 0.95): Interval {
  checkCount(successes, n);
  const z = twoSidedNormal(confidence);
  if (n === 0) return { estimate: NaN, low: 0, high: 1, n, noClaim: "nothing observed" };
  const share = successes / n;
  const denominator = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / denominator;
  const half = (z / denominator) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  // At 0 and n the bound is exact; rounding would leave it 1e-17 off.
  return {
    estimate: share,
    low: successes === 0 ? 0 : centre - half,
    high: successes === n ? 1 : centre + half,
    n,
  };
}

/**
 * Share whose observations may be soft (half for a tie) or come in clusters. Of clusters it is the
 * exact interval for as many independent observations as carry the same information: never more
 * than there are, never less than clusters of their sizes.
 *
 * Source: Korn and Graubard (1998). Difference: the information is that of an estimated intraclass
 * correlation and not of the clusters' observed spread, which is close to nothing where shares are
 * near 0 or 1.
 * @param values in [0, 1]
 */
export function shareInterval(
  values: readonly number[],
  options: Pick<MeanOptions, "confidence" | "clusters"> = {},
): Interval {
  checkFinite(values, "values of a share");
  const wrong = values.find((value) => value < 0 || value > 1);
  if (wrong !== undefined) throw new RangeError(`values of a share lie in [0, 1]; got ${wrong}`);
  const n = values.length;
  const { clusters, confidence = 0.95 } = options;
  if (n === 0 || !clusters) return wilson(Math.min(n, sum(values)), n, confidence);
  return shareOfEffectiveSize(Math.min(1, mean(values)), {
    size: n,
    residuals: values,
    clusters,
    confidence,
  });
}

export interface EffectiveShare {
  /** Independent observations that the estimate is worth, were there no clusters. */
  size: number;
  /**
   * What the estimate leaves of each observation; how alike they are within clusters tells what
   * these cost.
   */
  residuals: readonly number[];
  clusters: Labels | undefined;
  confidence: number;
}

/** The interval of a share that is not a plain mean, as {@link shareInterval} gives it for one. */
export function shareOfEffectiveSize(
  estimate: number,
  { size, residuals, clusters, confidence }: EffectiveShare,
): Interval {
  const n = residuals.length;
  if (!clusters || n === 0) return { ...wilson(estimate * size, size, confidence), estimate, n };
  const found = clusteredMean(residuals, clusters);
  const noClaim = tooFewClusters(found);
  if (noClaim !== undefined) return { estimate, low: 0, high: 1, n, noClaim };
  const effective = (effectiveSize(found, confidence) / n) * size;
  return { ...clopperPearson(estimate * effective, effective, confidence), estimate, n };
}

/**
 * Clopper and Pearson's exact interval for a share: never covers less than it says, so it is wider
 * than Wilson's.
 */
export function clopperPearson(successes: number, n: number, confidence = 0.95): Interval {
  checkCount(successes, n);
  const tail = (1 - checkConfidence(confidence)) / 2;
  const low = successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1);
  const high = successes === n ? 1 : betaQuantile(1 - tail, successes + 1, n - successes);
  return { estimate: n === 0 ? NaN : successes / n, low, high, n };
}

/**
 * Mean with its interval, from the ordinary or the clustered standard error. One observation, too
 * few clusters, or values that are all equal say nothing about the spread: the interval is then the
 * whole line, or the range where one is given.
 */
export function meanInterval(values: readonly number[], options: MeanOptions = {}): MeanInterval {
  checkFinite(values, "values of a mean");
  const { clusters, range, quantile } = options;
  const confidence = checkConfidence(options.confidence ?? 0.95);
  const n = values.length;
  const found = clusters && n > 0 ? clusteredMean(values, clusters) : undefined;
  const { standardError, degreesOfFreedom } = found ?? {
    standardError: Math.sqrt(variance(values) / n),
    degreesOfFreedom: n - 1,
  };
  const about = { estimate: mean(values), n, standardError, degreesOfFreedom };
  const noClaim = whyNoMean(values, found, range !== undefined);
  const [lowest, highest] = range ?? [-Infinity, Infinity];
  if (range) checkRange(values, range);
  if (noClaim !== undefined) return { ...about, low: lowest, high: highest, noClaim };
  if (range)
    return {
      ...about,
      ...boundedInterval(values, range, {
        size: found ? effectiveSize(found, confidence) : n,
        confidence,
      }),
    };
  const half =
    (quantile === "normal"
      ? twoSidedNormal(confidence)
      : twoSidedStudent(confidence, degreesOfFreedom)) * standardError;
  return { ...about, low: about.estimate - half, high: about.estimate + half };
}

function whyNoMean(
  values: readonly number[],
  clusters: ClusteredMean | undefined,
  bounded: boolean,
): string | undefined {
  if (values.length === 0) return "nothing observed";
  if (clusters === undefined && values.length === 1) return "1 observation";
  if (bounded) return clusters && tooFewClusters(clusters);
  const none = clusters && whyNoSpread(clusters);
  if (none !== undefined) return none;
  return values.every((value) => value === values[0]) ? "all values are equal" : undefined;
}

/**
 * The mean of values in a range, with one more observation at either end: Bonett and Price's
 * interval for differences of shares, for any values. The added ones keep it from shrinking to
 * nothing where few values differ.
 */
function boundedInterval(
  values: readonly number[],
  [lowest, highest]: readonly [number, number],
  { size, confidence }: { size: number; confidence: number },
): { low: number; high: number } {
  const [centre, radius] = [(lowest + highest) / 2, (highest - lowest) / 2];
  const scaled = values.map((value) => (value - centre) / radius);
  const first = (size * mean(scaled)) / (size + 2);
  const second = (size * mean(scaled.map((value) => value * value)) + 2) / (size + 2);
  const half =
    twoSidedNormal(confidence) * Math.sqrt(Math.max(0, second - first * first) / (size + 2));
  return {
    low: centre + radius * Math.max(-1, first - half),
    high: centre + radius * Math.min(1, first + half),
  };
}

function checkRange(values: readonly number[], [lowest, highest]: readonly [number, number]): void {
  const wrong = values.find((value) => value < lowest - 1e-9 || value > highest + 1e-9);
  if (wrong !== undefined)
    throw new RangeError(`values must lie in [${lowest}, ${highest}]; got ${wrong}`);
}

/** Arithmetic mean; NaN where there are no values. */
export function mean(values: readonly number[] | Float64Array): number {
  return sum(values) / values.length;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Mean and population standard deviation (of equal values 0); NaN where there are no values. */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const centre = mean(values);
  return { mean: centre, deviation: Math.sqrt(mean(values.map((value) => (value - centre) ** 2))) };
}

/** Variance with Bessel's correction; NaN for fewer than two values. */
export function variance(values: readonly number[]): number {
  const centre = mean(values);
  return (
    values.reduce((total, value) => total + (value - centre) ** 2, 0) / (values.length - 1 || NaN)
  );
}

/** Normal quantile for a two-sided confidence: 1.96 for 0.95. */
export function twoSidedNormal(confidence: number): number {
  return -normalQuantile((1 - checkConfidence(confidence)) / 2);
}

export function checkConfidence(confidence: number): number {
  if (!(confidence > 0 && confidence < 1))
    throw new RangeError(`confidence must lie between 0 and 1; got ${confidence}`);
  return confidence;
}

/**
 * A p-value that is never clear where the interval of the same values is not: the larger of the two.
 * @param intervalAt for any confidence
 */
export function notBelowInterval(
  pValue: number,
  intervalAt: (confidence: number) => Interval,
  against = 0,
): number {
  const excludes = (level: number): boolean => {
    const { low, high, noClaim } = intervalAt(1 - level);
    return noClaim !== undefined || low > against || high < against;
  };
  if (!(pValue < 1) || excludes(Math.max(pValue, LEAST_LEVEL))) return pValue;
  let [holds, beyond] = [Math.max(pValue, LEAST_LEVEL), 1];
  for (let i = 0; i < HALVINGS; i++) {
    const level = Math.sqrt(holds * beyond);
    if (excludes(level)) beyond = level;
    else holds = level;
  }
  return beyond;
}

/** Levels below which quantiles lose their digits. */
const LEAST_LEVEL = 1e-12;
const HALVINGS = 30;

/** A NaN in a statistic must not end as a silent NaN in a report. */
export function checkFinite(values: readonly number[], what: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0)
    throw new AttuneError(
      "numeric",
      `${what}: number ${index + 1} of ${values.length} is not finite`,
      { got: String(values[index]), expected: "finite numbers" },
    );
}

function checkCount(successes: number, n: number): void {
  if (!(successes >= 0 && successes <= n))
    throw new RangeError(`successes must lie between 0 and n; got ${successes} of ${n}`);
}
