/**
 * Proximal policy optimisation from a reward, with four roles: actor, reference, reward and critic.
 *
 * One step: 1. roll out; 2. score at the stop token; 3. log-probabilities of policy and reference, and values; 4. rewards
 * of tokens; 5. generalised advantages; 6. whitening; 7. epochs of minibatches for the actor; 8. the same for the critic;
 * 9. the KL controller; 10. metrics.
 *
 * Source: Schulman et al. 2017; Ziegler et al. 2019; Stiennon et al. 2020; Ouyang et al. 2022; TRL 0.24's ppo_trainer.py.
 * Differences from TRL: 1. the score stands at the stop token itself, and nothing is read from padding; 2. actor and
 * critic are networks of their own with an optimiser each, so they are updated one after the other and share memory;
 * 3. old log-probabilities come from the forward pass that training uses, never from decoding; 4. the first minibatch of a
 * run must have ratio 1, or the run ends; 5. the scale of the reward is measured on answers of the reference.
 */
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { float32 } from "../core/tensor.ts";
import type { DemonstrationRecord, PromptRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { totalParameters } from "../models/trainable.ts";
import type { StepResult } from "../models/plans/plan.ts";
import { saveTrained } from "../models/save.ts";
import { explainedVariance, generalisedAdvantages, penaliseMissingStop, tokenRewards, whiten } from "../objectives/advantages.ts";
import type { ScoreScale } from "../objectives/advantages.ts";
import { adaptKlCoefficient, isNegative, k1, k2, k3 } from "../objectives/kl.ts";
import { plainPolicyLoss, plainValueLoss, policyObjective, valueObjective } from "../objectives/ppo.ts";
import { sftObjective } from "../objectives/sft.ts";
import { scheduleFactor } from "../optim/schedules.ts";
import type { ConfigOf } from "../runs/config.ts";
import type { Metrics, SampleEvent, TrainingEvent } from "../runs/events.ts";
import { mean, meanAndDeviation } from "../stats/intervals.ts";
import type { Encoder } from "../text/encoder.ts";
import { promptText } from "../text/messages.ts";
import type { LaidRow } from "./layout.ts";
import { groupByLength, joinRows, layExample } from "./layout.ts";
import type { LoopContext, MicroBatch } from "./loop.ts";
import { itemsOfStep, totalSteps } from "./loop.ts";
import type { MonitorMemory, Watched } from "./monitor.ts";
import { Monitor } from "./monitor.ts";
import type { ppoConfig } from "./ppo.config.ts";
import type { RewardFunction, RewardModelInput, RewardSource } from "./rewards.ts";
import { RewardModelSource, Rewards, functionSource } from "./rewards.ts";
import { openActor, openCritic } from "./roles.ts";
import type { Memory, RolloutMethod, RolloutStep } from "./rollout-loop.ts";
import { rolloutLoop } from "./rollout-loop.ts";
import type { Rollout, RolloutBatch, RolloutEngine, RolloutPrompt } from "./rollout.ts";
import { batchRollouts, encodePrompts, joinReads, layRollout, readByAnswer, rolloutSeed, samplingEngine } from "./rollout.ts";
import { PhasePlan, Trainee } from "./trainee.ts";

export type PpoConfig = ConfigOf<typeof ppoConfig>;

/** A reward: a trained model, a function of this process, or a source of one's own. */
export type PpoReward = (RewardModelInput & { name: string }) | { name: string; reward: RewardFunction } | RewardSource;

export interface PpoInput {
  /** The policy as it starts, which is also the reference; it is not changed. */
  model: Model;
  encoder: Encoder;
  prompts: readonly PromptRecord[];
  rewards: readonly PpoReward[];
  /** Judges every roll-out, and is never optimised. */
  heldOutReward?: PpoReward | undefined;
  /** Demonstrations for PPO-ptx. */
  demonstrations?: readonly DemonstrationRecord[];
  /** What decodes answers; the sampler of this package where left out. */
  engine?: (actor: Model, encoder: Encoder) => RolloutEngine;
}

/** Trains, and yields what happens. */
export async function* ppo(input: PpoInput, config: PpoConfig, context: LoopContext = {}): AsyncGenerator<TrainingEvent> {
  yield* rolloutLoop(new PpoMethod(input, config, context.signal), config, context);
}

/** A roll-out with everything that the updates read. Arrays of one value a token, by answer. */
interface Experience {
  rollouts: readonly Rollout[];
  rows: readonly LaidRow[];
  /** Reward of each answer, the penalty of a missing end taken off. */
  scores: readonly number[];
  old: readonly Float64Array[];
  reference: readonly Float64Array[];
  values: readonly Float64Array[];
  advantages: readonly Float64Array[];
  returns: readonly Float64Array[];
}

/** Numbers of one update of a network, for the metrics. */
type Update = Readonly<Record<string, number>>;

/** How far the first minibatch may be from ratio 1 and approximate KL 0. */
const ON_POLICY_TOLERANCE = 1e-4;

/** Roll-outs in a row with a KL significantly below 0 that are worth a warning. */
const NEGATIVE_STEPS = 3;

interface PpoMemory extends Memory {
  klCoefficient: number;
  scales: ScoreScale[];
  monitor: MonitorMemory;
  optimizerSteps: [number, number];
}

class PpoMethod implements RolloutMethod {
  readonly name = "ppo";
  readonly totalSteps: number;
  private readonly input: PpoInput;
  private readonly config: PpoConfig;
  private readonly signal: AbortSignal | undefined;
  private readonly prompts: RolloutPrompt[];
  private readonly tooLong: number;
  private readonly rewards: Rewards;
  private readonly monitor: Monitor;
  private readonly heldOut: RewardSource | undefined;
  private readonly actorRole;
  private readonly engine: RolloutEngine;
  private klCoefficient: number;
  private networks: { actor: Trainee; critic: Trainee; reference: PhasePlan | undefined; ptx: PhasePlan | undefined; criticOffset: number } | undefined;
  private onPolicyChecked = false;
  private negativeSteps = 0;

  constructor(input: PpoInput, config: PpoConfig, signal: AbortSignal | undefined) {
    this.input = input;
    this.config = config;
    this.signal = signal;
    const encoded = encodePrompts(input.prompts, input.encoder, { maxLength: Math.min(config.maxLength, input.model.config.maxPositions), maxNewTokens: config.maxNewTokens });
    this.prompts = encoded.prompts;
    this.tooLong = encoded.tooLong;
    this.totalSteps = totalSteps(encoded.prompts.length, { ...config, batchSize: this.promptsPerStep });
    this.rewards = new Rewards(input.rewards.map((reward) => this.openReward(reward)), config);
    this.heldOut = input.heldOutReward && this.openReward(input.heldOutReward);
    this.monitor = new Monitor(this.heldOut, config);
    this.actorRole = openActor(input.model, config);
    this.engine = (input.engine ?? samplingEngine)(this.actorRole.model, input.encoder);
    this.klCoefficient = config.kl.coef;
  }

  get examples(): number {
    return this.prompts.length;
  }

  get parameters(): { trainable: number; total: number } {
    const { model, trainable } = this.actorRole;
    return { trainable: trainable.values.length, total: totalParameters(model, trainable) };
  }

  get tensors(): Record<string, Float32Array> {
    const { actor, critic } = this.trained;
    return { ...actor.state, ...critic.state };
  }

  memory(): PpoMemory {
    const { actor, critic } = this.trained;
    return { klCoefficient: this.klCoefficient, scales: this.rewards.scales, monitor: this.monitor.memory, optimizerSteps: [actor.optimizer.steps, critic.optimizer.steps] };
  }

  async prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]> {
    const kept = memory as PpoMemory | undefined;
    const warnings = kept ? [] : [...this.adviseBeforeStart(), ...(await this.measureRewards())];
    if (kept) {
      this.klCoefficient = kept.klCoefficient;
      this.rewards.scales = kept.scales;
      this.monitor.restore(kept.monitor);
    }
    this.networks = await this.openNetworks();
    if (kept) [this.trained.actor.optimizer.steps, this.trained.critic.optimizer.steps] = kept.optimizerSteps;
    return warnings;
  }

  /** One roll-out and its updates. */
  async step(step: number): Promise<RolloutStep | undefined> {
    // 1. Roll out.
    const chosen = itemsOfStep(this.prompts, step, { batchSize: this.promptsPerStep, seed: this.config.seed });
    const rollouts = await this.rollOut(chosen, rolloutSeed(this.config.seed, step));
    if (this.signal?.aborted) return undefined;
    // 2. Score at the stop token.
    const { scores: proxy } = await this.rewards.score(rollouts);
    await this.rewards.release();
    const heldOut = await this.monitor.judge(rollouts);
    const scores = rollouts.map(({ stopped }, i) => penaliseMissingStop(proxy[i]!, stopped, this.config.missingEosPenalty));
    if (this.signal?.aborted) return undefined;
    // 3. Log-probabilities and values.
    const rows = rollouts.map(layRollout);
    const read = await this.readAll(rows);
    if (this.signal?.aborted) return undefined;
    // 4. Rewards of tokens.
    const logRatios = read.old.map((logps, i) => logps.map((logp, t) => logp - read.reference[i]![t]!));
    const rewards = logRatios.map((ratios, i) => tokenRewards(ratios, scores[i]!, this.klCoefficient));
    // 5. Generalised advantages.
    const used = this.config.whitenRewards ? whiten(rewards, { keepMean: true }) : rewards;
    const estimates = used.map((each, i) => generalisedAdvantages(each, read.values[i]!, this.config));
    // 6. Whitening.
    const experience: Experience = { rollouts, rows, scores, ...read, advantages: whiten(estimates.map(({ advantages }) => advantages)), returns: estimates.map(({ returns }) => returns) };
    // 7. The actor's updates; in the critic's warm-up there are none.
    const actorUpdates = step < this.config.critic.warmupSteps ? [] : await this.updateActor(experience, step);
    await this.releaseActor();
    // 8. The critic's updates.
    const criticUpdates = await this.updateCritic(experience, step);
    await this.trained.critic.phase.release();
    // 9. The KL controller; 10. metrics.
    const watched = this.monitor.watch(rollouts, proxy, heldOut);
    const kl = klMetrics(logRatios);
    const metrics = { ...this.rolloutMetrics(experience, kl), ...updateMetrics(actorUpdates), ...updateMetrics(criticUpdates), ...this.rates(step), ...watched.metrics };
    const warnings = [...watched.warnings, ...this.doubtKl(logRatios.map(sum))];
    this.adaptKl(kl["objective/kl"], rollouts.length);
    const tokens = rows.reduce((total, { ids }) => total + ids.length, 0);
    return { metrics, episodes: rollouts.length, tokens, warnings, ...(watched.score ? { score: watched.score } : {}), ...(watched.stop === undefined ? {} : { stop: watched.stop }) };
  }

  async samples(step: number): Promise<SampleEvent[]> {
    const shown = this.prompts.slice(0, this.config.samplePrompts);
    const answers = await this.engine.roll(shown, { ...this.config, samples: 1, temperature: 0, seed: this.config.seed });
    const { scores } = await this.rewards.score(answers);
    const heldOut = await this.monitor.judge(answers);
    for (const part of [this.engine, this.rewards]) await part.release();
    return answers.map(({ prompt, text }, i) => ({ type: "sample", step, prompt: promptText(prompt.record.prompt), completion: text, reward: scores[i]!, ...(heldOut ? { heldOutReward: heldOut[i]! } : {}) }));
  }

  async restorePolicy(read: (name: string) => Promise<Float32Array>): Promise<void> {
    this.trained.actor.role.trainable.values.set(await read("actor.values"));
  }

  save(folder: string): Promise<void> {
    return saveTrained(this.actorRole.model, this.input.encoder, folder);
  }

  async close(): Promise<void> {
    const { networks } = this;
    await Promise.all([networks?.actor.close(), networks?.critic.close(), networks?.reference?.close(), networks?.ptx?.close(), this.rewards.close(), this.heldOut?.close(), this.engine.release()]);
  }

  private get trained(): NonNullable<PpoMethod["networks"]> {
    return this.networks!;
  }

  private get promptsPerStep(): number {
    return this.config.batchSize / this.config.samples;
  }

  private openReward(reward: PpoReward): RewardSource {
    if ("score" in reward) return reward;
    if ("reward" in reward) return functionSource(reward.name, reward.reward, this.config.rewardTimeout);
    return new RewardModelSource(reward, this.input.encoder, { ...this.config, name: reward.name });
  }

  private adviseBeforeStart(): Watched["warnings"] {
    const warnings: Watched["warnings"] = [];
    if (this.tooLong > 0) warnings.push({ id: "long-prompts", message: `${this.tooLong} prompts left out: with ${this.config.maxNewTokens} tokens of answer they do not fit into ${this.config.maxLength}` });
    if (this.config.kl.coef === 0) warnings.push({ id: "no-kl-penalty", message: "kl.coef is 0: nothing holds the policy near the reference, and it will find what the reward overrates" });
    for (const source of this.rewards.sources) {
      if (source instanceof RewardModelSource && !source.sameTokens) warnings.push({ id: "reward-tokenizer", message: `the reward model ${source.name} has another tokenizer than the policy: answers are encoded again from their text` });
    }
    return warnings;
  }

  /** Before anything is trained the actor is the reference: its answers give the rewards their scale. */
  private async measureRewards(): Promise<Watched["warnings"]> {
    if (!this.rewards.needsScale && !this.monitor.needsScale) return [];
    const seed = rolloutSeed(this.config.seed, -1);
    const chosen = Array.from({ length: this.config.rewardSamples }, (_, i) => this.prompts[i % this.prompts.length]!);
    const rollouts = await this.engine.roll(Random.for(seed, "prompts").shuffle(chosen), { ...this.config, samples: 1, seed }, this.signal);
    await this.engine.release();
    if (this.signal?.aborted) throw new AttuneError("interrupted", "stopped before the first step");
    await this.rewards.measure(rollouts);
    return this.monitor.measure(rollouts, (await this.rewards.score(rollouts)).scores);
  }

  private async openNetworks(): Promise<NonNullable<PpoMethod["networks"]>> {
    const { config, input } = this;
    const { start, offset } = this.criticStart();
    const common = { choice: config, optimizer: config };
    const temperature = config.temperature;
    const actor = await Trainee.create("actor", this.actorRole, { ...common, objective: policyObjective(config), reads: "tokens", statistics: true, temperature });
    const critic = await Trainee.create("critic", openCritic(start, config), { ...common, objective: valueObjective(config), reads: "scores" });
    // A fresh adapter that is switched off leaves the reference; an adapter that came with the policy does not.
    const ownReference = config.adapter === "none" || input.model.adapter !== undefined;
    const reference = ownReference ? new PhasePlan({ model: input.model, reads: "tokens", temperature }, config) : undefined;
    const { model, trainable } = this.actorRole;
    // Demonstrations are learned at temperature 1, at which SFT reads them.
    const ptx = config.ptx.coef > 0 ? new PhasePlan({ model, trainable, reads: "tokens", objective: sftObjective }, config) : undefined;
    return { actor, critic, reference, ptx, criticOffset: offset };
  }

  /** The reward model's network predicts (score - mean) / deviation at the last token from the first step on. */
  private criticStart(): { start: { model: Model; scale: number }; offset: number } {
    const wanted = this.config.critic.start;
    const index = wanted === "policy" ? -1 : this.rewards.sources.findIndex((source) => source instanceof RewardModelSource && source.sameTokens);
    if (index < 0) {
      if (wanted === "reward") throw new AttuneError("config", "the critic cannot start as a reward model", { got: "no reward model that reads the policy's tokens", expected: "critic.start policy" });
      const { scoreHead: _, ...model } = this.input.model;
      return { start: { model, scale: 1 }, offset: 0 };
    }
    const { mean, deviation } = this.rewards.scales[index]!;
    const weight = this.config.rewardWeights[index] ?? 1;
    return { start: { model: (this.rewards.sources[index] as RewardModelSource).model, scale: weight / deviation }, offset: (-weight * mean) / deviation };
  }

  private async rollOut(prompts: readonly RolloutPrompt[], seed: number): Promise<Rollout[]> {
    const rollouts = await this.engine.roll(prompts, { ...this.config, seed }, this.signal);
    await this.engine.release();
    return rollouts;
  }

  private batches(rows: readonly LaidRow[], members: readonly number[]): RolloutBatch[] {
    const { encoder, model } = this.input;
    return batchRollouts(rows, members, { microBatchTokens: this.config.microBatchTokens, padId: encoder.padId, window: model.config.slidingWindow });
  }

  /** Log-probabilities of policy and reference at the sampling temperature, and values, by the training forward. */
  private async readAll(rows: readonly LaidRow[]): Promise<Pick<Experience, "old" | "reference" | "values">> {
    const { actor, critic, reference: frozen, criticOffset } = this.trained;
    const batches = this.batches(rows, [...rows.keys()]);
    const [old, reference, values]: [Float64Array[], Float64Array[], Float64Array[]] = [[], [], []];
    for (const batch of batches) readByAnswer((await (frozen ?? actor.phase).plan.score(batch.laid.batch, { adapter: frozen !== undefined })).readout, batch, reference);
    await frozen?.release();
    for (const batch of batches) readByAnswer((await critic.phase.plan.score(batch.laid.batch)).readout, batch, values);
    await critic.phase.release();
    for (const batch of batches) readByAnswer((await actor.phase.plan.score(batch.laid.batch)).readout, batch, old);
    return { old, reference, values: values.map((each) => each.map((value) => value + criticOffset)) };
  }

  /** Answers of each minibatch of one pass. */
  private minibatches(count: number, step: number, epoch: number): number[][] {
    const order = Random.for(this.config.seed, "minibatches", step, epoch).shuffle(Array.from({ length: count }, (_, i) => i));
    const size = count / this.config.miniBatches;
    return Array.from({ length: this.config.miniBatches }, (_, part) => order.slice(part * size, (part + 1) * size));
  }

  private async updateActor(experience: Experience, step: number): Promise<Update[]> {
    const { actor } = this.trained;
    const updates: Update[] = [];
    const { old, advantages } = experience;
    for (let epoch = 0; epoch < this.config.ppoEpochs; epoch++) {
      for (const members of this.minibatches(old.length, step, epoch)) {
        const batches = this.batches(experience.rows, members);
        const tokens = members.reduce((total, member) => total + old[member]!.length, 0);
        const inputs = batches.map((batch): MicroBatch => microBatch(batch, { oldLogps: joinReads(old, batch), advantages: joinReads(advantages, batch), weight: constant(batch, 1 / tokens) }));
        const results = await actor.gradients(inputs);
        const update = policyUpdate(results, inputs, this.config);
        this.checkOnPolicy(update);
        if (this.config.earlyStopKl > 0 && update["policy/approxkl_avg"]! >= this.config.earlyStopKl) return updates.length > 0 ? updates : [update];
        const ptx = await this.addDemonstrations(actor.optimizer.steps);
        const loss = results.reduce((sum, result) => sum + result.loss, 0) + (ptx?.["loss/ptx_avg"] ?? 0);
        const norm = await actor.update(this.rate(this.config.learningRate, step), { step: step + 1, loss });
        updates.push({ ...update, ...ptx, grad_norm: norm });
      }
    }
    return updates;
  }

  /** Adds the gradients of the SFT loss (PPO-ptx) to those of an update. */
  private async addDemonstrations(update: number): Promise<Update | undefined> {
    const { ptx } = this.trained;
    const { demonstrations = [], encoder, model } = this.input;
    if (!ptx) return undefined;
    const { batchSize, coef } = this.config.ptx;
    const examples = itemsOfStep(demonstrations, update, { batchSize, seed: this.config.seed }).map(({ prompt, completion, place }) => layExample(encoder.encodeExample(prompt, completion, place)));
    const tokens = examples.reduce((total, { reads }) => total + reads.length, 0);
    let loss = 0;
    for (const group of groupByLength(examples, ({ ids }) => ids.length, this.config.microBatchTokens)) {
      const { batch } = joinRows(group, { padId: encoder.padId, window: model.config.slidingWindow });
      const slope = new Float32Array(batch.selected.data.length).fill(-coef / tokens);
      loss += (await ptx.plan.step(batch, { slope: float32([slope.length], slope) })).loss;
    }
    return { "loss/ptx_avg": loss / coef };
  }

  /** The policy that learns must be the one that answered: before its first update every ratio is 1. */
  private checkOnPolicy(update: Update): void {
    if (this.onPolicyChecked) return;
    this.onPolicyChecked = true;
    const { "val/ratio": ratio, "policy/approxkl_avg": approximateKl } = update;
    if (Math.abs(ratio! - 1) <= ON_POLICY_TOLERANCE && approximateKl! <= ON_POLICY_TOLERANCE) return;
    throw new AttuneError("numeric", "the first minibatch is not on policy: scoring and training disagree about the same weights", { got: `ratio ${ratio}, approximate KL ${approximateKl}`, expected: `1 and 0 within ${ON_POLICY_TOLERANCE}`, hint: "this is a defect of attune or of the device: please report it with the model" });
  }

  private async updateCritic(experience: Experience, step: number): Promise<Update[]> {
    const { critic, criticOffset } = this.trained;
    // The network predicts the value less the offset, so its targets are less the offset too.
    const shifted = (arrays: readonly Float64Array[]): Float64Array[] => arrays.map((each) => each.map((value) => value - criticOffset));
    const [old, returns] = [shifted(experience.values), shifted(experience.returns)];
    const updates: Update[] = [];
    for (let epoch = 0; epoch < this.config.ppoEpochs; epoch++) {
      for (const members of this.minibatches(old.length, step, epoch)) {
        const tokens = members.reduce((total, member) => total + old[member]!.length, 0);
        const inputs = this.batches(experience.rows, members).map((batch): MicroBatch => microBatch(batch, { oldValues: joinReads(old, batch), returns: joinReads(returns, batch), weight: constant(batch, 1 / tokens) }));
        const results = await critic.gradients(inputs);
        const update = valueUpdate(results, inputs, this.config);
        const norm = await critic.update(this.rate(this.config.critic.learningRate, step), { step: step + 1, loss: update["loss/value_avg"]! });
        updates.push({ ...update, "critic/grad_norm": norm });
      }
    }
    return updates;
  }

  private async releaseActor(): Promise<void> {
    await this.trained.actor.phase.release();
    await this.trained.ptx?.release();
  }

  private rate(peak: number, step: number): number {
    const { schedule, warmupRatio } = this.config;
    return peak * scheduleFactor(step, { schedule, warmupSteps: Math.ceil(warmupRatio * this.totalSteps), totalSteps: this.totalSteps });
  }

  private rates(step: number): Metrics {
    return { lr: this.rate(this.config.learningRate, step), "critic/lr": this.rate(this.config.critic.learningRate, step), epoch: ((step + 1) * this.promptsPerStep) / this.prompts.length };
  }

  private adaptKl(observed: number, answers: number): void {
    const { controller, target, horizon } = this.config.kl;
    if (controller === "adaptive") this.klCoefficient = adaptKlCoefficient(this.klCoefficient, { observed, answers }, { target, horizon });
  }

  /** Noise may bring one roll-out's KL below 0, but not several in a row. */
  private doubtKl(perAnswer: readonly number[]): Watched["warnings"] {
    this.negativeSteps = isNegative(perAnswer) ? this.negativeSteps + 1 : 0;
    if (this.negativeSteps !== NEGATIVE_STEPS) return [];
    return [{ id: "negative-kl", message: `the KL from the reference has been significantly below 0 for ${NEGATIVE_STEPS} roll-outs: answers are not drawn from the policy that is trained` }];
  }

  private rolloutMetrics({ old, scores, values, returns }: Experience, kl: ReturnType<typeof klMetrics>): Metrics {
    const { mean: score, deviation } = meanAndDeviation(scores);
    const penalty = -this.klCoefficient * kl["objective/kl"];
    return {
      ...kl,
      "objective/kl_coef": this.klCoefficient,
      "objective/entropy": mean(old.map((logps) => -sum(logps))),
      "objective/scores": score,
      "objective/scores_std": deviation,
      "objective/non_score_reward": penalty,
      "objective/rlhf_reward": score + penalty,
      "val/explained_variance": explainedVariance(values.flatMap((each) => [...each]), returns.flatMap((each) => [...each])),
    };
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Mean over answers of the summed estimators. */
function klMetrics(logRatios: readonly Float64Array[]): { "objective/kl": number; "objective/kl_k3": number } {
  return { "objective/kl": mean(logRatios.map((ratios) => sum(ratios.map(k1)))), "objective/kl_k3": mean(logRatios.map((ratios) => sum(ratios.map(k3)))) };
}

function microBatch({ laid }: RolloutBatch, inputs: Readonly<Record<string, Float32Array>>): MicroBatch {
  return { batch: laid.batch, tokens: laid.tokens, inputs: Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, float32([data.length], data)])) };
}

const constant = ({ laid }: RolloutBatch, value: number): Float32Array => new Float32Array(laid.batch.selected.data.length).fill(value);

/** What the micro-batches read, with their inputs, token by token. */
function tokensOf<T>(results: readonly StepResult[], batches: readonly MicroBatch[], names: readonly [string, string], make: (read: number, first: number, second: number) => T): T[] {
  return results.flatMap(({ readout }, i) => {
    const [first, second] = names.map((name) => batches[i]!.inputs[name]!.data as Float32Array) as [Float32Array, Float32Array];
    return Array.from(readout, (value, token) => make(value, first[token]!, second[token]!));
  });
}

/** Token means of one update of the actor. */
function policyUpdate(results: readonly StepResult[], batches: readonly MicroBatch[], config: PpoConfig): Update {
  const tokens = tokensOf(results, batches, ["oldLogps", "advantages"], (logp, oldLogp, advantage) => ({ ...plainPolicyLoss({ logp, oldLogp, advantage }, config), moved: k2(logp - oldLogp) }));
  return {
    "loss/policy_avg": mean(tokens.map(({ loss }) => loss)),
    "policy/approxkl_avg": mean(tokens.map(({ moved }) => moved)),
    "policy/clipfrac_avg": mean(tokens.map(({ clipped }) => Number(clipped))),
    "policy/entropy_avg": mean(results.flatMap(({ statistics }) => [...statistics!.entropy])),
    "val/ratio": mean(tokens.map(({ ratio }) => ratio)),
  };
}

/** Token means of one update of the critic. */
function valueUpdate(results: readonly StepResult[], batches: readonly MicroBatch[], config: PpoConfig): Update {
  const tokens = tokensOf(results, batches, ["oldValues", "returns"], (value, oldValue, target) => plainValueLoss({ value, oldValue, target }, config));
  return { "loss/value_avg": mean(tokens.map(({ loss }) => loss)), "val/clipfrac_avg": mean(tokens.map(({ clipped }) => Number(clipped))) };
}

/** Means over the updates of a step, and the variance of the ratio among them; nothing where there were none. */
function updateMetrics(updates: readonly Update[]): Metrics {
  const [first] = updates;
  if (!first) return {};
  const means = Object.fromEntries(Object.keys(first).map((name) => [name, mean(updates.map((update) => update[name]!))]));
  return { ...means, ...("val/ratio" in first ? { "val/ratio_var": meanAndDeviation(updates.map((update) => update["val/ratio"]!)).deviation ** 2 } : {}) };
}
