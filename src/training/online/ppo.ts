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
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { float32 } from "../../core/tensor.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { DemonstrationRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { StepResult } from "../../models/plans/plan.ts";
import {
  explainedVariance,
  generalisedAdvantages,
  tokenRewards,
  whiten,
} from "../../objectives/advantages.ts";
import { evaluateStep } from "../../objectives/evaluate.ts";
import { adaptKlCoefficient, k2 } from "../../objectives/kl.ts";
import type { PolicyObjective, ValueObjective } from "../../objectives/ppo.ts";
import { policyObjective, valueObjective } from "../../objectives/ppo.ts";
import type { SftObjective } from "../../objectives/sft.ts";
import { sftObjective } from "../../objectives/sft.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { EncodedExample } from "../../text/encoder.ts";
import { PlanOnDemand } from "../choose-plan.ts";
import { EncodingReport } from "../encoding.ts";
import { groupByLength, joinRows, layExample } from "../layout.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import { itemsOfStep } from "../passes.ts";
import type { ReadRollouts, Update } from "../rollout/phases.ts";
import {
  batchesOf,
  constant,
  entropyOf,
  logRatiosOf,
  microBatchesOf,
  minibatches,
  movesOf,
  perRead,
  rateOf,
  readLogProbabilities,
  rollOut,
  score,
  scoreMetrics,
  sum,
  updateMetrics,
  updatePolicy,
  watch,
} from "../rollout/phases.ts";
import type { Policy, PolicyInput, PolicyState } from "../rollout/policy.ts";
import { openPolicy, policyMethod, preparePolicy } from "../rollout/policy.ts";
import { RewardModelSource } from "../rollout/rewards.ts";
import { criticHead, scaleScoreHead } from "../rollout/roles.ts";
import { joinReads, readByAnswer } from "../rollout/rollout.ts";
import type { StepOutcome } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import { Trainee } from "../trainee.ts";
import type { ppoConfig } from "./ppo.config.ts";

export type PpoConfig = ConfigOf<typeof ppoConfig>;

export interface PpoInput extends PolicyInput {
  /** Demonstrations for PPO-ptx. */
  demonstrations?: readonly DemonstrationRecord[];
}

/**
 * @throws AttuneError `config` where the critic would learn alone in every roll-out
 */
export function checkCriticWarmup(
  totalSteps: number,
  { critic: { warmupSteps } }: Pick<PpoConfig, "critic">,
): void {
  if (warmupSteps < totalSteps) return;
  throw new AttuneError(
    "config",
    "the policy would never be trained: in every roll-out of this run the critic learns alone",
    {
      got: `critic.warmupSteps ${warmupSteps} and ${countOf(totalSteps, "roll-out")}`,
      expected: "fewer warm-up steps than roll-outs",
      hint: "--critic-warmup-steps 0, more prompts or --epochs, or a smaller --batch-size",
    },
  );
}

/** Trains, yields what happens, and returns the policy. */
export async function* ppo(
  input: PpoInput,
  config: PpoConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const objective = policyObjective(config);
  const policy = await openPolicy(input, config, { objective, context });
  checkCriticWarmup(policy.totalSteps, config);
  const method = ppoMethod(await openPpo(policy, input));
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

/** What a run works with. */
interface PpoRun {
  policy: Policy<PpoConfig, PolicyObjective>;
  critic: Trainee<ValueObjective>;
  /**
   * Index of the reward model that the critic starts as; undefined where it starts as the policy.
   */
  criticReward: number | undefined;
  /** Added to what the critic's network predicts. */
  valueOffset: number;
  /** The policy under the SFT loss, for PPO-ptx. */
  ptx: PlanOnDemand<SftObjective> | undefined;
  demonstrations: ReturnType<typeof encodeDemonstrations>;
  klCoefficient: number;
}

/** Small state of a checkpoint. */
interface PpoState extends PolicyState {
  klCoefficient: number;
}

async function openPpo(policy: PpoRun["policy"], input: PpoInput): Promise<PpoRun> {
  const { actor, config } = policy;
  const { model, reward } = criticStart(policy);
  const critic = await Trainee.open(
    { ...model, scoreHead: criticHead(model) },
    {
      name: "critic",
      config,
      adapterSeed: Random.for(config.seed, "critic").bits(),
      reads: "scores",
      objective: valueObjective(config),
    },
  );
  // Demonstrations are learned at temperature 1, at which SFT reads them.
  const { model: trained, trainable } = actor;
  const request = { model: trained, trainable, reads: "tokens", objective: sftObjective } as const;
  return {
    policy,
    critic,
    criticReward: reward,
    valueOffset: 0,
    ptx: config.ptx.coef > 0 ? new PlanOnDemand(request, config) : undefined,
    demonstrations: encodeDemonstrations(input, config),
    klCoefficient: config.kl.coef,
  };
}

/** The network that the critic starts as: a reward model's, or the policy's. */
function criticStart({ rewards, config, input }: PpoRun["policy"]): {
  model: Model;
  reward: number | undefined;
} {
  const { start } = config.critic;
  const fits = (source: unknown): source is RewardModelSource =>
    source instanceof RewardModelSource && source.sameTokens;
  const index = start === "policy" ? -1 : rewards.sources.findIndex(fits);
  if (index >= 0)
    return { model: (rewards.sources[index] as RewardModelSource).model, reward: index };
  if (start === "reward")
    throw new AttuneError("config", "the critic cannot start as a reward model", {
      got: "no reward model that reads the policy's tokens",
      expected: "critic.start policy",
    });
  const { scoreHead: _, ...model } = input.model;
  return { model, reward: undefined };
}

function ppoMethod(run: PpoRun): Method {
  const { policy, critic, ptx } = run;
  const base = policyMethod(policy, "ppo");
  return {
    ...base,
    trainees: [policy.actor, critic],
    step: (index) => ppoStep(run, index),
    state: (): PpoState => ({ ...base.state(), klCoefficient: run.klCoefficient }),
    prepare: (kept) => prepare(run, kept as PpoState | undefined),
    async close() {
      await Promise.all([base.close(), ptx?.close()]);
    },
  };
}

async function prepare(run: PpoRun, kept: PpoState | undefined) {
  const { policy, demonstrations } = run;
  const advice = [...demonstrations.report.warnings];
  if (policy.config.kl.coef === 0)
    advice.push({
      id: "no-kl-penalty",
      message:
        "kl.coef is 0: nothing holds the policy near the reference, and it will find what the " +
        "reward overrates",
    });
  const warnings = await preparePolicy(policy, kept, advice);
  if (kept) run.klCoefficient = kept.klCoefficient;
  startCritic(run, kept === undefined);
  return warnings;
}

/**
 * A critic that starts as a reward model predicts (score - mean) / deviation at the last token from
 * the first step on: its head is scaled, and the rest is an offset.
 */
function startCritic(run: PpoRun, fresh: boolean): void {
  const { critic, criticReward: index, policy } = run;
  if (index === undefined) return;
  const { mean: average, deviation } = policy.rewards.scales[index]!;
  const weight = policy.config.rewardWeights[index] ?? 1;
  run.valueOffset = (-weight * average) / deviation;
  // A checkpoint holds the head as it is.
  if (!fresh) return;
  scaleScoreHead(critic.trainable, weight / deviation);
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

/** Adds the gradients of the SFT loss (PPO-ptx) to those of an update. */
async function addDemonstrations(
  { policy, ptx, demonstrations }: PpoRun,
  update: number,
): Promise<Update | undefined> {
  if (!ptx) return undefined;
  const { encoder } = policy.input;
  const { seed, microBatchTokens } = policy.config;
  const { batchSize, coef } = policy.config.ptx;
  const passes = { batchSize, seed, epochs: Infinity };
  const examples = itemsOfStep(demonstrations.examples, update, passes).map(layExample);
  const tokens = examples.reduce((total, { reads }) => total + reads.length, 0);
  const layout = { padId: encoder.padId };
  let loss = 0;
  for (const group of groupByLength(examples, ({ ids }) => ids.length, microBatchTokens)) {
    const { batch } = joinRows(group, layout);
    const slope = new Float32Array(batch.selected.data.length).fill(-coef / tokens);
    loss += (await ptx.plan.step(batch, { slope: float32([slope.length], slope) })).loss;
  }
  return { "loss/ptx_avg": loss / coef };
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

function encodeDemonstrations(
  { encoder, demonstrations = [] }: PpoInput,
  config: PpoConfig,
): { examples: EncodedExample[]; report: EncodingReport } {
  const report = new EncodingReport(encoder, config);
  const rows = config.ptx.coef > 0 ? demonstrations : [];
  return {
    examples: report
      .encodeAll(rows, (record) =>
        encoder.encodeDemonstration(
          record.prompt,
          record.completion,
          { loss: "completion" },
          record,
        ),
      )
      .map(({ encoded }) => encoded),
    report,
  };
}

/** Token means of one update of the policy. */
function policyUpdate(
  results: readonly StepResult<PolicyObjective>[],
  batches: readonly MicroBatch<PolicyObjective>[],
  config: PpoConfig,
): Update {
  const { losses, ratio, clipped } = evaluateStep(policyObjective(config), results, batches);
  return {
    "loss/policy_avg": mean(losses),
    "policy/approxkl_avg": mean(movesOf(results, batches).map(k2)),
    "policy/clipfrac_avg": mean(clipped),
    "policy/entropy_avg": entropyOf(results),
    "val/ratio": mean(ratio),
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
