/**
 * What judges answers: reward models, functions, or several of them together; and the scale on
 * which they are added.
 *
 * Source: Ziegler et al. 2019 (mean 0 and variance 1 over answers of the reference); Coste et al.
 * 2023 (ensembles: mean, minimum, and mean less a multiple of the standard deviation). Difference:
 * each reward is normalised by itself before they are combined, since the zero and the unit of a
 * Bradley-Terry model mean nothing.
 */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, formatPlace, preview } from "../../core/errors.ts";
import type { PromptRecord } from "../../data/records.ts";
import { countOf } from "../../core/counts.ts";
import type { Model } from "../../models/model.ts";
import type { ScoreScale } from "../../objectives/advantages.ts";
import { normaliseScore } from "../../objectives/advantages.ts";
import { meanAndDeviation } from "../../stats/intervals.ts";
import type { Encoder } from "../../text/encoder.ts";
import type { Prompt } from "../../text/messages.ts";
import { answerTo, promptText } from "../../text/messages.ts";
import type { LaidRow } from "../layout.ts";
import { layAtEnd } from "../layout.ts";
import type { PlanChoice } from "../choose-plan.ts";
import { PlanOnDemand } from "../choose-plan.ts";
import type { NORMALISATIONS, REWARD_COMBINATIONS } from "./rollout.config.ts";
import type { Rollout } from "./rollout.ts";
import { batchRollouts, readByAnswer } from "./rollout.ts";

/** A reward of a program's own that judges many answers together, such as one behind a server. */
export interface RewardSource {
  /** By which warnings and run folders call it. */
  readonly name: string;
  /** Whether it is a trained model, whose scale means nothing by itself. */
  readonly kind: "model" | "function";
  /**
   * Raw scores of answers, in order.
   * @returns one finite number for each answer, higher is better
   * @throws whatever it likes: it ends the training
   */
  score(rollouts: readonly Rollout[]): Promise<number[]>;
  /** What was met since it was asked last. */
  takeWarnings?(): RewardWarning[];
  /** Another phase begins. */
  release(): Promise<void>;
  /** The training is over: gives back what it holds. */
  close(): Promise<void>;
}

/** Something about a reward that is correct, but very likely a mistake. */
export interface RewardWarning {
  /** Stable name of this kind of warning, such as `reward-truncated`. */
  id: string;
  /** A sentence for people. */
  message: string;
}

export interface RewardModelInput {
  model: Model;
  encoder: Encoder;
}

export interface RewardModelOptions extends PlanChoice {
  name: string;
  microBatchTokens: number;
}

/** @throws AttuneError `model` for a model that gives no scores */
export function checkRewardModel({ scoreHead }: Model, name: string): void {
  if (!scoreHead)
    throw new AttuneError("model", `${name} has no score head, so it is no reward model`, {
      hint: "`attune reward` trains one",
    });
}

/** A trained reward model, read at the last token of each answer, as it was trained. */
export class RewardModelSource implements RewardSource {
  readonly kind = "model";
  readonly name: string;
  readonly model: Model;
  private readonly encoder: Encoder;
  /**
   * Of the policy: its tokens are judged as they are where the reward model's tokenizer gives the
   * same.
   */
  private readonly policy: Encoder;
  private readonly microBatchTokens: number;
  private readonly sessions: PlanOnDemand;
  /** Since warnings were taken last. */
  private cutAnswers = 0;
  private firstCut: ErrorPlace = {};
  /** Prompts whose ids are the policy's. */
  private readonly same = new WeakMap<Rollout["prompt"], boolean>();

  constructor({ model, encoder }: RewardModelInput, policy: Encoder, options: RewardModelOptions) {
    checkRewardModel(model, options.name);
    this.name = options.name;
    this.model = model;
    this.encoder = encoder;
    this.policy = policy;
    this.microBatchTokens = options.microBatchTokens;
    this.sessions = new PlanOnDemand({ model, reads: "scores" }, options);
  }

  /** Whether it reads the policy's tokens as they are. */
  get sameTokens(): boolean {
    return this.encoder.tokenizer.fingerprint === this.policy.tokenizer.fingerprint;
  }

  async score(rollouts: readonly Rollout[]): Promise<number[]> {
    const rows = rollouts.map((rollout) => this.layOut(rollout));
    const scores: Float64Array[] = [];
    const options = {
      microBatchTokens: this.microBatchTokens,
      padId: this.encoder.padId,
    };
    for (const batch of batchRollouts(rows, [...rows.keys()], options)) {
      readByAnswer((await this.sessions.plan.score(batch.laid.batch)).readout, batch, scores);
    }
    return scores.map((values) => values[0]!);
  }

  release(): Promise<void> {
    return this.sessions.release();
  }

  close(): Promise<void> {
    return this.sessions.close();
  }

  private layOut({ prompt, ids, text, stopped }: Rollout): LaidRow {
    const same =
      this.same.get(prompt) ??
      (this.sameTokens &&
        this.encoder.encodePrompt(prompt.record.prompt, prompt.record).join() ===
          prompt.ids.join());
    this.same.set(prompt, same);
    return layAtEnd(
      same ? Int32Array.from([...prompt.ids, ...ids]) : this.encode(prompt.record, text, stopped),
    );
  }

  /**
   * Through the text, as the reward model's own data were encoded; an answer that did not end by
   * itself has no stop token here either.
   */
  private encode(record: PromptRecord, text: string, stopped: boolean): Int32Array {
    const { ids, cut } = this.encoder.encodeExample(
      record.prompt,
      answerTo(record.prompt, text),
      record,
    );
    if (cut && this.cutAnswers++ === 0) this.firstCut = record.place;
    return stopped || !this.encoder.stopIds.includes(ids.at(-1)!) ? ids : ids.subarray(0, -1);
  }

  takeWarnings(): RewardWarning[] {
    if (this.cutAnswers === 0) return [];
    const message =
      `${countOf(this.cutAnswers, "answer")} with the prompt did not fit into the ` +
      `${countOf(this.encoder.maxLength, "token")} of the reward model ${this.name} and were cut ` +
      `before they were judged; the first answers ${formatPlace(this.firstCut)}`;
    this.cutAnswers = 0;
    return [{ id: "reward-truncated", message }];
  }
}

/** What a reward function is given. */
export interface RewardCall {
  /** The prompt as text, roles included. */
  prompt: string;
  /** The answer's text, without special tokens. */
  completion: string;
  /** Whether the answer ended by itself. */
  stopped: boolean;
  /** The prompt as it is in the data: a text or messages. */
  messages: Prompt;
  /**
   * Columns of the row that attune does not read, such as the solution of a task; less those that
   * `--ignore-columns` names.
   */
  extra: Readonly<Record<string, unknown>>;
}

/** A user's reward: a finite number for each answer, higher is better. */
export type RewardFunction = (answer: RewardCall) => number | Promise<number>;

export function rewardCall({ prompt: { record }, text, stopped }: Rollout): RewardCall {
  return {
    prompt: promptText(record.prompt),
    completion: text,
    stopped,
    messages: record.prompt,
    extra: record.extra ?? {},
  };
}

/**
 * A function of this process. It cannot be stopped while it computes; a file's function runs in a
 * thread that can (reward-file.ts).
 */
export function functionSource(
  name: string,
  reward: RewardFunction,
  timeout: number,
): RewardSource {
  return {
    name,
    kind: "function",
    score: (rollouts) =>
      withinTime(
        () => Promise.all(rollouts.map(async (rollout) => reward(rewardCall(rollout)))),
        timeout,
        { late: () => rewardTimeout(name, timeout), failed: (cause) => rewardFailed(name, cause) },
      ),
    release: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/**
 * What a user's function gives, or the error that says why it gives nothing.
 * @param seconds that it may take; Infinity for no limit
 */
export async function withinTime<T>(
  work: () => Promise<T>,
  seconds: number,
  errors: { late: () => AttuneError; failed: (cause: unknown) => AttuneError },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    if (seconds < Infinity) timer = setTimeout(() => reject(errors.late()), seconds * 1000);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (cause) {
    throw cause instanceof AttuneError ? cause : errors.failed(cause);
  } finally {
    clearTimeout(timer);
  }
}

export const rewardTimeout = (name: string, seconds: number): AttuneError =>
  new AttuneError("data", `the reward function ${name} has not answered`, {
    got: `nothing for ${seconds} s`,
    hint: "a faster function, or a longer reward timeout; the last checkpoint is kept",
  });

export const rewardFailed = (name: string, cause: unknown): AttuneError =>
  new AttuneError("data", `the reward function ${name} failed`, {
    got: cause instanceof Error ? cause.message : String(cause),
    hint: "the last checkpoint is kept: mend the function, then `attune resume`",
    cause,
  });

export interface RewardOptions {
  rewardWeights: readonly number[];
  rewardCombine: (typeof REWARD_COMBINATIONS)[number];
  rewardUncertainty: number;
  rewardNormalise: (typeof NORMALISATIONS)[number];
  rewardClip: number;
}

/** Below this deviation over different answers a reward says nothing. */
const CONSTANT = 1e-6;

/** Raw scores of one source, each finite. */
export async function finiteScores(
  source: RewardSource,
  rollouts: readonly Rollout[],
): Promise<number[]> {
  const scores = await source.score(rollouts);
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (scores.length !== rollouts.length || bad >= 0) {
    const { prompt, text } = rollouts[Math.max(0, bad)]!;
    throw new AttuneError("numeric", `the reward ${source.name} is no number`, {
      ...prompt.record.place,
      got:
        `${typeof scores[bad] === "number" ? scores[bad] : preview(scores[bad])} for the answer ` +
        `${preview(text)}`,
      expected: "a finite number for every answer",
      hint: "the last checkpoint is kept",
    });
  }
  return scores;
}

/** All rewards of a run as one. */
export class Rewards {
  readonly sources: readonly RewardSource[];
  /** By source; set by {@link measure} or from a checkpoint. */
  scales: ScoreScale[];
  private readonly options: RewardOptions;

  constructor(sources: readonly RewardSource[], options: RewardOptions) {
    this.sources = sources;
    this.options = options;
    this.scales = sources.map(() => ({ mean: 0, deviation: 1, clip: 0 }));
  }

  /** Whether any source needs answers of the reference for its scale. */
  get needsScale(): boolean {
    return this.sources.some((source) => this.normalisation(source) !== "none");
  }

  /**
   * Measures the scale of each source on answers of the reference.
   * @returns the names of functions that gave every answer the same
   * @throws AttuneError `model` for a reward model that gives every answer the same
   */
  async measure(rollouts: readonly Rollout[]): Promise<string[]> {
    const constant: string[] = [];
    for (const [index, source] of this.sources.entries()) {
      const { mean, deviation } = meanAndDeviation(await finiteScores(source, rollouts));
      const mode = this.normalisation(source);
      if (deviation < CONSTANT && (source.kind === "model" || mode === "standard")) {
        throw new AttuneError("model", `the reward ${source.name} gives every answer the same`, {
          got: `${mean} for ${countOf(rollouts.length, "answer")} of the reference`,
          hint: "a reward model that was trained, or rewardNormalise none",
        });
      }
      if (deviation < CONSTANT) constant.push(source.name);
      this.scales[index] = {
        mean: mode === "none" ? 0 : mean,
        deviation: mode === "standard" ? deviation : 1,
        clip: 0,
      };
    }
    return constant;
  }

  /** One score for each answer: normalised, combined and clipped. */
  async score(rollouts: readonly Rollout[]): Promise<{ scores: number[]; bySource: number[][] }> {
    const bySource: number[][] = [];
    for (const [index, source] of this.sources.entries()) {
      bySource.push(
        (await finiteScores(source, rollouts)).map((score) =>
          normaliseScore(score, this.scales[index]!),
        ),
      );
    }
    const clip: ScoreScale = { mean: 0, deviation: 1, clip: this.options.rewardClip };
    return {
      scores: rollouts.map((_, i) =>
        normaliseScore(
          combineRewards(
            bySource.map((scores) => scores[i]!),
            this.options,
          ),
          clip,
        ),
      ),
      bySource,
    };
  }

  takeWarnings(): RewardWarning[] {
    return this.sources.flatMap((source) => source.takeWarnings?.() ?? []);
  }

  async release(): Promise<void> {
    for (const source of this.sources) await source.release();
  }

  async close(): Promise<void> {
    for (const source of this.sources) await source.close();
  }

  private normalisation({ kind }: RewardSource): "standard" | "mean" | "none" {
    const { rewardNormalise } = this.options;
    return rewardNormalise === "auto" ? (kind === "model" ? "standard" : "none") : rewardNormalise;
  }
}

/** One reward from several of the same answer, weighted where weights are given. */
export function combineRewards(
  rewards: readonly number[],
  { rewardWeights, rewardCombine, rewardUncertainty }: RewardOptions,
): number {
  const weighted = rewards.map((reward, i) => reward * (rewardWeights[i] ?? 1));
  switch (rewardCombine) {
    case "weighted":
      return weighted.reduce((sum, reward) => sum + reward, 0);
    case "mean":
      return meanAndDeviation(weighted).mean;
    case "min":
      return Math.min(...weighted);
    case "uncertainty": {
      const { mean, deviation } = meanAndDeviation(weighted);
      return mean - rewardUncertainty * deviation;
    }
  }
}
