/**
 * ShareGPT's conversations (`from`, `value`), with LLaMA-Factory's `system` column and its
 * preference form, in which `conversations` is the prompt and `chosen` and `rejected` are one
 * message each. A turn `function_call` is the assistant's calls as JSON, `observation` a tool's
 * answer, the column `tools` JSON text; Axolotl marks turns with `train` or `weight`.
 * Sources: LLaMA-Factory data/README.md; Axolotl docs, dataset formats (conversation).
 */
import type { Message } from "../../text/messages.ts";
import type { DataRecord, PreferenceRecord, RecordOf } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { callTurnText } from "./calls.ts";
import * as column from "./columns.ts";
import type { DataFormat, Notes } from "./format.ts";
import { withBetterAsChosen, extraOf, hasColumns, messagesIn, TIE } from "./format.ts";
import { completionMessages, promptMessages, readCompletion, readMessages } from "./messages.ts";

export const sharegpt: DataFormat = {
  name: "sharegpt",
  title: "ShareGPT's conversations, also LLaMA-Factory's pairs",
  shapes: [
    { kind: "preference", required: ["conversations", "chosen", "rejected"], optional: ["system"] },
    { kind: "conversation", required: ["conversations"], optional: ["system"] },
  ],
  metadata: ["source", "avatarUrl", "hash", "title"],
  detect: (row) =>
    hasColumns(row, "conversations") && !hasColumns(row, "kto_tag") && !hasColumns(row, "label"),
  read(row, notes) {
    const extra = extraOf(row, sharegpt);
    const turns = readTurns(row, notes);
    if (!hasColumns(row, "chosen") && !hasColumns(row, "rejected"))
      return compact({
        kind: "conversation" as const,
        messages: turns,
        extra,
        place: row.place,
      }) as DataRecord;
    return compact({
      kind: "preference" as const,
      prompt: turns,
      chosen: asTurns(row, "chosen", notes),
      rejected: asTurns(row, "rejected", notes),
      p: 1,
      extra,
      place: row.place,
    }) as DataRecord;
  },
  writes: ["conversation", "preference"],
  keeps: ["tools"],
  keepsParts: ["tool_calls", "weight"],
  toolColumn: "text",
  loses: ["the difference between system and developer"],
  write(record) {
    const turns = messagesIn(record);
    if (turns.some(({ tool_calls, content }) => tool_calls !== undefined && content !== ""))
      return { leftOut: "a turn with both words and calls" };
    if (record.kind === "conversation")
      return { row: { conversations: fromValue(record.messages) } };
    const decided = withBetterAsChosen(record as PreferenceRecord);
    if (decided === undefined) return { leftOut: TIE };
    const [chosen, rejected] = [
      fromValue(completionMessages(decided.chosen)),
      fromValue(completionMessages(decided.rejected)),
    ];
    if (chosen.length !== 1 || rejected.length !== 1)
      return { leftOut: "an answer of several messages" };
    return {
      row: {
        conversations: fromValue(promptMessages(decided.prompt)),
        chosen: chosen[0],
        rejected: rejected[0],
      },
    };
  },
};

/** The system column, where it says something, and the turns. */
export function readTurns(row: Row, notes: Notes): Message[] {
  const system = column.optionalText(row, "system") ?? "";
  const turns = readMessages(row, "conversations", notes);
  return system === "" ? turns : [{ role: "system", content: system }, ...turns];
}

function asTurns(row: Row, name: string, notes: Notes): readonly Message[] {
  return completionMessages(readCompletion(row, name, notes));
}

const SPEAKERS: Readonly<Record<Message["role"], string>> = {
  system: "system",
  developer: "system",
  user: "human",
  assistant: "gpt",
  tool: "observation",
};

export function fromValue(
  messages: readonly Message[],
): { from: string; value: string; weight?: number }[] {
  return messages.map(({ role, content, tool_calls, weight }) => ({
    ...(tool_calls === undefined
      ? { from: SPEAKERS[role], value: content }
      : { from: "function_call", value: callTurnText(tool_calls) }),
    ...(weight === undefined ? {} : { weight }),
  }));
}

/** Prompt and last answer of a conversation whose last turn is the assistant's. */
export function lastAnswer(
  messages: readonly Message[],
): Pick<RecordOf<"demonstration">, "prompt" | "completion"> | undefined {
  const last = messages.at(-1);
  return last?.role === "assistant" && messages.length > 1
    ? { prompt: messages.slice(0, -1), completion: [last] }
    : undefined;
}
