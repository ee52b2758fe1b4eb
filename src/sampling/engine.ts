/**
 * Continuous batching: requests come at any time, each with its own options; those that wait enter
 * the slots that finished answers leave, so that no row waits for the longest of its batch; how
 * they enter is in `admission.ts`. The answers to one request share one reading of its prompt.
 * Memory is bounded by the slots: a cache of `slots` x `room` tokens, the readings of prompts, and
 * prompts some of whose samples wait, at most one for each slot.
 *
 * What is drawn depends on (seed, stream, sample) and the model alone. Which rows a step computes
 * together changes the logits in their last bits at most, as sums are ordered otherwise for one row
 * than for several.
 *
 * Source of the idea: Orca (Yu et al. 2022), iteration-level scheduling.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Model } from "../models/model.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Admission, Slots, Task } from "./admission.ts";
import { FairAdmission, WholePromptAdmission, samplesOf } from "./admission.ts";
import { OpenAnswer } from "./answer.ts";
import type { Prefix } from "./decoder.ts";
import { Decoder, DecodingBatch, keepPrefix } from "./decoder.ts";
import type { PromptReading } from "./prompt-reading.ts";
import { ReadingPace } from "./prompt-reading.ts";
import type { GenerationHooks, GenerationRequest, Sampled } from "./request.ts";

/** How much is decoded together. */
export interface EngineOptions {
  /** Rows that are decoded together. */
  slots: number;
  /** Tokens of a row: prompt and answer together. */
  room: number;
  /** See {@link worthPacking}. Default false. */
  prepack?: boolean;
  /** Threads of an operator; by the size of the model where left out. */
  threads?: number;
  /**
   * Somebody reads along: prompts are read in parts between steps, and nobody's requests take all
   * slots; see `admission.ts`. `readTokens` are read at once; default as many as take the time of a
   * step. `between` is waited for after every step. Default: whole prompts, and nothing between.
   */
  fair?: {
    /** Tokens of a prompt that are read at once; 1 at least. */
    readTokens?: number;
    /** Waited for after every step. */
    between?: () => Promise<void>;
  };
}

/** A request that is being answered. */
export interface Generation {
  /** All answers in order, once they are finished; of a cancelled request those that were begun. */
  readonly answers: Promise<Sampled[]>;
  /** Ends the request's answers where they are, and frees their slots before the next step. */
  cancel(): void;
}

interface Row {
  task: Task;
  answer: OpenAnswer;
  sampled: Sampled;
}

/**
 * Answers requests as they come, many together (continuous batching). Made by
 * `BatchingEngine.create`; whoever makes it closes it.
 */
export class BatchingEngine {
  /** Rows that are decoded together. */
  readonly slots: number;
  /** Tokens of a row: prompt and answer together. */
  readonly room: number;
  private readonly encoder: Encoder;
  private readonly decoder: Decoder;
  private readonly batch: DecodingBatch;
  private readonly rows: Row[] = [];
  private readonly admission: Admission;
  private readonly pace: ReadingPace;
  private readonly between: (() => Promise<void>) | undefined;
  /** The same array always: admission looks at it while requests come and go. */
  private readonly queue: Task[] = [];
  private working: Promise<void> | undefined;
  private failure: AttuneError | undefined;

  private constructor(decoder: Decoder, encoder: Encoder, { slots, room, fair }: EngineOptions) {
    this.decoder = decoder;
    this.encoder = encoder;
    this.slots = slots;
    this.room = room;
    this.batch = new DecodingBatch(decoder, slots);
    this.between = fair?.between;
    this.pace = new ReadingPace(fair?.readTokens);
    this.admission = fair ? new FairAdmission(this.pace) : new WholePromptAdmission();
  }

  /** @throws AttuneError `usage` where rows are longer than the model's context */
  static async create(
    model: Model,
    encoder: Encoder,
    options: EngineOptions,
  ): Promise<BatchingEngine> {
    const { maxPositions } = model.config;
    if (options.room > maxPositions) {
      throw new AttuneError("usage", "prompt and answer do not fit the model's context", {
        got: countOf(options.room, "token"),
        expected: `at most ${maxPositions}`,
        hint: "fewer new tokens, or a shorter prompt",
      });
    }
    const { room: maxLength, slots: rows, prepack = false, threads } = options;
    const decoder = await Decoder.create(model, {
      maxLength,
      rows,
      prepack,
      ...(threads === undefined ? {} : { threads }),
    });
    return new BatchingEngine(decoder, encoder, options);
  }

  /** Whether decoding has failed, or ended: nothing can be submitted any more. */
  get isOver(): boolean {
    return this.failure !== undefined;
  }

  /** Answers that are being decoded. */
  get active(): number {
    return this.rows.length;
  }

  /** Answers that wait for a slot. */
  get waiting(): number {
    return this.queue.reduce((total, task) => total + samplesOf(task) - task.begun, 0);
  }

  /**
   * Puts a request behind those that wait.
   * @throws AttuneError `usage` where it does not fit a row
   */
  submit(request: GenerationRequest, hooks: GenerationHooks = {}): Generation {
    if (this.failure) throw this.failure;
    const { prompt, maxNewTokens, promptAlternatives } = request;
    const least = promptAlternatives === undefined ? 1 : 0;
    if (prompt.length === 0 || maxNewTokens < least || prompt.length + maxNewTokens > this.room) {
      throw new AttuneError("usage", "prompt and answer do not fit", {
        got: `${prompt.length} + ${countOf(maxNewTokens, "token")}`,
        expected: `at least one each, and at most ${this.room}`,
        hint: "fewer new tokens, or a shorter prompt",
      });
    }
    let settle!: Task["settle"];
    const answers = new Promise<Sampled[]>((resolve, reject) => {
      settle = (outcome) =>
        outcome instanceof AttuneError
          ? reject(outcome)
          : resolve(outcome.toSorted((a, b) => a.sample - b.sample));
    });
    // Who listens to hooks alone must not meet an unhandled rejection.
    answers.catch(() => undefined);
    const task: Task = {
      request,
      hooks,
      group: request.group ?? {},
      client: request.client ?? "",
      begun: 0,
      finished: [],
      cancelled: false,
      settle,
    };
    this.queue.push(task);
    this.working ??= this.work();
    return { answers, cancel: () => this.cancel(task) };
  }

  /**
   * Goes on with the model's weights as they are now, after an optimiser's step.
   * @throws AttuneError `internal` while answers are open, which would be drawn from two models
   */
  async refresh(): Promise<void> {
    if (this.working)
      throw new AttuneError("internal", "weights cannot be changed while answers are decoded");
    await this.decoder.refresh();
  }

  /** Cancels what is open, and frees the session. */
  async close(): Promise<void> {
    this.failure ??= new AttuneError("usage", "the engine is closed");
    for (const task of new Set([...this.queue, ...this.rows.map(({ task }) => task)]))
      this.cancel(task);
    await this.working;
    await this.decoder.close();
  }

  private cancel(task: Task): void {
    task.cancelled = true;
    const waited = this.queue.includes(task);
    this.unqueue(task);
    if (waited && task.begun === task.finished.length) task.settle(task.finished);
  }

  private async work(): Promise<void> {
    try {
      // Requests that are submitted together are read together.
      await Promise.resolve();
      while (this.rows.length > 0 || this.queue.length > 0) {
        await this.between?.();
        this.dropCancelled();
        await this.admission.turn(this.view);
        if (this.rows.length === 0) continue;
        const began = performance.now();
        await this.batch.step(this.rows.map(({ answer }) => answer.drawn.ids.at(-1)!));
        this.extend(0);
        this.pace.stepTook(performance.now() - began);
      }
    } catch (cause) {
      this.fail(
        cause instanceof AttuneError
          ? cause
          : new AttuneError("internal", "decoding failed", { cause }),
      );
    } finally {
      this.working = undefined;
    }
  }

  private fail(error: AttuneError): void {
    this.failure = error;
    for (const task of new Set([...this.queue, ...this.rows.map(({ task }) => task)]))
      task.settle(error);
    this.queue.length = 0;
    this.rows.length = 0;
  }

  private unqueue(task: Task): void {
    const at = this.queue.indexOf(task);
    if (at >= 0) this.queue.splice(at, 1);
  }

  /** Draws a token for each row from the given one on; finished rows leave. */
  private extend(first: number): void {
    const done: number[] = [];
    for (let row = first; row < this.rows.length; row++) {
      const { task, answer, sampled } = this.rows[row]!;
      // what cannot be drawn, as a grammar's error, is its own request's
      if (
        task.cancelled ||
        !this.call(task, () => void (answer.extend(this.batch.scores(row)) && done.push(row)))
      )
        continue;
      this.call(task, () => {
        task.hooks.onDraw?.(sampled);
        task.hooks.onToken?.(sampled);
      });
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
    const expected = task.cancelled ? task.begun : samplesOf(task);
    if (task.finished.length === expected) task.settle(task.finished);
  }

  /**
   * Runs a hook; its error ends its own request, and nobody else's. Tells whether there was none.
   */
  private call(task: Task, hook: () => void): boolean {
    try {
      hook();
      return true;
    } catch (cause) {
      task.settle(
        cause instanceof AttuneError
          ? cause
          : new AttuneError("internal", "a callback failed", { got: String(cause), cause }),
      );
      this.cancel(task);
      return false;
    }
  }

  private get view(): Slots {
    return {
      count: this.slots,
      decoder: this.decoder,
      rows: this.rows,
      queue: this.queue,
      enter: (task, count, read) => this.enter(task, count, read),
    };
  }

  private enter(
    task: Task,
    count: number,
    { prefix, reading }: { prefix: Prefix; reading?: PromptReading },
  ): void {
    const { request, hooks } = task;
    if (reading?.scores) task.promptScores = reading.scores;
    // Cancelled while its prompt was read.
    if (task.cancelled)
      return task.begun === task.finished.length ? task.settle(task.finished) : undefined;
    if (samplesOf(task) === 0) return this.endUnanswered(task);
    const first = this.rows.length;
    for (let i = 0; i < count; i++) {
      const sample = task.begun++;
      const random = Random.for(request.seed, ...(request.stream ?? []), sample);
      const answer = new OpenAnswer(request, this.encoder, {
        random,
        watched: hooks.onToken !== undefined,
        prompt: request.prompt,
      });
      this.batch.enter(prefix);
      this.rows.push({
        task,
        answer,
        sampled: Object.assign(answer.drawn, { sample }, scoresOf(task)),
      });
    }
    if (task.begun === samplesOf(task)) {
      delete task.prefix;
      this.unqueue(task);
    } else task.prefix ??= keepPrefix(prefix, this.decoder);
    this.extend(first);
  }

  /** A request that asked for the scores of its prompt alone. */
  private endUnanswered(task: Task): void {
    this.unqueue(task);
    for (let sample = 0; sample < (task.request.samples ?? 1); sample++) {
      const sampled: Sampled = {
        sample,
        ids: [],
        logps: [],
        text: "",
        finish: "length",
        ...(task.request.alternatives ? { alternatives: [] } : {}),
        ...scoresOf(task),
      };
      task.finished.push(sampled);
      this.call(task, () => task.hooks.onAnswer?.(sampled));
    }
    task.settle(task.finished);
  }
}

const scoresOf = ({ promptScores }: Task): Pick<Sampled, "promptScores"> =>
  promptScores ? { promptScores } : {};
