/**
 * Proximal policy optimisation from a reward, with four roles: actor, reference, reward and critic.
 *
 * One step:
 * 1. roll out;
 * 2. score at the stop token;
 * 3. log-probabilities of policy and reference, and values;
 * 4. rewards of tokens;
 * 5. generalised advantages;
 * 6. whitening;
 * 7. epochs of minibatches for the actor;
 * 8. the same for the critic;
 * 9. the KL controller;
 * 10. metrics.
 *
 * Source: Schulman et al. 2017; Ziegler et al. 2019; Stiennon et al. 2020; Ouyang et al. 2022; TRL
 * 0.24's ppo_trainer.py.
 * Differences from TRL:
 * 1. the score stands at the stop token itself, and nothing is read from padding;
 * 2. actor and critic are networks of their own with an optimiser each, so they are updated one
 *    after the other and share memory;
 * 3. old log-probabilities come from the forward pass that training uses, never from decoding;
 * 4. the first minibatch of a run must have ratio 1, or the run ends;
 * 5. the scale of the reward is measured on answers of the reference.
 */
import type { StepResult } from "../../models/plans/plan.ts";
import {
  explainedVariance,
  generalisedAdvantages,
  tokenRewards,
  whiten,
} from "../../objectives/advantages.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { adaptKlCoefficient } from "../../objectives/kl.ts";
import type { ValueObjective } from "../../objectives/ppo.ts";
import { policyObjective, valueObjective } from "../../objectives/ppo.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import type { ReadRollouts, Update } from "../rollout/phases.ts";
import {
  batchesOf,
  logRatiosOf,
  microBatchesOf,
  minibatches,
  rateOf,
  readLogProbabilities,
  rollOut,
  score,
  sum,
  updatePolicy,
  watch,
} from "../rollout/phases.ts";
import { scoreMetrics, updateMetrics } from "../rollout/update-metrics.ts";
import type { Policy } from "../rollout/policy.ts";
import { openPolicy } from "../rollout/policy.ts";
import { constant, joinReads, perRead, readByAnswer } from "../rollout/rollout.ts";
import type { StepOutcome } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import type { AnswersTrainer } from "../trainer.ts";
import { policyUpdate } from "./token-update.ts";
import type { ppoConfig } from "./ppo.config.ts";
import type { PpoConfig, PpoInput, PpoRun } from "./ppo-run.ts";
import { addDemonstrations, checkCriticWarmup, checkPpo, openPpo, ppoMethod } from "./ppo-run.ts";

export const trainer: AnswersTrainer<typeof ppoConfig, PpoInput> = {
  train: ppo,
  checkSteps: checkCriticWarmup,
  besides: "demonstrations",
};

/** Trains, yields what happens, and returns the policy. */
export async function* ppo(
  input: PpoInput,
  config: PpoConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const objective = policyObjective(config);
  const check = (run: Pick<Policy, "totalSteps" | "rewards">) => checkPpo(run, input, config);
  const policy = await openPolicy(input, config, { objective, context, check });
  const run = await openPpo(policy, input);
  const method = ppoMethod(run, (index) => ppoStep(run, index));
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** A roll-out with everything that the updates read. Arrays of one value a token, by answer. */
interface Experience extends ReadRollouts {
  values: readonly Float64Array[];
  advantages: readonly Float64Array[];
  returns: readonly Float64Array[];
}

/** One roll-out and its updates. */
async function ppoStep(run: PpoRun, index: number): Promise<StepOutcome | undefined> {
  const { policy } = run;
  const { config } = policy;
  // 1. Roll out.
  const rollouts = await rollOut(policy, index);
  if (!rollouts) return undefined;
  // 2. Score at the stop token.
  const scored = await score(policy, rollouts);
  // 3. Log-probabilities of policy and reference, and values.
  const read = await readLogProbabilities(policy, scored);
  const values = read && (await readValues(run, read));
  if (!values || policy.signal?.aborted) return undefined;
  // 4. Rewards of tokens.
  const rewards = logRatiosOf(read).map((ratios, i) =>
    tokenRewards(ratios, read.scores[i]!, run.klCoefficient),
  );
  // 5. Generalised advantages.
  const used = config.whitenRewards ? whiten(rewards, { keepMean: true }) : rewards;
  const estimates = used.map((each, i) => generalisedAdvantages(each, values[i]!, config));
  // 6. Whitening.
  const advantages = whiten(estimates.map((estimate) => estimate.advantages));
  const returns = estimates.map((estimate) => estimate.returns);
  const experience: Experience = { ...read, values, advantages, returns };
  // 7. The policy's updates; in the critic's warm-up there are none.
  const warmup = index < config.critic.warmupSteps;
  const policyUpdates = warmup ? [] : await learnPolicy(run, experience, index);
  await policy.actor.release();
  await run.ptx?.release();
  // 8. The critic's updates.
  const criticUpdates = await learnValues(run, experience, index);
  // 9. The KL controller; 10. metrics.
  const own = {
    ...rolloutMetrics(run, experience),
    ...updateMetrics(policyUpdates),
    ...updateMetrics(criticUpdates),
    "critic/lr": rateOf(policy, config.critic.learningRate, index),
  };
  const outcome = watch(policy, read, index, { own });
  adaptKl(run, outcome.metrics["objective/kl"]!, rollouts.length);
  return outcome;
}

async function readValues(
  { policy, critic, valueOffset }: PpoRun,
  { rows }: ReadRollouts,
): Promise<Float64Array[]> {
  const values: Float64Array[] = [];
  for (const batch of batchesOf(policy, rows))
    readByAnswer((await critic.plan.score(batch.laid.batch)).readout, batch, values);
  await critic.release();
  return values.map((each) => each.map((value) => value + valueOffset));
}

function learnPolicy(run: PpoRun, experience: Experience, index: number): Promise<Update[]> {
  const { policy } = run;
  const { config, actor } = policy;
  const { old, reference, advantages } = experience;
  return updatePolicy(policy, experience, index, {
    epochs: config.ppoEpochs,
    earlyStopKl: config.earlyStopKl,
    inputs: (batch, { tokens }) => ({
      oldLogps: perRead(joinReads(old, batch)),
      advantages: perRead(joinReads(advantages, batch)),
      weight: perRead(constant(batch, 1 / tokens)),
      reference: perRead(joinReads(reference, batch)),
    }),
    measure: (results, batches) => policyUpdate(results, batches, config),
    addGradients: () => addDemonstrations(run, actor.optimizer.steps),
  });
}

async function learnValues(
  { policy, critic, valueOffset }: PpoRun,
  { rows, ...experience }: Experience,
  index: number,
): Promise<Update[]> {
  const { config } = policy;
  // The network predicts the value less the offset, so its targets are less the offset too.
  const shifted = (arrays: readonly Float64Array[]): Float64Array[] =>
    arrays.map((each) => each.map((value) => value - valueOffset));
  const [old, returns] = [shifted(experience.values), shifted(experience.returns)];
  const rate = rateOf(policy, config.critic.learningRate, index);
  const updates: Update[] = [];
  for (const { members, tokens } of minibatches(policy, old, { index, epochs: config.ppoEpochs })) {
    const batches = microBatchesOf<ValueObjective>(policy, rows, {
      members,
      inputs: (batch) => ({
        oldValues: perRead(joinReads(old, batch)),
        returns: perRead(joinReads(returns, batch)),
        weight: perRead(constant(batch, 1 / tokens)),
      }),
    });
    const update = valueUpdate(await critic.gradients(batches), batches, config);
    const loss = update["loss/value_avg"]!;
    const norm = await critic.update(rate, { step: index + 1, loss });
    updates.push({ ...update, "critic/grad_norm": norm });
  }
  await critic.release();
  return updates;
}

function adaptKl(run: PpoRun, observed: number, answers: number): void {
  const { controller, target, horizon } = run.policy.config.kl;
  if (controller !== "adaptive") return;
  const seen = { observed, answers };
  run.klCoefficient = adaptKlCoefficient(run.klCoefficient, seen, { target, horizon });
}

function rolloutMetrics(
  { klCoefficient }: PpoRun,
  { scores, values, returns, ...read }: Experience,
): Metrics {
  const penalty = -klCoefficient * mean(logRatiosOf(read).map(sum));
  const all = (arrays: readonly Float64Array[]): number[] => arrays.flatMap((each) => [...each]);
  return {
    ...scoreMetrics(scores),
    "objective/kl_coef": klCoefficient,
    "objective/non_score_reward": penalty,
    "objective/rlhf_reward": mean(scores) + penalty,
    "val/explained_variance": explainedVariance(all(values), all(returns)),
  };
}

/** Token means of one update of the critic. */
function valueUpdate(
  results: readonly StepResult<ValueObjective>[],
  batches: readonly MicroBatch<ValueObjective>[],
  config: PpoConfig,
): Update {
  const { losses, clipped } = evaluateStep(valueObjective(config), results, batches);
  return { "loss/value_avg": mean(losses), "val/clipfrac_avg": mean(clipped) };
}
