/**
 * Reading prompts: several short ones in one run, or one in parts between which rows are decoded.
 */
import { invariant } from "../core/errors.ts";
import { int64 } from "../core/tensor.ts";
import type { ChosenToken } from "./choose.ts";
import type { Decoder, Prefix } from "./decoder.ts";
import { ScoreBuffers } from "./decoder.ts";
import type { Allocate } from "./key-value-cache.ts";
import { KeyValueCache } from "./key-value-cache.ts";

/** Padded tokens of one reading of prompts: the rate is flat above (bench/). */
export const READ_TOKENS = 1024;
/** Padding that is accepted for reading several prompts at once, in units of their tokens. */
const READ_WASTE = 1.5;
/** Tokens after which scores are looked at in one run: their logits are in memory together. */
const TOLD_TOKENS = 64;

/** What the model thinks of a prompt's own tokens. */
export interface PromptScores {
  /** log p of each token given those before it; undefined for the first. */
  logps: (number | undefined)[];
  /** The most likely tokens at each place; none at the first. */
  alternatives: ChosenToken[][];
}

export interface PromptToRead {
  ids: ArrayLike<number>;
  inverseTemperature: number;
  /** The most likely tokens to tell at every place of the prompt; undefined for no scores of it. */
  told: number | undefined;
}

/** A prompt that is read part by part, into a cache of its own. */
export class PromptReading {
  /** Scores of the prompt's own tokens, where they were asked for. */
  readonly scores: PromptScores | undefined;
  private readonly decoder: Decoder;
  private readonly prompt: PromptToRead;
  private readonly cache: KeyValueCache;
  private readonly buffers: ScoreBuffers;
  private done = 0;
  /** Row of the scores after the last token that was read. */
  private lastRow = 0;

  /** @param memory overwritten by the next reading that is given it */
  constructor(decoder: Decoder, prompt: PromptToRead, memory: Allocate) {
    const { config } = decoder.model;
    this.decoder = decoder;
    this.prompt = prompt;
    this.cache = new KeyValueCache(config, 1, prompt.ids.length, memory);
    this.buffers = new ScoreBuffers(config.vocabularySize, memory);
    this.scores =
      prompt.told === undefined ? undefined : { logps: [undefined], alternatives: [[]] };
  }

  /** Tokens that are still to be read. */
  get left(): number {
    return this.prompt.ids.length - this.done;
  }

  /** Reads at most so many of the next tokens; gives how many. */
  async read(most: number): Promise<number> {
    const {
      prompt: { ids, inverseTemperature, told },
      done: start,
    } = this;
    const count = Math.min(most, this.left, told === undefined ? Infinity : TOLD_TOKENS);
    invariant(count > 0, "a prompt is read past its end");
    const places = Array.from({ length: count }, (_, i) => start + i);
    const read = told === undefined ? [count - 1] : places.map((place) => place - start);
    await this.decoder.run({
      tokens: int64(
        [1, count],
        places.map((place) => ids[place]!),
      ),
      positions: int64([1, count], places),
      read,
      inverse: read.map(() => inverseTemperature),
      lengths: [start + count],
      cache: this.cache.tensors(1),
      scores: this.buffers.tensors(read.length),
    });
    this.done = start + count;
    this.lastRow = read.length - 1;
    if (this.scores) places.forEach((place, row) => this.tell(place + 1, row));
    return count;
  }

  /** The prompt's keys and values once all of it is read; valid until the memory is used again. */
  get prefix(): Prefix {
    invariant(this.left === 0, "the prompt is not read yet");
    return {
      tokens: this.prompt.ids.length,
      cache: this.cache,
      row: 0,
      scores: this.buffers.scores(this.lastRow, this.prompt.inverseTemperature),
    };
  }

  private tell(place: number, row: number): void {
    const { ids, inverseTemperature, told = 0 } = this.prompt;
    if (place >= ids.length) return;
    const scores = this.buffers.scores(row, inverseTemperature);
    this.scores!.logps.push(scores.logp(ids[place]!));
    this.scores!.alternatives.push(told > 0 ? scores.mostLikely(told) : []);
  }
}

/** Prompts that are read in one run: of like lengths, and not too many tokens. */
export function readingGroups<T>(
  entering: readonly T[],
  length: (each: T) => number,
  most = READ_TOKENS,
): T[][] {
  const groups: T[][] = [];
  let [group, tokens]: [T[], number] = [[], 0];
  for (const each of entering.toSorted((a, b) => length(a) - length(b))) {
    const padded = (group.length + 1) * length(each);
    if (group.length > 0 && (padded > most || padded > READ_WASTE * (tokens + length(each)))) {
      groups.push(group);
      [group, tokens] = [[], 0];
    }
    group.push(each);
    tokens += length(each);
  }
  return group.length > 0 ? [...groups, group] : groups;
}

/** Tokens that are read between two steps before anything was measured, and at least. */
const FIRST_READ = 16;
const LEAST_READ = 8;
/** While nothing is decoded: as long as a new request may wait. */
const IDLE_READ = 256;
/** Weight of the newest measurement of a step. */
const NEWEST = 0.3;
/**
 * How long a reading may take, in steps: with the step itself a stream waits two and a half steps
 * for its next token.
 */
const STEPS_A_READING = 1.5;
/**
 * By how much the number of tokens grows after a reading that was fast enough, and shrinks at most
 * after one that was not.
 */
const GROWTH = 1.25;
const SHRINKAGE = 0.5;

/**
 * How many tokens of prompts are read between two steps of decoding: as many as take about the time
 * of a step. The number is found by trying, since a reading of few tokens takes as long as one of
 * many (the weights are read once for both), so time for each token says little.
 */
export class ReadingPace {
  private readonly fixed: number | undefined;
  private step: number | undefined;
  private found = FIRST_READ;

  constructor(fixed?: number) {
    this.fixed = fixed;
  }

  /** @param milliseconds of a step */
  stepTook(milliseconds: number): void {
    this.step =
      this.step === undefined ? milliseconds : this.step + NEWEST * (milliseconds - this.step);
  }

  /** @param milliseconds of reading so many tokens, their padding included */
  readTook(tokens: number, milliseconds: number): void {
    if (this.step === undefined) return;
    const allowed = STEPS_A_READING * this.step;
    if (milliseconds > allowed)
      this.found = Math.max(
        LEAST_READ,
        Math.floor(Math.min(this.found, tokens) * Math.max(SHRINKAGE, allowed / milliseconds)),
      );
    // a short reading says nothing about a long one
    else if (tokens * GROWTH >= this.found)
      this.found = Math.min(
        READ_TOKENS,
        Math.ceil(Math.max(this.found, Math.min(tokens, this.found) * GROWTH)),
      );
  }

  tokens(decoding: boolean): number {
    return this.fixed ?? (decoding ? this.found : IDLE_READ);
  }
}
