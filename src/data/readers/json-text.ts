/** Text of one JSON value to the value, with the column of a fault and a view of its surroundings. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { ExactJson } from "../../core/json.ts";
import { parseJsonExactly } from "../../core/json.ts";
import { findJsonFault, jsonShape } from "./json-fault.ts";
import type { ReadLimits, Row } from "./row.ts";
import { tooDeep, tooMany, tooWide, toRow } from "./row.ts";

/** Characters shown before a fault. */
const BEFORE = 40;

/** @param note is told of what is not kept as it is written. @throws AttuneError `data` */
export function parseJsonText(text: string, place: ErrorPlace, { limits, note }: { limits: ReadLimits; note: (what: string) => void }): unknown {
  // before parsing: a reviver would overflow the stack, and a million keys take seconds
  const { depth, keys, values } = jsonShape(text);
  if (depth > limits.depth) throw tooDeep(place, limits);
  if (keys > limits.keys) throw tooWide(place, limits.keys);
  if (values > limits.values) throw tooMany(place, limits);
  const { value, rounded, beyond } = parsed(text, place);
  if (beyond !== undefined) throw new AttuneError("data", "the row holds a number that is larger than any double", { ...place, got: preview(beyond), hint: "write it as a text" });
  if (rounded !== undefined) note(ROUNDED);
  return value;
}

/** A row's values are doubles, as everybody else's are; whole numbers are kept whatever their size. */
export const ROUNDED = "digits of fractions beyond a double's";

function parsed(text: string, place: ErrorPlace): ExactJson {
  try {
    return parseJsonExactly(text);
  } catch (cause) {
    throw jsonFault(text, place, cause);
  }
}

/** The row that a text is. @throws AttuneError `data` */
export function rowOf(text: string, place: ErrorPlace, limits: ReadLimits): Row {
  const notes: string[] = [];
  const row = toRow(parseJsonText(text, place, { limits, note: (what) => void notes.push(what) }), place, limits);
  return notes.length === 0 ? row : { ...row, notes };
}

const MEND = "mend the row, or leave it out";

function jsonFault(text: string, place: ErrorPlace, cause: unknown): AttuneError {
  const fault = findJsonFault(text);
  if (fault === undefined) return new AttuneError("data", "the row is not valid JSON", { ...place, got: preview(text), hint: MEND, cause });
  const { index, expected } = fault;
  const start = Math.max(0, index - BEFORE);
  const got = index >= text.length ? `the row ends after ${preview(text.slice(start), 2 * BEFORE)}` : `${preview(text.slice(index), BEFORE)}${index > 0 ? ` after ${preview(text.slice(start, index), 2 * BEFORE)}` : ""}`;
  return new AttuneError("data", `the row is not valid JSON: ${position(text, index)}`, { ...place, got, expected, hint: MEND, cause });
}

/** `column 7`, or `line 3, column 7` of a row of several lines. */
function position(text: string, index: number): string {
  const before = text.slice(0, index).split("\n");
  const column = before.at(-1)!.length + 1;
  return before.length === 1 && !text.trim().includes("\n") ? `column ${column}` : `line ${before.length} of the row, column ${column}`;
}
