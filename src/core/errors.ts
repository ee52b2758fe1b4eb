/**
 * The one error class of attune. Every error that a user can meet says what happened, what was got,
 * what was expected and what to try, with the file and row where there is one.
 */

/** Stable codes: programs may branch on them, and a test pins the list. */
export type ErrorCode =
  | "usage" // a flag or argument is wrong
  | "config" // a configuration key or value is wrong
  | "data" // a data file or row is wrong
  | "model" // a model folder or file is wrong or unsupported
  | "run" // a run folder is wrong, busy or cannot be resumed
  | "network" // something remote cannot be reached
  | "disk" // reading or writing failed
  | "numeric" // a NaN or an infinity appeared in weights, loss or gradients
  | "interrupted" // the user asked to stop
  | "threshold" // an evaluation fell short of what was asked of it
  | "runtime" // ONNX Runtime refused a graph or failed in it
  | "internal"; // a defect of attune itself

/**
 * Codes of mistakes that the user can mend; the command line exits with 2 for these and with 1 for
 * the others.
 */
const USER_CODES: ReadonlySet<ErrorCode> = new Set([
  "usage",
  "config",
  "data",
  "model",
  "run",
  "network",
]);

/** Where in the user's files the problem lies. `row` counts from 1, as editors do. */
export interface ErrorPlace {
  /** Path, as it was given. */
  file?: string;
  /** Line or row, from 1. */
  row?: number;
  /** The column's name. */
  column?: string;
}

/** What an error says besides what happened. */
export interface ErrorDetails extends ErrorPlace {
  /** What was found. */
  got?: string;
  /** What would have been right. */
  expected?: string;
  /** What the user can do about it. */
  hint?: string;
  /** The error that led to this one. */
  cause?: unknown;
}

/**
 * The one error that attune throws: `code` for programs, `message` with place, got, expected and
 * what to try for people.
 */
export class AttuneError extends Error {
  /** Which kind of mistake it is. */
  readonly code: ErrorCode;
  /** What happened, without place, got, expected and hint. */
  readonly what: string;
  /** Place, got, expected and hint, apart. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, whole: string, given: ErrorDetails = {}) {
    const what = clamped(whole, 1000);
    const details = { ...given };
    for (const part of ["got", "expected", "hint"] as const)
      if (details[part] !== undefined) details[part] = clamped(details[part], 3000);
    super(formatError(what, details), details.cause === undefined ? {} : { cause: details.cause });
    this.name = "AttuneError";
    this.code = code;
    this.what = what;
    this.details = details;
  }

  /** Exit status of the command line: 2 where the user can mend it, else 1. */
  get exitCode(): 1 | 2 {
    return USER_CODES.has(this.code) ? 2 : 1;
  }
}

/**
 * Words that come from a file may be of any length, and a message that repeats a file helps nobody.
 */
const clamped = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

/** `file:row` for messages; an empty string where nothing is known. */
export function formatPlace(place: ErrorPlace): string {
  const file = place.file ?? "";
  const row = place.row === undefined ? "" : file ? `:${place.row}` : `row ${place.row}`;
  const column = place.column === undefined ? "" : ` (${place.column})`;
  return `${file}${row}${column}`;
}

function formatError(what: string, details: ErrorDetails): string {
  const place = formatPlace(details);
  const lines = [place ? `${place}: ${what}` : what];
  if (details.got !== undefined) lines.push(`  got: ${details.got}`);
  if (details.expected !== undefined) lines.push(`  expected: ${details.expected}`);
  if (details.hint !== undefined) lines.push(`  try: ${details.hint}`);
  return lines.join("\n");
}

/** Throws an `internal` error when something that attune itself guarantees does not hold. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition)
    throw new AttuneError("internal", `internal: ${what}`, {
      hint: "please report this with the command that led here",
    });
}

/**
 * A short, quoted, single-line view of any value for error messages, whatever its size and depth.
 */
export function preview(value: unknown, length = 80): string {
  const text =
    JSON.stringify(beginningOf(value, { values: length, characters: length })) ?? String(value);
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** As much of a value as the budget allows: each value takes a character at least. */
function beginningOf(value: unknown, budget: { values: number; characters: number }): unknown {
  budget.values--;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return value.slice(0, budget.characters + 1);
  if (typeof value !== "object" || value === null) return value;
  if ("toJSON" in value && typeof value.toJSON === "function")
    return beginningOf(value.toJSON(), budget);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (let i = 0; i < value.length && budget.values >= 0; i++)
      items.push(beginningOf(value[i], budget));
    return items;
  }
  const entries: [string, unknown][] = [];
  for (const key in value) {
    if (budget.values < 0) break;
    if (Object.hasOwn(value, key))
      entries.push([
        key.slice(0, budget.characters + 1),
        beginningOf((value as Record<string, unknown>)[key], budget),
      ]);
  }
  return Object.fromEntries(entries);
}

/**
 * Longer words have no near candidate: the distance of two takes time in the product of their
 * lengths.
 */
const LONGEST_WORD = 100;

/**
 * The nearest of `candidates` to a mistyped `word`, for "did you mean" hints; undefined where
 * nothing is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length]!;
}
