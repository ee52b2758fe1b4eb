/**
 * Roll-outs: prompts in, answers out, and how they are laid out for every model that reads them
 * afterwards. What is drawn depends on (seed, step, prompt, sample) alone, so a step that was cut
 * off draws the same answers again.
 */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, formatPlace } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { OnBad } from "../../data/bad-row.ts";
import type { PromptRecord } from "../../data/records.ts";
import { countOf } from "../../core/counts.ts";
import { float32 } from "../../core/tensor.ts";
import type { Model } from "../../models/model.ts";
import type { AnswerLimit } from "../../sampling/answer-limit.ts";
import { neededRoom, shortenedNote } from "../../sampling/answer-limit.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { generate } from "../../sampling/generate.ts";
import type { Encoder } from "../../text/encoder.ts";
import { EncodingReport } from "../encoding.ts";
import type { LaidBatch, LaidRow } from "../layout.ts";
import { groupByLength, joinRows, layExample } from "../layout.ts";

/** A prompt that roll-outs begin with. */
export interface RolloutPrompt {
  /** The row of the data. */
  record: PromptRecord;
  /** Tokens of the prompt with the opening of the answer. */
  ids: Int32Array;
}

/** An answer of the policy. */
export interface Rollout {
  /** What was answered. */
  prompt: RolloutPrompt;
  /** Tokens of the answer, the stop token included where there is one. */
  ids: Int32Array;
  /** Whether it ended by itself. */
  stopped: boolean;
  /** Text of the answer, without special tokens. */
  text: string;
}

export interface RolloutRequest {
  samples: number;
  maxNewTokens: number;
  /** Of prompt and answer together, tokens; default the model's context. */
  maxLength?: number;
  /** 0 for the most likely tokens. */
  temperature: number;
  /** Answers that are decoded together. */
  rolloutBatch: number;
  seed: number;
}

/**
 * What answers prompts: the one place where roll-outs meet sampling. Pure sampling only, since
 * top-k and top-p bias the KL.
 */
export interface RolloutEngine {
  /** Answers to each prompt, those to one prompt together. An abort may leave answers out. */
  roll(
    prompts: readonly RolloutPrompt[],
    request: RolloutRequest,
    signal?: AbortSignal,
  ): Promise<Rollout[]>;
  /** Lets go of what only roll-outs need: another phase begins. */
  release(): Promise<void>;
}

/**
 * Answers with the actor's current weights.
 * @throws AttuneError `model` for a model that cannot be decoded
 */
export function samplingEngine(actor: Model, encoder: Encoder): RolloutEngine {
  checkDecodable(actor);
  return {
    async roll(prompts, { rolloutBatch, ...request }, signal) {
      const answers = await generate(
        actor,
        encoder,
        prompts.map(({ ids }) => ids),
        {
          ...request,
          topK: 0,
          topP: 1,
          batchSize: rolloutBatch,
          stopTexts: [],
          besideTraining: true,
        },
        signal ? { signal } : {},
      );
      return answers.map(({ prompt, ids, finish, text }) => ({
        prompt: prompts[prompt]!,
        ids: Int32Array.from(ids),
        stopped: finish === "stop",
        text,
      }));
    },
    release: () => Promise.resolve(),
  };
}

/** Seed of the roll-out of one step. */
export const rolloutSeed = (seed: number, step: number): number =>
  Random.for(seed, "rollout", step).bits();

export interface EncodedPrompts {
  prompts: RolloutPrompt[];
  /**
   * Prompts left out because they leave too little room for an answer: not all of it, or less than
   * half of the context where that is less.
   */
  tooLong: number;
  firstTooLong: ErrorPlace;
  /** Prompts that stand in the data before, and are asked once. */
  repeated: number;
  report: EncodingReport;
}

export interface PromptLimits extends AnswerLimit {
  /** What becomes of prompts that cannot be encoded. Default: the first stops the run. */
  onBad?: OnBad;
}

/**
 * Encodes prompts, each different one once. A prompt is never cut: without its beginning it would
 * ask something else.
 * @throws AttuneError `data` where no prompt leaves room for an answer
 */
export function encodePrompts(
  records: readonly PromptRecord[],
  encoder: Encoder,
  { maxLength, maxNewTokens, onBad = "error" }: PromptLimits,
): EncodedPrompts {
  const prompts = new Map<string, RolloutPrompt>();
  const needed = neededRoom({ maxNewTokens, maxLength });
  const report = new EncodingReport(encoder, { maxLength, onBad });
  const tooLong: ErrorPlace[] = [];
  let repeated = 0;
  for (const {
    record,
    encoded: { ids },
  } of report.encodeAll(records, (record) => [
    { ids: encoder.encodePrompt(record.prompt, record) },
  ])) {
    if (ids.length + needed > maxLength) tooLong.push(record.place);
    else if (prompts.has(ids.join())) repeated++;
    else prompts.set(ids.join(), { record, ids });
  }
  const firstTooLong = tooLong[0] ?? {};
  if (prompts.size === 0) {
    const { place } = records[0] ?? { place: {} };
    throw new AttuneError("data", "no prompt leaves room for an answer", {
      ...place,
      got: `${countOf(tooLong.length, "prompt")} of more than ${maxLength - needed} tokens`,
      expected: `prompt and ${needed} tokens of answer in a max length of ${maxLength}`,
      hint: "a larger max length, or fewer new tokens",
    });
  }
  return {
    prompts: [...prompts.values()],
    tooLong: tooLong.length,
    firstTooLong,
    repeated,
    report,
  };
}

/** What is worth telling of the prompts. */
export function promptWarnings(
  { prompts, tooLong, firstTooLong, repeated, report }: EncodedPrompts,
  limit: AnswerLimit,
): { id: string; message: string }[] {
  const warnings = [...report.warnings];
  const first = formatPlace(firstTooLong);
  if (tooLong > 0)
    warnings.push({
      id: "long-prompts",
      message:
        `${countOf(tooLong, "prompt")} left out: with ${countOf(neededRoom(limit), "token")} of ` +
        `answer they do not fit into ${limit.maxLength}` +
        (first === "" ? "" : `; the first: ${first}`),
    });
  if (repeated > 0)
    warnings.push({
      id: "repeated-prompts",
      message: `${countOf(repeated, "prompt")} stand in the data before and are not asked again`,
    });
  const shortened = shortenedNote(
    prompts.map(({ ids }) => ids.length),
    limit,
  );
  if (shortened !== undefined) warnings.push({ id: "short-answers", message: shortened });
  return warnings;
}

/** Prompt and answer in one row, read at the answer's tokens. */
export function layRollout({ prompt, ids: answer }: Pick<Rollout, "prompt" | "ids">): LaidRow {
  const ids = new Int32Array(prompt.ids.length + answer.length);
  ids.set(prompt.ids);
  ids.set(answer, prompt.ids.length);
  return layExample({
    ids,
    supervised: Uint8Array.from(ids, (_, index) => (index < prompt.ids.length ? 0 : 1)),
  });
}

/** Some of a roll-out's answers as one batch. */
export interface RolloutBatch {
  /** Indices of the answers, in the order of the rows. */
  members: number[];
  laid: LaidBatch;
}

/** Lengths are rounded up to this many tokens, so that few different shapes are computed. */
const LENGTH_STEP = 8;

/**
 * Groups the rows of the given answers into batches of at most `microBatchTokens` padded tokens.
 */
export function batchRollouts(
  rows: readonly LaidRow[],
  members: readonly number[],
  options: { microBatchTokens: number; padId: number },
): RolloutBatch[] {
  const length = (index: number): number =>
    Math.ceil(rows[index]!.ids.length / LENGTH_STEP) * LENGTH_STEP;
  return groupByLength(members, length, options.microBatchTokens).map((group) => ({
    members: group,
    laid: joinRows(
      group.map((index) => rows[index]!),
      options,
    ),
  }));
}

/** Splits what was read of a batch into one array for each answer. */
export function readByAnswer(
  readout: Float32Array,
  { members, laid }: RolloutBatch,
  into: Float64Array[],
): void {
  const parts = members.map((): number[] => []);
  laid.sequenceOfRead.data.forEach((sequence, read) =>
    parts[Number(sequence)]!.push(readout[read]!),
  );
  members.forEach((member, index) => (into[member] = Float64Array.from(parts[index]!)));
}

/** Joins arrays of one value a token into the order in which a batch reads them. */
export function joinReads(
  values: readonly Float64Array[],
  { members }: RolloutBatch,
): Float32Array {
  return Float32Array.from(members.flatMap((member) => [...values[member]!]));
}

/** An input of one number a token or answer. */
export const perRead = (data: Float32Array) => float32([data.length], data);

/** The same number for every token of a batch. */
export const constant = ({ laid }: RolloutBatch, value: number): Float32Array =>
  new Float32Array(laid.batch.selected.data.length).fill(value);
