/**
 * The one encoder of training, scoring and generation: whatever is trained on is encoded exactly as
 * it will be seen when the model answers.
 *
 * What it guarantees: the prompt's ids are a prefix of the example's ids, because prompt and
 * completion are encoded apart; there is at most one BOS; pad is not EOS; every completion that was
 * not cut ends in a supervised stop token, and one that was cut does not; no example is without
 * supervised tokens; a turn of weight 0 is read and not supervised. Which tokens are an answer's:
 * turns.ts; what goes where a row is too long: truncation.ts.
 */
import { createHash } from "node:crypto";
import { wallClock } from "../core/wall-clock.ts";
import type { TemplateTime } from "./chat-template.ts";
import { createChatTemplate } from "./chat-template.ts";
import type { EncodedAnswers, EncodedExample, EncodedPair } from "./encoded.ts";
import { refuseIdenticalAnswers, toAnswers } from "./encoded.ts";
import type { Completion, Message, Prompt } from "./messages.ts";
import type { EncodeOptions } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import { finish } from "./slices.ts";
import type { LossOption } from "./row-encoder.ts";
import { RowEncoder } from "./row-encoder.ts";
import { choosePad, stopsOf } from "./stops.ts";
import type { TemplateChoice } from "./templates.ts";
import { withTemplate } from "./templates.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { EncodingRow } from "./turns.ts";

export { refuseIdenticalAnswers } from "./encoded.ts";
export type { Encoded, EncodedAnswers, EncodedExample, EncodedPair } from "./encoded.ts";
export type { LossOption } from "./row-encoder.ts";
export type { Cut } from "./truncation.ts";
export type { EncodingRow } from "./turns.ts";

/**
 * Prompts, answers and conversations to token ids. Methods that encode throw AttuneError `data`,
 * with the place of the row, for what cannot be encoded.
 */
export interface Encoder {
  /**
   * The tokenizer, carrying the chat template that was chosen, also in the files that it writes.
   */
  readonly tokenizer: Tokenizer;
  /**
   * Whether texts are turns: a prompt the user's, a completion the assistant's. Without a template
   * they are plain texts.
   */
  readonly hasTemplate: boolean;
  /** The token that completions end in, then further ones at which generation stops. */
  readonly stopIds: readonly number[];
  /** Fills up rows; not the token that ends answers. */
  readonly padId: number;
  /** Longest example, tokens. */
  readonly maxLength: number;
  /** Whether control tokens in plain texts are tokens. */
  readonly trustsText: boolean;
  /** Prompt with the opening of the answer; never cut. */
  encodePrompt(prompt: Prompt, row?: EncodingRow): Int32Array;
  /** As `encodePrompt`, slice by slice, and no further than the options say. */
  encodePromptSlices(
    prompt: Prompt,
    row?: EncodingRow,
    options?: EncodeOptions,
  ): Slices<Int32Array>;
  /** A prompt with its answer, cut where both are too long together. */
  encodeExample(prompt: Prompt, completion: Completion, row?: EncodingRow): EncodedExample;
  /** Two answers to one prompt, which is cut the same for both. */
  encodePair(
    prompt: Prompt,
    chosen: Completion,
    rejected: Completion,
    row?: EncodingRow,
  ): EncodedPair;
  /** Several answers to one prompt, which is cut the same for all of them. */
  encodeAnswers(
    prompt: Prompt,
    completions: readonly Completion[],
    row?: EncodingRow,
  ): EncodedAnswers;
  /**
   * A conversation of several turns, supervised on the assistant's turns or on everything. Several
   * examples where the template rewrites earlier turns, each supervised on other turns; with
   * everything supervised it is one.
   */
  encodeConversation(
    messages: readonly Message[],
    options: LossOption,
    row?: EncodingRow,
  ): EncodedExample[];
  /**
   * The same of a prompt and the completion to imitate, none of whose prompt's turns are supervised
   * unless everything is.
   */
  encodeDemonstration(
    prompt: Prompt,
    completion: Completion,
    options: LossOption,
    row?: EncodingRow,
  ): EncodedExample[];
  /** Plain text, supervised whole, ended by EOS. */
  encodeText(text: string, row?: EncodingRow): EncodedExample;
  /** Text of a completion, without special tokens. */
  decodeCompletion(ids: readonly number[]): string;
  /** Changes whenever ids may. */
  readonly fingerprint: string;
}

/** How texts become rows. */
export interface EncoderOptions {
  /** Longest example, tokens. */
  maxLength: number;
  /**
   * Local date and time that the chat template sees, as {@link wallClock} writes it: fixed, or
   * asked for each time. Default now.
   */
  templateTime?: TemplateTime;
  /**
   * Default `auto`: the model's own chat template where it has one, else none. Conversations meet
   * the template `plain` where there is none.
   */
  template?: TemplateChoice;
  /**
   * Texts are written out with a template: no turns, control tokens in them are tokens, and a BOS
   * is not doubled. Default false.
   */
  trustText?: boolean;
}

/** To be raised whenever equal rows would get other ids. */
const VERSION = 2;

/**
 * An encoder for training, scoring and generation.
 * @throws AttuneError `model` where the tokenizer has no token to end an answer with
 */
export function createEncoder(
  given: Tokenizer,
  {
    maxLength,
    template: choice = "auto",
    templateTime = wallClock(),
    trustText = false,
  }: EncoderOptions,
): Encoder {
  const tokenizer = withTemplate(given, choice);
  const template = createChatTemplate(tokenizer, { time: templateTime });
  const hasTemplate = tokenizer.chatTemplate !== undefined;
  const stops = stopsOf(tokenizer, template);
  const padId = choosePad(tokenizer, stops.all);
  const rows = new RowEncoder({ tokenizer, template, stops, maxLength, trustText });
  return {
    tokenizer,
    hasTemplate,
    stopIds: stops.all,
    padId,
    maxLength,
    trustsText: trustText,
    encodePrompt: (prompt, row) => finish(rows.promptSlices(prompt, row)),
    encodePromptSlices: (prompt, row, options) => rows.promptSlices(prompt, row, options),
    encodeExample: (prompt, completion, row = {}) => rows.example(prompt, completion, row),
    encodePair(prompt, chosen, rejected, row = {}) {
      const encoded = toAnswers(rows.answers(prompt, [chosen, rejected], row));
      refuseIdenticalAnswers(encoded.completions, encoded.cut, row);
      return asPair(encoded);
    },
    encodeAnswers: (prompt, completions, row = {}) =>
      toAnswers(rows.answers(prompt, completions, row)),
    encodeDemonstration: (prompt, completion, { loss }, row = {}) =>
      rows.demonstration(prompt, completion, { loss }, row),
    encodeConversation: (messages, { loss }, row = {}) =>
      rows.conversation(messages, { loss }, row),
    encodeText: (text, row = {}) => rows.text(text, row),
    decodeCompletion: (ids) => tokenizer.decode(ids, { skipSpecial: true }),
    fingerprint: fingerprintOf([
      tokenizer.fingerprint,
      hasTemplate,
      template.fingerprint,
      maxLength,
      stops.all,
      padId,
      trustText,
    ]),
  };
}

const fingerprintOf = (facts: readonly unknown[]): string =>
  createHash("sha256")
    .update(JSON.stringify([VERSION, ...facts]))
    .digest("hex");

const asPair = ({ completions, supervised, ...rest }: EncodedAnswers): EncodedPair => ({
  ...rest,
  chosen: completions[0]!,
  rejected: completions[1]!,
  supervised: [supervised[0]!, supervised[1]!],
});
