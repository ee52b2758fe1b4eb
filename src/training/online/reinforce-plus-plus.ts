/**
 * REINFORCE++: PPO's surrogate without a critic; what normalises the advantages is the whole
 * roll-out.
 *
 * One step:
 * 1. roll out;
 * 2. score at the stop token;
 * 3. log-probabilities of policy and reference;
 * 4. rewards of tokens and their sums to the end;
 * 5. whitening over the roll-out;
 * 6. passes of minibatches;
 * 7. metrics.
 *
 * Source: Hu et al. 2025 (arXiv 2501.03262), REINFORCE++ and REINFORCE++-baseline; OpenRLHF's
 * advantage estimators `reinforce` and `reinforce_baseline`.
 * Difference: 1. the first minibatch must have ratio 1.
 */
import type { ConfigOf } from "../../config/config.ts";
import { generalisedAdvantages, tokenRewards, whiten } from "../../objectives/advantages.ts";
import { groupCentred } from "../../objectives/group-advantages.ts";
import type { PolicyHyperparameters, PolicyObjective } from "../../objectives/ppo.ts";
import { policyObjective } from "../../objectives/ppo.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import {
  logRatiosOf,
  readLogProbabilities,
  rollOut,
  score,
  sum,
  updatePolicy,
  watch,
} from "../rollout/phases.ts";
import { groupMetrics, scoreMetrics, updateMetrics } from "../rollout/update-metrics.ts";
import type { Policy, PolicyInput } from "../rollout/policy.ts";
import { openPolicy, policyMethod } from "../rollout/policy.ts";
import { constant, joinReads, perRead } from "../rollout/rollout.ts";
import type { StepOutcome } from "../step.ts";
import type { AnswersTrainer } from "../trainer.ts";
import type { reinforcePlusPlusConfig } from "./reinforce-plus-plus.config.ts";
import { tokenUpdate } from "./token-update.ts";

export type ReinforcePlusPlusConfig = ConfigOf<typeof reinforcePlusPlusConfig>;

export const trainer: AnswersTrainer<typeof reinforcePlusPlusConfig> = { train: reinforcePlusPlus };

/** Trains, yields what happens, and returns the policy. */
export async function* reinforcePlusPlus(
  input: PolicyInput,
  config: ReinforcePlusPlusConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const objective = policyObjective(hyperparametersOf(config));
  const policy = await openPolicy(input, config, { objective, context });
  const step = (index: number) => reinforceStep(policy, index);
  const method = { ...policyMethod(policy, "reinforce++"), step };
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** With a group baseline the KL is a term of the loss, else of the rewards. */
function hyperparametersOf({
  kl,
  baseline,
  ...rest
}: ReinforcePlusPlusConfig): PolicyHyperparameters {
  const lossKl = { coef: kl.coef, estimator: "k2", correction: false } as const;
  return { ...rest, dualClip: 0, ...(baseline === "group" && kl.coef > 0 ? { lossKl } : {}) };
}

/** One roll-out and its updates. */
async function reinforceStep(
  policy: Policy<ReinforcePlusPlusConfig, PolicyObjective>,
  index: number,
): Promise<StepOutcome | undefined> {
  const { config } = policy;
  const grouped = config.baseline === "group";
  const beta = grouped ? 0 : config.kl.coef;
  // 1. Roll out.
  const rollouts = await rollOut(policy, index);
  if (!rollouts) return undefined;
  // 2. Score at the stop token; 3. log-probabilities.
  const read = await readLogProbabilities(policy, await score(policy, rollouts));
  if (!read) return undefined;
  // 4. Rewards of tokens and their sums to the end: generalised advantages with no values and
  // lambda 1.
  const logRatios = logRatiosOf(read);
  const scores = grouped ? groupCentred(read.scores, config.samples) : read.scores;
  const returns = logRatios.map((ratios, i) => {
    const rewards = tokenRewards(ratios, scores[i]!, beta);
    const values = new Float64Array(ratios.length);
    return generalisedAdvantages(rewards, values, { gamma: config.gamma, lambda: 1 }).advantages;
  });
  // 5. Whitening over the roll-out.
  const advantages = whiten(returns);
  // 6. Updates.
  const hyper = hyperparametersOf(config);
  const updates = await updatePolicy(policy, read, index, {
    epochs: config.iterations,
    inputs: (batch, { tokens }) => ({
      oldLogps: perRead(joinReads(read.old, batch)),
      advantages: perRead(joinReads(advantages, batch)),
      weight: perRead(constant(batch, 1 / tokens)),
      reference: perRead(joinReads(read.reference, batch)),
    }),
    measure: (results, batches) => tokenUpdate(results, batches, hyper),
  });
  await policy.actor.release();
  // 7. Metrics.
  const penalty = -beta * mean(logRatios.map(sum));
  const rewards = {
    "objective/non_score_reward": penalty,
    "objective/rlhf_reward": mean(read.scores) + penalty,
  };
  const own = {
    ...scoreMetrics(read.scores),
    "objective/kl_coef": config.kl.coef,
    ...(grouped ? {} : rewards),
    ...(config.samples > 1 ? groupMetrics(read.scores, config.samples) : {}),
    ...updateMetrics(updates),
  };
  return watch(policy, read, index, { own });
}
