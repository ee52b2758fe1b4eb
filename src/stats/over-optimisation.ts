/**
 * How far does optimising a proxy reward help, and when does it start to hurt? Best-of-n estimates
 * and Gao's laws.
 *
 * Source: Gao, Schulman and Hilton (arXiv 2210.10760): with d = sqrt(KL(pi || pi_init)) in
 * sqrt(nats), R_bon(d) = d (alpha - beta d) and R_rl(d) = d (alpha - beta ln d). Nakano et al.
 * (arXiv 2112.09332), appendix I, for the unbiased estimate of best-of-n; Beirami et al. (arXiv
 * 2401.01879) for its KL being a bound.
 * Differences: 1. equal proxy scores share their places, so the estimate is that of a fair draw
 * among the best.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { twoSidedStudent } from "./clusters.ts";
import { checkFinite, mean } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import { inverse } from "./newton.ts";
import { logChoose } from "./special.ts";

/**
 * KL of best-of-n from the policy it draws from, in nats: ln n - (n - 1) / n. An upper bound, tight
 * without ties.
 */
export function bestOfNKl(n: number): number {
  if (!(n >= 1)) throw new RangeError(`best of n needs n >= 1; got ${n}`);
  return Math.log(n) - (n - 1) / n;
}

/**
 * Expected gold score of the answer with the highest proxy score among n, estimated without bias
 * from all N >= n samples of one prompt: Σ_i C(i - 1, n - 1) / C(N, n) gold_i over samples sorted
 * by proxy, worst first.
 */
export function bestOfN(proxy: readonly number[], gold: readonly number[], n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > proxy.length)
    throw new RangeError(`best of ${n} cannot be estimated from ${proxy.length} samples`);
  const all = logChoose(proxy.length, n);
  return sharedPlaces(proxy, gold).reduce(
    (total, value, i) => total + Math.exp(logChoose(i, n - 1) - all) * value,
    0,
  );
}

/**
 * {@link bestOfN} for every n from 1 to the number of samples: C(i - 1, n - 1) / C(N, n) follows
 * from its value for n - 1, so the whole curve costs N² products, and none of them is a difference.
 * @returns the estimate for n at index n - 1
 */
export function bestOfNCurve(proxy: readonly number[], gold: readonly number[]): number[] {
  const count = proxy.length;
  const shared = sharedPlaces(proxy, gold);
  const weights = new Float64Array(count).fill(1 / count);
  return Array.from({ length: count }, (_, index) => {
    const n = index + 1;
    if (n > 1)
      for (let i = 0; i < count; i++)
        weights[i]! *= i < n - 1 ? 0 : ((i - n + 2) / (n - 1)) * (n / (count - n + 1));
    return shared.reduce((total, value, i) => total + weights[i]! * value, 0);
  });
}

/** What best-of-k would give, k <= n. */
export interface BestOfNPoint {
  /** Answers that are drawn to choose from, 1 to n. */
  k: number;
  /** Upper bound of the KL from the policy, nats. */
  kl: number;
  /** Means over prompts, without bias; intervals over prompts. */
  score: Interval;
  /** The same of the held-out reward, for the answer that the other reward chose. */
  heldOutScore?: Interval;
}

/**
 * Gold scores in the order of the proxy, worst first; equal proxy scores share the mean of theirs.
 */
function sharedPlaces(proxy: readonly number[], gold: readonly number[]): number[] {
  if (proxy.length !== gold.length)
    throw new RangeError(`best of n: ${proxy.length} proxy and ${gold.length} gold scores`);
  checkFinite(proxy, "proxy scores");
  checkFinite(gold, "gold scores");
  const order = proxy.map((_, i) => i).toSorted((i, j) => proxy[i]! - proxy[j]!);
  const shared = order.map((place) => gold[place]!);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && proxy[order[end]!] === proxy[order[start]!]) end++;
    shared.fill(mean(shared.slice(start, end)), start, end);
  }
  return shared;
}

export type OptimisationKind = "best-of-n" | "rl";

export interface OptimisationPoint {
  /** sqrt(KL) from the initial policy, in sqrt(nats); 0 or more. */
  distance: number;
  /** Gold (or proxy) score minus its mean under the initial policy. */
  reward: number;
  /** Relative precision of the point; 1 where left out. */
  weight?: number;
}

export interface OptimisationFit {
  kind: OptimisationKind;
  /**
   * With 95% intervals (normal, from the spread around the curve); unbounded where only two points
   * were given.
   */
  alpha: Interval;
  beta: Interval;
  /**
   * Where the curve turns down, and its height there; infinite and NaN where beta <= 0 means it
   * never does.
   */
  peakDistance: number;
  peakReward: number;
  /** Weighted root mean square of the distances from the curve, in units of the reward. */
  residual: number;
}

/** Below this distance the RL law's slope is unbounded; such points are left out of its fit. */
export const LEAST_RL_DISTANCE = 0.05;

/** Fits one of Gao's laws by weighted least squares; both are linear in alpha and beta. */
export function fitOptimisation(
  kind: OptimisationKind,
  points: readonly OptimisationPoint[],
): OptimisationFit {
  checkFinite(
    points.flatMap(({ distance, reward }) => [distance, reward]),
    "points of an over-optimisation curve",
  );
  if (points.some(({ distance }) => distance < 0))
    throw new RangeError("distances are square roots of a KL, so 0 or more");
  const used = points.filter(({ distance }) => distance > (kind === "rl" ? LEAST_RL_DISTANCE : 0));
  if (new Set(used.map(({ distance }) => distance)).size < 2) {
    throw new AttuneError(
      "data",
      "an over-optimisation curve needs points at two distances or more",
      { got: `${used.length} usable of ${countOf(points.length, "point")}` },
    );
  }
  const features = used.map(
    ({ distance: d }) => [d, kind === "rl" ? -d * Math.log(d) : -d * d] as const,
  );
  const { coefficients, covariance, residual } = leastSquares(features, used);
  const [alpha, beta] = coefficients;
  const interval = (i: 0 | 1): Interval => {
    const about = { estimate: coefficients[i], n: used.length };
    if (used.length < 3)
      return { ...about, low: -Infinity, high: Infinity, noClaim: countOf(used.length, "point") };
    const half = twoSidedStudent(0.95, used.length - 2) * Math.sqrt(covariance[3 * i]!);
    return { ...about, low: coefficients[i] - half, high: coefficients[i] + half };
  };
  const peakDistance =
    beta <= 0
      ? Infinity
      : kind === "rl"
        ? Math.exp(alpha / beta - 1)
        : Math.max(0, alpha / (2 * beta));
  return {
    kind,
    alpha: interval(0),
    beta: interval(1),
    peakDistance,
    peakReward: beta <= 0 ? NaN : optimisationReward(kind, alpha, beta, peakDistance),
    residual,
  };
}

/** Height of a law at a distance; 0 at 0. */
export function optimisationReward(
  kind: OptimisationKind,
  alpha: number,
  beta: number,
  distance: number,
): number {
  if (distance === 0) return 0;
  return distance * (alpha - beta * (kind === "rl" ? Math.log(distance) : distance));
}

function leastSquares(
  features: readonly (readonly [number, number])[],
  points: readonly OptimisationPoint[],
): { coefficients: [number, number]; covariance: Float64Array; residual: number } {
  const normal = new Float64Array(4);
  const right: [number, number] = [0, 0];
  for (const [i, [x, y]] of features.entries()) {
    const { reward, weight = 1 } = points[i]!;
    normal[0]! += weight * x * x;
    normal[1]! += weight * x * y;
    normal[2]! += weight * x * y;
    normal[3]! += weight * y * y;
    right[0] += weight * x * reward;
    right[1] += weight * y * reward;
  }
  const inverted = inverse(normal);
  if (!inverted)
    throw new AttuneError(
      "numeric",
      "over-optimisation fit: the points do not determine both coefficients",
    );
  const coefficients: [number, number] = [
    inverted[0]! * right[0] + inverted[1]! * right[1],
    inverted[2]! * right[0] + inverted[3]! * right[1],
  ];
  const squares = features.reduce(
    (sum, [x, y], i) =>
      sum +
      (points[i]!.weight ?? 1) *
        (points[i]!.reward - coefficients[0] * x - coefficients[1] * y) ** 2,
    0,
  );
  const spread = squares / Math.max(1, points.length - 2);
  const weights = points.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return {
    coefficients,
    covariance: inverted.map((value) => value * spread),
    residual: Math.sqrt(squares / weights),
  };
}
