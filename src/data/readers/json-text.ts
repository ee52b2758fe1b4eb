/** Text of one JSON value to the value, with the column of a fault and a view of its surroundings. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { findJsonFault, jsonDepth } from "./json-fault.ts";
import type { ReadLimits } from "./row.ts";
import { tooDeep } from "./row.ts";

/** Characters shown before a fault. */
const BEFORE = 40;

/** @throws AttuneError `data` */
export function parseJsonText(text: string, place: ErrorPlace, limits: ReadLimits): unknown {
  // before parsing: a reviver would overflow the stack
  if (jsonDepth(text) > limits.depth) throw tooDeep(place, limits);
  try {
    return parseJson(text);
  } catch (cause) {
    throw jsonFault(text, place, cause);
  }
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
