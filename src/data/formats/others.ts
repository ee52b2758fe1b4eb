/** OpenAI's preference fine-tuning, ShareGPT (with LLaMA-Factory's pairs) and Alpaca. */
import type { Message } from "../../text/messages.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Row } from "../rows.ts";
import * as column from "./columns.ts";
import type { DataFormat } from "./format.ts";

/** Source: developers.openai.com, preference fine-tuning; the older spelling `*_completion` is read too. */
export const openaiPreference: DataFormat = {
  name: "openai-preference",
  columns: ["input", "preferred_output", "non_preferred_output", "preferred_completion", "non_preferred_completion"],
  metadata: [],
  detect: ({ columns }) => columns["input"] !== undefined && (columns["preferred_output"] !== undefined || columns["preferred_completion"] !== undefined),
  read(row: Row) {
    const suffix = row.columns["preferred_output"] === undefined ? "completion" : "output";
    const input = row.columns["input"] as { messages?: unknown } | null;
    if (!Array.isArray(input?.messages)) throw new AttuneError("data", "the column input has no messages", { ...row.place, expected: '{"messages": [...]}' });
    return {
      kind: "preference",
      prompt: input.messages.map((item) => column.message(item, "input", row.place)),
      chosen: column.messages(row, `preferred_${suffix}`),
      rejected: column.messages(row, `non_preferred_${suffix}`),
      p: 1,
      place: row.place,
    };
  },
};

/** Source: LLaMA-Factory data/README.md, sharegpt format; `system` becomes the first turn. */
export const shareGpt: DataFormat = {
  name: "sharegpt",
  columns: ["conversations", "chosen", "rejected", "system"],
  metadata: ["id", "tools", "source"],
  detect: ({ columns }) => Array.isArray(columns["conversations"]),
  read(row: Row) {
    const system = column.optionalText(row, "system");
    const turns: Message[] = [...(system ? [{ role: "system" as const, content: system }] : []), ...column.messages(row, "conversations")];
    if (row.columns["chosen"] === undefined) return { kind: "conversation", messages: turns, place: row.place };
    const answer = (name: string): Message[] => [column.textOrMessages(row, name)].flat().map((turn) => (typeof turn === "string" ? { role: "assistant", content: turn } : turn));
    return { kind: "preference", prompt: turns, chosen: answer("chosen"), rejected: answer("rejected"), p: 1, place: row.place };
  },
};

/** Source: tatsu-lab/stanford_alpaca; instruction and input become one user turn, joined by a line break. */
export const alpaca: DataFormat = {
  name: "alpaca",
  columns: ["instruction", "input", "output"],
  metadata: ["system", "history", "id"],
  detect: ({ columns }) => columns["instruction"] !== undefined && columns["output"] !== undefined,
  read(row: Row) {
    const request = [column.text(row, "instruction"), column.optionalText(row, "input")].filter((part) => part !== "").join("\n");
    return { kind: "demonstration", prompt: [{ role: "user", content: request }], completion: [{ role: "assistant", content: column.text(row, "output") }], place: row.place };
  },
};
