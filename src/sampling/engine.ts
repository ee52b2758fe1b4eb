/**
 * Continuous batching: requests come at any time, each with its own options; those that wait enter the slots that finished
 * answers leave, so that no row waits for the longest of its batch. The answers to one request share one reading of its
 * prompt. Memory is bounded by the slots: a cache of `slots` x `room` tokens, one reading of prompts, and at most one
 * prompt whose samples did not all fit.
 *
 * What is drawn depends on (seed, stream, sample) and the model alone. Which rows a step computes together changes the
 * logits in their last bits at most, as sums are ordered otherwise for one row than for several.
 *
 * Source of the idea: Orca (Yu et al. 2022), iteration-level scheduling.
 */
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Model } from "../models/model.ts";
import { parameterCount } from "../models/model.ts";
import type { Encoder } from "../text/encoder.ts";
import type { AnswerOptions, Drawn } from "./answer.ts";
import { OpenAnswer } from "./answer.ts";
import { inverseTemperature } from "./choose.ts";
import type { Prefix } from "./decoder.ts";
import { Decoder, DecodingBatch, keepPrefix } from "./decoder.ts";

export interface EngineOptions {
  /** Rows that are decoded together. */
  slots: number;
  /** Tokens of a row: prompt and answer together. */
  room: number;
  /** See {@link worthPacking}. Default false. */
  prepack?: boolean;
  threads?: number;
}

export interface GenerationRequest extends AnswerOptions {
  /** Ids, at least one. */
  prompt: ArrayLike<number>;
  /** Answers; default 1. */
  samples?: number;
  seed: number;
  /** Names the request among those of one seed: sample s draws from (seed, ...stream, s). Default none. */
  stream?: readonly (string | number)[];
}

/** An answer to a request, by its number among the request's samples. */
export interface Sampled extends Drawn {
  sample: number;
}

export interface GenerationHooks {
  /** After every token; the answer is the engine's own and goes on changing. */
  onToken?: (answer: Sampled) => void;
  /** When an answer is finished. */
  onAnswer?: (answer: Sampled) => void;
}

export interface Generation {
  /** All answers in order, once they are finished; of a cancelled request those that were begun. */
  readonly answers: Promise<Sampled[]>;
  /** Ends the request's answers where they are, and frees their slots before the next step. */
  cancel(): void;
}

/** A request with what became of it. */
interface Task {
  request: GenerationRequest;
  hooks: GenerationHooks;
  /** Samples that have a slot or had one. */
  begun: number;
  finished: Sampled[];
  cancelled: boolean;
  /** Kept while some samples wait after the others have begun. */
  prefix?: Prefix;
  settle: (outcome: Sampled[] | AttuneError) => void;
}

interface Row {
  task: Task;
  answer: OpenAnswer;
  sampled: Sampled;
}

/** Padded tokens of one reading of prompts: the rate is flat above (bench/). */
export const READ_TOKENS = 1024;
/** Padding that is accepted for reading several prompts at once, in units of their tokens. */
const READ_WASTE = 1.5;
/** While rows are decoded, prompts are read when so many slots are free, as a share of all. */
const ENTRY_SHARE = 1 / 8;

export class BatchingEngine {
  readonly slots: number;
  readonly room: number;
  private readonly encoder: Encoder;
  private readonly decoder: Decoder;
  private readonly batch: DecodingBatch;
  private readonly rows: Row[] = [];
  private queue: Task[] = [];
  private working: Promise<void> | undefined;
  private failure: AttuneError | undefined;

  private constructor(decoder: Decoder, encoder: Encoder, { slots, room }: EngineOptions) {
    this.decoder = decoder;
    this.encoder = encoder;
    this.slots = slots;
    this.room = room;
    this.batch = new DecodingBatch(decoder, slots);
  }

  /** @throws AttuneError `usage` where rows are longer than the model's context */
  static async create(model: Model, encoder: Encoder, options: EngineOptions): Promise<BatchingEngine> {
    const { maxPositions } = model.config;
    if (options.room > maxPositions) {
      throw new AttuneError("usage", "prompt and answer do not fit the model's context", { got: `${options.room} tokens`, expected: `at most ${maxPositions}`, hint: "fewer new tokens, or a shorter prompt" });
    }
    const { room: maxLength, slots: rows, prepack = false, threads } = options;
    const decoder = await Decoder.create(model, { maxLength, rows, prepack, ...(threads === undefined ? {} : { threads }) });
    return new BatchingEngine(decoder, encoder, options);
  }

  /** Answers that are being decoded. */
  get active(): number {
    return this.rows.length;
  }

  /** Answers that wait for a slot. */
  get waiting(): number {
    return this.queue.reduce((total, { request, begun }) => total + (request.samples ?? 1) - begun, 0);
  }

  /**
   * Puts a request behind those that wait.
   * @throws AttuneError `usage` where it does not fit a row
   */
  submit(request: GenerationRequest, hooks: GenerationHooks = {}): Generation {
    if (this.failure) throw this.failure;
    const { prompt, maxNewTokens } = request;
    if (prompt.length === 0 || maxNewTokens < 1 || prompt.length + maxNewTokens > this.room) {
      throw new AttuneError("usage", "prompt and answer do not fit", { got: `${prompt.length} + ${maxNewTokens} tokens`, expected: `at least one each, and at most ${this.room}`, hint: "fewer new tokens, or a shorter prompt" });
    }
    let settle!: Task["settle"];
    const answers = new Promise<Sampled[]>((resolve, reject) => {
      settle = (outcome) => (outcome instanceof AttuneError ? reject(outcome) : resolve(outcome.toSorted((a, b) => a.sample - b.sample)));
    });
    // Who listens to hooks alone must not meet an unhandled rejection.
    answers.catch(() => undefined);
    const task: Task = { request, hooks, begun: 0, finished: [], cancelled: false, settle };
    this.queue.push(task);
    this.working ??= this.work();
    return { answers, cancel: () => this.cancel(task) };
  }

  /**
   * Goes on with the model's weights as they are now, after an optimiser's step.
   * @throws AttuneError `internal` while answers are open, which would be drawn from two models
   */
  async refresh(): Promise<void> {
    if (this.working) throw new AttuneError("internal", "weights cannot be changed while answers are decoded");
    await this.decoder.refresh();
  }

  /** Cancels what is open, and frees the session. */
  async close(): Promise<void> {
    this.failure ??= new AttuneError("usage", "the engine is closed");
    for (const task of new Set([...this.queue, ...this.rows.map(({ task }) => task)])) this.cancel(task);
    await this.working;
    await this.decoder.close();
  }

  private cancel(task: Task): void {
    task.cancelled = true;
    const waited = this.queue.includes(task);
    this.queue = this.queue.filter((other) => other !== task);
    if (waited && task.begun === task.finished.length) task.settle(task.finished);
  }

  private async work(): Promise<void> {
    try {
      // Requests that are submitted together are read together.
      await Promise.resolve();
      while (this.rows.length > 0 || this.queue.length > 0) {
        this.dropCancelled();
        await this.admit();
        if (this.rows.length === 0) continue;
        await this.batch.step(this.rows.map(({ answer }) => answer.drawn.ids.at(-1)!));
        this.extend(0);
      }
    } catch (cause) {
      this.fail(cause instanceof AttuneError ? cause : new AttuneError("internal", "decoding failed", { cause }));
    } finally {
      this.working = undefined;
    }
  }

  private fail(error: AttuneError): void {
    this.failure = error;
    for (const task of new Set([...this.queue, ...this.rows.map(({ task }) => task)])) task.settle(error);
    this.queue = [];
    this.rows.length = 0;
  }

  /** Draws a token for each row from the given one on; finished rows leave. */
  private extend(first: number): void {
    const done: number[] = [];
    for (let row = first; row < this.rows.length; row++) {
      const { task, answer, sampled } = this.rows[row]!;
      if (answer.extend(this.batch.scores(row))) done.push(row);
      this.call(task, () => task.hooks.onToken?.(sampled));
    }
    // From the end, since the last row takes the place of one that leaves.
    for (const row of done.toReversed()) this.leave(row);
  }

  private dropCancelled(): void {
    for (let row = this.rows.length - 1; row >= 0; row--) {
      if (!this.rows[row]!.task.cancelled) continue;
      this.rows[row]!.answer.finish("cancelled");
      this.leave(row);
    }
  }

  private leave(row: number): void {
    const { task, sampled } = this.rows[row]!;
    this.batch.leave(row);
    const last = this.rows.pop()!;
    if (row < this.rows.length) this.rows[row] = last;
    task.finished.push(sampled);
    this.call(task, () => task.hooks.onAnswer?.(sampled));
    const expected = task.cancelled ? task.begun : (task.request.samples ?? 1);
    if (task.finished.length === expected) task.settle(task.finished);
  }

  /** Runs a hook. Its error ends its own request, and nobody else's. */
  private call(task: Task, hook: () => void): void {
    try {
      hook();
    } catch (cause) {
      task.settle(cause instanceof AttuneError ? cause : new AttuneError("internal", "a callback failed", { got: String(cause), cause }));
      this.cancel(task);
    }
  }

  /** Lets waiting requests into free slots, where that is worth a reading of prompts. */
  private async admit(): Promise<void> {
    const free = this.slots - this.rows.length;
    const { waiting } = this;
    if (waiting === 0 || free === 0 || (this.rows.length > 0 && free < Math.min(waiting, Math.ceil(this.slots * ENTRY_SHARE)))) return;
    const entering = this.takeTasks(free);
    const unread: Entering[] = [];
    for (const each of entering) {
      if (each.task.prefix) this.enter(each, each.task.prefix);
      else unread.push(each);
    }
    for (const group of readingGroups(unread)) {
      const prefixes = await this.decoder.read(group.map(({ task: { request } }) => ({ ids: request.prompt, inverseTemperature: inverseTemperature(request) })));
      group.forEach((each, index) => this.enter(each, prefixes[index]!));
    }
  }

  /** The first requests of the queue, with how many of their samples have room. */
  private takeTasks(free: number): Entering[] {
    const entering: Entering[] = [];
    for (let left = free; left > 0 && this.queue.length > 0; ) {
      const task = this.queue[0]!;
      const rest = (task.request.samples ?? 1) - task.begun;
      const count = Math.min(left, rest);
      entering.push({ task, count });
      left -= count;
      if (count === rest) this.queue.shift();
      else break;
    }
    return entering;
  }

  private enter({ task, count }: Entering, prefix: Prefix): void {
    const { request, hooks } = task;
    // Cancelled while its prompt was read.
    if (task.cancelled) return task.begun === task.finished.length ? task.settle(task.finished) : undefined;
    const first = this.rows.length;
    for (let i = 0; i < count; i++) {
      const sample = task.begun++;
      const random = Random.for(request.seed, ...(request.stream ?? []), sample);
      const answer = new OpenAnswer(request, this.encoder, { random, watched: hooks.onToken !== undefined });
      this.batch.enter(prefix);
      this.rows.push({ task, answer, sampled: Object.assign(answer.drawn, { sample }) });
    }
    if (task.begun === (request.samples ?? 1)) delete task.prefix;
    else task.prefix ??= keepPrefix(prefix, this.decoder);
    this.extend(first);
  }
}

/** Samples of a request that enter together. */
interface Entering {
  task: Task;
  count: number;
}
