/**
 * TRL's formats, standard (texts) and conversational (messages): language modelling, prompt-only,
 * prompt-completion, preference with the prompt apart or inside, unpaired preference.
 * Source: trl/docs/source/dataset_formats.md.
 *
 * Differences:
 * 1. `p`, the probability that chosen is preferred, and the rest of attune's provenance are read
 *    where they are there; TRL ignores such columns, so they are not written (the format `attune`
 *    writes them).
 * 2. A prompt that chosen and rejected repeat is taken off both.
 */
import type { Message } from "../../text/messages.ts";
import type { DataRecord } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat, MessagePart, Notes, WrittenRow } from "./format.ts";
import { withBetterAsChosen, extraOf, hasColumns, TIE } from "./format.ts";
import {
  completionMessages,
  plainMessages,
  promptMessages,
  readCompletion,
  readMessages,
  readTextOrMessages,
  sameMessage,
} from "./messages.ts";
import { readLabel } from "./labels.ts";
import type { Pair } from "./pairs.ts";
import { splitConversations, splitTexts } from "./pairs.ts";

/** Parts of messages that TRL reads; it knows no marks of turns. */
export const TRL_PARTS = [
  "name",
  "tool_calls",
  "tool_call_id",
  "reasoning_content",
] as const satisfies readonly MessagePart[];

const ASIDE = ["margin", "p", "annotator", "side", "cluster", "source"] as const;

export const trl: DataFormat = {
  name: "trl",
  title: "TRL's columns, standard and conversational",
  shapes: [
    { kind: "preference", required: ["prompt", "chosen", "rejected"], optional: ASIDE },
    { kind: "preference", required: ["chosen", "rejected"], optional: ASIDE },
    {
      kind: "unpaired",
      required: ["prompt", "completion", "label"],
      optional: ["annotator", "cluster", "source"],
    },
    { kind: "demonstration", required: ["prompt", "completion"], optional: ["cluster", "source"] },
    // UltraChat repeats the first turn as prompt
    { kind: "conversation", required: ["messages"], optional: ["prompt", "cluster", "source"] },
    { kind: "prompt", required: ["prompt"], optional: ["cluster", "source"] },
    { kind: "text", required: ["text"], optional: ["cluster", "source"] },
  ],
  metadata: [],
  detect: (row) =>
    hasColumns(row, "chosen", "rejected") ||
    hasColumns(row, "messages") ||
    hasColumns(row, "prompt", "completion") ||
    hasColumns(row, "text") ||
    hasColumns(row, "prompt"),
  read: (row, notes) => ({ ...readTrl(row, notes), ...shared(row, trl) }) as DataRecord,
  writes: ["preference", "demonstration", "conversation", "text", "unpaired", "prompt"],
  keeps: ["margin", "tools", "templateArguments"],
  keepsParts: TRL_PARTS,
  toolColumn: "list",
  write: (record) => writeTrl(record),
};

/** What every kind of record may carry. */
export function shared(
  row: Row,
  format: DataFormat,
): Pick<DataRecord, "cluster" | "source" | "extra"> {
  return compact({
    cluster: column.optionalText(row, "cluster"),
    source: column.optionalText(row, "source"),
    extra: extraOf(row, format),
  }) as Pick<DataRecord, "cluster" | "source" | "extra">;
}

/** Reads TRL's columns without `cluster`, `source` and `extra`. */
export function readTrl(row: Row, notes: Notes): DataRecord {
  const { place } = row;
  if (hasColumns(row, "chosen") || hasColumns(row, "rejected")) return readPreference(row, notes);
  if (hasColumns(row, "messages")) {
    const messages = readMessages(row, "messages", notes);
    if (
      hasColumns(row, "prompt") &&
      !beginsWith(messages, readTextOrMessages(row, "prompt", notes))
    )
      notes.note("the column prompt, which is not how messages begins");
    return { kind: "conversation", messages, place };
  }
  if (hasColumns(row, "completion") || hasColumns(row, "label")) {
    const answer = {
      prompt: readTextOrMessages(row, "prompt", notes),
      completion: readCompletion(row, "completion", notes),
      place,
    };
    if (!hasColumns(row, "label")) return { kind: "demonstration", ...answer };
    return compact({
      kind: "unpaired" as const,
      ...answer,
      label: readLabel(row, "label"),
      annotator: column.optionalText(row, "annotator"),
    }) as DataRecord;
  }
  if (hasColumns(row, "text") && !hasColumns(row, "prompt"))
    return { kind: "text", text: column.text(row, "text"), place };
  return { kind: "prompt", prompt: readTextOrMessages(row, "prompt", notes), place };
}

/** Whether a conversation begins with a prompt, or its first turn of the user is that text. */
function beginsWith(messages: readonly Message[], prompt: string | readonly Message[]): boolean {
  if (typeof prompt === "string")
    return messages.find(({ role }) => role === "user")?.content.trim() === prompt.trim();
  return prompt.every((turn, index) => sameMessage(turn, messages[index]));
}

function readPreference(row: Row, notes: Notes): DataRecord {
  return compact({
    kind: "preference" as const,
    ...readPair(row, notes),
    p: column.optionalNumber(row, "p", { min: 0, max: 1 }) ?? 1,
    margin: column.optionalNumber(row, "margin"),
    annotator: column.optionalText(row, "annotator"),
    side: hasColumns(row, "side") ? column.oneOf(row, "side", ["first", "second"]) : undefined,
    place: row.place,
  }) as DataRecord;
}

function readPair(row: Row, notes: Notes): Pair<string | readonly Message[]> & { plain?: true } {
  const chosen = readTextOrMessages(row, "chosen", notes);
  const rejected = readTextOrMessages(row, "rejected", notes);
  if (typeof chosen === "string" && typeof rejected === "string") {
    return hasColumns(row, "prompt")
      ? { prompt: readTextOrMessages(row, "prompt", notes), chosen, rejected }
      : { ...splitTexts(chosen, rejected, row.place), plain: true };
  }
  const [better, worse] = [completionMessages(chosen), completionMessages(rejected)];
  if (!hasColumns(row, "prompt")) return splitConversations(better, worse, row.place);
  const prompt = readTextOrMessages(row, "prompt", notes);
  const turns = promptMessages(prompt);
  if ([better, worse].every((side) => turns.every((turn, index) => sameMessage(turn, side[index]))))
    return splitConversations(better, worse, row.place);
  return {
    prompt,
    chosen: readCompletion(row, "chosen", notes),
    rejected: readCompletion(row, "rejected", notes),
  };
}

/** Texts stay texts; where one side is a conversation, both are. */
function textOrPlain<T extends string | readonly Message[]>(
  value: T,
  parts: readonly MessagePart[],
): string | Message[] {
  return typeof value === "string" ? value : plainMessages(value, parts);
}

/** @param parts what is written of messages besides role and content */
export function writeTrl(
  record: DataRecord,
  parts: readonly MessagePart[] = TRL_PARTS,
): WrittenRow {
  switch (record.kind) {
    case "preference": {
      const decided = withBetterAsChosen(record);
      if (decided === undefined) return { leftOut: TIE };
      return { row: compact({ ...pairColumns(decided, parts), margin: decided.margin }) };
    }
    case "unpaired":
      return { row: { ...answerColumns(record, parts), label: record.label } };
    case "demonstration":
      return { row: answerColumns(record, parts) };
    case "conversation":
      return { row: { messages: plainMessages(record.messages, parts) } };
    case "prompt":
      return { row: { prompt: textOrPlain(record.prompt, parts) } };
    case "text":
      return { row: { text: record.text } };
    case "ranked":
      return { leftOut: "several answers to one prompt" };
  }
}

/** `prompt`, `chosen` and `rejected`, all texts or all messages. */
export function pairColumns(
  { prompt, chosen, rejected }: DataRecord & { kind: "preference" },
  parts: readonly MessagePart[],
): Record<string, unknown> {
  if ([prompt, chosen, rejected].every((value) => typeof value === "string"))
    return { prompt, chosen, rejected };
  return {
    prompt: plainMessages(promptMessages(prompt), parts),
    chosen: plainMessages(completionMessages(chosen), parts),
    rejected: plainMessages(completionMessages(rejected), parts),
  };
}

export function answerColumns(
  { prompt, completion }: DataRecord & { kind: "demonstration" | "unpaired" },
  parts: readonly MessagePart[],
): Record<string, unknown> {
  if (typeof prompt === "string" && typeof completion === "string") return { prompt, completion };
  return {
    prompt: plainMessages(promptMessages(prompt), parts),
    completion: plainMessages(completionMessages(completion), parts),
  };
}
