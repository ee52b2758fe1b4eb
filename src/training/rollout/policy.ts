/**
 * A policy that learns from its own answers, with what its phases need: prompts, rewards, what is
 * watched, what decodes, the policy in training and the reference. The phases themselves are in
 * phases.ts; a method calls them in its own numbered order (ppo.ts, grpo.ts, ...).
 *
 * Policy and reference lie over one set of base weights. The reference is the model that was given:
 * without an adapter it is the policy with its adapter off; where the policy starts from an adapter
 * (an SFT run's), that adapter is kept frozen for the reference, and the policy goes on from a copy
 * of it. Switching the adapter off would give the raw base instead (TRL's trap; frameworks that
 * fall into it report KL from the wrong model).
 */
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { DemonstrationRecord, PromptRecord } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import type { Objective } from "../../models/plans/plan.ts";
import { saveTrained } from "../../models/save.ts";
import type { ScoreScale } from "../../objectives/advantages.ts";
import type { SampleEvent } from "../../runs/events.ts";
import type { AnswerLimit } from "../../sampling/answer-limit.ts";
import type { Encoder } from "../../text/encoder.ts";
import { promptText } from "../../text/messages.ts";
import type { PlanChoice } from "../choose-plan.ts";
import { PlanOnDemand } from "../choose-plan.ts";
import type { Method, MethodState, TrainingContext } from "../loop.ts";
import { keepRows } from "../loop.ts";
import type { Passes } from "../passes.ts";
import { totalSteps } from "../passes.ts";
import type { Warning } from "../step.ts";
import { Trainee } from "../trainee.ts";
import type { MonitorState } from "./monitor.ts";
import type { Judge } from "./judge.ts";
import { Monitor } from "./monitor.ts";
import type { RewardFunction, RewardModelInput, RewardSource } from "./rewards.ts";
import { RewardModelSource, Rewards, functionSource } from "./rewards.ts";
import type { PolicyConfig } from "./rollout.config.ts";
import type { EncodedPrompts, RolloutEngine, RolloutPrompt, RolloutRequest } from "./rollout.ts";
import { encodePrompts, promptWarnings, rolloutSeed, samplingEngine } from "./rollout.ts";

/** A reward: a trained model, a function of this process, or a source of one's own. */
export type PolicyReward =
  | (RewardModelInput & { name: string })
  | { name: string; reward: RewardFunction }
  | RewardSource;

/** What methods may read besides policy, prompts and rewards. */
export interface Besides {
  /** Imitated beside the reinforcement (PPO-ptx). */
  demonstrations?: readonly DemonstrationRecord[];
  /** Compares answers in place of rewards, which are empty then; the option `judge` names it. */
  judge?: Judge;
}

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

/** What the phases of a step work with. */
export interface Policy<
  Config extends PolicyConfig = PolicyConfig,
  O extends Objective = Objective,
> {
  readonly input: PolicyInput;
  readonly config: Config;
  readonly signal: AbortSignal | undefined;
  readonly encoded: EncodedPrompts;
  readonly prompts: readonly RolloutPrompt[];
  readonly limit: AnswerLimit;
  readonly passes: Passes;
  /** Roll-outs of the run. */
  readonly totalSteps: number;
  readonly rewards: Rewards;
  readonly heldOut: RewardSource | undefined;
  readonly monitor: Monitor;
  readonly engine: RolloutEngine;
  /** The policy in training. */
  readonly actor: Trainee<O>;
  /** Undefined where the policy without its adapter is the reference. */
  readonly reference: PlanOnDemand | undefined;
  /** What is known of the run so far. */
  readonly checks: { onPolicy: boolean; negativeSteps: number };
}

export interface PolicyOptions<O extends Objective> {
  /** The objective of the policy. */
  objective: O;
  context: TrainingContext;
  /** Default: the option `guard`. */
  guard?: PolicyConfig["guard"];
  /** Refuses what cannot be trained, before anything is opened. */
  check?: (run: Pick<Policy, "totalSteps" | "rewards">) => void;
}

/** @throws AttuneError `data`, `config` or `model` for input that cannot be trained on */
export async function openPolicy<Config extends PolicyConfig, O extends Objective>(
  input: PolicyInput,
  config: Config,
  { objective, context, guard = config.guard, check }: PolicyOptions<O>,
): Promise<Policy<Config, O>> {
  const { model, encoder } = input;
  const { batchSize, samples, epochs, maxSteps, seed, maxNewTokens, temperature } = config;
  const maxLength = Math.min(config.maxLength, model.config.maxPositions);
  const limit = { maxLength, maxNewTokens };
  const encoded = encodePrompts(input.prompts, encoder, { ...limit, onBad: config.onBad });
  keepRows(
    encoded.prompts.map(({ ids }) => ids),
    context,
    encoder.fingerprint,
  );
  const passes = { batchSize: batchSize / samples, epochs, maxSteps, seed };
  const sources = input.rewards.map((reward) => openReward(reward, encoder, config));
  const heldOut = input.heldOutReward && openReward(input.heldOutReward, encoder, config);
  const rewards = new Rewards(sources, config);
  const steps = totalSteps(encoded.prompts.length, passes);
  check?.({ totalSteps: steps, rewards });
  // A score head judges answers, and gives none.
  const { scoreHead: _, ...start } = model;
  const actor = await Trainee.open(start, {
    name: "actor",
    config,
    adapterSeed: Random.for(seed, "actor").bits(),
    reads: "tokens",
    objective,
    statistics: true,
    temperature,
  });
  // A fresh adapter that is switched off leaves the reference; an adapter that came with the policy
  // does not.
  const ownReference = config.adapter === "none" || model.adapter !== undefined;
  return {
    input,
    config,
    signal: context.signal,
    encoded,
    prompts: encoded.prompts,
    limit,
    passes,
    totalSteps: steps,
    rewards,
    heldOut,
    monitor: new Monitor(heldOut, { ...config, guard }),
    engine: (input.engine ?? samplingEngine)(actor.model, encoder),
    actor,
    reference: ownReference
      ? new PlanOnDemand({ model, reads: "tokens", temperature }, config)
      : undefined,
    checks: { onPolicy: false, negativeSteps: 0 },
  };
}

/** Small state of every such method. */
export interface PolicyState extends MethodState {
  scales: ScoreScale[];
  monitor: MonitorState;
}

/** What every such method is to the loop, but for its step. */
export function policyMethod(
  policy: Policy,
  name: string,
): Omit<Method, "step" | keyof PolicyParts> & PolicyParts {
  const { input, actor, rewards, monitor } = policy;
  return {
    name,
    trainees: [actor],
    totalSteps: policy.totalSteps,
    examples: policy.prompts.length,
    prepare: (kept) => preparePolicy(policy, kept as PolicyState | undefined),
    state: () => ({ scales: rewards.scales, monitor: monitor.state }),
    samples: (step) => exampleAnswers(policy, step),
    save: (folder) => saveTrained(actor.model, input.encoder, folder),
    close: () => closePolicy(policy),
  };
}

/** The parts that a method adds its own to. */
interface PolicyParts {
  state(): PolicyState;
  close(): Promise<void>;
}

/**
 * Says what is worth saying, and measures the rewards' scale: before anything is trained the policy
 * is the reference.
 * @param advice what the method adds
 */
export async function preparePolicy(
  policy: Policy,
  kept: PolicyState | undefined,
  advice: readonly Warning[] = [],
): Promise<Warning[]> {
  const { rewards, monitor, encoded, limit, config, signal } = policy;
  if (kept) {
    rewards.scales = kept.scales;
    monitor.restore(kept.monitor);
    return [];
  }
  const warnings = [...adviseOnInput(encoded, rewards, limit), ...advice];
  return [...warnings, ...(await measureRewards(policy, config, signal))];
}

/** The most likely answers to the first prompts, as they are now. */
async function exampleAnswers(policy: Policy, step: number): Promise<SampleEvent[]> {
  const { config, engine, rewards, monitor, prompts } = policy;
  const request = { ...config, samples: 1, temperature: 0, seed: config.seed };
  const answers = await engine.roll(prompts.slice(0, config.samplePrompts), request);
  const { scores } = await rewards.score(answers);
  const heldOut = await monitor.judge(answers);
  for (const part of [engine, rewards]) await part.release();
  return answers.map(({ prompt, text }, i) => ({
    type: "sample",
    step,
    prompt: promptText(prompt.record.prompt),
    completion: text,
    reward: scores[i]!,
    ...(heldOut ? { heldOutReward: heldOut[i]! } : {}),
  }));
}

/** Closes all but the policy in training, which the loop closes. */
async function closePolicy({ reference, rewards, heldOut, engine }: Policy): Promise<void> {
  await Promise.all([reference?.close(), rewards.close(), heldOut?.close(), engine.release()]);
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
): Warning[] {
  const warnings = promptWarnings(prompts, limit);
  for (const source of rewards.sources)
    if (source instanceof RewardModelSource && !source.sameTokens)
      warnings.push({
        id: "reward-tokenizer",
        message:
          `the reward model ${source.name} has another tokenizer than the policy: answers are ` +
          "encoded again from their text",
      });
  return warnings;
}

/** Gives the rewards their scale, on answers of the model as it is. */
export async function measureRewards(
  { prompts, rewards, monitor, engine }: Pick<Policy, "prompts" | "rewards" | "monitor" | "engine">,
  config: Omit<RolloutRequest, "samples"> & { rewardSamples: number },
  signal: AbortSignal | undefined,
): Promise<Warning[]> {
  if (!rewards.needsScale && !monitor.needsScale) return [];
  const seed = rolloutSeed(config.seed, -1);
  const chosen = Array.from(
    { length: config.rewardSamples },
    (_, i) => prompts[i % prompts.length]!,
  );
  const asked = Random.for(seed, "prompts").shuffle(chosen);
  const rollouts = await engine.roll(asked, { ...config, samples: 1, seed }, signal);
  await engine.release();
  if (signal?.aborted) throw new AttuneError("interrupted", "stopped before the first step");
  await rewards.measure(rollouts);
  const judged = rewards.sources.length > 0 ? (await rewards.score(rollouts)).scores : undefined;
  return monitor.measure(rollouts, judged);
}
