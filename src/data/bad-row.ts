/**
 * Rows that are read well but cannot be used: an empty completion, two identical ones. A wrong type or a missing column
 * is no such row: it always stops the reading.
 */
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import type { Completion, Message, Prompt } from "../text/messages.ts";
import { completionText } from "../text/messages.ts";
import type { DataRecord } from "./records.ts";

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
  image: "a message holds something other than text",
} as const;
export type BadReason = (typeof BAD_ROWS)[keyof typeof BAD_ROWS];

/** Thrown by a format's reader; the loader decides whether it stops. */
export class BadRow extends Error {
  readonly reason: BadReason;
  readonly place: ErrorPlace;

  constructor(reason: BadReason, place: ErrorPlace) {
    super(reason);
    this.reason = reason;
    this.place = place;
  }
}

export const ON_BAD = ["few", "error", "drop"] as const;
/** Stop at bad rows, leave them out, or leave them out where they are at most {@link FEW} of the rows and stop otherwise. */
export type OnBad = (typeof ON_BAD)[number];
export const FEW = 0.01;

export interface BadRows {
  /** How many, by reason. */
  readonly counts: Readonly<Partial<Record<BadReason, number>>>;
  /** The first of those that count against the limit. */
  readonly first?: { reason: BadReason; place: ErrorPlace };
  readonly total: number;
}

/** @throws AttuneError `data` for the first bad row, where the policy does not let it go */
export function refuseBadRows({ first, total }: BadRows, rows: number, onBad: OnBad): void {
  if (first === undefined || onBad === "drop" || (onBad === "few" && total <= FEW * rows)) return;
  throw new AttuneError("data", first.reason, {
    ...first.place,
    got: `${total} bad ${total === 1 ? "row" : "rows"} of ${rows}`,
    expected: onBad === "few" ? "at most 1% of the rows bad" : "no bad rows",
    hint: first.reason === BAD_ROWS.noPrompt ? "add a column prompt" : "mend or remove the rows, or have them left out and counted: --on-bad drop",
  });
}

const isEmpty = (completion: Completion): boolean => completionText(completion).trim() === "";
const isEmptyPrompt = (prompt: Prompt): boolean => (typeof prompt === "string" ? prompt.trim() === "" : prompt.every(({ content }) => content.trim() === ""));
const hasAnswer = (messages: readonly Message[]): boolean => messages.some(({ role, content }) => role === "assistant" && content.trim() !== "");

/** Why a record cannot be used; undefined where it can. */
export function badReasonOf(record: DataRecord): BadReason | undefined {
  if (record.kind === "text") return record.text.trim() === "" ? BAD_ROWS.emptyText : undefined;
  if (record.kind === "conversation") return hasAnswer(record.messages) ? undefined : BAD_ROWS.noAnswer;
  if (isEmptyPrompt(record.prompt)) return BAD_ROWS.emptyPrompt;
  switch (record.kind) {
    case "preference":
      if (isEmpty(record.chosen)) return BAD_ROWS.emptyChosen;
      if (isEmpty(record.rejected)) return BAD_ROWS.emptyRejected;
      return completionText(record.chosen).trim() === completionText(record.rejected).trim() ? BAD_ROWS.identical : undefined;
    case "demonstration":
    case "unpaired":
      return isEmpty(record.completion) ? BAD_ROWS.emptyCompletion : undefined;
    case "ranked":
      return record.completions.some(({ completion }) => isEmpty(completion)) ? BAD_ROWS.emptyCompletion : undefined;
    case "prompt":
      return undefined;
  }
}
