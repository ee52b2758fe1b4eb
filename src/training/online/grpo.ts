/**
 * Group relative policy optimisation: several answers to each prompt, each judged against its
 * group, and the KL in the loss.
 *
 * One step:
 * 1. roll out, again for groups in which every answer has the same reward (dynamic sampling);
 * 2. score;
 * 3. log-probabilities of policy and reference;
 * 4. advantages within the group;
 * 5. passes of minibatches;
 * 6. metrics.
 *
 * Source: Shao et al. 2024 (arXiv 2402.03300); Yu et al. 2025 (DAPO: clip-higher, token mean,
 * dynamic sampling); Liu et al. 2025 (Dr. GRPO); TRL's grpo_trainer.py.
 * Differences from TRL:
 * 1. the log-probabilities before the update are always read by the training forward pass, and the
 *    first minibatch must have ratio 1;
 * 2. the reference is read also without a KL term, so that the KL can be watched;
 * 3. `dapo` counts the tokens of the whole minibatch, so TRL's `bnpo` is the same.
 */
import { Random } from "../../core/random.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { InputsOf } from "../../models/plans/plan.ts";
import { groupRelative, isUninformative, tokenWeight } from "../../objectives/group-advantages.ts";
import type { PolicyHyperparameters, PolicyObjective } from "../../objectives/ppo.ts";
import { policyObjective } from "../../objectives/ppo.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import type { Minibatch, ReadRollouts, Scored } from "../rollout/phases.ts";
import {
  drawAnswers,
  promptsOf,
  readLogProbabilities,
  score,
  updatePolicy,
  watch,
} from "../rollout/phases.ts";
import { groupMetrics, scoreMetrics, updateMetrics } from "../rollout/update-metrics.ts";
import type { Policy, PolicyInput } from "../rollout/policy.ts";
import { openPolicy, policyMethod } from "../rollout/policy.ts";
import type { RolloutBatch } from "../rollout/rollout.ts";
import { joinReads, perRead, rolloutSeed } from "../rollout/rollout.ts";
import type { StepOutcome, Warning } from "../step.ts";
import type { AnswersTrainer } from "../trainer.ts";
import type { grpoConfig } from "./grpo.config.ts";
import { tokenUpdate } from "./token-update.ts";

export type GrpoConfig = ConfigOf<typeof grpoConfig>;

export const trainer: AnswersTrainer<typeof grpoConfig> = { train: grpo };

/** Trains, yields what happens, and returns the policy. */
export async function* grpo(
  input: PolicyInput,
  config: GrpoConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  const objective = policyObjective(hyperparametersOf(config));
  const policy = await openPolicy(input, config, { objective, context });
  const step = (index: number) => grpoStep(policy, index);
  const method = { ...policyMethod(policy, "grpo"), step };
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

function hyperparametersOf({ kl, ...rest }: GrpoConfig): PolicyHyperparameters {
  return { ...rest, ...(kl.coef > 0 ? { lossKl: { ...kl, estimator: "k3" } } : {}) };
}

type GrpoPolicy = Policy<GrpoConfig, PolicyObjective>;

/** One roll-out and its updates. */
async function grpoStep(policy: GrpoPolicy, index: number): Promise<StepOutcome | undefined> {
  const { samples, scaleRewards, iterations, kl } = policy.config;
  // 1. Roll out; 2. score.
  const drawn = await draw(policy, index);
  // 3. Log-probabilities.
  const read = drawn && (await readLogProbabilities(policy, drawn.scored));
  if (!read) return undefined;
  // 4. Advantages within the group.
  const advantages = groupRelative(read.scores, samples, scaleRewards);
  // 5. Updates. Where no group tells good from bad there is nothing to learn.
  const idle = advantages.every((advantage) => advantage === 0) && kl.coef === 0;
  const hyper = hyperparametersOf(policy.config);
  const updates = idle
    ? []
    : await updatePolicy(policy, read, index, {
        epochs: iterations,
        inputs: (batch, minibatch) => inputsOf(policy, { read, advantages }, batch, minibatch),
        measure: (results, batches) => tokenUpdate(results, batches, hyper),
      });
  await policy.actor.release();
  // 6. Metrics.
  const own = {
    ...scoreMetrics(read.scores),
    "objective/kl_coef": kl.coef,
    ...groupMetrics(drawn.first, samples),
    ...updateMetrics(updates),
  };
  return watch(policy, read, index, { own, warnings: idle ? [nothingLearned(index)] : [] });
}

const nothingLearned = (index: number): Warning => ({
  id: "no-informative-group",
  message:
    `all answers to each prompt of roll-out ${index + 1} have the same reward, so nothing was ` +
    "learned from it: other prompts, a finer reward, more samples or a higher temperature",
});

/**
 * A roll-out; with dynamic sampling, prompts without a difference are replaced by other prompts as
 * far as there are any.
 * @returns the answers, and the scores of those that were drawn first
 */
async function draw(
  policy: GrpoPolicy,
  index: number,
): Promise<{ scored: Scored; first: readonly number[] } | undefined> {
  const { samples, dynamicSampling, seed } = policy.config;
  let kept: Scored = { rollouts: [], proxy: [], scores: [] };
  let spare: Scored = kept;
  let first: readonly number[] | undefined;
  let prompts = promptsOf(policy, index);
  const wanted = prompts.length;
  const asked = new Set(prompts);
  for (let attempt = 0; prompts.length > 0; attempt++) {
    const again = Random.for(seed, "rollout", index, "again", attempt);
    const drawSeed = attempt === 0 ? rolloutSeed(seed, index) : again.bits();
    const rollouts = await drawAnswers(policy, prompts, drawSeed);
    if (!rollouts) return undefined;
    const scored = await score(policy, rollouts);
    first ??= scored.scores;
    for (let start = 0; start < rollouts.length; start += samples) {
      const group = part(scored, start, start + samples);
      if (isUninformative(group.scores)) spare = join(spare, group);
      else kept = join(kept, group);
    }
    const missing = wanted - kept.rollouts.length / samples;
    if (missing <= 0 || attempt >= dynamicSampling) break;
    const others = policy.prompts.filter((prompt) => !asked.has(prompt));
    prompts = Random.for(seed, "prompts", index, "again", attempt)
      .shuffle(others)
      .slice(0, missing);
    for (const prompt of prompts) asked.add(prompt);
  }
  // What was not replaced fills the roll-out up: its advantages are 0.
  return { scored: part(join(kept, spare), 0, wanted * samples), first: first! };
}

const part = ({ rollouts, proxy, scores }: Scored, start: number, end: number): Scored => ({
  rollouts: rollouts.slice(start, end),
  proxy: proxy.slice(start, end),
  scores: scores.slice(start, end),
});

const join = (a: Scored, b: Scored): Scored => ({
  rollouts: [...a.rollouts, ...b.rollouts],
  proxy: [...a.proxy, ...b.proxy],
  scores: [...a.scores, ...b.scores],
});

function inputsOf(
  { config }: GrpoPolicy,
  {
    read: { rollouts, old, reference },
    advantages,
  }: { read: ReadRollouts; advantages: readonly number[] },
  batch: RolloutBatch,
  { members, tokens }: Minibatch,
): InputsOf<PolicyObjective> {
  const { aggregation, maxNewTokens, maskTruncated } = config;
  const counted = (member: number): boolean => !maskTruncated || rollouts[member]!.stopped;
  const lengthOf = (member: number): number => old[member]!.length;
  const total = maskTruncated
    ? members.filter(counted).reduce((count, member) => count + lengthOf(member), 0)
    : tokens;
  const weightOf = (member: number): number =>
    counted(member)
      ? tokenWeight(aggregation, {
          length: lengthOf(member),
          answers: members.length,
          tokens: Math.max(1, total),
          longest: maxNewTokens,
        })
      : 0;
  const spread = (value: (member: number) => number): Float32Array =>
    Float32Array.from(
      batch.members.flatMap((member) => Array.from(old[member]!, () => value(member))),
    );
  return {
    oldLogps: perRead(joinReads(old, batch)),
    advantages: perRead(spread((member) => advantages[member]!)),
    weight: perRead(spread(weightOf)),
    reference: perRead(joinReads(reference, batch)),
  };
}
