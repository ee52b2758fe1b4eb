/**
 * Answers to prompts, all at once or one by one as they are finished. What is drawn depends on
 * (seed, prompt, sample) alone, not on the rows that happen to be decoded beside it; see
 * `engine.ts`.
 */
import { AttuneError } from "../core/errors.ts";
import type { Model } from "../models/model.ts";
import type { Encoder } from "../text/encoder.ts";
import type { AnswerOptions, DrawnAnswer } from "./answer.ts";
import { limitBehind } from "./answer-limit.ts";
import type { Generation } from "./engine.ts";
import type { Sampled } from "./request.ts";
import { BatchingEngine } from "./engine.ts";
import { weightCount, worthPacking } from "./packing.ts";

/** How answers to many prompts are drawn. */
export interface GenerateOptions extends AnswerOptions {
  /** The same seed gives the same answers, whatever is decoded beside them. */
  seed: number;
  /**
   * Longest prompt and answer together, tokens: answers behind long prompts become no longer.
   * Default, and at most, the model's context.
   */
  maxLength?: number;
  /** Answers to each prompt. */
  samples: number;
  /** Rows that are decoded together. */
  batchSize: number;
  /**
   * Pack the weights, which takes a second copy of them in memory (and for a moment a third);
   * default where it pays.
   */
  prepack?: boolean;
  /** Memory is short: weights are packed only where they are small; see {@link worthPacking}. */
  besideTraining?: boolean;
}

/** The most likely token always, one answer of at most 128 tokens: what to change options from. */
export const GREEDY: GenerateOptions = {
  temperature: 0,
  topK: 0,
  topP: 1,
  maxNewTokens: 128,
  seed: 0,
  samples: 1,
  batchSize: 16,
  stopTexts: [],
};

/** An answer with the numbers of its prompt and sample. */
export interface Answer extends DrawnAnswer {
  /** Index of the prompt, and of the answer to it. */
  prompt: number;
  /** Number among the answers to the prompt, from 0. */
  sample: number;
}

/** Called while answers are drawn. */
export interface GenerateHooks {
  /** After every token, in the order of the rows. */
  onToken?: (answer: Answer) => void;
  /** When an answer is finished. */
  onAnswer?: (answer: Answer) => void;
  /** Ends what is open: its answers are as long as they got, and answers that wait are left out. */
  signal?: AbortSignal;
}

/** Submits one prompt of many; an answer carries the prompt's number. */
function submit(
  engine: BatchingEngine,
  prompt: number,
  ids: Int32Array,
  options: GenerateOptions,
  hooks: GenerateHooks,
): Generation {
  const { onToken, onAnswer } = hooks;
  const numbered =
    (hook: (answer: Answer) => void) =>
    (sampled: Sampled): void =>
      hook(Object.assign(sampled, { prompt }));
  return engine.submit(
    { ...options, prompt: ids, stream: [prompt] },
    {
      ...(onToken ? { onToken: numbered(onToken) } : {}),
      ...(onAnswer ? { onAnswer: numbered(onAnswer) } : {}),
    },
  );
}

/**
 * Calls back once the signal is aborted, also where it already is; gives a function that forgets
 * about it.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal?.aborted) callback();
  signal?.addEventListener("abort", callback, { once: true });
  return () => signal?.removeEventListener("abort", callback);
}

/**
 * Draws answers to prompts, many rows together. The model is left as it is.
 * @param prompts ids of each prompt, as `encodePrompt` gives them
 * @returns answers, those to one prompt together and in order
 * @throws AttuneError `usage` where a prompt leaves no room for an answer
 */
export async function generate(
  model: Model,
  encoder: Encoder,
  prompts: readonly Int32Array[],
  options: GenerateOptions,
  hooks: GenerateHooks = {},
): Promise<Answer[]> {
  if (prompts.length === 0 || hooks.signal?.aborted) return [];
  const limits = prompts.map(({ length }) =>
    limitBehind(length, { ...options, maxLength: roomOf(model, options) }),
  );
  const room = prompts.reduce(
    (most, { length }, index) => Math.max(most, length + limits[index]!),
    0,
  );
  const rows = prompts.length * options.samples;
  const slots = Math.min(rows, options.batchSize);
  const steps = options.maxNewTokens * Math.ceil(rows / slots);
  const prepack =
    options.prepack ??
    worthPacking({
      weights: weightCount(model),
      rows: slots,
      steps,
      besideTraining: options.besideTraining ?? false,
    });
  const engine = await BatchingEngine.create(model, encoder, { slots, room, prepack });
  try {
    const generations = prompts.map((ids, prompt) =>
      submit(engine, prompt, ids, { ...options, maxNewTokens: limits[prompt]! }, hooks),
    );
    const forget = onAbort(hooks.signal, () =>
      generations.forEach((generation) => generation.cancel()),
    );
    const answers = await Promise.all(generations.map(({ answers }) => answers));
    forget();
    return answers.flatMap((samples, prompt) =>
      samples.map((sampled) => Object.assign(sampled, { prompt })),
    );
  } finally {
    await engine.close();
  }
}

const roomOf = (
  { config }: Model,
  { maxLength = config.maxPositions }: Pick<GenerateOptions, "maxLength">,
): number => Math.min(maxLength, config.maxPositions);

/** How answers to a stream of prompts are drawn. */
export interface StreamOptions extends GenerateOptions {
  /**
   * Longest prompt and answer together, tokens; default the model's context. Memory is taken as it
   * is used.
   */
  room?: number;
}

/**
 * Answers as they are finished, in no order. Prompts are taken from the source as slots become
 * free, so it may be endless or wait for its own next item; leaving the loop ends everything.
 * @throws AttuneError `usage` where a prompt leaves no room for an answer
 */
export async function* streamGenerate(
  model: Model,
  encoder: Encoder,
  prompts: Iterable<Int32Array> | AsyncIterable<Int32Array>,
  options: StreamOptions,
  { signal }: Pick<GenerateHooks, "signal"> = {},
): AsyncGenerator<Answer> {
  const { batchSize: slots, room = model.config.maxPositions, maxNewTokens } = options;
  const engine = await BatchingEngine.create(model, encoder, {
    slots,
    room,
    prepack:
      options.prepack ??
      worthPacking({ weights: weightCount(model), rows: slots, steps: maxNewTokens }),
  });
  const stream = new AnswerStream(engine, options);
  const forget = onAbort(signal, () => stream.cancel());
  void stream.feed(prompts);
  try {
    for (let answer = await stream.next(); answer; answer = await stream.next()) yield answer;
  } finally {
    stream.cancel();
    forget();
    await engine.close();
  }
}

/** Between a source of prompts, an engine, and who reads the answers. */
class AnswerStream {
  private readonly engine: BatchingEngine;
  private readonly options: GenerateOptions;
  private readonly finished: Answer[] = [];
  private readonly open = new Set<Generation>();
  /** No prompt will come any more. */
  private ended = false;
  private error: AttuneError | undefined;
  private wake: (() => void)[] = [];

  constructor(engine: BatchingEngine, options: GenerateOptions) {
    this.engine = engine;
    this.options = options;
  }

  /** Submits what the source gives, not far ahead of the slots. */
  async feed(prompts: Iterable<Int32Array> | AsyncIterable<Int32Array>): Promise<void> {
    try {
      let prompt = 0;
      for await (const ids of prompts) {
        if (this.ended) break;
        this.submit(prompt++, ids);
        await this.until(() => this.ended || this.engine.waiting < this.engine.slots);
        if (this.ended) break;
      }
    } catch (cause) {
      this.error ??=
        cause instanceof AttuneError
          ? cause
          : new AttuneError("usage", "the source of prompts failed", { got: String(cause), cause });
    }
    this.ended = true;
    this.tell();
  }

  /** The next answer; undefined after the last. */
  async next(): Promise<Answer | undefined> {
    await this.until(
      () =>
        this.finished.length > 0 ||
        this.error !== undefined ||
        (this.ended && this.open.size === 0),
    );
    const answer = this.finished.shift();
    if (!answer && this.error) throw this.error;
    return answer;
  }

  /** Takes no more prompts, and ends the open answers where they are. */
  cancel(): void {
    this.ended = true;
    for (const generation of this.open) generation.cancel();
    this.tell();
  }

  private submit(prompt: number, ids: Int32Array): void {
    const { options } = this;
    const maxNewTokens = limitBehind(ids.length, {
      ...options,
      maxLength: Math.min(this.engine.room, options.maxLength ?? Infinity),
    });
    const generation = submit(
      this.engine,
      prompt,
      ids,
      { ...options, maxNewTokens },
      { onAnswer: (answer) => (this.finished.push(answer), this.tell()) },
    );
    this.open.add(generation);
    const settled = (): void => (this.open.delete(generation), this.tell());
    generation.answers.then(settled, (cause: AttuneError) => {
      this.error ??= cause;
      settled();
    });
  }

  private async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.wake.push(resolve));
  }

  private tell(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const resolve of waiting) resolve();
  }
}
