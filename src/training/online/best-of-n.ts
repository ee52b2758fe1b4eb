/**
 * Best-of-n: draw n answers to each prompt, keep the one that the reward likes most. No training:
 * what a reward model is worth shows here first, and its price is known exactly.
 *
 * One step: 1. roll out some prompts; 2. score every answer; 3. keep all of them, with the place of
 * the best. At the end: 4. what every best of k <= n would have given, from the same answers.
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
import type { ScoreScale } from "../../objectives/advantages.ts";
import { penaliseMissingStop } from "../../objectives/advantages.ts";
import type { ConfigOf } from "../../config/config.ts";
import type { TrainingEvent } from "../../runs/events.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean, meanAndDeviation, meanInterval } from "../../stats/intervals.ts";
import { bestOfNCurve, bestOfNKl } from "../../stats/over-optimisation.ts";
import type { AnswerLimit } from "../../sampling/answer-limit.ts";
import type { Encoder } from "../../text/encoder.ts";
import { answerTo } from "../../text/messages.ts";
import type { bestOfNConfig } from "./best-of-n.config.ts";
import type { LoopContext } from "../loop.ts";
import type { MonitorMemory } from "../rollout/monitor.ts";
import { Monitor } from "../rollout/monitor.ts";
import type { PolicyReward } from "../rollout/policy-method.ts";
import { adviseOnInput, measureRewards, openReward } from "../rollout/policy-method.ts";
import type { RewardSource } from "../rollout/rewards.ts";
import { Rewards } from "../rollout/rewards.ts";
import type { Memory, RolloutMethod, RolloutStep } from "../rollout/rollout-loop.ts";
import { rolloutLoop } from "../rollout/rollout-loop.ts";
import type { EncodedPrompts, RolloutEngine, RolloutPrompt } from "../rollout/rollout.ts";
import { encodePrompts, rolloutSeed, samplingEngine } from "../rollout/rollout.ts";
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

export interface ScoredAnswer {
  text: string;
  stopped: boolean;
  /**
   * By which the best is chosen: rewards normalised and combined, less the penalty of a missing
   * end.
   */
  score: number;
  /** Each reward by itself, normalised. */
  rewards: number[];
  heldOutScore?: number;
}

/** All answers to one prompt; the first of the highest score is the best. */
export interface BestOfNChoice {
  record: PromptRecord;
  best: number;
  answers: readonly ScoredAnswer[];
}

/** What best-of-k would give, k <= n. */
export interface BestOfNPoint {
  k: number;
  /** Upper bound of the KL from the policy, nats. */
  kl: number;
  /** Means over prompts, without bias; intervals over prompts. */
  score: Interval;
  heldOutScore?: Interval;
}

export interface BestOfNResult {
  choices: BestOfNChoice[];
  /** For every k from 1 to n. */
  curve: BestOfNPoint[];
}

/**
 * Draws and chooses, and yields what happens; returns the choices. A run folder keeps them as
 * {@link writeChoices} says.
 */
export async function* bestOfN(
  input: BestOfNInput,
  config: BestOfNConfig,
  context: LoopContext = {},
): AsyncGenerator<TrainingEvent, BestOfNResult> {
  const method = new BestOfN(input, config, context.signal);
  yield* rolloutLoop(method, { ...config, sampleSteps: 0 }, context);
  return method.result;
}

interface BestOfNMemory extends Memory {
  scales: ScoreScale[];
  monitor: MonitorMemory;
  answers: ScoredAnswer[][];
}

class BestOfN implements RolloutMethod {
  readonly name = "best-of-n";
  readonly artifact = "answers";
  readonly totalSteps: number;
  readonly tensors = {};
  readonly broken = undefined;
  private readonly input: BestOfNInput;
  private readonly config: BestOfNConfig;
  private readonly signal: AbortSignal | undefined;
  private readonly prompts: readonly RolloutPrompt[];
  private readonly encoded: EncodedPrompts;
  private readonly limit: AnswerLimit;
  private readonly rewards: Rewards;
  private readonly heldOut: RewardSource | undefined;
  private readonly monitor: Monitor;
  private readonly engine: RolloutEngine;
  /** By prompt. */
  private answers: ScoredAnswer[][] = [];

  constructor(input: BestOfNInput, config: BestOfNConfig, signal: AbortSignal | undefined) {
    const { model, encoder, rewards, heldOutReward } = input;
    const records = config.prompts > 0 ? input.prompts.slice(0, config.prompts) : input.prompts;
    this.limit = {
      maxNewTokens: config.maxNewTokens,
      maxLength: Math.min(config.maxLength, model.config.maxPositions),
    };
    this.encoded = encodePrompts(records, encoder, { ...this.limit, onBad: config.onBad });
    const { prompts } = this.encoded;
    const choice = { ...config, recompute: "all" as const };
    this.input = input;
    this.config = config;
    this.signal = signal;
    this.prompts = prompts;
    this.totalSteps = Math.ceil(prompts.length / config.promptsPerStep);
    this.rewards = new Rewards(
      rewards.map((reward) => openReward(reward, encoder, choice)),
      config,
    );
    this.heldOut = heldOutReward && openReward(heldOutReward, encoder, choice);
    this.monitor = new Monitor(this.heldOut, {
      guard: "off",
      guardWindow: 1,
      guardAlpha: 0.001,
      guardShare: 0.5,
    });
    this.engine = samplingEngine(model, encoder);
  }

  get examples(): number {
    return this.prompts.length;
  }

  get parameters(): { trainable: number; total: number } {
    return {
      trainable: 0,
      total: parameterCount(this.input.model.family, this.input.model.config),
    };
  }

  get result(): BestOfNResult {
    const choices = this.answers.map((answers, index): BestOfNChoice => ({
      record: this.prompts[index]!.record,
      answers,
      best: placeOfBest(answers),
    }));
    return { choices, curve: curveOf(this.answers) };
  }

  memory(): BestOfNMemory {
    return { scales: this.rewards.scales, monitor: this.monitor.memory, answers: this.answers };
  }

  async prepare(memory: Memory | undefined): Promise<RolloutStep["warnings"]> {
    const kept = memory as BestOfNMemory | undefined;
    const { prompts, rewards, monitor, engine } = this;
    if (!kept)
      return [
        ...adviseOnInput(this.encoded, rewards, this.limit),
        ...(await measureRewards({ prompts, rewards, monitor, engine }, this.config, this.signal)),
      ];
    rewards.scales = kept.scales;
    monitor.restore(kept.monitor);
    this.answers = kept.answers;
    return [];
  }

  async step(step: number): Promise<RolloutStep | undefined> {
    const { samples, seed, promptsPerStep, missingEosPenalty } = this.config;
    // 1. Roll out.
    const asked = this.prompts.slice(step * promptsPerStep, (step + 1) * promptsPerStep);
    const rollouts = await this.engine.roll(
      asked,
      { ...this.config, seed: rolloutSeed(seed, step) },
      this.signal,
    );
    await this.engine.release();
    if (this.signal?.aborted) return undefined;
    // 2. Score.
    const { scores: proxy, bySource } = await this.rewards.score(rollouts);
    await this.rewards.release();
    const heldOut = await this.monitor.judge(rollouts);
    // 3. Keep.
    const answers = rollouts.map(({ text, stopped }, i): ScoredAnswer => ({
      text,
      stopped,
      score: penaliseMissingStop(proxy[i]!, stopped, missingEosPenalty),
      rewards: bySource.map((scores) => scores[i]!),
      ...(heldOut ? { heldOutScore: heldOut[i]! } : {}),
    }));
    const groups = asked.map((_, index) => answers.slice(index * samples, (index + 1) * samples));
    this.answers = [...this.answers, ...groups];
    const watched = this.monitor.watch(rollouts, proxy, undefined);
    const { mean: score, deviation } = meanAndDeviation(answers.map((answer) => answer.score));
    return {
      metrics: {
        "objective/scores": score,
        "objective/scores_std": deviation,
        "objective/best_scores": mean(groups.map((group) => group[placeOfBest(group)]!.score)),
        ...(heldOut ? { "objective/held_out_scores": mean(heldOut) } : {}),
        ...watched.metrics,
        epoch: this.answers.length / this.prompts.length,
      },
      episodes: rollouts.length,
      tokens: rollouts.reduce(
        (total, { prompt, ids }) => total + prompt.ids.length + ids.length,
        0,
      ),
      warnings: [
        ...watched.warnings,
        ...this.rewards.takeWarnings(),
        ...(this.heldOut?.takeWarnings?.() ?? []),
      ],
    };
  }

  samples(): Promise<[]> {
    return Promise.resolve([]);
  }

  restorePolicy(): Promise<void> {
    return Promise.resolve();
  }

  // 4.
  save(folder: string): Promise<void> {
    return writeChoices(
      this.result,
      this.rewards.sources.map(({ name }) => name),
      folder,
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.engine.release(), this.rewards.close(), this.heldOut?.close()]);
  }
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
