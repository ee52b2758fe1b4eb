/**
 * The distance from the reference: estimators of the KL divergence from one sample, and the
 * controllers of its weight.
 *
 * Source: Schulman 2020, "Approximating KL divergence" (k1, k2, k3); Ziegler et al. 2019, section
 * 2.2 (the adaptive controller), as in TRL's AdaptiveKLController.
 * Only k1 may stand in the reward: it is the one whose policy gradient is unbiased there ("A Comedy
 * of Estimators", arXiv 2512.21852). k3 is logged beside it, because it is never negative and
 * varies less.
 *
 * d = log pi(token) - log pi_ref(token), tokens drawn from pi; both at the sampling temperature.
 */

import { mean } from "../stats/intervals.ts";
import { LARGEST_EXPONENT } from "./bounds.ts";

/** d, nats: unbiased, signed, noisy. */
export const k1 = (logRatio: number): number => logRatio;
/** d^2 / 2, nats: biased, never negative. */
export const k2 = (logRatio: number): number => 0.5 * logRatio * logRatio;
/**
 * e^-d - 1 + d, nats: unbiased, never negative. Its exponent is bounded, so that one token cannot
 * make a run's mean infinite.
 */
export const k3 = (logRatio: number): number =>
  Math.expm1(Math.min(LARGEST_EXPONENT, -logRatio)) + logRatio;

/** Ziegler et al.'s controller. */
export interface AdaptiveKl {
  /** KL to aim at, nats per answer. */
  target: number;
  /** Answers over which the weight may change by its largest relative step, 0.2. */
  horizon: number;
}

const LARGEST_ERROR = 0.2;

/**
 * Weight of the penalty after a roll-out: beta (1 + clip(KL / target - 1, +-0.2) n / horizon).
 * @param observed mean KL of the roll-out, nats per answer
 * @param answers n, number of answers in it
 */
export function adaptKlCoefficient(
  beta: number,
  { observed, answers }: { observed: number; answers: number },
  { target, horizon }: AdaptiveKl,
): number {
  const error = Math.min(LARGEST_ERROR, Math.max(-LARGEST_ERROR, observed / target - 1));
  return beta * (1 + (error * answers) / horizon);
}

/**
 * Whether the mean of the answers' k1 lies more than two standard errors below 0. A divergence is
 * never negative, so one that stays there comes from answers that another distribution gave: other
 * sampling settings, or another temperature.
 */
export function isNegative(perAnswer: readonly number[]): boolean {
  const n = perAnswer.length;
  const average = mean(perAnswer);
  const variance = perAnswer.reduce((sum, x) => sum + (x - average) ** 2, 0) / Math.max(1, n - 1);
  return average < -1e-4 && average < -2 * Math.sqrt(variance / n);
}
