/**
 * Conversations as prompts, answers and labels, within the limit: turns.ts takes them apart,
 * truncation.ts cuts them.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Message } from "./messages.ts";
import type { EncodeOptions } from "./pipeline.ts";
import type { Slices } from "./slices.ts";
import type { Fitted, Limits, Shape } from "./truncation.ts";
import { fitTurns } from "./truncation.ts";
import type { EncodingRow, OpenedPrompt, Part, TurnRow, TurnWriter } from "./turns.ts";
import { everyTurn, openPrompt, promptSlices, turnRows, conversationIds } from "./turns.ts";

export interface ConversationOptions {
  /** What is supervised: the assistant's turns, or every token. */
  loss: "completion" | "full";
  /** The first turn that may be supervised, by index; what comes before is a prompt. Default 0. */
  from?: number;
}

export interface FittedTurns extends Fitted {
  /** An answer got an empty thought, which its prompt opens. */
  emptyThought: boolean;
}

export class TurnEncoder {
  private readonly writer: TurnWriter;
  private readonly maxLength: number;

  constructor(writer: TurnWriter, maxLength: number) {
    this.writer = writer;
    this.maxLength = maxLength;
  }

  promptSlices(
    messages: readonly Message[],
    row: EncodingRow,
    options: EncodeOptions = {},
  ): Slices<number[]> {
    return promptSlices(this.writer, messages, { row, options });
  }

  /** Several completions of one prompt, which is cut the same for all of them. */
  answers(
    messages: readonly Message[],
    completions: readonly (readonly Message[])[],
    row: EncodingRow,
  ): FittedTurns {
    let emptyThought = false;
    const build = (before: readonly Message[]): Shape => {
      const first = openPrompt(this.writer, before, row);
      const rows = completions.map((completion) =>
        this.completionRow(before, completion, { row, first }),
      );
      emptyThought ||= rows.some((each) => each.emptyThought);
      return { prompt: first.ids, completions: rows.map(({ parts }) => parts) };
    };
    return { ...fitTurns(build(messages), { messages, build }, this.limits(row)), emptyThought };
  }

  /**
   * Several rows where the template rewrites earlier turns, each supervised on other turns; with
   * everything supervised it is one.
   */
  conversation(
    messages: readonly Message[],
    { loss, from = 0 }: ConversationOptions,
    row: EncodingRow,
  ): FittedTurns[] {
    const turns = answersIn(messages, from);
    if (turns.length === 0)
      throw new AttuneError("data", "the conversation has no assistant turn", {
        ...row.place,
        got: messages.map(({ role }) => role).join(", "),
      });
    const learned = turns.filter((index) => messages[index]!.weight !== 0);
    if (learned.length === 0) throw nothingLearned(row);
    if (loss === "full") return [this.everyToken(messages, row)];
    return turnRows(this.writer, messages, { turns: learned, row }).map((whole) =>
      this.fitRow(whole, messages, row),
    );
  }

  private limits({ place = {} }: EncodingRow): Limits {
    return { maxLength: this.maxLength, tokenizer: this.writer.tokenizer, place };
  }

  /** @throws AttuneError `data` for a completion that cannot be read in one row */
  private completionRow(
    before: readonly Message[],
    completion: readonly Message[],
    { row, first }: { row: EncodingRow; first: OpenedPrompt },
  ): TurnRow {
    const messages = [...before, ...completion];
    const turns = answersIn(messages, before.length);
    if (turns[0] !== before.length)
      throw new AttuneError("data", "a completion does not begin with the assistant's turn", {
        ...row.place,
        got: completion.map(({ role }) => role).join(", ") || "no turn",
      });
    if (turns.every((index) => messages[index]!.weight === 0)) throw nothingLearned(row);
    const rows = turnRows(this.writer, messages, { turns, row, first });
    if (rows.length === 1) return rows[0]!;
    throw new AttuneError(
      "data",
      "the chat template rewrites earlier turns of the completion, so they cannot be scored as " +
        "they were said",
      {
        ...row.place,
        got: `${countOf(turns.length, "turn")} of the assistant`,
        hint: "completions of one turn, with what was said before it in the prompt",
      },
    );
  }

  private fitRow(whole: TurnRow, messages: readonly Message[], row: EncodingRow): FittedTurns {
    const wanted = new Set(whole.turns.map((index) => messages[index]!));
    const build = (kept: readonly Message[]): Shape => {
      const turns = kept.flatMap((message, index) => (wanted.has(message) ? [index] : []));
      return shapeOf(turnRows(this.writer, kept, { turns, row }).at(-1)!);
    };
    const fitted = fitTurns(
      shapeOf(whole),
      { messages: messages.slice(0, whole.turns.at(-1)! + 1), build },
      this.limits(row),
    );
    return { ...fitted, emptyThought: whole.emptyThought };
  }

  /** Every token once, in the rendering of the conversation's end. */
  private everyToken(messages: readonly Message[], row: EncodingRow): FittedTurns {
    const build = (kept: readonly Message[]): Shape => ({
      prompt: [],
      completions: [this.everyPart(kept, row)],
    });
    return {
      ...fitTurns(build(messages), { messages, build }, this.limits(row)),
      emptyThought: false,
    };
  }

  private everyPart(messages: readonly Message[], row: EncodingRow): Part[] {
    if (messages.some(({ weight }) => weight === 0)) return everyTurn(this.writer, messages, row);
    const answers = answersIn(messages, 0);
    if (answers.at(-1) !== messages.length - 1)
      return [{ ids: conversationIds(this.writer, messages, row), learned: true }];
    const { prompt, parts } = turnRows(this.writer, messages, { turns: answers, row }).at(-1)!;
    return [{ ids: [...prompt, ...parts.flatMap(({ ids }) => ids)], learned: true }];
  }
}

const answersIn = (messages: readonly Message[], from: number): number[] =>
  messages.flatMap(({ role }, index) => (role === "assistant" && index >= from ? [index] : []));

const shapeOf = ({ prompt, parts }: TurnRow): Shape => ({ prompt, completions: [parts] });

const nothingLearned = ({ place }: EncodingRow): AttuneError =>
  new AttuneError("data", "every answer has weight 0, so nothing of the row is learned", {
    ...place,
    hint: "leave the row out, or give an answer weight 1",
  });
