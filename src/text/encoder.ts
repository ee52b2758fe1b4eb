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
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import type { TemplateTime } from "./chat-template.ts";
import { createChatTemplate } from "./chat-template.ts";
import type { Completion, Message, Prompt } from "./messages.ts";
import type { EncodeOptions, Slices } from "./pipeline.ts";
import { finish } from "./pipeline.ts";
import { choosePad, stopsOf } from "./stops.ts";
import type { TemplateChoice } from "./templates.ts";
import { withTemplate } from "./templates.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Cut, Fitted, Limits } from "./truncation.ts";
import { fitTexts } from "./truncation.ts";
import { TurnEncoder } from "./turn-encoder.ts";
import type { EncodingRow, Part } from "./turns.ts";
import { createTextReader } from "./written-text.ts";

export type { Cut } from "./truncation.ts";
export type { EncodingRow } from "./turns.ts";

/** What is worth telling of a row. */
export interface Encoded {
  /** What truncation took. */
  cut?: Cut;
  /** An answer got an empty thought: the template's prompt opens one, and the data has none. */
  emptyThought?: true;
}

export interface EncodedExample extends Encoded {
  ids: Int32Array;
  /** Tokens before the first supervised one. */
  promptLength: number;
  /** 1 where this token is a label; same length as ids. */
  supervised: Uint8Array;
}

export interface EncodedAnswers extends Encoded {
  prompt: Int32Array;
  /** Stop token included. */
  completions: Int32Array[];
  /** 1 where a token of a completion is a label: not in a tool's turn, nor in one of weight 0. */
  supervised: Uint8Array[];
}

export interface EncodedPair extends Encoded {
  prompt: Int32Array;
  /** Completions, stop token included. */
  chosen: Int32Array;
  rejected: Int32Array;
  /** As in {@link EncodedAnswers}: chosen, rejected. */
  supervised: [Uint8Array, Uint8Array];
}

export interface Encoder {
  /** With the chat template that was chosen, also in its files. */
  readonly tokenizer: Tokenizer;
  /**
   * Whether texts are turns: a prompt the user's, a completion the assistant's. Without a template
   * they are plain texts.
   */
  readonly hasTemplate: boolean;
  /** The token that completions end in, then further ones at which generation stops. */
  readonly stopIds: readonly number[];
  readonly padId: number;
  readonly maxLength: number;
  /** Whether control tokens in plain texts are tokens. */
  readonly trustsText: boolean;
  /** Prompt with the opening of the answer; never cut. */
  encodePrompt(prompt: Prompt, row?: EncodingRow): Int32Array;
  /** The same, slice by slice, and no further than its options say. */
  encodePromptSlices(
    prompt: Prompt,
    row?: EncodingRow,
    options?: EncodeOptions,
  ): Slices<Int32Array>;
  encodeExample(prompt: Prompt, completion: Completion, row?: EncodingRow): EncodedExample;
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

export interface LossOption {
  /** What is supervised: the answers, or every token. */
  loss: "completion" | "full";
}

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

/** @throws AttuneError `model` where the tokenizer has no token to end an answer with */
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
  const texts = createTextReader(tokenizer, stops, { trustText });
  const turns = new TurnEncoder({ tokenizer, template, stopIds: stops.all }, maxLength);
  const limits = ({ place = {} }: EncodingRow): Limits => ({ maxLength, tokenizer, place });
  /** Whether a row's texts are texts alone, and no turns. */
  const isPlain = (
    prompt: Prompt,
    completions: readonly Completion[],
    row: EncodingRow,
  ): prompt is string => {
    const plain =
      (!hasTemplate || trustText || row.plain === true) &&
      typeof prompt === "string" &&
      completions.every((completion) => typeof completion === "string");
    if (plain) refuseInputs(row);
    return plain;
  };

  const answers = (
    prompt: Prompt,
    completions: readonly Completion[],
    row: EncodingRow,
  ): Fitted & { emptyThought?: boolean } => {
    if (isPlain(prompt, completions, row))
      return fitTexts(
        {
          prompt: texts.promptIds(prompt),
          completions: completions.map((each) => [
            { ids: texts.completionIds(prompt, each as string), learned: true },
          ]),
        },
        limits(row),
      );
    return turns.answers(
      toMessages(prompt, "user"),
      completions.map((each) => toMessages(each, "assistant")),
      row,
    );
  };
  function* encodePromptSlices(
    prompt: Prompt,
    row: EncodingRow = {},
    options: EncodeOptions = {},
  ): Slices<Int32Array> {
    return Int32Array.from(
      yield* isPlain(prompt, [], row)
        ? texts.promptSlices(prompt, options)
        : turns.promptSlices(toMessages(prompt, "user"), row, options),
    );
  }

  return {
    tokenizer,
    hasTemplate,
    stopIds: stops.all,
    padId,
    maxLength,
    trustsText: trustText,
    encodePrompt: (prompt, row) => finish(encodePromptSlices(prompt, row)),
    encodePromptSlices,
    encodeExample: (prompt, completion, row = {}) =>
      toExample(answers(prompt, [completion], row), row),
    encodePair(prompt, chosen, rejected, row = {}) {
      const { completions, supervised, ...rest } = toAnswers(
        answers(prompt, [chosen, rejected], row),
      );
      refuseSame(completions, rest.cut, row);
      return {
        ...rest,
        chosen: completions[0]!,
        rejected: completions[1]!,
        supervised: [supervised[0]!, supervised[1]!],
      };
    },
    encodeAnswers: (prompt, completions, row = {}) => toAnswers(answers(prompt, completions, row)),
    encodeDemonstration(prompt, completion, { loss }, row = {}) {
      if (isPlain(prompt, [completion], row)) {
        const example = toExample(answers(prompt, [completion], row), row);
        return [
          loss === "full" ? { ...example, supervised: example.supervised.map(() => 1) } : example,
        ];
      }
      const before = toMessages(prompt, "user");
      return turns
        .conversation(
          [...before, ...toMessages(completion, "assistant")],
          { loss, from: before.length },
          row,
        )
        .map((fitted) => toExample(fitted, row));
    },
    encodeConversation: (messages, { loss }, row = {}) =>
      turns.conversation(messages, { loss }, row).map((fitted) => toExample(fitted, row)),
    encodeText(text, row = {}) {
      refuseInputs(row);
      return toExample(
        fitTexts(
          { prompt: [], completions: [[{ ids: texts.textIds(text), learned: true }]] },
          limits(row),
        ),
        row,
      );
    },
    decodeCompletion: (ids) => tokenizer.decode(ids, { skipSpecial: true }),
    fingerprint: createHash("sha256")
      .update(
        JSON.stringify([
          VERSION,
          tokenizer.fingerprint,
          hasTemplate,
          template.fingerprint,
          maxLength,
          stops.all,
          padId,
          trustText,
        ]),
      )
      .digest("hex"),
  };
}

/** @throws AttuneError `data` for what a row gives a template, where its texts meet none */
function refuseInputs({ tools, templateArguments, place }: EncodingRow): void {
  if (tools === undefined && templateArguments === undefined) return;
  const [what, column] =
    tools === undefined ? ["template arguments", "chat_template_kwargs"] : ["tools", "tools"];
  throw new AttuneError("data", `the row has ${what}, but its texts meet no chat template`, {
    ...place,
    hint: `messages and a --template that writes them, or --ignore-columns ${column}`,
  });
}

/** @throws AttuneError `data` where two answers differed only in what truncation took */
export function refuseSame(
  completions: readonly Int32Array[],
  cut: Cut | undefined,
  { place }: EncodingRow,
): void {
  const [first, second] = completions;
  if (
    cut === undefined ||
    cut.answers === 0 ||
    completions.length !== 2 ||
    first!.join() !== second!.join()
  )
    return;
  throw new AttuneError("data", "truncation leaves the same of both answers", {
    ...place,
    got: `${countOf(first!.length, "token")} of each`,
    hint: "a larger max length, or drop this row",
  });
}

function toMessages(text: Prompt, role: "user" | "assistant"): readonly Message[] {
  return typeof text === "string" ? [{ role, content: text }] : text;
}

const idsOf = (parts: readonly Part[]): number[] => parts.flatMap(({ ids }) => ids);
const labelsOf = (parts: readonly Part[]): number[] =>
  parts.flatMap(({ ids, learned }) => ids.map(() => (learned ? 1 : 0)));

type Told = Pick<Fitted, "cut"> & { emptyThought?: boolean };
const toldOf = ({ cut, emptyThought }: Told): Encoded => ({
  ...(cut === undefined ? {} : { cut }),
  ...(emptyThought === true ? { emptyThought } : {}),
});

function toExample(
  { shape: { prompt, completions }, ...told }: Fitted & Told,
  { place }: EncodingRow,
): EncodedExample {
  const [parts] = completions as [Part[]];
  const ids = Int32Array.from([...prompt, ...idsOf(parts)]);
  const supervised = Uint8Array.from([...prompt.map(() => 0), ...labelsOf(parts)]);
  // the first token is predicted by nothing
  if (supervised.indexOf(1, 1) < 0)
    throw new AttuneError("data", "the row has no supervised token", {
      ...place,
      got: countOf(ids.length, "token"),
      hint: "a larger max length, or drop this row",
    });
  return { ids, promptLength: supervised.indexOf(1), supervised, ...toldOf(told) };
}

function toAnswers({ shape: { prompt, completions }, ...told }: Fitted & Told): EncodedAnswers {
  return {
    prompt: Int32Array.from(prompt),
    completions: completions.map((parts) => Int32Array.from(idsOf(parts))),
    supervised: completions.map((parts) => Uint8Array.from(labelsOf(parts))),
    ...toldOf(told),
  };
}
