/**
 * AlpacaEval's model outputs: `instruction`, `output` and the `generator` that wrote it.
 * Source: tatsu-lab/alpaca_eval README, "model_outputs".
 */
import { readInstruction } from "../../data/formats/alpaca.ts";
import * as column from "../../data/formats/columns.ts";
import { hasColumns } from "../../data/formats/format.ts";
import type { AnswerFormat, FileToRead } from "./format.ts";
import { Answers, otherColumns } from "./format.ts";

const READ = ["instruction", "input", "system", "history", "output", "generator"];
/** attune's own names of a model's answer. */
const ANSWERS_BESIDE = ["completion", "response", "generation"];

export const alpacaEvalOutputs: AnswerFormat = {
  name: "alpaca-eval outputs",
  title: "AlpacaEval's model outputs",
  needs: "instruction, output and generator",
  detect: (row) =>
    hasColumns(row, "instruction", "output") &&
    !hasColumns(row, "output_1") &&
    // output is the right one where a model's answer stands beside it
    (hasColumns(row, "generator") || !ANSWERS_BESIDE.some((name) => hasColumns(row, name))),
  read({ rows, name, notes }: FileToRead) {
    const answers = new Answers();
    for (const row of rows) {
      if (row.columns["output"] === null || row.columns["output"] === undefined) {
        notes.count("left out: rows without an answer", row.place);
        continue;
      }
      const columns = otherColumns(row, READ, notes);
      answers.add(column.optionalText(row, "generator") ?? name, {
        prompt: readInstruction(row),
        text: column.text(row, "output"),
        ...(columns ? { columns } : {}),
        place: row.place,
      });
    }
    return { answers: answers.byModel, votes: [], metrics: [] };
  },
};
