/**
 * attune's own form: TRL's columns plus everything that a record carries, so that nothing is lost
 * on the way. Several answers to one prompt are one row: `prompt`,
 * `completions: [{completion, rank, score, model}]` and, where pairs were judged,
 * `comparisons: [{first, second, p}]`.
 */
import type { Completion } from "../../text/messages.ts";
import type { Comparison, DataRecord, RankedCompletion, RecordOf } from "../records.ts";
import { compact, SPLITS } from "../records.ts";
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { DataFormat, Notes, WrittenRow } from "./format.ts";
import { extraOf, hasColumns, MESSAGE_PARTS, PROVENANCE } from "./format.ts";
import {
  checkCompletion,
  completionMessages,
  messagesOf,
  plainMessages,
  promptMessages,
  readTextOrMessages,
} from "./messages.ts";
import { answerColumns, pairColumns, readTrl, shared, trl, writeTrl } from "./trl.ts";

const MARKS = [
  "p",
  "annotator",
  "side",
  "models",
  "cluster",
  "comparisons",
  "completions",
  "extra",
];

export const attune: DataFormat = {
  name: "attune",
  title: "attune's own form: TRL's columns with every judgement's probability and provenance",
  shapes: [
    {
      kind: "ranked",
      required: ["prompt", "completions"],
      optional: ["comparisons", "annotator", "cluster", "source", "split", "extra"],
    },
    ...trl.shapes.map((shape) => ({
      ...shape,
      optional: [...(shape.optional ?? []), "models", "split", "extra"],
    })),
  ],
  metadata: [],
  detect: (row) =>
    MARKS.some((name) => hasColumns(row, name)) &&
    (hasColumns(row, "completions") ? Array.isArray(row.columns["completions"]) : trl.detect(row)),
  read(row, notes) {
    const record = hasColumns(row, "completions") ? readRanked(row, notes) : readTrl(row, notes);
    return {
      ...record,
      ...shared(row, attune),
      ...compact({
        models: readModels(row),
        split: hasColumns(row, "split") ? column.oneOf(row, "split", SPLITS) : undefined,
        extra: readExtra(row),
      }),
    } as DataRecord;
  },
  writes: [...trl.writes, "ranked"],
  keeps: PROVENANCE,
  keepsParts: MESSAGE_PARTS,
  toolColumn: "list",
  write: writeAttune,
};

/** The column `extra`, and known metadata beside it. */
function readExtra(row: Row): Record<string, unknown> | undefined {
  if (!hasColumns(row, "extra")) return extraOf(row, attune);
  const extra = column.asObject(row.columns["extra"]);
  if (extra === undefined)
    throw column.fault(row, "extra", "is no object", row.columns["extra"], "names with values");
  return { ...extraOf(row, attune), ...extra };
}

function readModels(row: Row): { chosen: string; rejected: string } | undefined {
  if (!hasColumns(row, "models")) return undefined;
  const { chosen, rejected } = column.asObject(row.columns["models"]) ?? {};
  if (typeof chosen !== "string" || typeof rejected !== "string")
    throw column.fault(
      row,
      "models",
      "does not name two models",
      row.columns["models"],
      '{"chosen": text, "rejected": text}',
    );
  return { chosen, rejected };
}

function readRanked(row: Row, notes: Notes): RecordOf<"ranked"> {
  const completions = column
    .list(row, "completions")
    .map((item) => readRankedCompletion(item, row, notes));
  if (completions.length < 2)
    throw column.fault(
      row,
      "completions",
      "holds too few answers",
      row.columns["completions"],
      "two at least",
    );
  const comparisons = hasColumns(row, "comparisons")
    ? column.list(row, "comparisons").map((item) => readComparison(item, row, completions.length))
    : undefined;
  if (
    comparisons === undefined &&
    completions.some(({ rank, score }) => rank === undefined && score === undefined)
  ) {
    throw column.fault(
      row,
      "completions",
      "holds an answer without rank or score",
      row.columns["completions"],
      "a rank (1 is best) or a score for each, or a column comparisons",
    );
  }
  return compact({
    kind: "ranked" as const,
    prompt: readTextOrMessages(row, "prompt", notes),
    completions,
    comparisons,
    annotator: column.optionalText(row, "annotator"),
    place: row.place,
  }) as RecordOf<"ranked">;
}

function readRankedCompletion(item: unknown, row: Row, notes: Notes): RankedCompletion {
  const { completion, rank, score, model } = column.asObject(item) ?? {};
  const answer: Completion | undefined =
    typeof completion === "string"
      ? completion
      : completion === undefined || completion === null
        ? undefined
        : checkCompletion(messagesOf(completion, "completions", row, notes), "completions", row);
  const wrong = [rank, score].some(
    (value) => value !== undefined && value !== null && !Number.isFinite(value),
  );
  if (answer === undefined || wrong)
    throw column.fault(
      row,
      "completions",
      "holds something that is no answer",
      item,
      '{"completion": text or messages, "rank": number, "score": number, "model": text}',
    );
  return compact({
    completion: answer,
    rank: rank ?? undefined,
    score: score ?? undefined,
    model: typeof model === "string" ? model : undefined,
  }) as RankedCompletion;
}

function readComparison(item: unknown, row: Row, count: number): Comparison {
  const { first, second, p } = column.asObject(item) ?? {};
  const isIndex = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < count;
  if (
    !isIndex(first) ||
    !isIndex(second) ||
    first === second ||
    typeof p !== "number" ||
    !(p >= 0 && p <= 1)
  ) {
    throw column.fault(
      row,
      "comparisons",
      "holds something that is no comparison",
      item,
      `{"first": 0 to ${count - 1}, "second": another, "p": 0 to 1}`,
    );
  }
  return { first, second, p };
}

function writeAttune(record: DataRecord): WrittenRow {
  const { cluster, source, split, extra } = record;
  return { row: compact({ ...columnsOf(record), cluster, source, split, extra }) };
}

function columnsOf(record: DataRecord): Record<string, unknown> {
  switch (record.kind) {
    case "preference": {
      const { p, margin, annotator, side, models } = record;
      return compact({ ...pairColumns(record, MESSAGE_PARTS), p, margin, annotator, side, models });
    }
    case "unpaired":
      return compact({
        ...answerColumns(record, MESSAGE_PARTS),
        label: record.label,
        annotator: record.annotator,
      });
    case "ranked":
      return rankedColumns(record);
    default: {
      const written = writeTrl(record, MESSAGE_PARTS);
      return "row" in written ? { ...written.row } : {};
    }
  }
}

function rankedColumns({
  prompt,
  completions,
  comparisons,
  annotator,
}: RecordOf<"ranked">): Record<string, unknown> {
  const isText =
    typeof prompt === "string" &&
    completions.every(({ completion }) => typeof completion === "string");
  return compact({
    prompt: isText ? prompt : plainMessages(promptMessages(prompt), MESSAGE_PARTS),
    completions: completions.map((item) => ({
      ...item,
      completion: isText
        ? item.completion
        : plainMessages(completionMessages(item.completion), MESSAGE_PARTS),
    })),
    comparisons,
    annotator,
  });
}
