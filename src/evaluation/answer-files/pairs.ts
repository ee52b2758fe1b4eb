/**
 * Pairs of answers with the models' names and a vote: Chatbot Arena's battles, AlpacaEval's
 * annotations, attune's own preferences with `models`. They hold both models' answers and what
 * somebody said of them.
 */
import { BadRow } from "../../data/bad-row.ts";
import { alpacaEval } from "../../data/formats/alpaca-eval.ts";
import { arena140k, arena33k } from "../../data/formats/arena.ts";
import { attune } from "../../data/formats/attune.ts";
import type { DataFormat } from "../../data/formats/format.ts";
import { hasColumns } from "../../data/formats/format.ts";
import { readRecord, refuseUnreadable } from "../../data/formats/index.ts";
import type { Row } from "../../data/readers/row.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { completionText } from "../../text/messages.ts";
import type { AnswerFormat, FileToRead, ReadFile } from "./format.ts";
import { Answers, nothingToRead } from "./format.ts";
import { noteOn } from "./attune.ts";

const pairsOf = (
  format: DataFormat,
  title: string,
  detect: (row: Row) => boolean = (row) => format.detect(row),
): AnswerFormat => ({
  name: format.name,
  title,
  needs: format.shapes[0]!.required.join(", "),
  detect,
  read: (file) => readPairs(format, file),
});

/** Source: docs of the formats in data/formats/. */
export const PAIR_FORMATS: readonly AnswerFormat[] = [
  pairsOf(alpacaEval, "AlpacaEval's annotations: two models' answers and a preference"),
  pairsOf(arena140k, "Arena battles with sessions: two models' answers and a vote"),
  pairsOf(arena33k, "Chatbot Arena battles: two models' answers and a vote"),
  pairsOf(attune, "attune's preferences with the models that wrote them", (row) =>
    hasColumns(row, "chosen", "rejected"),
  ),
];

/** Columns that are not looked at. */
const NONE: ReadonlySet<string> = new Set();

function readPairs(format: DataFormat, { file, rows, notes }: FileToRead): ReadFile {
  const answers = new Answers();
  const votes: PreferenceRecord[] = [];
  for (const row of rows) {
    try {
      refuseUnreadable(row, format, NONE);
      const record = readRecord(row, format, noteOn(notes, row));
      if (record.kind === "preference") votes.push(record);
      else
        notes.count(`left out: rows that are no pairs but of the kind ${record.kind}`, row.place);
    } catch (error) {
      if (!(error instanceof BadRow)) throw error;
      notes.count(`left out: ${error.message}`, error.place);
    }
  }
  for (const { prompt, chosen, rejected, models, cluster, extra, place } of votes) {
    if (models === undefined) continue;
    const more = {
      ...(cluster === undefined ? {} : { cluster }),
      ...(extra === undefined ? {} : { columns: extra }),
      place,
    };
    answers.addOnce(models.chosen, { prompt, text: completionText(chosen), ...more });
    answers.addOnce(models.rejected, { prompt, text: completionText(rejected), ...more });
  }
  if (votes.length === 0) nothingToRead(file, "the file holds no pair of answers");
  const nameless = votes.filter(({ models }) => models === undefined);
  for (const { place } of nameless)
    notes.count(
      "pairs that do not name their models: they are votes, and no model's answers",
      place,
    );
  return { answers: answers.byModel, votes, metrics: [] };
}
