/**
 * AlpacaEval's annotations: two outputs and `preference` from 1 (the first is better) to 2 (the
 * second is), 1.5 for a draw; old files write a draw as 0. A judge's preference may be a
 * probability. AlpacaFarm's human pairs have the same columns.
 * Source: tatsu-lab/alpaca_eval README; AlpacaFarm data set card.
 */
import type { DataRecord, PreferenceRecord } from "../records.ts";
import { BAD_ROWS } from "../bad-row.ts";
import { compact } from "../records.ts";
import type { Row } from "../readers/row.ts";
import { instructionColumns, readInstruction } from "./alpaca.ts";
import * as column from "./columns.ts";
import type { DataFormat } from "./format.ts";
import { extraOf, hasColumns, swapped } from "./format.ts";
import { completionMessages, promptMessages } from "./messages.ts";

export const alpacaEval: DataFormat = {
  name: "alpaca-eval",
  title: "AlpacaEval's annotations, also AlpacaFarm's pairs",
  shapes: [
    {
      kind: "preference",
      required: ["instruction", "output_1", "output_2", "preference"],
      optional: ["input", "generator_1", "generator_2", "annotator"],
    },
  ],
  metadata: [
    "dataset",
    "datasplit",
    "annotator_index",
    "price_per_example",
    "time_per_example",
    "raw_completion",
    "sample_mode",
    "is_switched_outputs",
  ],
  // a judge that gave no verdict leaves null
  nullReasons: { preference: BAD_ROWS.noJudgement },
  detect: (row) => hasColumns(row, "instruction", "output_1", "output_2"),
  read(row) {
    const first = compact({
      kind: "preference" as const,
      prompt: readInstruction(row),
      chosen: [{ role: "assistant" as const, content: column.text(row, "output_1") }],
      rejected: [{ role: "assistant" as const, content: column.text(row, "output_2") }],
      p: readPreference(row),
      side: "first" as const,
      models: readModels(row),
      annotator: readAnnotator(row),
      extra: extraOf(row, alpacaEval),
      place: row.place,
    }) as PreferenceRecord;
    return first.p < 0.5 ? swapped(first) : first;
  },
  writes: ["preference"],
  keeps: ["p", "side", "models", "annotator"],
  write(record: DataRecord) {
    const { prompt, chosen, rejected, p, models, annotator } =
      (record as PreferenceRecord).side === "second"
        ? swapped(record as PreferenceRecord)
        : (record as PreferenceRecord);
    const columns = instructionColumns(promptMessages(prompt));
    if (
      columns === undefined ||
      columns["history"] !== undefined ||
      columns["system"] !== undefined
    )
      return { leftOut: "a prompt of several turns" };
    const [first, second] = [chosen, rejected].map(completionMessages);
    if (first!.length !== 1 || second!.length !== 1)
      return { leftOut: "an answer of several messages" };
    return {
      row: compact({
        instruction: columns["instruction"],
        output_1: first![0]!.content,
        generator_1: models?.chosen,
        output_2: second![0]!.content,
        generator_2: models?.rejected,
        annotator,
        preference: 2 - p,
      }),
    };
  },
};

/** Probability that the first output is preferred. */
function readPreference(row: Row): number {
  const value = column.number(row, "preference");
  if (value === 0) return 0.5;
  return 2 - column.number(row, "preference", { min: 1, max: 2 });
}

function readModels(row: Row): { chosen: string; rejected: string } | undefined {
  return hasColumns(row, "generator_1", "generator_2")
    ? { chosen: column.text(row, "generator_1"), rejected: column.text(row, "generator_2") }
    : undefined;
}

function readAnnotator(row: Row): string | undefined {
  const found = row.columns["annotator"];
  return typeof found === "number" ? String(found) : column.optionalText(row, "annotator");
}
