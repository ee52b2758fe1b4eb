/**
 * A model in this process as critic. It writes through the batching engine, many requests at once;
 * letters are read from the scores at the very place where its answer begins, and prompts that
 * share their beginning are read only once.
 */
import { z } from "zod";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Model } from "../models/model.ts";
import { answerLimit, neededRoom } from "../sampling/answer-limit.ts";
import { BatchingEngine } from "../sampling/engine.ts";
import { weightCount, worthPacking } from "../sampling/packing.ts";
import { PrefixReader } from "../sampling/prefix-reader.ts";
import type { Encoder } from "../text/encoder.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { answerKey } from "./answer-cache.ts";
import type {
  Answered,
  Critic,
  LetterRequest,
  Usage,
  WrittenText,
  WritingRequest,
} from "./critic.ts";
import type { LetterReading } from "./letters.ts";
import { LETTERS } from "./letters.ts";

/** What a critic in this process is made of. */
export interface LocalCriticOptions {
  /** Reads and writes; stays as it is. */
  model: Model;
  /** Its `maxLength` should be the model's context. */
  encoder: Encoder;
  /** The critic's name for people; the fingerprint says which weights it has. */
  name: string;
  /** Of the model's weights, as `loadModel` gives it: answers are kept under it. */
  fingerprint: string;
  /** Where answers are kept; stays open. */
  cache: AnswerCache;
  /** Answers that are written together. */
  slots: number;
  /** Longest request with its answer, tokens; what is longer is refused. */
  room: number;
  /**
   * Tokens that an answer is expected to take, for the choice whether to pack the weights. Default
   * 128.
   */
  steps?: number;
}

const writing = z.object({
  text: z.string(),
  finish: z.enum(["stop", "length"]),
  tokens: z.tuple([z.number(), z.number()]),
});
type KeptWriting = z.output<typeof writing>;
const letters = z.object({ A: z.number(), B: z.number() });
type KeptLetters = z.output<typeof letters>;

/** A model in this process as critic. Whoever makes it closes it. */
export class LocalCritic implements Critic {
  readonly name: string;
  readonly concurrency: number;
  /** One after the other: what two orders of a pair share is then read once. */
  readonly letterConcurrency = 1;
  readonly usage: Usage = { asked: 0, reused: 0, inputTokens: 0, outputTokens: 0, shortened: 0 };
  private readonly options: LocalCriticOptions;
  private readonly room: number;
  private engine: Promise<BatchingEngine> | undefined;
  private reader: Promise<PrefixReader> | undefined;

  constructor(options: LocalCriticOptions) {
    this.options = options;
    this.name = `${options.name} (${options.fingerprint.slice(0, 12)})`;
    this.room = Math.min(options.room, options.model.config.maxPositions);
    // requests of their own wait behind those that are written, so that no slot is empty
    this.concurrency = 2 * options.slots;
  }

  async write(request: WritingRequest, signal?: AbortSignal): Promise<Answered<WrittenText>> {
    const { messages, maxNewTokens: asked, stopTexts = [], ...rest } = request;
    const prompt = this.options.encoder.encodePrompt(messages);
    const needed = neededRoom({ maxNewTokens: asked, maxLength: this.room });
    if (prompt.length + needed > this.room)
      return { ...tooLong(prompt.length + needed, this.room), keys: [] };
    const maxNewTokens = answerLimit(prompt.length, { maxNewTokens: asked, maxLength: this.room });
    if (maxNewTokens < asked) this.usage.shortened++;
    const key = answerKey("local", this.options.fingerprint, "write", {
      messages: plain(messages),
      maxNewTokens,
      stopTexts,
      ...rest,
    });
    const { answer, reused } = await this.options.cache.answer<KeptWriting>(key, {
      accepts: (kept): kept is KeptWriting => writing.safeParse(kept).success,
      ask: () => this.generate({ ...request, maxNewTokens }, prompt, signal),
    });
    this.count(reused, answer.tokens);
    return { text: answer.text, finish: answer.finish, keys: [key] };
  }

  private async generate(
    { maxNewTokens, temperature, topP, seed, stream, stopTexts = [] }: WritingRequest,
    prompt: Int32Array,
    signal: AbortSignal | undefined,
  ): Promise<KeptWriting> {
    signal?.throwIfAborted();
    const { model, encoder, slots, steps = 128 } = this.options;
    this.engine ??= BatchingEngine.create(model, encoder, {
      slots,
      room: this.room,
      prepack: worthPacking({ weights: weightCount(model), rows: slots, steps }),
    });
    const engine = await this.engine;
    // told to stop while the engine was made
    signal?.throwIfAborted();
    const generation = engine.submit({
      prompt,
      maxNewTokens,
      temperature,
      topP,
      topK: 0,
      seed,
      stream,
      stopTexts,
    });
    const cancel = (): void => generation.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    const [drawn] = await generation.answers;
    signal?.removeEventListener("abort", cancel);
    if (drawn === undefined || drawn.finish === "cancelled") {
      signal?.throwIfAborted();
      throw new AttuneError("internal", "a critic's answer was cancelled by nobody");
    }
    return { text: drawn.text, finish: drawn.finish, tokens: [prompt.length, drawn.ids.length] };
  }

  async readLetters(
    { messages }: LetterRequest,
    signal?: AbortSignal,
  ): Promise<Answered<LetterReading>> {
    const { encoder, fingerprint, cache } = this.options;
    const { prompt, completions, cut } = encoder.encodeAnswers(messages, [...LETTERS]);
    const [a, b] = completions as [Int32Array, Int32Array];
    // what both replies begin with (a space, in some templates) belongs to the question
    const place = a.findIndex((id, index) => id !== b[index]);
    const length = prompt.length + place;
    if (cut || length > this.room)
      return { ...tooLong(length + (cut?.tokens ?? 0), this.room), keys: [] };
    if (place < 0 || b[place] === undefined)
      throw new AttuneError("model", "the tokenizer writes A and B the same", {
        hint: "another critic",
      });
    const key = answerKey("local", fingerprint, "letters", plain(messages));
    const { answer, reused } = await cache.answer<KeptLetters>(key, {
      accepts: (kept): kept is KeptLetters => letters.safeParse(kept).success,
      ask: async () => {
        signal?.throwIfAborted();
        this.reader ??= PrefixReader.create(this.options.model, this.room);
        return (await this.reader).read([...prompt, ...a.subarray(0, place)], (scores) => ({
          A: scores.logp(a[place]!),
          B: scores.logp(b[place]!),
        }));
      },
    });
    this.count(reused, [length, 0]);
    return { method: "log-probabilities", logps: answer, keys: [key] };
  }

  private count(reused: boolean, [input, output]: readonly [number, number]): void {
    if (reused) {
      this.usage.reused++;
      return;
    }
    this.usage.asked++;
    this.usage.inputTokens += input;
    this.usage.outputTokens += output;
  }

  async close(): Promise<void> {
    // one that could not be made has nothing to close
    for (const part of [this.engine, this.reader])
      await (await part?.catch(() => undefined))?.close();
  }
}

const plain = (messages: WritingRequest["messages"]): unknown[] =>
  messages.map(({ role, content }) => [role, content]);

const tooLong = (tokens: number, room: number): { refused: string } => ({
  refused:
    `the request with its answer takes ${countOf(tokens, "token")}, and the critic has room for ` +
    `${room}`,
});
