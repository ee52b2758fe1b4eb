/** Rows of evaluation files, with columns by any of the names that people give them. */
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { readRows } from "../../data/readers/read-rows.ts";
import type { Row } from "../../data/readers/row.ts";

/** All rows of a file, or only the first. @throws AttuneError `data` where it holds none */
export async function readEvaluationRows(
  file: string,
  { limit = 0, signal }: { limit?: number; signal?: AbortSignal | undefined } = {},
): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(file)) {
    signal?.throwIfAborted();
    rows.push(row);
    if (limit > 0 && rows.length === limit) break;
  }
  if (rows.length === 0) throw new AttuneError("data", "the file holds no rows", { file });
  return rows;
}

/** The first of several columns that a row has; null counts as missing. */
export function columnOf(row: Row, names: readonly string[]): unknown {
  for (const name of names) {
    const found = row.columns[name];
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

export const hasColumn = (row: Row, names: readonly string[]): boolean =>
  columnOf(row, names) !== undefined;

/** A text that is not empty; numbers and truth values as they are written. */
export function textOf(row: Row, names: readonly string[]): string | undefined {
  const found = columnOf(row, names);
  if (typeof found === "number" || typeof found === "boolean") return String(found);
  return typeof found === "string" && found.trim() !== "" ? found : undefined;
}

/** A list of texts; a JSON list in a cell of CSV is one, and a text alone is a list of one. */
export function textsOf(row: Row, names: readonly string[]): string[] | undefined {
  const found = parsed(columnOf(row, names));
  const list = Array.isArray(found) ? found : found === undefined ? [] : [found];
  const texts = list
    .filter((each) => ["string", "number", "boolean"].includes(typeof each))
    .map(String)
    .filter((text) => text.trim() !== "");
  return texts.length > 0 ? texts : undefined;
}

/** A value that may be written as JSON in a cell. */
export function parsed(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

/** The file is of another kind than the measure reads. */
export function unreadable(rows: readonly Row[], expected: string): AttuneError {
  const [row] = rows;
  const names = Object.keys(row?.columns ?? {});
  const near = names
    .map((name) => nearest(name, ["question", "prompt", "answer", "choices", "final_label"]))
    .find((name) => name !== undefined && !names.includes(name));
  return new AttuneError("data", "the columns of this file are not those of an evaluation", {
    ...row?.place,
    got: preview(names.join(", "), 300),
    expected,
    ...(near === undefined ? {} : { hint: `is a column a misspelling of ${near}?` }),
  });
}
