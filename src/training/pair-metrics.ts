/**
 * Metrics of preference training by TRL's names; every one a mean over the pairs of the step.
 *
 * The reward of an answer is the one that its loss compares: beta times the summed log-ratio, or
 * beta times the mean log-probability of a token for SimPO and ORPO. Difference from TRL: `logps/*`
 * are sums for these two as well.
 */
import { pairEvaluator, rewardOf } from "../objectives/pairs.ts";
import type { PairTerms } from "../objectives/preference-loss.ts";
import type { PreferenceHyperparameters, PreferenceLossName } from "../objectives/preference.ts";
import type { Metrics } from "../runs/events.ts";
import { mean } from "../stats/intervals.ts";
import { evaluationNames } from "./step.ts";

/** One pair as it was read: sums of log-probabilities. */
export type ReadPair = PairTerms<number>;

/** Pairs of a batch from what was read of it and the inputs of its objective. */
export function readPairs(
  logps: Float32Array,
  {
    reference,
    lengths,
    p,
    columns,
  }: { reference: Float32Array; lengths: Float32Array; p: Float32Array; columns: number },
): ReadPair[] {
  return Array.from(p, (probability, i) => ({
    chosen: logps[columns * i]!,
    rejected: logps[columns * i + 1]!,
    referenceChosen: reference[2 * i]!,
    referenceRejected: reference[2 * i + 1]!,
    chosenTokens: lengths[2 * i]!,
    rejectedTokens: lengths[2 * i + 1]!,
    p: probability,
  }));
}

/** The options of every method that learns from pairs. */
export interface LossConfig extends PreferenceHyperparameters {
  /** Losses that are added up, and their weights; a weight left out is 1. */
  loss: readonly PreferenceLossName[];
  lossWeights: readonly number[];
}

/** Implicit rewards of both answers. */
export function rewardsOf(
  pair: ReadPair,
  { loss, beta }: Pick<LossConfig, "loss" | "beta">,
): { chosen: number; rejected: number } {
  const reward = rewardOf(loss);
  const { chosen, referenceChosen, chosenTokens } = pair;
  const { rejected, referenceRejected, rejectedTokens } = pair;
  return {
    chosen: reward({ logp: chosen, reference: referenceChosen, tokens: chosenTokens }, beta),
    rejected: reward(
      { logp: rejected, reference: referenceRejected, tokens: rejectedTokens },
      beta,
    ),
  };
}

/** @param nll mean negative log-likelihood of the tokens of the SFT term, where there is one */
export function pairMetrics(
  pairs: readonly ReadPair[],
  config: LossConfig,
  nll: number | undefined,
): Metrics {
  const rewards = pairs.map((pair) => rewardsOf(pair, config));
  const margins = rewards.map(({ chosen, rejected }) => chosen - rejected);
  const { metrics } = pairEvaluator(lossWeights(config), config)(pairs);
  return {
    "rewards/chosen": mean(rewards.map(({ chosen }) => chosen)),
    "rewards/rejected": mean(rewards.map(({ rejected }) => rejected)),
    "rewards/margins": mean(margins),
    ...accuracy(pairs, margins, config.beta),
    "logps/chosen": mean(pairs.map(({ chosen }) => chosen)),
    "logps/rejected": mean(pairs.map(({ rejected }) => rejected)),
    ...(nll === undefined ? {} : { nll_loss: nll }),
    ...Object.fromEntries(Object.entries(metrics).map(([name, values]) => [name, mean(values)])),
  };
}

/** A pair labelled 0.5 has no right order and does not count. */
function accuracy(pairs: readonly ReadPair[], margins: readonly number[], beta: number): Metrics {
  const right = pairs.flatMap((pair, i) =>
    pair.p === 0.5 ? [] : [margins[i]! > roundingOf(pair, beta) ? 1 : 0],
  );
  return right.length === 0 ? {} : { "rewards/accuracies": mean(right) };
}

/**
 * A margin up to here is a tie that float32 broke, as at the first step, where model and reference
 * are the same.
 */
const roundingOf = ({ chosen, rejected }: ReadPair, beta: number): number =>
  1e-6 * beta * (Math.abs(chosen) + Math.abs(rejected));

/** The loss of held-out pairs, SFT term included, and their metrics; names carry `eval_`. */
export function evaluationMetrics(
  pairs: readonly ReadPair[],
  config: LossConfig & { sftWeight: number },
  nll: number,
): Metrics {
  const { losses } = pairEvaluator(lossWeights(config), config)(pairs);
  return evaluationNames({
    loss: mean(losses) + config.sftWeight * nll,
    ...pairMetrics(pairs, config, config.sftWeight > 0 ? nll : undefined),
  });
}

/** The mixture of losses. */
export const lossWeights = ({
  loss,
  lossWeights: weights,
}: Pick<LossConfig, "loss" | "lossWeights">) =>
  loss.map((type, index) => ({ type, weight: weights[index] ?? 1 }));
