/**
 * Alpaca's instructions: `instruction` and `input` are the user's turn, joined by a line break;
 * LLaMA-Factory adds `system`, `history` (earlier turns, question and answer) and pairs (`chosen`,
 * `rejected` instead of `output`).
 * Source: tatsu-lab/stanford_alpaca; LLaMA-Factory data/README.md.
 */
import type { Message } from "../../text/messages.ts";
import type { DataRecord, PreferenceRecord, RecordOf } from "../records.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat, WrittenRow } from "./format.ts";
import { withBetterAsChosen, extraOf, hasColumns, TIE } from "./format.ts";
import { completionMessages, promptMessages } from "./messages.ts";

const TURNS = ["input", "system", "history"] as const;

export const alpaca: DataFormat = {
  name: "alpaca",
  title: "Alpaca's instructions, also LLaMA-Factory's pairs",
  shapes: [
    { kind: "demonstration", required: ["instruction", "output"], optional: TURNS },
    { kind: "preference", required: ["instruction", "chosen", "rejected"], optional: TURNS },
  ],
  metadata: ["source"],
  derived: ["text"],
  detect: (row) =>
    hasColumns(row, "instruction") &&
    !hasColumns(row, "kto_tag") &&
    !hasColumns(row, "output_1") &&
    (hasColumns(row, "output") || hasColumns(row, "chosen")),
  read(row, notes) {
    // Stanford's files repeat the row as one text
    const { text, output } = row.columns;
    if (typeof text === "string" && typeof output === "string" && !text.includes(output.trim()))
      notes.note("the column text, which is not what output says");
    const common = { prompt: readInstruction(row), place: row.place };
    const extra = extraOf(row, alpaca);
    if (hasColumns(row, "chosen") || hasColumns(row, "rejected"))
      return compact({
        kind: "preference" as const,
        ...common,
        chosen: answer(row, "chosen"),
        rejected: answer(row, "rejected"),
        p: 1,
        extra,
      }) as DataRecord;
    return compact({
      kind: "demonstration" as const,
      ...common,
      completion: answer(row, "output"),
      extra,
    }) as DataRecord;
  },
  writes: ["demonstration", "preference"],
  keeps: [],
  loses: ["the difference between system and developer"],
  write(record) {
    const decided =
      record.kind === "preference"
        ? withBetterAsChosen(record)
        : (record as RecordOf<"demonstration">);
    return decided === undefined ? { leftOut: TIE } : writeInstruction(decided);
  },
};

export function readInstruction(row: Row): Message[] {
  const request = [column.text(row, "instruction"), column.optionalText(row, "input") ?? ""]
    .filter((part) => part !== "")
    .join("\n");
  const system = column.optionalText(row, "system") ?? "";
  return [
    ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
    ...readHistory(row),
    { role: "user", content: request },
  ];
}

function readHistory(row: Row): Message[] {
  if (!hasColumns(row, "history")) return [];
  return column.list(row, "history").flatMap((item): Message[] => {
    const [question, reply] = Array.isArray(item) ? (item as unknown[]) : [];
    if (typeof question !== "string" || typeof reply !== "string")
      throw column.fault(
        row,
        "history",
        "holds something that is no exchange",
        item,
        "[question, answer]",
      );
    return [
      { role: "user", content: question },
      { role: "assistant", content: reply },
    ];
  });
}

function answer(row: Row, name: string): Message[] {
  return [{ role: "assistant", content: column.text(row, name) }];
}

function writeInstruction(record: PreferenceRecord | RecordOf<"demonstration">): WrittenRow {
  const columns = instructionColumns(promptMessages(record.prompt));
  const answers =
    record.kind === "preference" ? [record.chosen, record.rejected] : [record.completion];
  const texts = answers.map(completionMessages);
  if (columns === undefined)
    return { leftOut: "turns that do not alternate between user and assistant" };
  if (texts.some((messages) => messages.length !== 1))
    return { leftOut: "an answer of several messages" };
  const [first, second] = texts.map((messages) => messages[0]!.content);
  return {
    row: {
      ...columns,
      ...(record.kind === "preference" ? { chosen: first, rejected: second } : { output: first }),
    },
  };
}

/** Undefined where the turns are not [system,] user, assistant, ..., user. */
export function instructionColumns(
  messages: readonly Message[],
): Record<string, unknown> | undefined {
  const hasSystem = messages[0]?.role === "system" || messages[0]?.role === "developer";
  const turns = hasSystem ? messages.slice(1) : messages;
  if (
    turns.length % 2 === 0 ||
    turns.some(({ role }, index) => role !== (index % 2 === 0 ? "user" : "assistant"))
  )
    return undefined;
  const history: string[][] = [];
  for (let index = 0; index + 1 < turns.length; index += 2)
    history.push([turns[index]!.content, turns[index + 1]!.content]);
  return {
    instruction: turns.at(-1)!.content,
    input: "",
    ...(hasSystem ? { system: messages[0]!.content } : {}),
    ...(history.length === 0 ? {} : { history }),
  };
}
