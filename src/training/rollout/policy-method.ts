/**
 * What every method shares that learns from rewards of its own answers: rolling out, scoring,
 * reading log-probabilities of policy and reference, minibatches, example texts, checkpoints and
 * warnings. A method adds its own numbered steps (ppo.ts, rloo.ts, grpo.ts, reinforce-plus-plus.ts)
 * on top of these.
 */
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32 } from "../../core/tensor.ts";
import type { PromptRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { InputsOf, Objective, StepResult } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import { totalParameters } from "../../models/trainable.ts";
import type { ScoreScale } from "../../objectives/advantages.ts";
import { penaliseMissingStop } from "../../objectives/advantages.ts";
import { shareOfUninformative } from "../../objectives/group-advantages.ts";
import { isNegative, k1, k3 } from "../../objectives/kl.ts";
import { scheduleFactor } from "../../optim/schedules.ts";
import type { Metrics, SampleEvent } from "../../runs/events.ts";
import { mean, meanAndDeviation } from "../../stats/intervals.ts";
import type { AnswerLimit } from "../../sampling/answer-limit.ts";
import type { Encoder } from "../../text/encoder.ts";
import { promptText } from "../../text/messages.ts";
import type { LaidRow } from "../layout.ts";
import type { MicroBatch } from "../loop.ts";
import type { MonitorMemory, Watched } from "./monitor.ts";
import { Monitor } from "./monitor.ts";
import type { Passes } from "../passes.ts";
import { epochsAfter, itemsOfStep, totalSteps } from "../passes.ts";
import type { PlanChoice } from "../prepare.ts";
import type { RewardFunction, RewardModelInput, RewardSource } from "./rewards.ts";
import { RewardModelSource, Rewards, functionSource } from "./rewards.ts";
import { openActor } from "./roles.ts";
import type { PolicyConfig } from "./rollout.config.ts";
import type { Memory, RolloutMethod, RolloutStep } from "./rollout-loop.ts";
import type {
  EncodedPrompts,
  Rollout,
  RolloutBatch,
  RolloutEngine,
  RolloutPrompt,
  RolloutRequest,
} from "./rollout.ts";
import {
  batchRollouts,
  encodePrompts,
  layRollout,
  promptWarnings,
  readByAnswer,
  rolloutSeed,
  samplingEngine,
} from "./rollout.ts";
import { PhasePlan, Trainee } from "../trainee.ts";

/** A reward: a trained model, a function of this process, or a source of one's own. */
export type PolicyReward =
  | (RewardModelInput & { name: string })
  | { name: string; reward: RewardFunction }
  | RewardSource;

export interface PolicyInput {
  /** The policy as it starts, which is also the reference; it is not changed. */
  model: Model;
  encoder: Encoder;
  prompts: readonly PromptRecord[];
  rewards: readonly PolicyReward[];
  /** Judges every roll-out, and is never optimised. */
  heldOutReward?: PolicyReward | undefined;
  /** What decodes answers; the sampler of this package where left out. */
  engine?: (actor: Model, encoder: Encoder) => RolloutEngine;
}

/** Numbers of one update of a network, for the metrics. */
export type Update = Readonly<Record<string, number>>;

/** A roll-out that was judged and read. Arrays of one value a token, by answer. */
export interface ReadRollouts {
  rollouts: readonly Rollout[];
  rows: readonly LaidRow[];
  /**
   * Reward of each answer, normalised and combined; without and with the penalty of a missing end.
   */
  proxy: readonly number[];
  scores: readonly number[];
  heldOut: readonly number[] | undefined;
  /**
   * Log-probabilities of the policy that answered, and of the reference, at the sampling
   * temperature.
   */
  old: readonly Float64Array[];
  reference: readonly Float64Array[];
}

/** How an update of the policy is made of a roll-out. */
export interface PolicyUpdates<O extends Objective> {
  epochs: number;
  /** Inputs of the objective for some answers of a minibatch. */
  inputs: (
    batch: RolloutBatch,
    minibatch: { members: readonly number[]; tokens: number },
  ) => InputsOf<O>;
  /** Metrics of one update; among them val/ratio and policy/approxkl_avg. */
  measure: (results: readonly StepResult<O>[], batches: readonly MicroBatch<O>[]) => Update;
  /** End the passes when the approximate KL from the old policy reaches this; 0 for never. */
  earlyStopKl?: number;
  /** Adds to the gradients before the optimiser's step. */
  addGradients?: () => Promise<Update | undefined>;
}

/** How far the first minibatch may be from ratio 1 and approximate KL 0. */
const ON_POLICY_TOLERANCE = 1e-4;

/** Roll-outs in a row with a KL significantly below 0 that are worth a warning. */
const NEGATIVE_STEPS = 3;

export interface PolicyMemory extends Memory {
  scales: ScoreScale[];
  monitor: MonitorMemory;
  optimizerSteps: number[];
}

export abstract class PolicyMethod<
  Config extends PolicyConfig,
  O extends Objective = Objective,
  Input extends PolicyInput = PolicyInput,
> implements RolloutMethod {
  abstract readonly name: string;
  readonly totalSteps: number;
  protected readonly input: Input;
  protected readonly config: Config;
  protected readonly signal: AbortSignal | undefined;
  protected readonly prompts: readonly RolloutPrompt[];
  protected readonly rewards: Rewards;
  protected readonly monitor: Monitor;
  protected readonly actorRole;
  private readonly encoded: EncodedPrompts;
  private readonly limit: AnswerLimit;
  private readonly heldOut: RewardSource | undefined;
  private readonly engine: RolloutEngine;
  private opened: { actor: Trainee<O>; reference: PhasePlan | undefined } | undefined;
  private onPolicyChecked = false;
  private negativeSteps = 0;

  constructor(input: Input, config: Config, signal: AbortSignal | undefined) {
    this.input = input;
    this.config = config;
    this.signal = signal;
    this.limit = {
      maxLength: Math.min(config.maxLength, input.model.config.maxPositions),
      maxNewTokens: config.maxNewTokens,
    };
    this.encoded = encodePrompts(input.prompts, input.encoder, {
      ...this.limit,
      onBad: config.onBad,
    });
    this.prompts = this.encoded.prompts;
    this.totalSteps = totalSteps(this.prompts.length, this.passes);
    this.rewards = new Rewards(
      input.rewards.map((reward) => openReward(reward, input.encoder, config)),
      config,
    );
    this.heldOut = input.heldOutReward && openReward(input.heldOutReward, input.encoder, config);
    this.monitor = new Monitor(this.heldOut, config);
    this.actorRole = openActor(input.model, config);
    this.engine = (input.engine ?? samplingEngine)(this.actorRole.model, input.encoder);
  }

  /** The objective of the policy. */
  protected abstract objective(): O;

  /** One roll-out and its updates; undefined where the signal came before anything was changed. */
  abstract step(step: number): Promise<RolloutStep | undefined>;

  get examples(): number {
    return this.prompts.length;
  }

  get parameters(): { trainable: number; total: number } {
    const { model, trainable } = this.actorRole;
    return { trainable: trainable.values.length, total: totalParameters(model, trainable) };
  }

  /** Networks that are trained, the policy first; valid after {@link prepare}. */
  protected get trainees(): readonly Trainee[] {
    return [this.actor];
  }

  get tensors(): Record<string, Float32Array> {
    return Object.assign({}, ...this.trainees.map(({ state }) => state)) as Record<
      string,
      Float32Array
    >;
  }

  get broken(): string | undefined {
    return this.trainees.map(({ broken }) => broken).find((name) => name !== undefined);
  }

  memory(): PolicyMemory {
    return {
      scales: this.rewards.scales,
      monitor: this.monitor.memory,
      optimizerSteps: this.trainees.map(({ optimizer }) => optimizer.steps),
    };
  }

  async prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]> {
    const kept = memory as PolicyMemory | undefined;
    const warnings = kept ? [] : [...this.adviseBeforeStart(), ...(await this.measureRewards())];
    if (kept) {
      this.rewards.scales = kept.scales;
      this.monitor.restore(kept.monitor);
    }
    this.opened = await this.openPolicy();
    await this.openOthers();
    if (kept)
      this.trainees.forEach(
        ({ optimizer }, index) => (optimizer.steps = kept.optimizerSteps[index]!),
      );
    return warnings;
  }

  /** Opens what a method trains beside the policy. */
  protected openOthers(): Promise<void> {
    return Promise.resolve();
  }

  async samples(step: number): Promise<SampleEvent[]> {
    const shown = this.prompts.slice(0, this.config.samplePrompts);
    const answers = await this.engine.roll(shown, {
      ...this.config,
      samples: 1,
      temperature: 0,
      seed: this.config.seed,
    });
    const { scores } = await this.rewards.score(answers);
    const heldOut = await this.monitor.judge(answers);
    for (const part of [this.engine, this.rewards]) await part.release();
    return answers.map(({ prompt, text }, i) => ({
      type: "sample",
      step,
      prompt: promptText(prompt.record.prompt),
      completion: text,
      reward: scores[i]!,
      ...(heldOut ? { heldOutReward: heldOut[i]! } : {}),
    }));
  }

  async restorePolicy(read: (name: string) => Promise<Float32Array>): Promise<void> {
    this.actorRole.trainable.values.set(await read("actor.values"));
  }

  save(folder: string): Promise<void> {
    return saveTrained(this.actorRole.model, this.input.encoder, folder);
  }

  async close(): Promise<void> {
    await Promise.all([
      this.opened?.actor.close(),
      this.opened?.reference?.close(),
      this.rewards.close(),
      this.heldOut?.close(),
      this.engine.release(),
    ]);
  }

  protected get actor(): Trainee<O> {
    return this.opened!.actor;
  }

  private get passes(): Passes {
    const { batchSize, samples, epochs, maxSteps, seed } = this.config;
    return { batchSize: batchSize / samples, epochs, maxSteps, seed };
  }

  /** Prompts of a step, a new order for every pass over them. */
  protected promptsOf(step: number): RolloutPrompt[] {
    return itemsOfStep(this.prompts, step, this.passes);
  }

  /**
   * Rolls out, scores at the stop token, and reads log-probabilities; undefined where the signal
   * came.
   */
  protected async collect(step: number): Promise<ReadRollouts | undefined> {
    const rollouts = await this.rollOut(this.promptsOf(step), rolloutSeed(this.config.seed, step));
    return rollouts && this.read(rollouts, await this.score(rollouts));
  }

  protected async rollOut(
    prompts: readonly RolloutPrompt[],
    seed: number,
  ): Promise<Rollout[] | undefined> {
    const rollouts = await this.engine.roll(prompts, { ...this.config, seed }, this.signal);
    await this.engine.release();
    return this.signal?.aborted ? undefined : rollouts;
  }

  /** @returns rewards without and with the penalty of a missing end */
  protected async score(
    rollouts: readonly Rollout[],
  ): Promise<{ proxy: number[]; scores: number[] }> {
    const { scores: proxy } = await this.rewards.score(rollouts);
    await this.rewards.release();
    return {
      proxy,
      scores: rollouts.map(({ stopped }, i) =>
        penaliseMissingStop(proxy[i]!, stopped, this.config.missingEosPenalty),
      ),
    };
  }

  protected async read(
    rollouts: readonly Rollout[],
    { proxy, scores }: { proxy: number[]; scores: number[] },
  ): Promise<ReadRollouts | undefined> {
    const heldOut = await this.monitor.judge(rollouts);
    if (this.signal?.aborted) return undefined;
    const rows = rollouts.map(layRollout);
    const { actor, reference: frozen } = this.opened!;
    const batches = this.batches(rows, [...rows.keys()]);
    const [old, reference]: [Float64Array[], Float64Array[]] = [[], []];
    for (const batch of batches)
      readByAnswer(
        (
          await (frozen ?? actor.phase).plan.score(batch.laid.batch, {
            adapter: frozen !== undefined,
          })
        ).readout,
        batch,
        reference,
      );
    await frozen?.release();
    for (const batch of batches)
      readByAnswer((await actor.phase.plan.score(batch.laid.batch)).readout, batch, old);
    return this.signal?.aborted
      ? undefined
      : { rollouts, rows, proxy, scores, heldOut, old, reference };
  }

  protected batches(rows: readonly LaidRow[], members: readonly number[]): RolloutBatch[] {
    return batchRollouts(rows, members, {
      microBatchTokens: this.config.microBatchTokens,
      padId: this.input.encoder.padId,
    });
  }

  /** Answers of each minibatch of one pass. */
  protected minibatches(count: number, step: number, epoch: number): number[][] {
    const order = Random.for(this.config.seed, "minibatches", step, epoch).shuffle(
      Array.from({ length: count }, (_, i) => i),
    );
    const size = count / this.config.miniBatches;
    return Array.from({ length: this.config.miniBatches }, (_, part) =>
      order.slice(Math.round(part * size), Math.round((part + 1) * size)),
    ).filter(({ length }) => length > 0);
  }

  /** Passes over a roll-out in minibatches, one step of the optimiser each. */
  protected async updateActor(
    { rows, old }: ReadRollouts,
    step: number,
    { epochs, inputs, measure, earlyStopKl = 0, addGradients }: PolicyUpdates<O>,
  ): Promise<Update[]> {
    const { actor } = this;
    const updates: Update[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const members of this.minibatches(old.length, step, epoch)) {
        const tokens = members.reduce((total, member) => total + old[member]!.length, 0);
        const batches = this.batches(rows, members).map((batch): MicroBatch<O> => ({
          batch: batch.laid.batch,
          tokens: batch.laid.tokens,
          inputs: inputs(batch, { members, tokens }),
        }));
        const results = await actor.gradients(batches);
        const update = measure(results, batches);
        this.checkOnPolicy(update);
        if (earlyStopKl > 0 && update["policy/approxkl_avg"]! >= earlyStopKl)
          return updates.length > 0 ? updates : [update];
        const more = await addGradients?.();
        const loss =
          results.reduce((sum, result) => sum + result.loss, 0) + (more?.["loss/ptx_avg"] ?? 0);
        const norm = await actor.update(this.rate(this.config.learningRate, step), {
          step: step + 1,
          loss,
        });
        updates.push({ ...update, ...more, grad_norm: norm });
      }
    }
    return updates;
  }

  protected rate(peak: number, step: number): number {
    return peak * scheduleFactor(step, { ...this.config, totalSteps: this.totalSteps });
  }

  /** The end of a step: what is watched, and what all methods log of a roll-out. */
  protected finish(
    read: ReadRollouts,
    step: number,
    metrics: Metrics,
    warnings: Watched["warnings"] = [],
  ): RolloutStep {
    const { rollouts, rows, proxy, scores, heldOut, old, reference } = read;
    const watched = this.monitor.watch(rollouts, proxy, heldOut);
    const logRatios = logRatiosOf(read);
    const { mean: score, deviation } = meanAndDeviation(scores);
    const shared: Metrics = {
      "objective/kl": mean(logRatios.map((ratios) => sum(ratios.map(k1)))),
      "objective/kl_k3": mean(logRatios.map((ratios) => sum(ratios.map(k3)))),
      "objective/entropy": mean(old.map((logps) => -sum(logps))),
      "objective/scores": score,
      "objective/scores_std": deviation,
      lr: this.rate(this.config.learningRate, step),
      epoch: epochsAfter(this.prompts.length, step + 1, this.passes),
    };
    const doubts = reference.length > 0 ? this.doubtKl(logRatios.map(sum)) : [];
    return {
      metrics: { ...shared, ...metrics, ...watched.metrics },
      episodes: rollouts.length,
      tokens: rows.reduce((total, { ids }) => total + ids.length, 0),
      warnings: [
        ...watched.warnings,
        ...this.rewards.takeWarnings(),
        ...(this.heldOut?.takeWarnings?.() ?? []),
        ...warnings,
        ...doubts,
      ],
      ...(watched.score ? { score: watched.score } : {}),
      ...(watched.stop === undefined ? {} : { stop: watched.stop }),
    };
  }

  /** What is worth saying before the first step. */
  protected adviseBeforeStart(): Watched["warnings"] {
    return adviseOnInput(this.encoded, this.rewards, this.limit);
  }

  /**
   * Before anything is trained the actor is the reference: its answers give the rewards their
   * scale.
   */
  private measureRewards(): Promise<Watched["warnings"]> {
    const { prompts, rewards, monitor, engine } = this;
    return measureRewards({ prompts, rewards, monitor, engine }, this.config, this.signal);
  }

  private async openPolicy(): Promise<NonNullable<typeof this.opened>> {
    const { config, input } = this;
    const actor = await Trainee.create("actor", this.actorRole, {
      choice: config,
      optimizer: config,
      objective: this.objective(),
      reads: "tokens",
      statistics: true,
      temperature: config.temperature,
    });
    // A fresh adapter that is switched off leaves the reference; an adapter that came with the
    // policy does not.
    const ownReference = config.adapter === "none" || input.model.adapter !== undefined;
    return {
      actor,
      reference: ownReference
        ? new PhasePlan(
            { model: input.model, reads: "tokens", temperature: config.temperature },
            config,
          )
        : undefined,
    };
  }

  /**
   * The policy that learns must be the one that answered: before its first update every ratio is 1.
   */
  private checkOnPolicy(update: Update): void {
    if (this.onPolicyChecked) return;
    this.onPolicyChecked = true;
    const { "val/ratio": ratio, "policy/approxkl_avg": approximateKl } = update;
    if (Math.abs(ratio! - 1) <= ON_POLICY_TOLERANCE && approximateKl! <= ON_POLICY_TOLERANCE)
      return;
    throw new AttuneError(
      "numeric",
      "the first minibatch is not on policy: scoring and training disagree about the same weights",
      {
        got: `ratio ${ratio}, approximate KL ${approximateKl}`,
        expected: `1 and 0 within ${ON_POLICY_TOLERANCE}`,
        hint: "this is a defect of attune or of the device: please report it with the model",
      },
    );
  }

  /** Noise may bring one roll-out's KL below 0, but not several in a row. */
  private doubtKl(perAnswer: readonly number[]): Watched["warnings"] {
    this.negativeSteps = isNegative(perAnswer) ? this.negativeSteps + 1 : 0;
    if (this.negativeSteps !== NEGATIVE_STEPS) return [];
    return [
      {
        id: "negative-kl",
        message:
          `the KL from the reference has been significantly below 0 for ${NEGATIVE_STEPS} ` +
          "roll-outs: answers are not drawn from the policy that is trained",
      },
    ];
  }
}

/** What judges answers, as a source of scores. @param encoder the policy's */
export function openReward(
  reward: PolicyReward,
  encoder: Encoder,
  options: PlanChoice & { microBatchTokens: number; rewardTimeout: number },
): RewardSource {
  if ("score" in reward) return reward;
  if ("reward" in reward) return functionSource(reward.name, reward.reward, options.rewardTimeout);
  return new RewardModelSource(reward, encoder, { ...options, name: reward.name });
}

/** What is worth saying about prompts and rewards. */
export function adviseOnInput(
  prompts: EncodedPrompts,
  rewards: Rewards,
  limit: AnswerLimit,
): Watched["warnings"] {
  const warnings: Watched["warnings"] = promptWarnings(prompts, limit);
  for (const source of rewards.sources) {
    if (source instanceof RewardModelSource && !source.sameTokens)
      warnings.push({
        id: "reward-tokenizer",
        message:
          `the reward model ${source.name} has another tokenizer than the policy: answers are ` +
          "encoded again from their text",
      });
  }
  return warnings;
}

/** Gives the rewards their scale, on answers of the model as it is. */
export async function measureRewards(
  {
    prompts,
    rewards,
    monitor,
    engine,
  }: {
    prompts: readonly RolloutPrompt[];
    rewards: Rewards;
    monitor: Monitor;
    engine: RolloutEngine;
  },
  config: Omit<RolloutRequest, "samples"> & { rewardSamples: number },
  signal: AbortSignal | undefined,
): Promise<Watched["warnings"]> {
  if (!rewards.needsScale && !monitor.needsScale) return [];
  const seed = rolloutSeed(config.seed, -1);
  const chosen = Array.from(
    { length: config.rewardSamples },
    (_, i) => prompts[i % prompts.length]!,
  );
  const rollouts = await engine.roll(
    Random.for(seed, "prompts").shuffle(chosen),
    { ...config, samples: 1, seed },
    signal,
  );
  await engine.release();
  if (signal?.aborted) throw new AttuneError("interrupted", "stopped before the first step");
  await rewards.measure(rollouts);
  return monitor.measure(rollouts, (await rewards.score(rollouts)).scores);
}

/** log pi_old - log pi_ref of each token. */
export const logRatiosOf = ({
  old,
  reference,
}: Pick<ReadRollouts, "old" | "reference">): Float64Array[] =>
  old.map((logps, i) => logps.map((logp, t) => logp - reference[i]![t]!));

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** An input of one number a token or answer. */
export const perRead = (data: Float32Array) => float32([data.length], data);

/** The same number for every token of a batch. */
export const constant = ({ laid }: RolloutBatch, value: number): Float32Array =>
  new Float32Array(laid.batch.selected.data.length).fill(value);

/** log pi - log pi_old of each token that the micro-batches read. */
export const movesOf = (
  results: readonly StepResult[],
  batches: readonly { inputs: { oldLogps: HostTensor<"float32"> } }[],
): number[] =>
  results.flatMap(({ readout }, i) => {
    const old = batches[i]!.inputs.oldLogps.data;
    return Array.from(readout, (logp, token) => logp - old[token]!);
  });

/**
 * Means over the updates of a step, and the variance of the ratio among them; nothing where there
 * were none.
 */
export function updateMetrics(updates: readonly Update[]): Metrics {
  const [first] = updates;
  if (!first) return {};
  const means = Object.fromEntries(
    Object.keys(first).map((name) => [name, mean(updates.map((update) => update[name]!))]),
  );
  return {
    ...means,
    ...("val/ratio" in first
      ? {
          "val/ratio_var":
            meanAndDeviation(updates.map((update) => update["val/ratio"]!)).deviation ** 2,
        }
      : {}),
  };
}

/** What a roll-out tells of its groups. */
export const groupMetrics = (scores: readonly number[], samples: number): Metrics => ({
  frac_reward_zero_std: shareOfUninformative(scores, samples),
});

/** Mean of the policy's exact entropy over the tokens of an update. */
export const entropyOf = (results: readonly StepResult[]): number =>
  mean(results.flatMap(({ statistics }) => [...statistics!.entropy]));
