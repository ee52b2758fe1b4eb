/**
 * OpenAI's fine-tuning files. Preference: `{input: {messages}, preferred_output, non_preferred_output}`; the older spelling
 * `preferred_completion` is read too, the newer one written. Supervised: `{messages}`, where a message's `weight` of 0 takes an
 * answer out of the loss, which attune cannot do: such rows are refused.
 * Source: OpenAI fine-tuning guides (preference fine-tuning, supervised fine-tuning) and API reference.
 */
import { AttuneError } from "../../core/errors.ts";
import type { PreferenceRecord, RecordOf } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { asObject, fault, value } from "./columns.ts";
import type { DataFormat } from "./format.ts";
import { asDecided, extraOf, has, TIE } from "./format.ts";
import { completionMessages, messagesOf, plainMessages, promptMessages, readCompletion, readMessages } from "./messages.ts";

export const openaiPreference: DataFormat = {
  name: "openai-preference",
  title: "OpenAI's preference fine-tuning",
  shapes: [
    { kind: "preference", required: ["input", "preferred_output", "non_preferred_output"] },
    { kind: "preference", required: ["input", "preferred_completion", "non_preferred_completion"] },
  ],
  metadata: [],
  detect: (row) => has(row, "input") && (has(row, "preferred_output") || has(row, "preferred_completion")),
  read(row, notes) {
    const suffix = has(row, "preferred_output") ? "output" : "completion";
    const input = asObject(value(row, "input"));
    if (input === undefined) throw fault(row, "input", "is no object", row.columns["input"], '{"messages": [...]}');
    const { messages, ...rest } = input;
    for (const [key, found] of Object.entries(rest)) {
      // the API's default, said aloud
      if (key === "parallel_tool_calls" || found === null || (Array.isArray(found) && found.length === 0)) continue;
      notes.note(`the key ${key} of input`);
    }
    return compact({
      kind: "preference" as const,
      prompt: messagesOf(messages, "input.messages", row, notes),
      chosen: readCompletion(row, `preferred_${suffix}`, notes),
      rejected: readCompletion(row, `non_preferred_${suffix}`, notes),
      p: 1,
      extra: extraOf(row, openaiPreference),
      place: row.place,
    }) as PreferenceRecord;
  },
  writes: ["preference"],
  keeps: [],
  write(record) {
    const decided = asDecided(record as PreferenceRecord);
    if (decided === undefined) return { leftOut: TIE };
    const [chosen, rejected] = [completionMessages(decided.chosen), completionMessages(decided.rejected)];
    if (chosen.length !== 1 || rejected.length !== 1) return { leftOut: "an answer of several messages" };
    return { row: { input: { messages: plainMessages(promptMessages(decided.prompt)) }, preferred_output: plainMessages(chosen), non_preferred_output: plainMessages(rejected) } };
  },
};

export const openaiChat: DataFormat = {
  name: "openai-chat",
  title: "OpenAI's supervised fine-tuning (also TRL's conversations)",
  shapes: [{ kind: "conversation", required: ["messages"] }],
  metadata: ["parallel_tool_calls", "functions"],
  // without these marks the row is TRL's, which is the same
  detect: (row) => has(row, "messages") && !has(row, "label") && (["parallel_tool_calls", "functions"].some((name) => has(row, name)) || hasWeights(row)),
  read(row, notes) {
    if (weights(row).some((weight) => weight === 0)) {
      throw new AttuneError("data", "a message has the weight 0, which is not supported", { ...row.place, expected: "answers that all count", hint: "cut the conversation after the last answer that counts, or use prompt and completion" });
    }
    return compact({ kind: "conversation" as const, messages: readMessages(row, "messages", notes), extra: extraOf(row, openaiChat), place: row.place }) as RecordOf<"conversation">;
  },
  writes: ["conversation"],
  keeps: [],
  write: (record) => ({ row: { messages: plainMessages((record as RecordOf<"conversation">).messages) } }),
};

function weights({ columns }: Row): unknown[] {
  const messages = columns["messages"];
  return Array.isArray(messages) ? messages.map((message) => asObject(message)?.["weight"]) : [];
}

function hasWeights(row: Row): boolean {
  return weights(row).some((weight) => weight !== undefined);
}
