/**
 * Rows that are read well but cannot be used: an empty completion, two identical ones. A wrong type
 * or a missing column is no such row: it always stops the reading.
 */
import type { ErrorPlace } from "../core/errors.ts";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Completion, Message, Prompt } from "../text/messages.ts";
import { completionText } from "../text/messages.ts";
import type { DataRecord } from "./records.ts";
import { callsAndThought } from "./records.ts";

export const BAD_ROWS = {
  emptyPrompt: "the prompt is empty",
  emptyChosen: "the chosen completion is empty",
  emptyRejected: "the rejected completion is empty",
  emptyCompletion: "the completion is empty",
  emptyText: "the text is empty",
  noAnswer: "the conversation has no assistant turn with text",
  identical: "chosen and rejected are identical",
  noPrompt: "there is no prompt, and chosen and rejected have no beginning in common",
  contexts: "the two conversations differ before their last answer, in what the user says",
  noJudgement: "the row has no judgement",
  twice: "an object of the row gives one key twice",
  image: "a message holds something other than text",
  media: "the row has pictures, films or sound, which are not learned from",
  nullColumn: "a column that the row needs is null",
  emptyConversation: "the conversation is empty",
  nullContent: "a message has no content: it is null",
  unlearned: "the answer is marked as one that is not learned",
  allUnlearned: "every answer of the conversation is marked as one that is not learned",
} as const;
export type BadReason = (typeof BAD_ROWS)[keyof typeof BAD_ROWS];

/** Thrown by a format's reader; the loader decides whether it stops. */
export class BadRow extends Error {
  readonly reason: BadReason;
  readonly place: ErrorPlace;
  /** What was found, for people. */
  readonly got: string | undefined;

  constructor(reason: BadReason, place: ErrorPlace, got?: string) {
    super(reason);
    this.reason = reason;
    this.place = place;
    this.got = got;
  }
}

export const ON_BAD = ["few", "error", "drop"] as const;
/**
 * Stop at bad rows, leave them out, or leave them out where they are at most
 * {@link FEW_BAD_ROWS} of the rows and stop otherwise.
 */
export type OnBad = (typeof ON_BAD)[number];
export const FEW_BAD_ROWS = 0.01;

export interface BadRows {
  /** How many, by reason. */
  readonly counts: Readonly<Partial<Record<BadReason, number>>>;
  /** The first of those that count against the limit. */
  readonly first?: { reason: BadReason; place: ErrorPlace; got?: string };
  readonly total: number;
}

const HINTS: Readonly<Partial<Record<BadReason, string>>> = {
  [BAD_ROWS.noPrompt]: "add a column prompt",
  [BAD_ROWS.media]:
    "have such rows left out and counted with --on-bad drop, or learn from their texts alone " +
    "with --ignore-columns and the column's name",
};

/** @throws AttuneError `data` for the first bad row, where the policy does not let it go */
export function refuseBadRows({ first, total }: BadRows, rows: number, onBad: OnBad): void {
  if (first === undefined || onBad === "drop" || (onBad === "few" && total <= FEW_BAD_ROWS * rows))
    return;
  throw new AttuneError("data", first.reason, {
    ...first.place,
    got:
      (first.got === undefined ? "" : `${first.got}; `) + `${countOf(total, "bad row")} of ${rows}`,
    expected: onBad === "few" ? "at most 1% of the rows bad" : "no bad rows",
    hint:
      HINTS[first.reason] ??
      "mend or remove the rows, or have them left out and counted: --on-bad drop",
  });
}

const calls = (message: Message): boolean => message.tool_calls !== undefined;
const isEmpty = (completion: Completion): boolean =>
  completionText(completion).trim() === "" &&
  (typeof completion === "string" || !completion.some(calls));
const isEmptyPrompt = (prompt: Prompt): boolean =>
  typeof prompt === "string"
    ? prompt.trim() === ""
    : prompt.every((message) => message.content.trim() === "" && !calls(message));
const isAnswer = (message: Message): boolean =>
  message.role === "assistant" && (message.content.trim() !== "" || calls(message));
/** What two answers are compared by. */
const said = (completion: Completion): string =>
  typeof completion === "string"
    ? completion.trim()
    : [completionText(completion).trim(), ...completion.map(callsAndThought)].join("\u0000");
const saysTheSame = (a: Completion, b: Completion): boolean =>
  completionText(a).trim() === completionText(b).trim() &&
  (typeof a === "string" || typeof b === "string" || said(a) === said(b));

function conversationFault(messages: readonly Message[]): BadReason | undefined {
  const answers = messages.filter(isAnswer);
  if (answers.length === 0) return BAD_ROWS.noAnswer;
  return answers.every(({ weight }) => weight === 0) ? BAD_ROWS.allUnlearned : undefined;
}

/** Why a record cannot be used; undefined where it can. */
export function badReasonOf(record: DataRecord): BadReason | undefined {
  if (record.kind === "text") return record.text.trim() === "" ? BAD_ROWS.emptyText : undefined;
  if (record.kind === "conversation") return conversationFault(record.messages);
  if (isEmptyPrompt(record.prompt)) return BAD_ROWS.emptyPrompt;
  switch (record.kind) {
    case "preference":
      if (isEmpty(record.chosen)) return BAD_ROWS.emptyChosen;
      if (isEmpty(record.rejected)) return BAD_ROWS.emptyRejected;
      return saysTheSame(record.chosen, record.rejected) ? BAD_ROWS.identical : undefined;
    case "demonstration":
    case "unpaired":
      return isEmpty(record.completion) ? BAD_ROWS.emptyCompletion : undefined;
    case "ranked":
      return record.completions.some(({ completion }) => isEmpty(completion))
        ? BAD_ROWS.emptyCompletion
        : undefined;
    case "prompt":
      return undefined;
  }
}
