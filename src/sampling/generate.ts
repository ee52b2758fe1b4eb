/**
 * Answers to prompts, several decoded together. What is drawn depends on (seed, prompt, sample) alone, not on the batch
 * that a prompt happens to be in.
 */
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Model } from "../models/model.ts";
import type { Encoder } from "../text/encoder.ts";
import type { SamplingOptions } from "./choose.ts";
import { chooseToken } from "./choose.ts";
import type { DecodingBatch } from "./decoder.ts";
import { Decoder } from "./decoder.ts";

export interface GenerateOptions extends SamplingOptions {
  maxNewTokens: number;
  seed: number;
  /** Answers to each prompt. */
  samples: number;
  /** Rows that are decoded together. */
  batchSize: number;
  /** Texts at which an answer ends; the text itself is left out. */
  stopTexts: readonly string[];
}

export const GREEDY: GenerateOptions = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 128, seed: 0, samples: 1, batchSize: 16, stopTexts: [] };

export interface Answer {
  /** Index of the prompt, and of the answer to it. */
  prompt: number;
  sample: number;
  /** Tokens, the stop token included where there is one. */
  ids: number[];
  /** log p of each token at the sampling temperature. */
  logps: number[];
  text: string;
  /** Why it ended. */
  finish: "stop" | "length";
}

interface OpenAnswer extends Answer {
  random: Random;
  done: boolean;
}

export interface GenerateHooks {
  /** After every token, in the order of the rows. */
  onToken?: (answer: Answer) => void;
  onAnswer?: (answer: Answer) => void;
  signal?: AbortSignal;
}

/** Weights are worth packing from this many rows on (bench/: decoding). */
export const PREPACK_ROWS = 8;

/**
 * @param prompts ids of each prompt
 * @returns answers, those to one prompt together and in order
 */
export async function generate(model: Model, encoder: Encoder, prompts: readonly Int32Array[], options: GenerateOptions, hooks: GenerateHooks = {}): Promise<Answer[]> {
  const longest = Math.max(0, ...prompts.map((prompt) => prompt.length));
  const limit = longest + options.maxNewTokens;
  if (limit > model.config.maxPositions) {
    throw new AttuneError("usage", "prompt and answer do not fit the model's context", { got: `${longest} + ${options.maxNewTokens} tokens`, expected: `at most ${model.config.maxPositions}`, hint: "fewer new tokens, or a shorter prompt" });
  }
  const rows = prompts.flatMap((ids, prompt) => Array.from({ length: options.samples }, (_, sample) => ({ ids, prompt, sample })));
  const decoder = await Decoder.create(model, { maxLength: limit, prepack: Math.min(rows.length, options.batchSize) >= PREPACK_ROWS });
  const answers: Answer[] = [];
  try {
    for (let start = 0; start < rows.length && !hooks.signal?.aborted; start += options.batchSize) {
      const group = rows.slice(start, start + options.batchSize);
      answers.push(...(await decodeGroup(decoder, encoder, group, options, hooks)));
    }
  } finally {
    await decoder.close();
  }
  return answers;
}

async function decodeGroup(decoder: Decoder, encoder: Encoder, group: readonly { ids: Int32Array; prompt: number; sample: number }[], options: GenerateOptions, hooks: GenerateHooks): Promise<Answer[]> {
  return decodeRows(await decoder.start(group.map(({ ids }) => ids)), encoder, group, options, hooks);
}

/** Goes on with rows whose prompts have been read, until each has its answer. */
export async function decodeRows(batch: DecodingBatch, encoder: Encoder, rows: readonly { prompt: number; sample: number }[], options: Omit<GenerateOptions, "samples" | "batchSize">, hooks: GenerateHooks): Promise<Answer[]> {
  const open = rows.map(({ prompt, sample }): OpenAnswer => ({ prompt, sample, ids: [], logps: [], text: "", finish: "length", done: false, random: Random.for(options.seed, prompt, sample) }));
  const size = batch.logits.data.length / batch.rows;
  for (let step = 0; step < options.maxNewTokens; step++) {
    open.forEach((answer, row) => extend(answer, batch.logits.data.subarray(row * size, (row + 1) * size), encoder, options, hooks));
    if (hooks.signal?.aborted || open.every(({ done }) => done) || step === options.maxNewTokens - 1) break;
    await batch.step(open.map(({ ids }) => ids.at(-1)!));
  }
  return open.map(({ random: _random, done: _done, ...answer }) => {
    setText(answer, encoder, options.stopTexts);
    hooks.onAnswer?.(answer);
    return answer;
  });
}

function extend(answer: OpenAnswer, logits: Float32Array, encoder: Encoder, options: Omit<GenerateOptions, "samples" | "batchSize">, hooks: GenerateHooks): void {
  if (answer.done) return;
  const { id, logp } = chooseToken(logits, options, answer.random);
  answer.ids.push(id);
  answer.logps.push(logp);
  const stopped = encoder.stopIds.includes(id);
  // Decoding everything again for every token would be quadratic, so it waits until the text is looked at.
  const cut = options.stopTexts.length > 0 && setText(answer, encoder, options.stopTexts);
  if (stopped || cut) [answer.finish, answer.done] = ["stop", true];
  if (!hooks.onToken) return;
  setText(answer, encoder, options.stopTexts);
  hooks.onToken(answer);
}

/** Sets the text of an answer, up to the first stop text; tells whether there is one. */
function setText(answer: Answer, encoder: Encoder, stopTexts: readonly string[]): boolean {
  const ended = encoder.stopIds.includes(answer.ids.at(-1) ?? -1);
  const text = encoder.decodeCompletion(ended ? answer.ids.slice(0, -1) : answer.ids);
  const cuts = stopTexts.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  answer.text = cuts.length > 0 ? text.slice(0, Math.min(...cuts)) : text;
  return cuts.length > 0;
}
