/**
 * Best-of-n: draw n answers to each prompt, keep the one that the reward likes most. No training:
 * what a reward model is worth shows here first, and its price is known exactly.
 *
 * One step:
 * 1. roll out some prompts;
 * 2. score every answer;
 * 3. keep all of them, with the place of the best.
 * At the end:
 * 4. what every best of k <= n would have given, from the same answers.
 *
 * Source: Nakano et al. 2021 (WebGPT), appendix I, for estimating every k <= n from one draw
 * without bias; Gao et al. 2023; Beirami et al. 2024 for log n - (n - 1) / n being an upper bound
 * of the KL.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { numberFromJson, parseJson, stringifyExactly, stringifyJson } from "../../core/json.ts";
import type { PromptRecord } from "../../data/records.ts";
import { compact } from "../../data/records.ts";
import type { Model } from "../../models/model.ts";
import { parameterCount } from "../../models/model.ts";
import { penaliseMissingStop } from "../../objectives/advantages.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean, meanInterval } from "../../stats/intervals.ts";
import type { BestOfNPoint } from "../../stats/over-optimisation.ts";
import { bestOfNCurve, bestOfNKl } from "../../stats/over-optimisation.ts";
import type { AnswerLimit } from "../../sampling/answer-limit.ts";
import type { Encoder } from "../../text/encoder.ts";
import { answerTo } from "../../text/messages.ts";
import type { bestOfNConfig } from "./best-of-n.config.ts";
import type { Method, TrainingContext } from "../loop.ts";
import { keepRows, trainingLoop } from "../loop.ts";
import { Monitor } from "../rollout/monitor.ts";
import { scoreMetrics } from "../rollout/update-metrics.ts";
import type { PolicyReward, PolicyState } from "../rollout/policy.ts";
import { adviseOnInput, measureRewards, openReward } from "../rollout/policy.ts";
import type { RewardSource } from "../rollout/rewards.ts";
import { Rewards } from "../rollout/rewards.ts";
import type { EncodedPrompts, RolloutEngine, RolloutPrompt } from "../rollout/rollout.ts";
import { encodePrompts, rolloutSeed, samplingEngine } from "../rollout/rollout.ts";
import type { StepOutcome } from "../step.ts";
import type { AnswersTrainer } from "../trainer.ts";
import { readWholeFile } from "../../runs/files.ts";

export type BestOfNConfig = ConfigOf<typeof bestOfNConfig>;

export interface BestOfNInput {
  model: Model;
  encoder: Encoder;
  prompts: readonly PromptRecord[];
  rewards: readonly PolicyReward[];
  /** Scores every answer, and chooses none. */
  heldOutReward?: PolicyReward | undefined;
}

/** An answer with what was said of it. */
export interface ScoredAnswer {
  /** Without special tokens. */
  text: string;
  /** Whether it ended by itself. */
  stopped: boolean;
  /**
   * By which the best is chosen: rewards normalised and combined, less the penalty of a missing
   * end.
   */
  score: number;
  /** Each reward by itself, normalised. */
  rewards: number[];
  /** Raw score of the reward that chooses nothing, where there is one. */
  heldOutScore?: number;
}

/** All answers to one prompt; the first of the highest score is the best. */
export interface BestOfNChoice {
  /** The prompt, as it stands in the data. */
  record: PromptRecord;
  /** Index of the best answer, from 0. */
  best: number;
  /** All n, in the order in which they were drawn. */
  answers: readonly ScoredAnswer[];
}

/** What was drawn and chosen, and what other numbers of answers would have given. */
export interface BestOfNResult {
  /** One for each prompt, in order. */
  choices: BestOfNChoice[];
  /** For every k from 1 to n. */
  curve: BestOfNPoint[];
}

export const trainer: AnswersTrainer<typeof bestOfNConfig, BestOfNInput, BestOfNResult & Saved> = {
  train: bestOfN,
  steps: (prompts, { prompts: wanted, promptsPerStep }) =>
    Math.ceil((wanted > 0 ? Math.min(wanted, prompts) : prompts) / promptsPerStep),
  curve: readCurve,
};

/**
 * Draws and chooses, and yields what happens; returns the choices. A run folder keeps them as
 * {@link writeChoices} says.
 */
export async function* bestOfN(
  input: BestOfNInput,
  config: BestOfNConfig,
  context: TrainingContext = {},
): AsyncGenerator<TrainingEvent, BestOfNResult & Saved> {
  const run = openBestOfN(input, config, context);
  const { save, ...method } = bestOfNMethod(run);
  yield* trainingLoop({ ...method, save }, config, context);
  return { ...resultOf(run), save };
}

/** How the choices are written; see {@link writeChoices}. */
export interface Saved {
  save(folder: string): Promise<void>;
}

/** What a run works with. */
interface BestOfNRun {
  input: BestOfNInput;
  config: BestOfNConfig;
  signal: AbortSignal | undefined;
  encoded: EncodedPrompts;
  limit: AnswerLimit;
  prompts: readonly RolloutPrompt[];
  rewards: Rewards;
  heldOut: RewardSource | undefined;
  monitor: Monitor;
  engine: RolloutEngine;
  /** By prompt. */
  answers: readonly (readonly ScoredAnswer[])[];
}

/** Small state of a checkpoint. */
interface BestOfNState extends PolicyState {
  answers: readonly (readonly ScoredAnswer[])[];
}

function openBestOfN(
  input: BestOfNInput,
  config: BestOfNConfig,
  context: TrainingContext,
): BestOfNRun {
  const { model, encoder } = input;
  const records = config.prompts > 0 ? input.prompts.slice(0, config.prompts) : input.prompts;
  const maxLength = Math.min(config.maxLength, model.config.maxPositions);
  const limit = { maxNewTokens: config.maxNewTokens, maxLength };
  const encoded = encodePrompts(records, encoder, { ...limit, onBad: config.onBad });
  const { prompts } = encoded;
  keepRows(
    prompts.map(({ ids }) => ids),
    context,
    encoder.fingerprint,
  );
  const choice = { ...config, recompute: "all" as const };
  const sources = input.rewards.map((reward) => openReward(reward, encoder, choice));
  const heldOut = input.heldOutReward && openReward(input.heldOutReward, encoder, choice);
  const guard = { guard: "off", guardWindow: 1, guardAlpha: 0.001, guardShare: 0.5 } as const;
  return {
    input,
    config,
    signal: context.signal,
    encoded,
    limit,
    prompts,
    rewards: new Rewards(sources, config),
    heldOut,
    monitor: new Monitor(heldOut, guard),
    engine: samplingEngine(model, encoder),
    answers: [],
  };
}

function bestOfNMethod(run: BestOfNRun): Method {
  const { input, config, signal, prompts, rewards, heldOut, monitor, engine } = run;
  const { family, config: shape } = input.model;
  return {
    name: "best-of-n",
    artifact: "answers",
    trainees: [],
    parameters: { trainable: 0, total: parameterCount(family, shape) },
    totalSteps: Math.ceil(prompts.length / config.promptsPerStep),
    examples: prompts.length,
    step: (index) => bestOfNStep(run, index),
    state: (): BestOfNState => ({
      scales: rewards.scales,
      monitor: monitor.state,
      answers: run.answers,
    }),
    async prepare(kept) {
      const state = kept as BestOfNState | undefined;
      if (!state)
        return [
          ...adviseOnInput(run.encoded, rewards, run.limit),
          ...(await measureRewards(run, config, signal)),
        ];
      rewards.scales = state.scales;
      monitor.restore(state.monitor);
      run.answers = state.answers;
      return [];
    },
    // 4.
    save: (folder) =>
      writeChoices(
        resultOf(run),
        rewards.sources.map(({ name }) => name),
        folder,
      ),
    async close() {
      await Promise.all([engine.release(), rewards.close(), heldOut?.close()]);
    },
  };
}

function resultOf({ answers: all, prompts }: BestOfNRun): BestOfNResult {
  const choices = all.map((answers, index): BestOfNChoice => ({
    record: prompts[index]!.record,
    answers,
    best: placeOfBest(answers),
  }));
  return { choices, curve: curveOf(all) };
}

async function bestOfNStep(run: BestOfNRun, index: number): Promise<StepOutcome | undefined> {
  const { config, signal, prompts, rewards, monitor, engine } = run;
  const { samples, promptsPerStep, missingEosPenalty } = config;
  // 1. Roll out.
  const asked = prompts.slice(index * promptsPerStep, (index + 1) * promptsPerStep);
  const request = { ...config, seed: rolloutSeed(config.seed, index) };
  const rollouts = await engine.roll(asked, request, signal);
  await engine.release();
  if (signal?.aborted) return undefined;
  // 2. Score.
  const { scores: proxy, bySource } = await rewards.score(rollouts);
  await rewards.release();
  const heldOut = await monitor.judge(rollouts);
  // 3. Keep.
  const answers = rollouts.map(({ text, stopped }, i): ScoredAnswer => ({
    text,
    stopped,
    score: penaliseMissingStop(proxy[i]!, stopped, missingEosPenalty),
    rewards: bySource.map((scores) => scores[i]!),
    ...(heldOut ? { heldOutScore: heldOut[i]! } : {}),
  }));
  const groups = asked.map((_, group) => answers.slice(group * samples, (group + 1) * samples));
  run.answers = [...run.answers, ...groups];
  const watched = monitor.watch(rollouts, proxy, undefined);
  const lengths = rollouts.map(({ prompt, ids }) => prompt.ids.length + ids.length);
  return {
    metrics: {
      ...scoreMetrics(answers.map(({ score }) => score)),
      "objective/best_scores": mean(groups.map((group) => group[placeOfBest(group)]!.score)),
      ...(heldOut ? { "objective/held_out_scores": mean(heldOut) } : {}),
      ...watched.metrics,
      epoch: run.answers.length / prompts.length,
    },
    answers: rollouts.length,
    tokens: lengths.reduce((total, length) => total + length, 0),
    warnings: [
      ...watched.warnings,
      ...rewards.takeWarnings(),
      ...(run.heldOut?.takeWarnings?.() ?? []),
    ],
  };
}

function placeOfBest(answers: readonly ScoredAnswer[]): number {
  return answers.reduce((best, { score }, i) => (score > answers[best]!.score ? i : best), 0);
}

function curveOf(groups: readonly (readonly ScoredAnswer[])[]): BestOfNPoint[] {
  const n = groups[0]?.length ?? 0;
  const judged = groups[0]?.[0]?.heldOutScore !== undefined;
  const estimate = (value: (answer: ScoredAnswer) => number): Interval[] => {
    const curves = groups.map((answers) =>
      bestOfNCurve(
        answers.map(({ score }) => score),
        answers.map(value),
      ),
    );
    return Array.from({ length: n }, (_, i) => meanInterval(curves.map((curve) => curve[i]!)));
  };
  const scores = estimate(({ score }) => score);
  const heldOut = judged ? estimate(({ heldOutScore }) => heldOutScore!) : undefined;
  return scores.map((score, i) => ({
    k: i + 1,
    kl: bestOfNKl(i + 1),
    score,
    ...(heldOut ? { heldOutScore: heldOut[i]! } : {}),
  }));
}

const CURVE = "curve.json";

/**
 * Files of a run's folder `answers`: `best.jsonl`, the best answer to each prompt as a
 * demonstration (`attune sft` reads it); `ranked.jsonl`, all answers with their scores as attune's
 * ranked data (`attune reward` and `attune dpo` read it), every reward and the held-out one in its
 * column extra; `curve.json`, what every k would give.
 */
async function writeChoices(
  { choices, curve }: BestOfNResult,
  names: readonly string[],
  folder: string,
): Promise<void> {
  const lines = (row: (choice: BestOfNChoice) => object): string =>
    choices.map((choice) => `${stringifyExactly(row(choice))}\n`).join("");
  await writeFile(
    join(folder, "best.jsonl"),
    lines(({ record, best, answers }) => ({
      ...inputsOf(record),
      prompt: record.prompt,
      completion: answerTo(record.prompt, answers[best]!.text),
    })),
  );
  await writeFile(
    join(folder, "ranked.jsonl"),
    lines(({ record, answers }) => ({
      ...inputsOf(record),
      prompt: record.prompt,
      completions: answers.map(({ text, score }) => ({
        completion: answerTo(record.prompt, text),
        score,
      })),
      extra: {
        ...record.extra,
        rewards: Object.fromEntries(
          names.map((name, i) => [name, answers.map(({ rewards }) => rewards[i]!)]),
        ),
        ...(answers[0]!.heldOutScore === undefined
          ? {}
          : { held_out: answers.map(({ heldOutScore }) => heldOutScore!) }),
        stopped: answers.map(({ stopped }) => stopped),
      },
    })),
  );
  await writeFile(join(folder, CURVE), `${stringifyJson(curve, 1)}\n`);
}

/** What a row gives the chat template besides, as columns. */
const inputsOf = ({ tools, templateArguments }: PromptRecord): object =>
  compact({ tools, chat_template_kwargs: templateArguments });

/** The curve of a finished run. @param folder its folder `answers` */
export function readCurve(folder: string): BestOfNPoint[] {
  const number = (value: unknown): number => numberFromJson(value) ?? NaN;
  const interval = (kept: Interval): Interval => ({
    ...kept,
    estimate: number(kept.estimate),
    low: number(kept.low),
    high: number(kept.high),
  });
  const points = parseJson(readWholeFile(join(folder, CURVE))) as BestOfNPoint[];
  return points.map((point) => ({
    ...point,
    score: interval(point.score),
    ...(point.heldOutScore ? { heldOutScore: interval(point.heldOutScore) } : {}),
  }));
}
