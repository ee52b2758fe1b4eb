/**
 * Text of one JSON value to the value, with the column of a fault and a view of its surroundings.
 */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";
import type { ExactJson } from "../../core/json.ts";
import { parseJsonExactly } from "../../core/json.ts";
import { findJsonFault, jsonShape } from "./json-fault.ts";
import { doubledKey } from "./json-keys.ts";
import type { ReadLimits, Row } from "./row.ts";
import { tooDeep, tooMany, tooWide, toRow } from "./row.ts";

/** Characters shown before a fault. */
const BEFORE = 40;

export interface Parsing {
  readonly limits: ReadLimits;
  /** Is told of what is not kept as it is written. */
  readonly note: (what: string) => void;
  /** Is told of a key that one object gives twice, which makes the row a bad one. */
  readonly twice: (key: string) => void;
}

/** @throws AttuneError `data` */
export function parseJsonText(
  text: string,
  place: ErrorPlace,
  { limits, note, twice }: Parsing,
): unknown {
  // before parsing: a reviver would overflow the stack, and a million keys take seconds
  const { depth, keys, allKeys, values } = jsonShape(text);
  if (depth > limits.depth) throw tooDeep(place, limits);
  if (keys > limits.keys) throw tooWide(place, limits.keys);
  if (values > limits.values) throw tooMany(place, limits);
  const { value, rounded, beyond } = parsed(text, place);
  if (beyond !== undefined)
    throw new AttuneError("data", "the row holds a number that is larger than any double", {
      ...place,
      got: preview(beyond),
      hint: "write it as a text",
    });
  if (rounded !== undefined) note(ROUNDED);
  const doubled = doubledKey(text, value, allKeys);
  if (doubled !== undefined) twice(doubled);
  return value;
}

/**
 * A row's values are doubles, as everybody else's are; whole numbers are kept whatever their size.
 */
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
  const { parsing, met } = recordingParsing(limits);
  return { ...toRow(parseJsonText(text, place, parsing), place, limits), ...met() };
}

/** A row's parsing, and what it has met so far. */
export function recordingParsing(
  limits: ReadLimits,
  { notes: before = [], twice: doubled }: Pick<Row, "notes" | "twice"> = {},
): { parsing: Parsing; met: () => Pick<Row, "notes" | "twice"> } {
  const notes = [...before];
  let first = doubled;
  return {
    parsing: {
      limits,
      note: (what) => void notes.push(what),
      twice: (key) => void (first ??= key),
    },
    met: () => ({
      ...(notes.length === 0 ? {} : { notes }),
      ...(first === undefined ? {} : { twice: first }),
    }),
  };
}

const MEND = "mend the row, or leave it out";

function jsonFault(text: string, place: ErrorPlace, cause: unknown): AttuneError {
  const fault = findJsonFault(text);
  if (fault === undefined)
    return new AttuneError("data", "the row is not valid JSON", {
      ...place,
      got: preview(text),
      hint: MEND,
      cause,
    });
  const { index, expected } = fault;
  const start = Math.max(0, index - BEFORE);
  const got =
    index >= text.length
      ? `the row ends after ${preview(text.slice(start), 2 * BEFORE)}`
      : preview(text.slice(index), BEFORE) +
        (index > 0 ? ` after ${preview(text.slice(start, index), 2 * BEFORE)}` : "");
  return new AttuneError("data", `the row is not valid JSON: ${position(text, index)}`, {
    ...place,
    got,
    expected,
    hint: MEND,
    cause,
  });
}

/** `column 7`, or `line 3, column 7` of a row of several lines. */
function position(text: string, index: number): string {
  const before = text.slice(0, index).split("\n");
  const column = before.at(-1)!.length + 1;
  return before.length === 1 && !text.trim().includes("\n")
    ? `column ${column}`
    : `line ${before.length} of the row, column ${column}`;
}
