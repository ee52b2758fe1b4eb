/**
 * How a chain of models does on prompts nobody trained on, by judges nobody optimised: a reward
 * model's mean scores, and win rates by it or by a critic against the model that they all began as,
 * with paired intervals, distance from it, and the text of the answers.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { PromptRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import type { AnswerLimit } from "../sampling/answer-limit.ts";
import { generate } from "../sampling/generate.ts";
import type { MeanInterval } from "../stats/intervals.ts";
import { meanInterval } from "../stats/intervals.ts";
import type { PairedDifference } from "../stats/paired.ts";
import { pairedDifference } from "../stats/paired.ts";
import { answerFaults, faultWarning } from "../text/answer-faults.ts";
import type { Encoder } from "../text/encoder.ts";
import { choosePlan } from "../training/choose-plan.ts";
import type { RewardSource } from "../training/rollout/rewards.ts";
import { finiteScores } from "../training/rollout/rewards.ts";
import type { Rollout, RolloutPrompt } from "../training/rollout/rollout.ts";
import {
  batchRollouts,
  encodePrompts,
  layRollout,
  promptWarnings,
  readByAnswer,
} from "../training/rollout/rollout.ts";
import type { EvaluatedAnswer, EvaluatedModel } from "./evaluated-model.ts";
import { inconclusiveModels } from "./inconclusive.ts";
import type {
  ContestEntry,
  ContestInput,
  Judgement,
  LengthControlled,
  WinRate,
} from "./pairwise.ts";
import { contest, lengthControlledWinRate, winRate } from "./pairwise.ts";

export interface EvaluationOptions {
  /** Longest prompt with its answer, tokens. */
  maxLength: number;
  maxNewTokens: number;
  /** Temperature of sampling, and of the log-probabilities. */
  temperature: number;
  batchSize: number;
  seed: number;
}

export interface ModelToEvaluate {
  name: string;
  open(): Promise<{ model: Model; encoder: Encoder }>;
}

const MICRO_BATCH_TOKENS = 1024;

/**
 * Answers the prompts with every model and has the answers judged. One model is in memory at a
 * time, beside the baseline (the first) and the judge. Prompts that leave some model too little
 * room for an answer are left out of all, so that every comparison is of the same ones.
 */
export async function evaluatePolicies(
  models: readonly ModelToEvaluate[],
  judge: RewardSource | undefined,
  records: readonly PromptRecord[],
  options: EvaluationOptions,
  {
    onModel,
    onWarning,
    signal,
  }: {
    onModel?: (name: string) => void;
    onWarning?: (warning: { id: string; message: string }) => void;
    signal?: AbortSignal;
  } = {},
): Promise<EvaluatedModel[]> {
  const results: { name: string; answers: Map<PromptRecord, EvaluatedAnswer> }[] = [];
  let baseline: { model: Model; encoder: Encoder } | undefined;
  for (const { name, open } of models) {
    onModel?.(name);
    const opened = await open();
    baseline ??= opened;
    const tell = ({ id, message }: { id: string; message: string }): void =>
      onWarning?.({ id, message: `${name}: ${message}` });
    const limit = answerLimitFor(opened.model, options);
    const encoded = encodePrompts(records, opened.encoder, limit);
    promptWarnings(encoded, limit).forEach(tell);
    const rollouts = await answer(opened, encoded.prompts, { ...options, ...limit }, signal);
    answerFaults(rollouts).map(faultWarning).forEach(tell);
    const scores = judge && (await finiteScores(judge, rollouts));
    await judge?.release();
    const own = await logps(opened.model, opened.encoder, rollouts, options);
    const reference =
      opened === baseline ? own : await logps(baseline.model, opened.encoder, rollouts, options);
    const answers = rollouts.map(
      ({ prompt: { record }, text, ids, stopped }, i) =>
        [
          record,
          {
            prompt: record.prompt,
            text,
            tokens: ids.length,
            stopped,
            ...(scores ? { score: scores[i]! } : {}),
            logRatio: own[i]! - reference[i]!,
          },
        ] as const,
    );
    results.push({ name, answers: new Map(answers) });
  }
  const common = records.filter((record) => results.every(({ answers }) => answers.has(record)));
  const most = Math.max(0, ...results.map(({ answers }) => answers.size));
  if (common.length < most)
    onWarning?.({
      id: "left-out-prompts",
      message:
        `${countOf(most - common.length, "prompt")} left out of every comparison: not every ` +
        "model has room",
    });
  if (common.length === 0 && results.length > 0 && !signal?.aborted)
    throw new AttuneError("data", "no prompt was answered by every model", {
      hint: "shorter prompts, or fewer new tokens",
    });
  return results.map(({ name, answers }) => ({
    name,
    answers: common.map((record) => answers.get(record)!),
  }));
}

/** What prompt and answer may take, in the context of a model. */
export const answerLimitFor = (
  { config }: Model,
  { maxLength, maxNewTokens }: Pick<EvaluationOptions, "maxLength" | "maxNewTokens">,
): AnswerLimit => ({ maxLength: Math.min(maxLength, config.maxPositions), maxNewTokens });

async function answer(
  { model, encoder }: { model: Model; encoder: Encoder },
  prompts: readonly RolloutPrompt[],
  { maxNewTokens, maxLength, temperature, batchSize, seed }: EvaluationOptions,
  signal: AbortSignal | undefined,
): Promise<Rollout[]> {
  const found = await generate(
    model,
    encoder,
    prompts.map(({ ids }) => ids),
    {
      samples: 1,
      maxNewTokens,
      maxLength,
      temperature,
      topK: 0,
      topP: 1,
      seed,
      batchSize,
      stopTexts: [],
    },
    signal ? { signal } : {},
  );
  return found.map(({ prompt, ids, finish, text }) => ({
    prompt: prompts[prompt]!,
    ids: Int32Array.from(ids),
    stopped: finish === "stop",
    text,
  }));
}

/** Log-probability of each answer, nats. */
async function logps(
  model: Model,
  { padId }: Encoder,
  rollouts: readonly Rollout[],
  { maxLength, temperature }: EvaluationOptions,
): Promise<number[]> {
  const plan = choosePlan(
    { model, reads: "tokens", temperature: temperature || 1 },
    { plan: "auto", recompute: "all", maxLength },
  );
  const rows = rollouts.map(layRollout);
  const read: Float64Array[] = [];
  for (const batch of batchRollouts(rows, [...rows.keys()], {
    microBatchTokens: MICRO_BATCH_TOKENS,
    padId,
  }))
    readByAnswer((await plan.score(batch.laid.batch)).readout, batch, read);
  await plan.close();
  return read.map((values) => values.reduce((total, value) => total + value, 0));
}

/** One model beside the baseline. What scores say is undefined where no reward model judged. */
export interface PolicyComparison {
  name: string;
  prompts: number;
  score?: MeanInterval;
  /** Score minus the baseline's on the same prompts; undefined for the baseline. */
  difference?: PairedDifference;
  wins?: WinRate;
  winsAtEqualLength?: LengthControlled;
  /**
   * Mean of log pi - log pi_baseline over its own answers: an estimate of the KL, nats an answer.
   */
  kl: MeanInterval;
  tokens: MeanInterval;
  /** Why the comparison with the baseline shows nothing; undefined where it may show something. */
  inconclusive?: string;
}

/** Statistics of all models against the first. */
export function comparePolicies(models: readonly EvaluatedModel[]): PolicyComparison[] {
  const [baseline] = models;
  const theirs = scoresOf(baseline!.answers);
  const unfit = inconclusiveModels(models);
  return models.map(({ name, answers }): PolicyComparison => {
    const alone = {
      name,
      prompts: answers.length,
      kl: meanInterval(answers.map(({ logRatio }) => logRatio)),
      tokens: meanInterval(answers.map(({ tokens }) => tokens)),
      ...(unfit.has(name) ? { inconclusive: unfit.get(name)! } : {}),
    };
    const scores = scoresOf(answers);
    if (!scores) return alone;
    const scored = { ...alone, score: meanInterval(scores) };
    // a win over answers that are empty or cut would be taken for one
    if (name === baseline!.name || alone.inconclusive !== undefined) return scored;
    const judgements = scores.map((score, i): Judgement => ({
      outcome: score === theirs![i]! ? 0.5 : Number(score > theirs![i]!),
      candidateLength: answers[i]!.tokens,
      baselineLength: baseline!.answers[i]!.tokens,
    }));
    return {
      ...scored,
      difference: pairedDifference(scores, theirs!),
      wins: winRate(judgements),
      winsAtEqualLength: lengthControlledWinRate(judgements),
    };
  });
}

const scoresOf = (answers: readonly EvaluatedAnswer[]): number[] | undefined =>
  answers.some(({ score }) => score === undefined) ? undefined : answers.map(({ score }) => score!);

export type ContestOptions = Pick<ContestInput, "judge" | "onPrompt"> & { signal?: AbortSignal };

/**
 * What a judge of pairs says of every model against the first, and of the controls; lengths in
 * characters, since controls are no model's tokens.
 */
export async function contestOfPolicies(
  models: readonly EvaluatedModel[],
  options: ContestOptions,
): Promise<ContestEntry[]> {
  const [baseline, ...others] = models;
  const unfit = inconclusiveModels(models);
  const texts = ({ answers }: EvaluatedModel): string[] => answers.map(({ text }) => text);
  const entries = await contest({
    ...options,
    prompts: baseline!.answers.map(({ prompt }) => prompt),
    baseline: texts(baseline!),
    candidates: Object.fromEntries(others.map((model) => [model.name, texts(model)])),
  });
  return entries.map((entry) =>
    unfit.has(entry.name) ? { ...entry, inconclusive: unfit.get(entry.name)! } : entry,
  );
}
