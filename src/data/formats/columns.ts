/**
 * Checked access to the columns of a row: every refusal names the column, what it holds and what it
 * should.
 */
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { parseJsonExactly } from "../../core/json.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import { doubledKey } from "../readers/json-keys.ts";
import type { Row } from "../readers/row.ts";

export function fault(
  { place }: Row,
  column: string,
  what: string,
  got: unknown,
  expected: string,
): AttuneError {
  return new AttuneError("data", `the column ${column} ${what}`, {
    ...place,
    got: preview(got),
    expected,
  });
}

/**
 * A column's JSON text.
 * @param notJson makes the error for a text that is none
 * @throws BadRow for a key that one object gives twice
 */
export function parsedColumn(text: string, { place }: Row, notJson: () => AttuneError): unknown {
  let parsed: unknown;
  try {
    parsed = parseJsonExactly(text).value;
  } catch {
    throw notJson();
  }
  const doubled = doubledKey(text, parsed);
  if (doubled !== undefined) throw new BadRow(BAD_ROWS.twice, place, preview(doubled));
  return parsed;
}

/** The value of a column that must be there. */
export function value(row: Row, column: string): unknown {
  const found = row.columns[column];
  if (found !== undefined && found !== null) return found;
  const names = Object.keys(row.columns);
  const near = nearest(column, names);
  throw new AttuneError("data", `the column ${column} is missing`, {
    ...row.place,
    got: names.length === 0 ? "no columns" : names.join(", "),
    ...(near === undefined ? {} : { hint: `is ${near} a misspelling of ${column}?` }),
  });
}

export function text(row: Row, column: string): string {
  const found = value(row, column);
  if (typeof found !== "string") throw fault(row, column, "is no text", found, "a text");
  return found;
}

/** Undefined where the column is absent. */
export function optionalText(row: Row, column: string): string | undefined {
  const found = row.columns[column];
  return found === undefined || found === null ? undefined : text(row, column);
}

export function number(
  row: Row,
  column: string,
  { min = -Infinity, max = Infinity }: { min?: number; max?: number } = {},
): number {
  const found = value(row, column);
  const bounded = Number.isFinite(min) && Number.isFinite(max);
  if (typeof found !== "number" || !Number.isFinite(found))
    throw fault(
      row,
      column,
      "is no number",
      found,
      bounded ? `a number from ${min} to ${max}` : "a number",
    );
  if (found < min || found > max)
    throw fault(row, column, "is out of range", found, `a number from ${min} to ${max}`);
  return found;
}

export function optionalNumber(
  row: Row,
  column: string,
  range: { min?: number; max?: number } = {},
): number | undefined {
  const found = row.columns[column];
  return found === undefined || found === null ? undefined : number(row, column, range);
}

export function oneOf<const T extends string>(row: Row, column: string, words: readonly T[]): T {
  const found = value(row, column);
  const word = words.find((candidate) => candidate === found);
  if (word === undefined)
    throw fault(row, column, "holds an unknown word", found, words.join(", "));
  return word;
}

export function list(row: Row, column: string): readonly unknown[] {
  const found = value(row, column);
  if (!Array.isArray(found)) throw fault(row, column, "is no list", found, "a list");
  return found as readonly unknown[];
}

/** An object, or undefined where the value is none. */
export function asObject(found: unknown): Record<string, unknown> | undefined {
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? (found as Record<string, unknown>)
    : undefined;
}
