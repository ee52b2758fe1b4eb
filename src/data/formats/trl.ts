/** TRL's formats, standard and conversational. Source: trl/docs/source/dataset_formats.md. */
import { AttuneError } from "../../core/errors.ts";
import type { Message, Prompt } from "../../text/messages.ts";
import type { DataRecord } from "../records.ts";
import type { Row } from "../rows.ts";
import type { DataFormat } from "./format.ts";
import * as column from "./columns.ts";

const has = (row: Row, ...names: string[]): boolean => names.every((name) => row.columns[name] !== undefined && row.columns[name] !== null);

/** Longest common beginning of two conversations that leaves both an answer. */
function splitCommon(chosen: readonly Message[], rejected: readonly Message[]): number {
  let count = 0;
  const limit = Math.min(chosen.length, rejected.length) - 1;
  while (count < limit && chosen[count]!.role === rejected[count]!.role && chosen[count]!.content === rejected[count]!.content) count++;
  return count;
}

function pair(row: Row): Pick<Extract<DataRecord, { kind: "preference" }>, "prompt" | "chosen" | "rejected"> {
  const chosen = column.textOrMessages(row, "chosen");
  const rejected = column.textOrMessages(row, "rejected");
  if (typeof chosen === "string" || typeof rejected === "string") {
    if (has(row, "prompt")) return { prompt: column.textOrMessages(row, "prompt"), chosen, rejected };
    throw new AttuneError("data", "the pair has no prompt", { ...row.place, expected: "a column prompt, or conversations in chosen and rejected", hint: "if these are Anthropic transcripts they must start with \\n\\nHuman:" });
  }
  const common = splitCommon(chosen, rejected);
  // UltraFeedback repeats the prompt inside both conversations.
  if (!has(row, "prompt") || (common > 0 && chosen[0]!.role !== "assistant")) {
    if (common === 0) throw new AttuneError("data", "chosen and rejected have no turn in common", { ...row.place, expected: "conversations that share their prompt" });
    return { prompt: chosen.slice(0, common), chosen: chosen.slice(common), rejected: rejected.slice(common) };
  }
  return { prompt: column.textOrMessages(row, "prompt"), chosen, rejected };
}

function read(row: Row): DataRecord {
  const { place } = row;
  if (has(row, "chosen", "rejected")) {
    return {
      kind: "preference",
      ...pair(row),
      p: has(row, "p") ? column.number(row, "p", { min: 0, max: 1 }) : 1,
      ...(has(row, "margin") ? { margin: column.number(row, "margin") } : {}),
      place,
    };
  }
  if (has(row, "completion", "label")) return { kind: "unpaired", prompt: column.textOrMessages(row, "prompt"), completion: column.textOrMessages(row, "completion"), label: column.boolean(row, "label"), place };
  if (has(row, "messages", "label")) return unpairedConversation(row);
  if (has(row, "completion")) return { kind: "demonstration", prompt: column.textOrMessages(row, "prompt"), completion: column.textOrMessages(row, "completion"), place };
  if (has(row, "messages")) return { kind: "conversation", messages: column.messages(row, "messages"), place };
  if (has(row, "prompt")) return { kind: "prompt", prompt: column.textOrMessages(row, "prompt"), place };
  return { kind: "text", text: column.text(row, "text"), place };
}

/** LLaMA-Factory's KTO form: the last turn of the conversation is the answer that the label judges. */
function unpairedConversation(row: Row): DataRecord {
  const turns = column.messages(row, "messages");
  const prompt: Prompt = turns.slice(0, -1);
  return { kind: "unpaired", prompt, completion: turns.slice(-1), label: column.boolean(row, "label"), place: row.place };
}

export const trl: DataFormat = {
  name: "trl",
  columns: ["prompt", "chosen", "rejected", "completion", "messages", "text", "label", "margin", "p"],
  metadata: ["prompt_id", "score_chosen", "score_rejected", "source", "id", "system", "tools", "images", "annotator", "cluster"],
  detect: (row) =>
    (has(row, "chosen", "rejected") && (has(row, "prompt") || typeof row.columns["chosen"] !== "string")) ||
    has(row, "messages") ||
    (has(row, "prompt") && !has(row, "chosen")) ||
    (has(row, "text") && !has(row, "conversations")),
  read,
};
