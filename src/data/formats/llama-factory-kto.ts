/**
 * LLaMA-Factory's KTO data: one judged answer a row. In its OpenAI form `messages` ends with the
 * answer and `label` judges it; in its ShareGPT and Alpaca forms `kto_tag` does.
 * Source: LLaMA-Factory data/README.md and data/dataset_info.json.
 */
import { AttuneError } from "../../core/errors.ts";
import type { Message } from "../../text/messages.ts";
import type { DataRecord, UnpairedRecord } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { readInstruction } from "./alpaca.ts";
import * as column from "./columns.ts";
import type { DataFormat, Notes } from "./format.ts";
import { extraOf, hasColumns } from "./format.ts";
import { readLabel } from "./labels.ts";
import {
  checkCompletion,
  completionMessages,
  plainMessages,
  promptMessages,
  readMessages,
} from "./messages.ts";
import { lastAnswer, readTurns } from "./sharegpt.ts";

export const llamaFactoryKto: DataFormat = {
  name: "llama-factory-kto",
  title: "LLaMA-Factory's KTO data: conversations with a label",
  shapes: [
    { kind: "unpaired", required: ["messages", "label"] },
    { kind: "unpaired", required: ["conversations", "kto_tag"], optional: ["system"] },
    { kind: "unpaired", required: ["conversations", "label"], optional: ["system"] },
    {
      kind: "unpaired",
      required: ["instruction", "output", "kto_tag"],
      optional: ["input", "system", "history"],
    },
  ],
  metadata: ["source"],
  detect: (row) =>
    hasColumns(row, "kto_tag") ||
    ((hasColumns(row, "messages") || hasColumns(row, "conversations")) && hasColumns(row, "label")),
  read(row, notes) {
    const label = readLabel(row, hasColumns(row, "kto_tag") ? "kto_tag" : "label");
    return compact({
      kind: "unpaired" as const,
      ...readAnswer(row, notes),
      label,
      extra: extraOf(row, llamaFactoryKto),
      place: row.place,
    }) as DataRecord;
  },
  writes: ["unpaired"],
  keeps: ["tools"],
  keepsParts: ["name", "tool_calls", "tool_call_id"],
  toolColumn: "text",
  write(record) {
    const { prompt, completion, label } = record as UnpairedRecord;
    const answer = completionMessages(completion);
    if (answer.length !== 1) return { leftOut: "an answer of several messages" };
    return {
      row: {
        messages: plainMessages(
          [...promptMessages(prompt), ...answer],
          ["name", "tool_calls", "tool_call_id"],
          "text",
        ),
        label,
      },
    };
  },
};

function readAnswer(
  row: Row,
  notes: Notes,
): { prompt: readonly Message[]; completion: readonly Message[] } {
  if (hasColumns(row, "instruction"))
    return {
      prompt: readInstruction(row),
      completion: [{ role: "assistant", content: column.text(row, "output") }],
    };
  const turns = hasColumns(row, "conversations")
    ? readTurns(row, notes)
    : readMessages(row, "messages", notes);
  const answer = lastAnswer(turns);
  if (answer !== undefined)
    checkCompletion(
      answer.completion,
      hasColumns(row, "conversations") ? "conversations" : "messages",
      row,
    );
  if (answer === undefined)
    throw new AttuneError("data", "the conversation does not end with an answer", {
      ...row.place,
      got: `a last turn of the ${turns.at(-1)!.role}`,
      expected: "a last turn of the assistant, after a prompt",
    });
  return answer as { prompt: readonly Message[]; completion: readonly Message[] };
}
