/**
 * How a chain of models does on prompts nobody trained on, by a judge nobody optimised: mean scores and win rates against the model that
 * they all began as, with paired intervals, distance from it, and the text of the answers.
 */
import type { PromptRecord } from "../data/records.ts";
import type { Model } from "../models/model.ts";
import { generate } from "../sampling/generate.ts";
import type { MeanInterval } from "../stats/intervals.ts";
import { meanInterval } from "../stats/intervals.ts";
import { pairedDifference } from "../stats/paired.ts";
import type { Encoder } from "../text/encoder.ts";
import { promptText } from "../text/messages.ts";
import { choosePlan } from "../training/prepare.ts";
import type { RewardSource } from "../training/rewards.ts";
import { finiteScores } from "../training/rewards.ts";
import type { Rollout, RolloutPrompt } from "../training/rollout.ts";
import { batchRollouts, encodePrompts, layRollout, readByAnswer } from "../training/rollout.ts";
import type { Judgement, LengthControlled, WinRate } from "./pairwise.ts";
import { lengthControlledWinRate, winRate } from "./pairwise.ts";

export interface EvaluationOptions {
  /** Of prompt and answer, tokens. */
  maxLength: number;
  maxNewTokens: number;
  /** Of sampling and of the log-probabilities. */
  temperature: number;
  batchSize: number;
  seed: number;
}

/** One answer, with everything that is said of it later. */
export interface EvaluatedAnswer {
  prompt: string;
  text: string;
  tokens: number;
  stopped: boolean;
  /** By the judge. */
  score: number;
  /** log pi - log pi_baseline of the answer, nats; 0 for the baseline itself. */
  logRatio: number;
}

export interface EvaluatedModel {
  name: string;
  answers: EvaluatedAnswer[];
}

export interface ModelToEvaluate {
  name: string;
  open(): Promise<{ model: Model; encoder: Encoder }>;
}

const MICRO_BATCH_TOKENS = 1024;

/**
 * Answers all prompts with every model and has the answers judged. One model is in memory at a time, beside the baseline (the first) and
 * the judge.
 */
export async function evaluatePolicies(
  models: readonly ModelToEvaluate[],
  judge: RewardSource,
  records: readonly PromptRecord[],
  options: EvaluationOptions,
  { onModel, signal }: { onModel?: (name: string) => void; signal?: AbortSignal } = {},
): Promise<EvaluatedModel[]> {
  const results: EvaluatedModel[] = [];
  let baseline: { model: Model; encoder: Encoder } | undefined;
  for (const { name, open } of models) {
    onModel?.(name);
    const opened = await open();
    baseline ??= opened;
    const { prompts } = encodePrompts(records, opened.encoder, options);
    const rollouts = await answer(opened, prompts, options, signal);
    const scores = await finiteScores(judge, rollouts);
    await judge.release();
    const own = await logps(opened.model, opened.encoder, rollouts, options);
    const reference = opened === baseline ? own : await logps(baseline.model, opened.encoder, rollouts, options);
    results.push({ name, answers: rollouts.map(({ prompt, text, ids, stopped }, i) => ({ prompt: promptText(prompt.record.prompt), text, tokens: ids.length, stopped, score: scores[i]!, logRatio: own[i]! - reference[i]! })) });
  }
  return results;
}

async function answer({ model, encoder }: { model: Model; encoder: Encoder }, prompts: readonly RolloutPrompt[], { maxNewTokens, temperature, batchSize, seed }: EvaluationOptions, signal: AbortSignal | undefined): Promise<Rollout[]> {
  const found = await generate(model, encoder, prompts.map(({ ids }) => ids), { samples: 1, maxNewTokens, temperature, topK: 0, topP: 1, seed, batchSize, stopTexts: [] }, signal ? { signal } : {});
  return found.map(({ prompt, ids, finish, text }) => ({ prompt: prompts[prompt]!, ids: Int32Array.from(ids), stopped: finish === "stop", text }));
}

/** Log-probability of each answer, nats. */
async function logps(model: Model, { padId }: Encoder, rollouts: readonly Rollout[], { maxLength, temperature }: EvaluationOptions): Promise<number[]> {
  const plan = choosePlan({ model, reads: "tokens", temperature: temperature || 1 }, { plan: "auto", recompute: true, maxLength });
  const rows = rollouts.map(layRollout);
  const read: Float64Array[] = [];
  for (const batch of batchRollouts(rows, [...rows.keys()], { microBatchTokens: MICRO_BATCH_TOKENS, padId, window: model.config.slidingWindow })) readByAnswer((await plan.score(batch.laid.batch)).readout, batch, read);
  await plan.close();
  return read.map((values) => values.reduce((total, value) => total + value, 0));
}

/** One model beside the baseline. */
export interface PolicyComparison {
  name: string;
  score: MeanInterval;
  /** Score minus the baseline's on the same prompts; undefined for the baseline. */
  difference?: MeanInterval;
  wins?: WinRate;
  winsAtEqualLength?: LengthControlled;
  /** Mean of log pi - log pi_baseline over its own answers: an estimate of the KL, nats an answer. */
  kl: MeanInterval;
  tokens: MeanInterval;
}

/** Statistics of all models against the first. */
export function comparePolicies(models: readonly EvaluatedModel[]): PolicyComparison[] {
  const [baseline] = models;
  return models.map(({ name, answers }): PolicyComparison => {
    const scores = answers.map(({ score }) => score);
    const alone = { name, score: meanInterval(scores), kl: meanInterval(answers.map(({ logRatio }) => logRatio)), tokens: meanInterval(answers.map(({ tokens }) => tokens)) };
    if (name === baseline!.name) return alone;
    const judgements = answers.map((mine, i): Judgement => {
      const theirs = baseline!.answers[i]!;
      return { outcome: mine.score === theirs.score ? 0.5 : Number(mine.score > theirs.score), candidateLength: mine.tokens, baselineLength: theirs.tokens };
    });
    return { ...alone, difference: pairedDifference(scores, baseline!.answers.map(({ score }) => score)), wins: winRate(judgements), winsAtEqualLength: lengthControlledWinRate(judgements) };
  });
}
