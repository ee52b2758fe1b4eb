/**
 * Online DPO: the policy answers, a reward or a judge says which of two answers is better, and DPO
 * learns from that pair at once.
 *
 * One step:
 * 1. roll out;
 * 2. score, and log-probabilities of policy and reference;
 * 3. the best and the worst answer to each prompt are a pair, unless they are equal;
 * 4. minibatches of pairs with the losses of DPO;
 * 5. metrics.
 *
 * Source: Guo et al. 2024 (arXiv 2402.04792); TRL's online_dpo_trainer.py.
 * Differences from TRL:
 * 1. a pair of equal scores (or a judge's 0.5) teaches nothing and is left out, where TRL takes the
 *    first answer as the better one;
 * 2. more than two answers may be drawn;
 * 3. a judge's probability is a soft label for the losses that take one;
 * 4. every loss of DPO may be used;
 * 5. log-probabilities are at the temperature of sampling, as everywhere in roll-outs.
 * As in TRL, a judge sees the texts alone: the penalty of a missing end is of rewards.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { float32 } from "../../core/tensor.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { InputsOf, StepResult } from "../../models/plans/plan.ts";
import type { AnswerPair } from "../../objectives/choices.ts";
import { extremePairs } from "../../objectives/choices.ts";
import type { PairObjective } from "../../objectives/pairs.ts";
import { pairObjective } from "../../objectives/pairs.ts";
import { withoutSoftLabels } from "../../objectives/preference-options.ts";
import type { Metrics, TrainingEvent } from "../../runs/events.ts";
import { mean } from "../../stats/intervals.ts";
import { layShared } from "../layout.ts";
import type { Method, TrainedModel, TrainingContext } from "../loop.ts";
import { resultOf, trainingLoop } from "../loop.ts";
import { lossWeights, pairMetrics, readPairs } from "../pair-metrics.ts";
import type { ReadRollouts, Scored, Update } from "../rollout/phases.ts";
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
  distanceFromOld,
  groupMetrics,
  scoreMetrics,
  updateMetrics,
} from "../rollout/update-metrics.ts";
import type { Besides, Policy, PolicyInput, PolicyState } from "../rollout/policy.ts";
import { openPolicy, policyMethod, preparePolicy } from "../rollout/policy.ts";
import type { Rollout, RolloutBatch } from "../rollout/rollout.ts";
import type { StepOutcome, Warning } from "../step.ts";
import type { MicroBatch } from "../trainee.ts";
import type { AnswersTrainer } from "../trainer.ts";
import type { Judge } from "../rollout/judge.ts";
import { judgePairs } from "../rollout/judge.ts";
import type { onlineDpoConfig } from "./online-dpo.config.ts";

export type OnlineDpoConfig = ConfigOf<typeof onlineDpoConfig>;

export type OnlineDpoInput = PolicyInput & Pick<Besides, "judge">;

export const trainer: AnswersTrainer<typeof onlineDpoConfig, OnlineDpoInput> = {
  train: onlineDpo,
  besides: "judge",
};

/**
 * Trains, yields what happens, and returns the policy.
 * @throws AttuneError `config` where the options ask for a judge and there is none, or the other
 * way round
 */
export async function* onlineDpo(
  input: OnlineDpoInput,
  config: OnlineDpoConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, TrainedModel> {
  checkJudge(input, config);
  const objective = pairObjective(lossWeights(config), config);
  // A judge gives no level that could part from the held-out reward's.
  const guard = input.judge ? "off" : config.guard;
  const policy = await openPolicy(input, config, { objective, context, guard });
  const run: OnlineDpoRun = { policy, judge: input.judge };
  const step = (index: number) => onlineDpoStep(run, index);
  const method: Method = {
    ...policyMethod(policy, "online-dpo"),
    prepare: (kept) =>
      preparePolicy(policy, kept as PolicyState | undefined, adviceOnLabels(input, config)),
    step,
  };
  yield* trainingLoop(method, config, context);
  return resultOf(method);
}

function checkJudge({ judge, rewards }: OnlineDpoInput, config: OnlineDpoConfig): void {
  const asked = config.judge !== "";
  if ((judge !== undefined) === asked && rewards.length > 0 !== asked) return;
  const given = `${judge ? "a judge" : "no judge"} and ${rewards.length} rewards`;
  throw new AttuneError("config", "a judge stands in place of rewards", {
    got: `${given}, with the option judge ${asked ? config.judge : "empty"}`,
    expected: "one of the two, as the options say",
  });
}

/** Of a judge's probabilities, what the losses do not read. */
function adviceOnLabels({ judge }: OnlineDpoInput, { loss }: OnlineDpoConfig): Warning[] {
  const certain = withoutSoftLabels(loss);
  if (!judge || certain.length === 0) return [];
  return [
    {
      id: "soft-labels",
      message:
        `${certain.join(" and ")} does not read the judge's probabilities: the answer that the ` +
        "judge prefers counts as the better one for certain",
    },
  ];
}

interface OnlineDpoRun {
  policy: Policy<OnlineDpoConfig, PairObjective>;
  judge: Judge | undefined;
}

/** One roll-out and its updates. */
async function onlineDpoStep(
  { policy, judge }: OnlineDpoRun,
  index: number,
): Promise<StepOutcome | undefined> {
  const { samples, beta } = policy.config;
  // 1. Roll out.
  const rollouts = await rollOut(policy, index);
  if (!rollouts) return undefined;
  // 2. Score, log-probabilities.
  const { scored, refused } = judge
    ? await scoreByJudge(judge, rollouts, policy.signal)
    : { scored: await score(policy, rollouts), refused: [] };
  const read = await readLogProbabilities(policy, scored);
  if (!read) return undefined;
  // 3. Pairs.
  const chosen = extremePairs(read.scores, samples);
  const pairs = judge ? chosen.map((pair) => ({ ...pair, p: read.scores[pair.chosen]! })) : chosen;
  // 4. Updates.
  const updates = pairs.length === 0 ? [] : await learn(policy, { pairs, read }, index);
  await policy.actor.release();
  // 5. Metrics.
  const penalty = -beta * mean(logRatiosOf(read).map(sum));
  const gaps = pairs.map((pair) => read.scores[pair.chosen]! - read.scores[pair.rejected]!);
  const prompts = read.rollouts.length / samples;
  // A judge's scores are one half on average, whatever the policy does.
  const level: Metrics = judge
    ? {}
    : { ...scoreMetrics(read.scores), "objective/rlhf_reward": mean(read.scores) + penalty };
  const own: Metrics = {
    beta,
    "objective/non_score_reward": penalty,
    "objective/scores_margin": sum(gaps) / prompts,
    "val/contain_eos_token": mean(read.rollouts.map(({ stopped }) => Number(stopped))),
    ...level,
    ...groupMetrics(read.scores, samples),
    ...updateMetrics(updates),
  };
  const warnings = [
    ...(refused.length > 0 ? [noJudgement(refused, { index, pairs: prompts })] : []),
    ...(pairs.length === 0 ? [nothingLearned(index)] : []),
  ];
  return watch(policy, read, index, { own, warnings });
}

/** Chances of being preferred, two answers to a prompt at a time. */
async function scoreByJudge(
  judge: Judge,
  rollouts: readonly Rollout[],
  signal: AbortSignal | undefined,
): Promise<{ scored: Scored; refused: readonly string[] }> {
  const pairs = Array.from(
    { length: rollouts.length / 2 },
    (_, pair) => [rollouts[2 * pair]!, rollouts[2 * pair + 1]!] as const,
  );
  const { chances, refused } = await judgePairs(judge, pairs, signal);
  const scores = signal?.aborted ? rollouts.map(() => 0.5) : chances.flatMap((p) => [p, 1 - p]);
  return { scored: { rollouts, proxy: scores, scores }, refused };
}

const noJudgement = (
  refused: readonly string[],
  { index, pairs }: { index: number; pairs: number },
): Warning => ({
  id: "no-judgement",
  message:
    `the judge has no opinion on ${refused.length} of ${countOf(pairs, "pair")} of roll-out ` +
    `${index + 1}, which are left out: ${refused[0]}`,
});

const nothingLearned = (index: number): Warning => ({
  id: "no-informative-group",
  message:
    `all answers to each prompt of roll-out ${index + 1} are judged the same, so nothing was ` +
    "learned from it: other prompts, a finer reward, more samples or a higher temperature",
});

function learn(
  policy: OnlineDpoRun["policy"],
  { pairs, read }: { pairs: readonly AnswerPair[]; read: ReadRollouts },
  index: number,
): Promise<Update[]> {
  const { rollouts, old, reference } = read;
  const sides = ({ chosen, rejected }: AnswerPair) => [chosen, rejected] as const;
  const rows = pairs.map((pair) => {
    const answers = sides(pair).map((answer) => rollouts[answer]!.ids);
    return layShared(rollouts[pair.chosen]!.prompt.ids, answers);
  });
  const before = pairs.map((pair) =>
    Float64Array.from(sides(pair).flatMap((answer) => [...old[answer]!])),
  );
  const perSide = (members: readonly number[], value: (answer: number) => number) =>
    float32(
      [members.length, 2],
      members.flatMap((member) => sides(pairs[member]!).map(value)),
    );
  const inputs = (
    { members, laid }: RolloutBatch,
    { members: minibatch }: { members: readonly number[] },
  ): InputsOf<PairObjective> => {
    const count = [members.length] as const;
    const probabilities = members.map((member) => pairs[member]!.p);
    const reads = laid.batch.selected.data.length;
    return {
      sequence: laid.sequenceOfRead,
      reference: perSide(members, (answer) => sum(reference[answer]!)),
      lengths: perSide(members, (answer) => rollouts[answer]!.ids.length),
      p: float32(count, probabilities),
      scale: float32(count, new Float32Array(members.length).fill(1 / minibatch.length)),
      sftSlope: float32([reads], new Float32Array(reads)),
    };
  };
  return updatePolicy(policy, { rows, old: before }, index, {
    epochs: policy.config.iterations,
    inputs,
    measure: (results, batches) => ({
      ...pairUpdate(results, batches, policy.config),
      ...distanceFromOld(results, batches, before),
    }),
  });
}

/** Means over the pairs of one update. */
function pairUpdate(
  results: readonly StepResult<PairObjective>[],
  batches: readonly MicroBatch<PairObjective>[],
  config: OnlineDpoConfig,
): Update {
  const pairs = results.flatMap(({ metrics }, i) => {
    const { reference, lengths, p } = batches[i]!.inputs;
    return readPairs(metrics.logps.data, {
      reference: reference.data,
      lengths: lengths.data,
      p: p.data,
      columns: 2,
    });
  });
  const loss = results.reduce((total, result) => total + result.loss, 0);
  return { loss, ...(pairMetrics(pairs, config, undefined) as Update) };
}
