/**
 * A model in this process as the one that is measured: answers many prompts together, and reads the
 * log-probabilities of continuations in batches in which several continuations share their prompt.
 */
import { setMaxListeners } from "node:events";
import type { AnswerCache } from "../../constitution/answer-cache.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Model } from "../../models/model.ts";
import { answerLimit, neededRoom } from "../../sampling/answer-limit.ts";
import { checkDecodable } from "../../sampling/decoder-graph.ts";
import { BatchingEngine } from "../../sampling/engine.ts";
import { onAbort } from "../../sampling/generate.ts";
import { weightCount, worthPacking } from "../../sampling/packing.ts";
import type { Encoder } from "../../text/encoder.ts";
import type {
  AnswerRequest,
  ContinuationRequest,
  ContinuationScore,
  Hooks,
  NoAnswer,
  Subject,
  SubjectAnswer,
} from "../subject.ts";
import { ContinuationReader } from "./continuations.ts";
import { isKeptAnswer, keyOfAnswer, streamOf } from "./kept.ts";

export interface LocalSubjectOptions {
  /** Told in results. */
  name: string;
  model: Model;
  /** With room for the model's whole context. */
  encoder: Encoder;
  /** Of weights and template. */
  fingerprint: string;
  /** Where answers are kept; stays open. */
  cache: AnswerCache;
  /** Answers that are decoded together. */
  batchSize: number;
  /** Longest prompt with its answer, tokens; at most the model's context. */
  contextLength: number;
}

/** A request with its ids and the limit that its prompt leaves. */
interface Encoded {
  request: AnswerRequest;
  ids: Int32Array;
  key: string;
}

export class LocalSubject implements Subject {
  readonly name: string;
  readonly fingerprint: string;
  readonly asTurns: boolean;
  private readonly options: LocalSubjectOptions;
  private readonly room: number;
  private reader: ContinuationReader | undefined;

  /** @throws AttuneError `model` for a model that writes no answers */
  constructor(options: LocalSubjectOptions) {
    checkDecodable(options.model);
    this.options = options;
    this.name = options.name;
    this.fingerprint = options.fingerprint;
    this.asTurns = options.encoder.hasTemplate;
    this.room = Math.min(options.contextLength, options.model.config.maxPositions);
  }

  async answer(
    requests: readonly AnswerRequest[],
    { signal, onDone }: Hooks = {},
  ): Promise<(SubjectAnswer | NoAnswer)[]> {
    const encoded = requests.map((request) => this.encode(request));
    const missing = encoded.filter(
      (each): each is Encoded => "ids" in each && !this.options.cache.has(each.key),
    );
    const engine = missing.length === 0 ? undefined : await this.engineFor(missing);
    // every open answer listens to it, which is no leak
    if (signal) setMaxListeners(0, signal);
    let done = 0;
    const answers = encoded.map(async (each): Promise<SubjectAnswer | NoAnswer> => {
      const answer = "refused" in each ? each : await this.ask(each, engine, signal);
      onDone?.(++done);
      return answer;
    });
    try {
      // all of them end before the engine does, so that what was answered is kept
      const settled = await Promise.allSettled(answers);
      const failed = settled.find((each) => each.status === "rejected");
      if (failed) throw failed.reason as Error;
      return settled.map((each) => (each as PromiseFulfilledResult<SubjectAnswer>).value);
    } finally {
      await engine?.close();
    }
  }

  private encode(request: AnswerRequest): Encoded | NoAnswer {
    const ids = this.options.encoder.encodePrompt(request.prompt);
    const limit = { maxNewTokens: request.maxNewTokens, maxLength: this.room };
    if (ids.length + neededRoom(limit) > this.room)
      return {
        refused:
          `the prompt takes ${countOf(ids.length, "token")} and its answer up to ` +
          `${request.maxNewTokens}, and there is room for ${this.room}`,
      };
    const fitting = { ...request, maxNewTokens: answerLimit(ids.length, limit) };
    return { request: fitting, ids, key: keyOfAnswer(this.fingerprint, fitting) };
  }

  private async engineFor(missing: readonly Encoded[]): Promise<BatchingEngine> {
    const { model, encoder, batchSize } = this.options;
    const lengths = missing.map(({ ids, request }) => ids.length + request.maxNewTokens);
    const slots = Math.min(batchSize, missing.length);
    const longest = missing.reduce((most, { request }) => Math.max(most, request.maxNewTokens), 0);
    return BatchingEngine.create(model, encoder, {
      slots,
      room: lengths.reduce((most, length) => Math.max(most, length), 0),
      prepack: worthPacking({
        weights: weightCount(model),
        rows: slots,
        steps: longest * Math.ceil(missing.length / slots),
      }),
    });
  }

  private async ask(
    { request, ids, key }: Encoded,
    engine: BatchingEngine | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SubjectAnswer> {
    const { answer } = await this.options.cache.answer<SubjectAnswer>(key, {
      accepts: isKeptAnswer,
      ask: () => this.draw({ request, ids, key }, engine!, signal),
    });
    return answer;
  }

  private async draw(
    { request: { maxNewTokens, temperature, seed, sample, prompt, stopTexts = [] }, ids }: Encoded,
    engine: BatchingEngine,
    signal: AbortSignal | undefined,
  ): Promise<SubjectAnswer> {
    signal?.throwIfAborted();
    const generation = engine.submit({
      prompt: ids,
      maxNewTokens,
      temperature,
      topK: 0,
      topP: 1,
      seed,
      stream: streamOf(prompt, sample),
      stopTexts,
    });
    const forget = onAbort(signal, () => generation.cancel());
    const [drawn] = await generation.answers.finally(forget);
    if (drawn === undefined || drawn.finish === "cancelled") {
      signal?.throwIfAborted();
      throw new AttuneError("internal", "an answer was cancelled by nobody");
    }
    return { text: drawn.text, stopped: drawn.finish === "stop", tokens: drawn.ids.length };
  }

  async score(
    requests: readonly ContinuationRequest[],
    hooks: Hooks = {},
  ): Promise<(ContinuationScore | NoAnswer)[]> {
    this.reader ??= new ContinuationReader({ ...this.options, room: this.room });
    return this.reader.score(requests, hooks);
  }

  async scoreTexts(
    texts: readonly string[],
    hooks: Hooks = {},
  ): Promise<(ContinuationScore | NoAnswer)[]> {
    this.reader ??= new ContinuationReader({ ...this.options, room: this.room });
    return this.reader.scoreTexts(texts, hooks);
  }

  async close(): Promise<void> {
    await this.reader?.close();
  }
}
