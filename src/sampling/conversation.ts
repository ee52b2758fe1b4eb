/**
 * A conversation with a model: one session and one key-value cache over all turns. Each turn reads
 * only what the cache does not hold yet; where a chat template rewrites earlier turns, it reads
 * from the first difference on.
 */
import { Random } from "../core/random.ts";
import type { Model } from "../models/model.ts";
import type { Encoder } from "../text/encoder.ts";
import type { AnswerOptions } from "./answer.ts";
import { OpenAnswer } from "./answer.ts";
import { limitBehind } from "./answer-limit.ts";
import { inverseTemperature } from "./choose.ts";
import type { DecodingBatch } from "./decoder.ts";
import { Decoder } from "./decoder.ts";
import { weightCount, worthPacking } from "./packing.ts";
import type { Answer, GenerateHooks } from "./generate.ts";

/** Room of the first cache, tokens; it doubles when a conversation grows out of it. */
const FIRST_ROOM = 1024;

export interface ConversationOptions {
  /** Default 1024 tokens. */
  firstRoom?: number;
}

export class Conversation {
  private readonly model: Model;
  private readonly encoder: Encoder;
  private readonly firstRoom: number;
  private decoder: Decoder | undefined;
  private batch: DecodingBatch | undefined;
  /** Tokens whose keys and values are in the cache. */
  private cached: readonly number[] = [];
  private turns = 0;

  constructor(
    model: Model,
    encoder: Encoder,
    { firstRoom = FIRST_ROOM }: ConversationOptions = {},
  ) {
    this.model = model;
    this.encoder = encoder;
    this.firstRoom = firstRoom;
  }

  /** Tokens that the last turn did not have to read again. */
  reused = 0;

  /**
   * The answer to a whole prompt, which usually begins with the last one and its answer. What is
   * drawn depends on (seed, turn) alone.
   * @throws AttuneError `usage` where the prompt leaves no room for an answer
   */
  async reply(
    prompt: Int32Array,
    options: AnswerOptions & { seed: number },
    hooks: GenerateHooks = {},
  ): Promise<Answer> {
    const maxNewTokens = limitBehind(prompt.length, {
      ...options,
      maxLength: this.model.config.maxPositions,
    });
    const batch = await this.read(prompt, {
      inverse: inverseTemperature(options),
      steps: maxNewTokens,
    });
    const turn = this.turns++;
    const open = new OpenAnswer({ ...options, maxNewTokens }, this.encoder, {
      random: Random.for(options.seed, turn, 0),
      watched: hooks.onToken !== undefined,
    });
    const answer: Answer = Object.assign(open.drawn, { prompt: turn, sample: 0 });
    for (;;) {
      const done =
        open.extend(batch.scores(0)) ||
        (hooks.signal?.aborted === true && open.finish("cancelled"));
      hooks.onToken?.(answer);
      if (done) break;
      await batch.step([answer.ids.at(-1)!]);
    }
    hooks.onAnswer?.(answer);
    // the last token was drawn, but not read
    this.cached = [...prompt, ...answer.ids.slice(0, -1)];
    return answer;
  }

  private async read(
    prompt: Int32Array,
    { inverse, steps }: { inverse: number; steps: number },
  ): Promise<DecodingBatch> {
    const needed = prompt.length + steps;
    if (!this.decoder || needed > this.decoder.maxLength) {
      await this.close();
      let room = this.firstRoom;
      while (room < needed) room *= 2;
      this.decoder = await Decoder.create(this.model, {
        maxLength: Math.min(room, this.model.config.maxPositions),
        prepack: worthPacking({ weights: weightCount(this.model), rows: 1, steps }),
      });
    }
    if (!this.batch) {
      this.reused = 0;
      return (this.batch = await this.decoder.start([prompt], inverse));
    }
    const difference = prompt.findIndex((id, index) => id !== this.cached[index]);
    // one token at least must be read, to have logits after it
    this.reused = difference === -1 ? prompt.length - 1 : difference;
    await this.batch.append(prompt.subarray(this.reused), {
      keep: this.reused,
      inverseTemperature: inverse,
    });
    return this.batch;
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.decoder?.close();
    this.decoder = undefined;
    this.batch = undefined;
    this.cached = [];
  }
}
