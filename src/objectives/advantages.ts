/**
 * From scores to advantages: rewards of single tokens, generalised advantage estimation and
 * whitening. Plain numbers: nothing here is differentiated.
 *
 * Source: Schulman et al. 2016 (GAE); Ziegler et al. 2019 and "The N implementation details of RLHF
 * with PPO" for the rewards of tokens and for whitening; TRL's ppo_trainer.py.
 * Differences:
 * 1. every array belongs to one answer and has one entry a token, so there is no padding to mask;
 * 2. the score is added at the last token of the answer (the stop token where it has one), not
 *    after it;
 * 3. the estimate starts from 0 behind that token, also where the answer was cut off.
 */

import { mean } from "../stats/intervals.ts";

/** How a reward is brought to a common scale. */
export interface ScoreScale {
  /** Mean and standard deviation of raw scores over answers of the reference. */
  mean: number;
  deviation: number;
  /** Normalised scores are kept within +-clip; 0 for no limit. */
  clip: number;
}

/** (score - mean) / deviation, clipped. */
export function normaliseScore(score: number, { mean, deviation, clip }: ScoreScale): number {
  const scaled = (score - mean) / deviation;
  return clip > 0 ? Math.min(clip, Math.max(-clip, scaled)) : scaled;
}

/**
 * An answer that does not end by itself loses the penalty: its score was read where the reward
 * model never learned to judge.
 */
export function penaliseMissingStop(score: number, stopped: boolean, penalty: number): number {
  return stopped ? score : score - penalty;
}

/**
 * Rewards of an answer's tokens: -beta k1 everywhere, and the score at the last one.
 * @param logRatios log pi_old - log pi_ref of each token
 */
export function tokenRewards(
  logRatios: ArrayLike<number>,
  score: number,
  beta: number,
): Float64Array {
  const rewards = Float64Array.from(logRatios, (logRatio) => -beta * logRatio);
  rewards[rewards.length - 1]! += score;
  return rewards;
}

/** Of generalised advantage estimation, both 0 to 1. */
export interface GaeOptions {
  gamma: number;
  lambda: number;
}

/** One number a token of an answer. */
export interface Advantages {
  advantages: Float64Array;
  /** Targets of the value function: advantage + value. */
  returns: Float64Array;
}

/**
 * delta_t = r_t + gamma V_{t+1} - V_t; A_t = delta_t + gamma lambda A_{t+1}.
 * @param values V_t, predicted before token t is chosen
 */
export function generalisedAdvantages(
  rewards: ArrayLike<number>,
  values: ArrayLike<number>,
  { gamma, lambda }: GaeOptions,
): Advantages {
  const count = rewards.length;
  const advantages = new Float64Array(count);
  const returns = new Float64Array(count);
  let next = 0;
  for (let t = count - 1; t >= 0; t--) {
    const delta = rewards[t]! + gamma * (t + 1 < count ? values[t + 1]! : 0) - values[t]!;
    next = delta + gamma * lambda * next;
    advantages[t] = next;
    returns[t] = next + values[t]!;
  }
  return { advantages, returns };
}

/** Added to the variance, as TRL does. */
const WHITENING_EPSILON = 1e-8;

/**
 * Scales all values of a batch together to variance 1 (with Bessel's correction), and to mean 0
 * unless the mean is kept. A batch of one value, or of equal ones, becomes 0 (or its mean).
 */
export function whiten(
  sequences: readonly Float64Array[],
  { keepMean = false }: { keepMean?: boolean } = {},
): Float64Array[] {
  const count = sequences.reduce((total, { length }) => total + length, 0);
  const sumOf = (term: (value: number) => number): number =>
    sequences.reduce((total, values) => values.reduce((sum, value) => sum + term(value), total), 0);
  const centre = sumOf((value) => value) / Math.max(1, count);
  const variance = sumOf((value) => (value - centre) ** 2) / Math.max(1, count - 1);
  const factor = 1 / Math.sqrt(variance + WHITENING_EPSILON);
  return sequences.map((values) =>
    values.map((value) => (value - centre) * factor + (keepMean ? centre : 0)),
  );
}

/**
 * 1 - Var(returns - values) / Var(returns): 1 for a perfect critic, 0 for one that knows only the
 * mean; NaN for equal returns.
 */
export function explainedVariance(values: readonly number[], returns: readonly number[]): number {
  const variance = (numbers: readonly number[]): number => {
    const centre = mean(numbers);
    return mean(numbers.map((x) => (x - centre) ** 2));
  };
  const spread = variance(returns);
  return spread === 0 ? NaN : 1 - variance(returns.map((x, i) => x - values[i]!)) / spread;
}
