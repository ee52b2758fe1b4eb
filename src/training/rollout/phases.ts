/**
 * The phases of a step over roll-outs, in the order in which methods call them: roll out; score at
 * the stop token; read log-probabilities of policy and reference; updates in minibatches; watch and
 * metrics. Each is a plain function; a phase that was asked to stop gives undefined.
 */
import { Random } from "../../core/random.ts";
import type { InputsOf, Objective, StepResult } from "../../models/plans/plan.ts";
import { penaliseMissingStop } from "../../objectives/advantages.ts";
import { k1, k3 } from "../../objectives/kl.ts";
import { scheduleFactor } from "../../optim/schedules.ts";
import type { Metrics } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import type { LaidRow } from "../layout.ts";
import { epochsAfter, itemsOfStep } from "../passes.ts";
import type { StepOutcome, Warning } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import { checkOnPolicy, negativeKl } from "./checks.ts";
import type { Policy } from "./policy.ts";
import type { PolicyConfig } from "./rollout.config.ts";
import type { Rollout, RolloutBatch, RolloutPrompt } from "./rollout.ts";
import { batchRollouts, layRollout, readByAnswer, rolloutSeed } from "./rollout.ts";

/** Prompts of a step, a new order for every pass over them. */
export const promptsOf = ({ prompts, passes }: Policy, index: number): RolloutPrompt[] =>
  itemsOfStep(prompts, index, passes);

/**
 * Answers of the policy as it is, to the step's prompts.
 * @param index of the step, from 0: the same step draws the same answers
 */
export const rollOut = (policy: Policy, index: number): Promise<Rollout[] | undefined> =>
  drawAnswers(policy, promptsOf(policy, index), rolloutSeed(policy.config.seed, index));

/** Answers of the policy as it is. */
export async function drawAnswers(
  { engine, config, signal }: Policy,
  prompts: readonly RolloutPrompt[],
  seed: number,
): Promise<Rollout[] | undefined> {
  const rollouts = await engine.roll(prompts, { ...config, seed }, signal);
  await engine.release();
  return signal?.aborted ? undefined : rollouts;
}

// Score.

/** Answers with one score each. */
export interface Scored {
  rollouts: readonly Rollout[];
  /** Rewards normalised and combined, without the penalty of a missing end, and with it. */
  proxy: readonly number[];
  scores: readonly number[];
}

export async function score(
  { rewards, config }: Policy,
  rollouts: readonly Rollout[],
): Promise<Scored> {
  const { scores: proxy } = await rewards.score(rollouts);
  await rewards.release();
  const scores = rollouts.map(({ stopped }, i) =>
    penaliseMissingStop(proxy[i]!, stopped, config.missingEosPenalty),
  );
  return { rollouts, proxy, scores };
}

// Read.

/** A roll-out that was judged and read. Arrays of one value a token, by answer. */
export interface ReadRollouts extends Scored {
  rows: readonly LaidRow[];
  heldOut: readonly number[] | undefined;
  /**
   * Log-probabilities of the policy that answered, and of the reference, at the sampling
   * temperature.
   */
  old: readonly Float64Array[];
  reference: readonly Float64Array[];
}

/**
 * Log-probabilities of every answer's tokens, by the forward pass that training uses; and what the
 * held-out reward says.
 */
export async function readLogProbabilities(
  policy: Policy,
  scored: Scored,
): Promise<ReadRollouts | undefined> {
  const { actor, reference: frozen, monitor, signal } = policy;
  const heldOut = await monitor.judge(scored.rollouts);
  if (signal?.aborted) return undefined;
  const rows = scored.rollouts.map(layRollout);
  const batches = batchesOf(policy, rows);
  const [old, reference]: [Float64Array[], Float64Array[]] = [[], []];
  for (const batch of batches) {
    const { plan } = frozen ?? actor;
    const { readout } = await plan.score(batch.laid.batch, { adapter: frozen !== undefined });
    readByAnswer(readout, batch, reference);
  }
  await frozen?.release();
  for (const batch of batches)
    readByAnswer((await actor.plan.score(batch.laid.batch)).readout, batch, old);
  return signal?.aborted ? undefined : { ...scored, rows, heldOut, old, reference };
}

/** Answers in batches; all of them where `members` is left out. */
export function batchesOf(
  { input: { encoder }, config: { microBatchTokens } }: Policy,
  rows: readonly LaidRow[],
  members: readonly number[] = [...rows.keys()],
): RolloutBatch[] {
  return batchRollouts(rows, members, { microBatchTokens, padId: encoder.padId });
}

/** log pi_old - log pi_ref of each token. */
export const logRatiosOf = ({
  old,
  reference,
}: Pick<ReadRollouts, "old" | "reference">): Float64Array[] =>
  old.map((logps, i) => logps.map((logp, t) => logp - reference[i]![t]!));

// Updates.

/** Numbers of one update of a network, for the metrics. */
export type Update = Readonly<Record<string, number>>;

/** What an update is made of: a row for each answer or pair, and one value a token of it. */
export type Learned = Pick<ReadRollouts, "rows" | "old">;

/** Some answers of a roll-out, which make one step of the optimiser. */
export interface Minibatch {
  members: readonly number[];
  /** Tokens of these answers. */
  tokens: number;
}

/** A micro-batch, and whose rows it holds. */
export interface RolloutMicroBatch<O extends Objective = Objective> extends MicroBatch<O> {
  rollout: RolloutBatch;
}

/** Passes over a roll-out in minibatches, a new order for each pass. */
export function* minibatches(
  { config: { seed, miniBatches } }: Policy,
  values: readonly ArrayLike<number>[],
  { index, epochs }: { index: number; epochs: number },
): Generator<Minibatch> {
  const size = values.length / miniBatches;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const all = Array.from(values, (_, i) => i);
    const order = Random.for(seed, "minibatches", index, epoch).shuffle(all);
    for (let part = 0; part < miniBatches; part++) {
      const members = order.slice(Math.round(part * size), Math.round((part + 1) * size));
      const tokens = members.reduce((total, member) => total + values[member]!.length, 0);
      if (members.length > 0) yield { members, tokens };
    }
  }
}

/** @param inputs of the objective for some answers of the minibatch */
export const microBatchesOf = <O extends Objective>(
  policy: Policy,
  rows: readonly LaidRow[],
  { members, inputs }: { members: readonly number[]; inputs: (batch: RolloutBatch) => InputsOf<O> },
): RolloutMicroBatch<O>[] =>
  batchesOf(policy, rows, members).map((rollout) => ({
    rollout,
    batch: rollout.laid.batch,
    tokens: rollout.laid.tokens,
    inputs: inputs(rollout),
  }));

/** How an update of the policy is made of a roll-out. */
export interface PolicyUpdates<O extends Objective> {
  epochs: number;
  /** Inputs of the objective for some answers of a minibatch. */
  inputs: (batch: RolloutBatch, minibatch: Minibatch) => InputsOf<O>;
  /** Metrics of one update; among them val/ratio and policy/approxkl_avg. */
  measure: (results: readonly StepResult<O>[], batches: readonly RolloutMicroBatch<O>[]) => Update;
  /** End the passes when the approximate KL from the old policy reaches this; 0 for never. */
  earlyStopKl?: number;
  /** Adds to the gradients before the optimiser's step. */
  addGradients?: () => Promise<Update | undefined>;
}

/** Passes over a roll-out in minibatches, one step of the policy's optimiser each. */
export async function updatePolicy<O extends Objective>(
  policy: Policy<PolicyConfig, O>,
  { rows, old }: Learned,
  index: number,
  { epochs, inputs, measure, earlyStopKl = 0, addGradients }: PolicyUpdates<O>,
): Promise<Update[]> {
  const { actor, config } = policy;
  const updates: Update[] = [];
  for (const minibatch of minibatches(policy, old, { index, epochs })) {
    const { members } = minibatch;
    const batches = microBatchesOf<O>(policy, rows, {
      members,
      inputs: (batch) => inputs(batch, minibatch),
    });
    const results = await actor.gradients(batches);
    const update = measure(results, batches);
    checkOnPolicy(policy, update);
    if (earlyStopKl > 0 && update["policy/approxkl_avg"]! >= earlyStopKl) {
      if (updates.length === 0) updates.push(update);
      break;
    }
    const more = await addGradients?.();
    const own = results.reduce((sum, result) => sum + result.loss, 0);
    const loss = own + (more?.["loss/ptx_avg"] ?? 0);
    const rate = rateOf(policy, config.learningRate, index);
    const norm = await actor.update(rate, { step: index + 1, loss });
    updates.push({ ...update, ...more, grad_norm: norm });
  }
  return updates;
}

/** The learning rate of a step. */
export const rateOf = ({ config, totalSteps }: Policy, peak: number, index: number): number =>
  peak * scheduleFactor(index, { ...config, totalSteps });

// Watch.

/**
 * The end of a step: what is watched, and what all methods log of a roll-out.
 * @param own metrics of the method
 */
export function watch(
  policy: Policy,
  read: ReadRollouts,
  index: number,
  { own, warnings = [] }: { own: Metrics; warnings?: readonly Warning[] },
): StepOutcome {
  const { monitor, rewards, heldOut: source, prompts, passes } = policy;
  const { rollouts, rows, proxy, heldOut, old } = read;
  const watched = monitor.watch(rollouts, proxy, heldOut);
  const logRatios = logRatiosOf(read);
  const shared: Metrics = {
    "objective/kl": mean(logRatios.map((ratios) => sum(ratios.map(k1)))),
    "objective/kl_k3": mean(logRatios.map((ratios) => sum(ratios.map(k3)))),
    "objective/entropy": mean(old.map((logps) => -sum(logps))),
    lr: rateOf(policy, policy.config.learningRate, index),
    epoch: epochsAfter(prompts.length, index + 1, passes),
  };
  return {
    metrics: { ...shared, ...own, ...watched.metrics },
    answers: rollouts.length,
    tokens: rows.reduce((total, { ids }) => total + ids.length, 0),
    warnings: [
      ...watched.warnings,
      ...rewards.takeWarnings(),
      ...(source?.takeWarnings?.() ?? []),
      ...warnings,
      ...negativeKl(policy, logRatios.map(sum)),
    ],
    score: watched.score,
    stop: watched.stop,
  };
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
