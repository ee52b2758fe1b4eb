/**
 * Label Studio's exports: JSON, a task with its annotations, and JSON_MIN, an annotation a row.
 * Names of fields and controls are the project's own (foreign-tools.ts).
 * Source: labelstud.io/guide/task_format; label_studio_sdk/converter for JSON_MIN
 * (scripts/golden/label_studio_export.py).
 */
import type { Row } from "../readers/row.ts";
import * as column from "./columns.ts";
import type { Answered } from "./foreign-tools.ts";
import { ANSWERS, foreignRecords, PROMPTS } from "./foreign-tools.ts";
import type { DataFormat, Notes } from "./format.ts";
import { BAD_ROWS } from "../bad-row.ts";

/** Columns of JSON_MIN that describe the annotation. */
const MIN_COLUMNS = ["annotation_id", "annotator", "lead_time", "created_at", "updated_at", "id"];

const isWhole = (row: Row): boolean =>
  column.asObject(row.columns["data"]) !== undefined && Array.isArray(row.columns["annotations"]);

/** A task that nobody has annotated has nulls there. */
const isLeast = ({ columns }: Row): boolean =>
  ["annotation_id", "annotator", "lead_time"].every((name) => name in columns);

export const labelStudio: DataFormat = {
  name: "label-studio",
  title: "Label Studio's export: JSON with annotations, or JSON_MIN",
  shapes: [{ kind: "preference", required: ["data", "annotations"], optional: ["predictions"] }],
  metadata: [],
  knowsAllColumns: true,
  leavesOut: [BAD_ROWS.noPrompt],
  detect: (row) => isWhole(row) || isLeast(row),
  read: (row, notes) => readLabelStudio(row, notes)[0]!,
  readAll: readLabelStudio,
  writes: [],
  keeps: [],
};

function readLabelStudio(row: Row, notes: Notes) {
  return isWhole(row) ? readTask(row, notes) : readAnnotation(row);
}

function readTask(row: Row, notes: Notes) {
  const { data, annotations, id, meta, project } = row.columns;
  const answered = (annotations as unknown[]).flatMap((each): Answered[] => {
    const {
      was_cancelled: cancelled,
      result,
      completed_by: by,
      ...rest
    } = column.asObject(each) ?? {};
    if (cancelled === true) {
      notes.note("annotations that were skipped");
      return [];
    }
    return [
      {
        annotator: nameOf(by),
        values: valuesIn(Array.isArray(result) ? result : []),
        ...(rest["ground_truth"] === true ? { extra: { ground_truth: true } } : {}),
      },
    ];
  });
  if (Array.isArray(row.columns["predictions"]) && row.columns["predictions"].length > 0)
    notes.note("predictions of models");
  return foreignRecords(
    {
      fields: column.asObject(data) ?? {},
      answered,
      extra: {
        ...column.asObject(meta),
        ...(id === undefined ? {} : { id }),
        ...(project === undefined ? {} : { project }),
      },
    },
    row,
    notes,
  );
}

/** Somebody's address, or his number. */
function nameOf(by: unknown): string {
  const { email, id } = column.asObject(by) ?? {};
  return String(email ?? id ?? by);
}

function valuesIn(result: readonly unknown[]): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const each of result) {
    const { from_name: name, value } = column.asObject(each) ?? {};
    const said = column.asObject(value);
    if (typeof name === "string" && said !== undefined) values.set(name, valueOf(said));
  }
  return values;
}

/** What a control says: one word, a number, or a list. */
function valueOf(said: Readonly<Record<string, unknown>>): unknown {
  for (const name of ["selected", "rating", "number"])
    if (said[name] !== undefined && said[name] !== null) return said[name];
  for (const name of ["choices", "text", "ranker"]) {
    const found = said[name];
    if (Array.isArray(found)) return found.length === 1 ? found[0] : found;
    if (found !== undefined && found !== null) {
      const lists = Object.values(column.asObject(found) ?? {});
      return lists.length === 1 ? lists[0] : found;
    }
  }
  return undefined;
}

/** JSON_MIN: fields and controls stand side by side. */
function readAnnotation(row: Row) {
  const { columns } = row;
  const fields: Record<string, unknown> = {};
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(columns)) {
    if (MIN_COLUMNS.includes(name) || value === null || value === undefined) continue;
    fields[name] = value;
    values.set(name, unwrapped(value));
  }
  return foreignRecords(
    {
      fields,
      answered:
        columns["annotator"] === null
          ? []
          : [{ annotator: nameOf(columns["annotator"]), values: withoutTexts(values) }],
      extra: columns["id"] === undefined ? {} : { id: columns["id"] },
    },
    row,
    // whatever is no judgement stays beside it
    { note: () => undefined },
  );
}

/** `[{"selected": "left"}]`, as the converter leaves what it does not know. */
function unwrapped(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 1) {
    const only = column.asObject(value[0]);
    if (only !== undefined) return valueOf(only) ?? value;
  }
  const said = column.asObject(value);
  return said === undefined ? value : (valueOf(said) ?? value);
}

const TEXTS = new RegExp(`^(${PROMPTS.join("|")})$|^(${ANSWERS.join("|")})`, "i");

/** Names of texts that are asked about are no questions. */
const withoutTexts = (values: ReadonlyMap<string, unknown>): Map<string, unknown> =>
  new Map([...values].filter(([name]) => !TEXTS.test(name)));
