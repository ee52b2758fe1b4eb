/** Rows of evaluation files, with columns by any of the names that people give them. */
import { basename } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { Random } from "../../core/random.ts";
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

/**
 * Rows in their order; so many of them, drawn at random, where there is a limit.
 * @param unitOf rows that are drawn together; each by itself where left out
 */
export function drawRows<T>(
  rows: readonly T[],
  { limit, seed, unitOf }: { limit: number; seed: number; unitOf?: (row: T) => string | undefined },
): readonly T[] {
  if (limit === 0 || rows.length <= limit) return rows;
  const units = new Map<string, number[]>();
  for (const [i, row] of rows.entries()) {
    const unit = unitOf?.(row) ?? `row ${i}`;
    units.set(unit, [...(units.get(unit) ?? []), i]);
  }
  const kept = new Set<number>();
  for (const unit of Random.for(seed, "rows").sample([...units.values()], units.size))
    if (kept.size + unit.length <= limit) for (const i of unit) kept.add(i);
  return rows.filter((_, i) => kept.has(i));
}

/** What a limit left of a file, for the warnings. */
export const drawnText = (name: string, drawn: number, all: number): string =>
  `${name}: ${drawn} of ${countOf(all, "row")}, drawn at random (--limit)`;

/**
 * What is said of things that stand there more than once and are not the same each time; undefined
 * where there is none.
 * @param agree whether two of one key say the same
 */
export function contradictionText<T>(
  items: readonly T[],
  {
    keyOf,
    agree,
    tell,
    thing,
  }: {
    keyOf: (item: T) => string;
    agree: (a: T, b: T) => boolean;
    tell: (item: T) => string;
    thing: string;
  },
): string | undefined {
  const first = new Map<string, T>();
  const against = new Map<string, T>();
  for (const item of items) {
    const key = keyOf(item);
    const known = first.get(key);
    if (known === undefined) first.set(key, item);
    else if (!against.has(key) && !agree(known, item)) against.set(key, item);
  }
  const [example] = against;
  if (!example) return undefined;
  const [key, item] = example;
  return (
    `${countOf(against.size, thing)} with rows that contradict each other, all of which count, such ` +
    `as ${preview(key)}: ${preview(tell(first.get(key)!))} and ${preview(tell(item))}`
  );
}

/** The file that a row stands in, without folders. */
export const fileOf = ({ place: { file } }: Row): string | undefined =>
  file === undefined ? undefined : basename(file);

/** ` They are those of a.csv (20) and b.jsonl (30).`, where there are several files. */
export function filesText(files: readonly (string | undefined)[]): string {
  const counts = new Map<string, number>();
  for (const file of files) if (file !== undefined) counts.set(file, (counts.get(file) ?? 0) + 1);
  if (counts.size < 2) return "";
  const names = [...counts].map(([name, count]) => `${name} (${count})`);
  return ` They are those of ${names.slice(0, -1).join(", ")} and ${names.at(-1)!}.`;
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
