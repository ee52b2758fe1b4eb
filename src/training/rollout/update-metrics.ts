/** What updates and roll-outs tell: means over tokens, answers and groups. */
import type { HostTensor } from "../../core/tensor.ts";
import type { Objective, StepResult } from "../../models/plans/plan.ts";
import { shareOfUninformative } from "../../objectives/group-advantages.ts";
import { k2 } from "../../objectives/kl.ts";
import type { Metrics } from "../../runs/events.ts";
import { mean, meanAndDeviation } from "../../stats/intervals.ts";
import type { RolloutMicroBatch, Update } from "./phases.ts";
import { joinReads } from "./rollout.ts";

/**
 * Token means of how far an update's policy is from the one that answered, for objectives that do
 * not read the old log-probabilities themselves.
 * @param old by the rows of the micro-batches
 */
export function distanceFromOld<O extends Objective>(
  results: readonly StepResult<O>[],
  batches: readonly RolloutMicroBatch<O>[],
  old: readonly Float64Array[],
): Update {
  const moved = results.flatMap(({ readout }, i) => {
    const before = joinReads(old, batches[i]!.rollout);
    return Array.from(readout, (logp, token) => logp - before[token]!);
  });
  return {
    "policy/approxkl_avg": mean(moved.map(k2)),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(moved.map(Math.exp)),
  };
}

/** log pi - log pi_old of each token that the micro-batches read. */
export const movesOf = (
  results: readonly Pick<StepResult, "readout">[],
  batches: readonly { inputs: { oldLogps: HostTensor<"float32"> } }[],
): number[] =>
  results.flatMap(({ readout }, i) => {
    const old = batches[i]!.inputs.oldLogps.data;
    return Array.from(readout, (logp, token) => logp - old[token]!);
  });

/** Mean of the policy's exact entropy over the tokens of an update. */
export const entropyOf = (results: readonly Pick<StepResult, "statistics">[]): number =>
  mean(results.flatMap(({ statistics }) => [...statistics!.entropy]));

/**
 * Means over the updates of a step, and the variance of the ratio among them; nothing where there
 * were none.
 */
export function updateMetrics(updates: readonly Update[]): Metrics {
  const [first] = updates;
  if (!first) return {};
  const of = (name: string): number[] => updates.map((update) => update[name]!);
  const means = Object.fromEntries(Object.keys(first).map((name) => [name, mean(of(name))]));
  if (!("val/ratio" in first)) return means;
  return { ...means, "val/ratio_var": meanAndDeviation(of("val/ratio")).deviation ** 2 };
}

/** What a roll-out tells of its groups. */
export const groupMetrics = (scores: readonly number[], samples: number): Metrics => ({
  frac_reward_zero_std: shareOfUninformative(scores, samples),
});

/** Mean and deviation of what the policy is to raise. */
export function scoreMetrics(scores: readonly number[]): Metrics {
  const { mean: average, deviation } = meanAndDeviation(scores);
  return { "objective/scores": average, "objective/scores_std": deviation };
}
