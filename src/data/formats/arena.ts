/**
 * Chatbot Arena's battles: two conversations and a winner. A tie, also "both bad", is p = 0.5. In a
 * battle of several turns the two models answered differently from the first turn on, so the vote
 * compares whole conversations: such rows are left out and counted.
 * Source: FastChat clean_battle_data.py (33k release); lmarena-ai/arena-human-preference-140k, data
 * set card. In the 140k form content is a list of parts, and the rows of one session belong
 * together.
 */
import type { Message } from "../../text/messages.ts";
import { BAD_ROWS } from "../bad-row.ts";
import type { DataRecord, PreferenceRecord } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat, Notes, WrittenRow } from "./format.ts";
import { extraOf, hasColumns, swapped } from "./format.ts";
import { completionMessages, plainMessages, promptMessages, readMessages } from "./messages.ts";
import { splitConversations } from "./pairs.ts";

const TIES_33K = ["tie", "tie (bothbad)"] as const;
const TIES_140K = ["tie", "both_bad"] as const;
const METADATA_33K = [
  "question_id",
  "turn",
  "anony",
  "language",
  "tstamp",
  "openai_moderation",
  "toxic_chat_tag",
] as const;
const METADATA_140K = [
  "id",
  "evaluation_order",
  "conv_metadata",
  "category_tag",
  "language",
  "is_code",
  "timestamp",
] as const;
const REQUIRED = ["model_a", "model_b", "winner", "conversation_a", "conversation_b"] as const;

export const arena33k: DataFormat = {
  name: "arena-33k",
  title: "Chatbot Arena conversations, 33k release",
  shapes: [{ kind: "preference", required: REQUIRED, optional: ["judge"] }],
  metadata: METADATA_33K,
  leavesOut: [BAD_ROWS.contexts, BAD_ROWS.image, BAD_ROWS.media],
  detect: (row) => hasColumns(row, ...REQUIRED) && !hasColumns(row, "evaluation_session_id"),
  read: (row, notes) =>
    compact({
      ...readBattle(row, TIES_33K, notes),
      annotator: column.optionalText(row, "judge"),
      extra: withTie(row, arena33k),
    }) as DataRecord,
  writes: ["preference"],
  keeps: ["models", "side", "annotator"],
  keepsTies: true,
  keepsParts: ["name"],
  keepsExtra: [...METADATA_33K, "winner"],
  write: (record) =>
    writeBattle(record as PreferenceRecord, {
      ties: TIES_33K,
      format: arena33k,
      content: (text) => text,
    }),
};

export const arena140k: DataFormat = {
  name: "arena-140k",
  title: "Arena human preference, 140k release",
  shapes: [{ kind: "preference", required: [...REQUIRED, "evaluation_session_id"] }],
  metadata: METADATA_140K,
  derived: ["full_conversation"],
  leavesOut: [BAD_ROWS.contexts, BAD_ROWS.image, BAD_ROWS.media],
  detect: (row) => hasColumns(row, ...REQUIRED, "evaluation_session_id"),
  read: (row, notes) =>
    compact({
      ...readBattle(row, TIES_140K, notes),
      cluster: column.text(row, "evaluation_session_id"),
      extra: withTie(row, arena140k),
    }) as DataRecord,
  writes: ["preference"],
  keeps: ["models", "side", "cluster"],
  keepsTies: true,
  keepsParts: ["name"],
  keepsExtra: [...METADATA_140K, "winner"],
  write(record) {
    const written = writeBattle(record as PreferenceRecord, {
      ties: TIES_140K,
      format: arena140k,
      content: (text) => [{ type: "text", text }],
    });
    return "row" in written
      ? { row: { ...written.row, evaluation_session_id: record.cluster ?? "" } }
      : written;
  },
};

function readBattle(row: Row, ties: readonly string[], notes: Notes): PreferenceRecord {
  const winner = column.oneOf(row, "winner", ["model_a", "model_b", ...ties]);
  const pair = splitConversations(
    readMessages(row, "conversation_a", notes),
    readMessages(row, "conversation_b", notes),
    row.place,
  );
  const first: PreferenceRecord = {
    kind: "preference",
    ...pair,
    p: winner === "model_a" ? 1 : winner === "model_b" ? 0 : 0.5,
    side: "first",
    models: { chosen: column.text(row, "model_a"), rejected: column.text(row, "model_b") },
    place: row.place,
  };
  return winner === "model_b" ? swapped(first) : first;
}

/** Which tie it was is kept beside the metadata. */
function withTie(row: Row, format: DataFormat): Record<string, unknown> | undefined {
  const winner = row.columns["winner"];
  const extra = extraOf(row, format);
  return winner === "model_a" || winner === "model_b" ? extra : { ...extra, winner };
}

function writeBattle(
  record: PreferenceRecord,
  {
    ties,
    format,
    content,
  }: { ties: readonly string[]; format: DataFormat; content: (text: string) => unknown },
): WrittenRow {
  const { prompt, chosen, rejected, p, models, annotator, extra } =
    record.side === "second" ? swapped(record) : record;
  const prefix = promptMessages(prompt);
  const conversation = (answer: readonly Message[]): unknown[] =>
    plainMessages([...prefix, ...answer], ["name"]).map((message) => ({
      ...message,
      content: content(message.content),
    }));
  const tie = ties.find((word) => word === extra?.["winner"]) ?? ties[0];
  const metadata = Object.fromEntries(
    Object.entries(extra ?? {}).filter(([name]) => format.metadata.includes(name)),
  );
  const isJudged = format.shapes[0]!.optional?.includes("judge") === true;
  return {
    row: compact({
      ...metadata,
      model_a: models?.chosen ?? "a",
      model_b: models?.rejected ?? "b",
      winner: p === 0.5 ? tie : p > 0.5 ? "model_a" : "model_b",
      judge: isJudged ? annotator : undefined,
      conversation_a: conversation(completionMessages(chosen)),
      conversation_b: conversation(completionMessages(rejected)),
    }),
  };
}
