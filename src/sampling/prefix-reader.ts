/**
 * Scores of the token after a prompt, one prompt after another. The cache keeps what a prompt
 * shares with the one before it (a template's opening, worked examples, a conversation), so that
 * only the rest is read.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Model } from "../models/model.ts";
import type { DecodingBatch } from "./decoder.ts";
import { Decoder } from "./decoder.ts";
import type { Scores } from "./scores.ts";

/**
 * Tokens that are read of every prompt at least. The product of a single row takes another way
 * through the kernels and differs in the last bits; from a few rows on, scores do not depend on
 * what was read before.
 */
const LEAST = 8;

export class PrefixReader {
  private readonly decoder: Decoder;
  private batch: DecodingBatch | undefined;
  private cached: readonly number[] = [];
  private last: Promise<unknown> = Promise.resolve();

  private constructor(decoder: Decoder) {
    this.decoder = decoder;
  }

  /** Tokens that did not have to be read again, of all prompts so far. */
  reused = 0;

  /** @param room longest prompt, tokens */
  static async create(model: Model, room: number): Promise<PrefixReader> {
    return new PrefixReader(
      await Decoder.create(model, { maxLength: Math.min(room, model.config.maxPositions) }),
    );
  }

  /**
   * Reads a prompt, and gives what `look` takes from the scores after it. Calls wait for each
   * other.
   * @throws AttuneError `usage` where the prompt is empty or longer than the room
   */
  read<T>(prompt: ArrayLike<number>, look: (scores: Scores) => T): Promise<T> {
    const reading = this.last.then(() => this.readNext(Array.from(prompt), look));
    this.last = reading.catch(() => undefined);
    return reading;
  }

  private async readNext<T>(prompt: readonly number[], look: (scores: Scores) => T): Promise<T> {
    if (prompt.length === 0 || prompt.length > this.decoder.maxLength)
      throw new AttuneError("usage", "the prompt does not fit", {
        got: countOf(prompt.length, "token"),
        expected: `1 to ${this.decoder.maxLength}`,
      });
    const difference = prompt.findIndex((id, index) => id !== this.cached[index]);
    const keep = Math.max(
      0,
      Math.min(difference === -1 ? prompt.length : difference, prompt.length - LEAST),
    );
    // should the run fail, what is in the cache is unknown
    this.cached = [];
    if (this.batch === undefined) this.batch = await this.decoder.start([prompt]);
    else await this.batch.append(prompt.slice(keep), { keep });
    this.reused += keep;
    this.cached = prompt;
    return look(this.batch.scores(0));
  }

  async close(): Promise<void> {
    await this.last;
    await this.decoder.close();
  }
}
