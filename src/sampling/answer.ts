/**
 * An answer while it is drawn, token by token: its text as far as it is certain, and where it ends.
 */
import type { Random } from "../core/random.ts";
import type { Encoder } from "../text/encoder.ts";
import type { ChosenToken, SamplingOptions } from "./choose.ts";
import type { Scores } from "./scores.ts";
import type { LogitShapingOptions } from "./shaping.ts";
import { LogitShaping } from "./shaping.ts";

/** What an answer ended by: itself, the limit of its length, or the caller. */
export type Finish = "stop" | "length" | "cancelled";

/** An answer, finished or still growing. */
export interface DrawnAnswer {
  /** Tokens, the stop token included where there is one. */
  ids: number[];
  /** log p of each token at the sampling temperature (1 where greedy). */
  logps: number[];
  /** The most likely tokens at each place, where they were asked for. */
  alternatives?: ChosenToken[][];
  /**
   * While the answer grows: what is certain to stay, so neither half of a character nor what may
   * become a stop text. Of a finished answer: all of it, up to the first stop text.
   */
  text: string;
  /** What it ended by; `length` while it grows. */
  finish: Finish;
}

/** How an answer is drawn and where it ends. */
export interface AnswerOptions extends SamplingOptions, LogitShapingOptions {
  /** Longest answer, tokens, the stop token included. */
  maxNewTokens: number;
  /** Texts at which an answer ends; the text itself is left out. */
  stopTexts: readonly string[];
  /** The most likely tokens to tell at each place; default 0. */
  alternatives?: number;
  /** How tokens become text; default the encoder's, for an answer that is a turn of its own. */
  decode?: Decode;
}

/** Token ids to text. */
export type Decode = (ids: readonly number[]) => string;

/**
 * Decodes a growing list of tokens without decoding all of it again. Source of the method: vLLM's
 * incremental detokenizer.
 */
class GrowingText {
  private readonly decode: Decode;
  private text = "";
  /**
   * Tokens from `start` on are decoded; those before `read` are in the text, and set how the next
   * ones join.
   */
  private start = 0;
  private read = 0;

  constructor(decode: Decode) {
    this.decode = decode;
  }

  grow(ids: readonly number[]): string {
    const known = this.decode(ids.slice(this.start, this.read));
    const window = this.decode(ids.slice(this.start));
    if (window.length <= known.length || window.endsWith("\uFFFD")) return this.text;
    this.text += window.slice(known.length);
    this.start = this.read;
    this.read = ids.length;
    return this.text;
  }
}

export class OpenAnswer {
  readonly drawn: DrawnAnswer = { ids: [], logps: [], text: "", finish: "length" };
  private readonly options: AnswerOptions;
  private readonly encoder: Encoder;
  private readonly random: Random;
  private readonly decode: Decode;
  private readonly growing: GrowingText | undefined;
  private readonly shaping: LogitShaping | undefined;

  /** @param watched whether somebody reads the text while it grows */
  constructor(
    options: AnswerOptions,
    encoder: Encoder,
    {
      random,
      watched,
      prompt = [],
    }: { random: Random; watched: boolean; prompt?: ArrayLike<number> },
  ) {
    this.shaping = LogitShaping.of(options, prompt);
    this.options = options;
    this.encoder = encoder;
    this.random = random;
    this.decode = options.decode ?? encoder.decodeCompletion;
    this.growing =
      watched || options.stopTexts.length > 0 ? new GrowingText(this.decode) : undefined;
    if (options.alternatives) this.drawn.alternatives = [];
  }

  /** Draws the next token; tells whether the answer is finished by it. */
  extend(scores: Scores): boolean {
    const { drawn, options } = this;
    const { id } = (this.shaping?.shape(scores) ?? scores).choose(options, this.random);
    this.shaping?.took(id);
    drawn.ids.push(id);
    drawn.logps.push(scores.logp(id));
    drawn.alternatives?.push(scores.mostLikely(options.alternatives!));
    const stopped = this.encoder.stopIds.includes(id);
    if (this.growing && !stopped) {
      const text = this.growing.grow(drawn.ids);
      if (firstStop(text, options.stopTexts) >= 0) return this.finish("stop");
      drawn.text = text.slice(0, text.length - undecided(text, options.stopTexts));
    }
    if (stopped) return this.finish("stop");
    return drawn.ids.length >= options.maxNewTokens && this.finish("length");
  }

  /** Ends the answer where it is. */
  finish(finish: Finish): true {
    const { drawn, encoder } = this;
    const ended = encoder.stopIds.includes(drawn.ids.at(-1) ?? -1);
    const text = this.decode(ended ? drawn.ids.slice(0, -1) : drawn.ids);
    const cut = firstStop(text, this.options.stopTexts);
    drawn.text = cut >= 0 ? text.slice(0, cut) : text;
    drawn.finish = cut >= 0 ? "stop" : finish;
    return true;
  }
}

/** Where the first stop text begins; -1 where there is none. */
function firstStop(text: string, stopTexts: readonly string[]): number {
  const found = stopTexts.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return found.length > 0 ? Math.min(...found) : -1;
}

/** Length of the longest end of the text that is the beginning of a stop text. */
function undecided(text: string, stopTexts: readonly string[]): number {
  let longest = 0;
  for (const stop of stopTexts) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
      if (text.endsWith(stop.slice(0, length))) longest = length;
  }
  return longest;
}
