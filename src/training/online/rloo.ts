/**
 * REINFORCE leave-one-out: several answers to each prompt, each judged against the mean of the
 * others.
 *
 * One step:
 * 1. roll out;
 * 2. score at the stop token;
 * 3. log-probabilities of policy and reference;
 * 4. the answer's KL in its reward;
 * 5. leave-one-out advantages;
 * 6. passes of minibatches with the ratio of whole answers;
 * 7. metrics.
 *
 * Source: Kool et al. 2019; Ahmadian et al. 2024 (arXiv 2402.14740); TRL's rloo_trainer.py.
 * Differences from TRL:
 * 1. the log-probabilities before the update are always read by the training forward pass, and the
 *    first minibatch must have ratio 1;
 * 2. nothing is read from padding.
 */
import type { ConfigOf } from "../../config/config.ts";
import type { StepResult } from "../../models/plans/plan.ts";
import { leaveOneOut, standardise } from "../../objectives/group-advantages.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { k2 } from "../../objectives/kl.ts";
import type { SequencePolicyObjective } from "../../objectives/sequence-policy.ts";
import { sequencePolicyObjective } from "../../objectives/sequence-policy.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import type { Update } from "../rollout/phases.ts";
import {
  logRatiosOf,
  readLogProbabilities,
  rollOut,
  score,
  sum,
  updatePolicy,
  watch,
} from "../rollout/phases.ts";
import {
  entropyOf,
  groupMetrics,
  movesOf,
  scoreMetrics,
  updateMetrics,
} from "../rollout/update-metrics.ts";
import type { Policy, PolicyInput } from "../rollout/policy.ts";
import { openPolicy, policyMethod } from "../rollout/policy.ts";
import { joinReads, perRead } from "../rollout/rollout.ts";
import type { StepOutcome } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import type { AnswersTrainer } from "../trainer.ts";
import type { rlooConfig } from "./rloo.config.ts";

export type RlooConfig = ConfigOf<typeof rlooConfig>;

export const trainer: AnswersTrainer<typeof rlooConfig> = { train: rloo };

/** Trains, yields what happens, and returns the policy. */
export async function* rloo(
  input: PolicyInput,
  config: RlooConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const objective = sequencePolicyObjective(config);
  const policy = await openPolicy(input, config, { objective, context });
  const step = (index: number) => rlooStep(policy, index);
  const method = { ...policyMethod(policy, "rloo"), step };
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** One roll-out and its updates. */
async function rlooStep(
  policy: Policy<RlooConfig, SequencePolicyObjective>,
  index: number,
): Promise<StepOutcome | undefined> {
  const { samples, kl, normaliseAdvantages, iterations } = policy.config;
  // 1. Roll out.
  const rollouts = await rollOut(policy, index);
  if (!rollouts) return undefined;
  // 2. Score at the stop token; 3. log-probabilities.
  const read = await readLogProbabilities(policy, await score(policy, rollouts));
  if (!read) return undefined;
  // 4. The answer's KL in its reward.
  const divergences = logRatiosOf(read).map(sum);
  const rewards = read.scores.map((each, i) => each - kl.coef * divergences[i]!);
  // 5. Leave-one-out advantages.
  const raw = leaveOneOut(rewards, samples);
  const advantages = normaliseAdvantages ? standardise(raw) : raw;
  // 6. Updates.
  const updates = await updatePolicy(policy, read, index, {
    epochs: iterations,
    inputs: (batch, { members }) => ({
      oldLogps: perRead(joinReads(read.old, batch)),
      sequence: batch.laid.sequenceOfRead,
      advantages: perRead(Float32Array.from(batch.members, (member) => advantages[member]!)),
      weight: perRead(new Float32Array(batch.members.length).fill(1 / members.length)),
    }),
    measure: (results, batches) => sequenceUpdate(results, batches, policy.config),
  });
  await policy.actor.release();
  // 7. Metrics.
  const penalty = -kl.coef * mean(divergences);
  const own = {
    ...scoreMetrics(read.scores),
    "objective/kl_coef": kl.coef,
    "objective/non_score_reward": penalty,
    "objective/rlhf_reward": mean(read.scores) + penalty,
    ...groupMetrics(read.scores, samples),
    ...updateMetrics(updates),
  };
  return watch(policy, read, index, { own });
}

/** Means over the answers of one update. */
function sequenceUpdate(
  results: readonly StepResult<SequencePolicyObjective>[],
  batches: readonly MicroBatch<SequencePolicyObjective>[],
  config: RlooConfig,
): Update {
  const objective = sequencePolicyObjective(config);
  const { losses, ratio, clipped } = evaluateStep(objective, results, batches);
  return {
    "loss/policy_avg": mean(losses),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
  };
}
