/**
 * Intervals for shares and means. Numbers in, numbers out.
 *
 * Source: Wilson (1927) for shares; Miller, "Adding error bars to evals" (arXiv 2411.00640), section 2.2, for clusters.
 * Differences: 1. clustered standard errors carry the factor G / (G - 1) and a t quantile with G - 1 degrees of
 * freedom (Miller has neither), which matters below about 40 clusters.
 */
import { AttuneError } from "../core/errors.ts";
import { betaQuantile, normalQuantile, studentQuantile } from "./special.ts";

export interface Interval {
  estimate: number;
  low: number;
  high: number;
  /** Number of observations. */
  n: number;
}

export interface MeanOptions {
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  /** Quantile of Student's t (default) or of the normal distribution. */
  quantile?: "t" | "normal";
  /** One label for each value: values of one cluster may depend on each other. */
  clusters?: readonly (string | number)[] | undefined;
}

export interface MeanInterval extends Interval {
  standardError: number;
  /** n - 1, or the number of clusters - 1. */
  degreesOfFreedom: number;
}

/**
 * Wilson's score interval for a share. Fractional successes (half for a tie) are allowed; the interval is then wider
 * than it need be. Without observations it is [0, 1].
 * @param confidence two-sided, in (0, 1)
 */
export function wilson(successes: number, n: number, confidence = 0.95): Interval {
  checkCount(successes, n);
  const z = twoSidedNormal(confidence);
  if (n === 0) return { estimate: NaN, low: 0, high: 1, n };
  const share = successes / n;
  const denominator = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / denominator;
  const half = (z / denominator) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  // At 0 and n the bound is exact; rounding would leave it 1e-17 off.
  return { estimate: share, low: successes === 0 ? 0 : centre - half, high: successes === n ? 1 : centre + half, n };
}

/**
 * Share whose observations may be soft (half for a tie) or come in clusters: Wilson's interval for as many independent
 * observations as carry the same information, never more than there are.
 *
 * Source: Korn and Graubard (1998), who do the same with the exact interval for clustered surveys.
 * @param values in [0, 1]
 */
export function shareInterval(values: readonly number[], options: Pick<MeanOptions, "confidence" | "clusters"> = {}): Interval {
  checkFinite(values, "values of a share");
  const wrong = values.find((value) => value < 0 || value > 1);
  if (wrong !== undefined) throw new RangeError(`values of a share lie in [0, 1]; got ${wrong}`);
  const n = values.length;
  if (n === 0 || !options.clusters) return wilson(Math.min(n, sum(values)), n, options.confidence);
  const share = Math.min(1, mean(values));
  const { standardError, degreesOfFreedom } = meanError(values, options.clusters);
  // Without any spread, each cluster counts as one observation.
  const effective = standardError > 0 ? Math.min(n, (share * (1 - share)) / standardError ** 2) : degreesOfFreedom + 1;
  return { ...wilson(share * effective, effective, options.confidence), n };
}

/** Clopper and Pearson's exact interval for a share: never covers less than it says, so it is wider than Wilson's. */
export function clopperPearson(successes: number, n: number, confidence = 0.95): Interval {
  checkCount(successes, n);
  const tail = (1 - checkConfidence(confidence)) / 2;
  const low = successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1);
  const high = successes === n ? 1 : betaQuantile(1 - tail, successes + 1, n - successes);
  return { estimate: n === 0 ? NaN : successes / n, low, high, n };
}

/**
 * Mean with its interval, from the ordinary or the clustered standard error. Fewer than two observations (or clusters)
 * say nothing about their spread: the interval is then the whole line.
 */
export function meanInterval(values: readonly number[], options: MeanOptions = {}): MeanInterval {
  checkFinite(values, "values of a mean");
  const n = values.length;
  const { standardError, degreesOfFreedom } = meanError(values, options.clusters);
  const estimate = mean(values);
  const confidence = checkConfidence(options.confidence ?? 0.95);
  if (degreesOfFreedom < 1) return { estimate, low: -Infinity, high: Infinity, n, standardError: NaN, degreesOfFreedom };
  const quantile = options.quantile === "normal" ? twoSidedNormal(confidence) : -studentQuantile((1 - confidence) / 2, degreesOfFreedom);
  return { estimate, low: estimate - quantile * standardError, high: estimate + quantile * standardError, n, standardError, degreesOfFreedom };
}

/** Standard error of a mean whose values come in clusters: sqrt(G / (G - 1) Σ_g (Σ_{i in g} (x_i - mean))²) / n. */
export function clusteredStandardError(values: readonly number[], clusters: readonly (string | number)[]): number {
  return meanError(values, clusters).standardError;
}

/** Arithmetic mean; NaN where there are no values. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Mean and population standard deviation (of equal values 0); NaN where there are no values. */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const centre = mean(values);
  return { mean: centre, deviation: Math.sqrt(mean(values.map((value) => (value - centre) ** 2))) };
}

/** Variance with Bessel's correction; NaN for fewer than two values. */
export function variance(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((total, value) => total + (value - centre) ** 2, 0) / (values.length - 1 || NaN);
}

function meanError(values: readonly number[], clusters: readonly (string | number)[] | undefined): { standardError: number; degreesOfFreedom: number } {
  const n = values.length;
  if (!clusters) return { standardError: Math.sqrt(variance(values) / n), degreesOfFreedom: n - 1 };
  if (clusters.length !== n) throw new RangeError(`clusters: ${clusters.length} labels for ${n} values`);
  const centre = mean(values);
  const sums = new Map<string | number, number>();
  for (const [i, label] of clusters.entries()) sums.set(label, (sums.get(label) ?? 0) + values[i]! - centre);
  const groups = sums.size;
  const total = sum([...sums.values()].map((value) => value * value));
  return { standardError: Math.sqrt((groups / (groups - 1 || NaN)) * total) / n, degreesOfFreedom: groups - 1 };
}

/** Normal quantile for a two-sided confidence: 1.96 for 0.95. */
export function twoSidedNormal(confidence: number): number {
  return -normalQuantile((1 - checkConfidence(confidence)) / 2);
}

export function checkConfidence(confidence: number): number {
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence must lie between 0 and 1; got ${confidence}`);
  return confidence;
}

/** A NaN in a statistic must not end as a silent NaN in a report. */
export function checkFinite(values: readonly number[], what: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw new AttuneError("numeric", `${what}: number ${index + 1} of ${values.length} is not finite`, { got: String(values[index]), expected: "finite numbers" });
}

function checkCount(successes: number, n: number): void {
  if (!(successes >= 0 && successes <= n)) throw new RangeError(`successes must lie between 0 and n; got ${successes} of ${n}`);
}
