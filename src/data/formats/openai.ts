/**
 * OpenAI's fine-tuning files. Preference:
 * `{input: {messages}, preferred_output, non_preferred_output}`; the older spelling
 * `preferred_completion` is read too, the newer one written. Supervised: `{messages, tools}`, where
 * a message's `weight` of 0 takes an answer out of the loss.
 * Source: OpenAI fine-tuning guides (preference fine-tuning, supervised fine-tuning) and API
 * reference.
 */
import type { Message } from "../../text/messages.ts";
import type { PreferenceRecord, RecordOf } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { asObject, fault, value } from "./columns.ts";
import type { DataFormat, MessagePart } from "./format.ts";
import { withBetterAsChosen, extraOf, hasColumns, TIE } from "./format.ts";
import { toolsOf } from "./inputs.ts";
import { isAbsent } from "./marks.ts";
import {
  completionMessages,
  messagesOf,
  plainMessages,
  promptMessages,
  readCompletion,
  readMessages,
} from "./messages.ts";

const OPENAI_PARTS = [
  "name",
  "tool_calls",
  "tool_call_id",
] as const satisfies readonly MessagePart[];

export const openaiPreference: DataFormat = {
  name: "openai-preference",
  title: "OpenAI's preference fine-tuning",
  shapes: [
    { kind: "preference", required: ["input", "preferred_output", "non_preferred_output"] },
    { kind: "preference", required: ["input", "preferred_completion", "non_preferred_completion"] },
  ],
  metadata: [],
  detect: (row) =>
    hasColumns(row, "input") &&
    (hasColumns(row, "preferred_output") || hasColumns(row, "preferred_completion")),
  read(row, notes) {
    const suffix = hasColumns(row, "preferred_output") ? "output" : "completion";
    const input = asObject(value(row, "input"));
    if (input === undefined)
      throw fault(row, "input", "is no object", row.columns["input"], '{"messages": [...]}');
    const { messages, tools, functions, parallel_tool_calls: parallel, ...rest } = input;
    for (const [key, found] of Object.entries(rest))
      if (!isAbsent(found)) notes.note(`the key ${key} of input`);
    const aside = {
      ...extraOf(row, openaiPreference),
      ...(isAbsent(parallel) ? {} : { parallel_tool_calls: parallel }),
    };
    return compact({
      kind: "preference" as const,
      prompt: messagesOf(messages, "input.messages", row, notes),
      chosen: readCompletion(row, `preferred_${suffix}`, notes),
      rejected: readCompletion(row, `non_preferred_${suffix}`, notes),
      p: 1,
      tools: toolsOf({ tools, functions }, "input.", row),
      extra: Object.keys(aside).length === 0 ? undefined : aside,
      place: row.place,
    }) as PreferenceRecord;
  },
  writes: ["preference"],
  keeps: ["tools"],
  keepsExtra: ["parallel_tool_calls"],
  keepsParts: OPENAI_PARTS,
  write(record) {
    const decided = withBetterAsChosen(record as PreferenceRecord);
    if (decided === undefined) return { leftOut: TIE };
    const [chosen, rejected] = [
      completionMessages(decided.chosen),
      completionMessages(decided.rejected),
    ];
    if (chosen.length !== 1 || rejected.length !== 1)
      return { leftOut: "an answer of several messages" };
    const plain = (turns: readonly Message[]): Message[] =>
      plainMessages(turns, OPENAI_PARTS, "text");
    const input = compact({
      messages: plain(promptMessages(decided.prompt)),
      tools: decided.tools,
      parallel_tool_calls: decided.extra?.["parallel_tool_calls"],
    });
    return {
      row: { input, preferred_output: plain(chosen), non_preferred_output: plain(rejected) },
    };
  },
};

export const openaiChat: DataFormat = {
  name: "openai-chat",
  title: "OpenAI's supervised fine-tuning (also TRL's conversations)",
  shapes: [{ kind: "conversation", required: ["messages"] }],
  metadata: ["parallel_tool_calls"],
  // without these marks the row is TRL's, which is the same
  detect: (row) =>
    hasColumns(row, "messages") &&
    !hasColumns(row, "label") &&
    (["parallel_tool_calls", "functions"].some((name) => hasColumns(row, name)) || hasWeights(row)),
  read: (row, notes) =>
    compact({
      kind: "conversation" as const,
      messages: readMessages(row, "messages", notes),
      extra: extraOf(row, openaiChat),
      place: row.place,
    }) as RecordOf<"conversation">,
  writes: ["conversation"],
  keeps: ["tools"],
  keepsExtra: ["parallel_tool_calls"],
  keepsParts: [...OPENAI_PARTS, "weight"],
  toolColumn: "list",
  write: ({ extra, ...record }) => ({
    row: compact({
      messages: plainMessages(
        (record as RecordOf<"conversation">).messages,
        [...OPENAI_PARTS, "weight"],
        "text",
      ),
      parallel_tool_calls: extra?.["parallel_tool_calls"],
    }),
  }),
};

function weights({ columns }: Row): unknown[] {
  const messages = columns["messages"];
  return Array.isArray(messages) ? messages.map((message) => asObject(message)?.["weight"]) : [];
}

function hasWeights(row: Row): boolean {
  return weights(row).some((weight) => weight !== undefined);
}
