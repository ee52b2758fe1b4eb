/** A row as the readers give it, and what they put up with. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";

export interface Row {
  readonly columns: Readonly<Record<string, unknown>>;
  /**
   * `row` is the line in JSON Lines and CSV files, and the number of the element in JSON and
   * Parquet files; from 1.
   */
  readonly place: ErrorPlace;
  /** What of the row was not kept as it is written. */
  readonly notes?: readonly string[];
  /** A key that an object of the row gives twice: which value is meant, nobody can say. */
  readonly twice?: string;
}

/** Bounds that no honest file meets; a file beyond one is refused with the bound named. */
export interface ReadLimits {
  /** Bytes of one row. */
  readonly rowBytes: number;
  /** Lists and objects inside one another. */
  readonly depth: number;
  /** Columns of a CSV or Parquet file, keys of a row. */
  readonly columns: number;
  /** Keys of one object inside a row. */
  readonly keys: number;
  /**
   * Values of a row, over all lists and objects: a million small ones take a hundred times their
   * bytes.
   */
  readonly values: number;
  /** Bytes of one file after decompression. */
  readonly fileBytes: number;
  /**
   * Bytes that one byte of a gzip file may unpack to: text comes to about 5, rows that repeat one
   * another to 100.
   */
  readonly expansion: number;
}

export const READ_LIMITS: ReadLimits = {
  rowBytes: 16 * 2 ** 20,
  depth: 64,
  columns: 1024,
  keys: 2 ** 16,
  values: 2 ** 19,
  fileBytes: 16 * 2 ** 30,
  expansion: 300,
};

/** Checks that a value read from JSON is a row. */
export function toRow(value: unknown, place: ErrorPlace, limits: ReadLimits): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AttuneError("data", "a row must be a JSON object", {
      ...place,
      got: preview(value),
      expected: '{"prompt": ..., ...}',
    });
  }
  const count = Object.keys(value).length;
  if (count > limits.columns) throw tooWide(place, limits.columns);
  return { columns: value as Record<string, unknown>, place };
}

export function tooWide(place: ErrorPlace, most: number): AttuneError {
  return new AttuneError("data", "the row has too many columns", {
    ...place,
    expected: `at most ${most}`,
  });
}

export function tooLong(place: ErrorPlace, limits: ReadLimits): AttuneError {
  return new AttuneError("data", "the row is too long", {
    ...place,
    expected: `at most ${limits.rowBytes} bytes in a row`,
    hint: "is there a line break missing between rows, or a quote that never closes?",
  });
}

export function tooMany(place: ErrorPlace, limits: ReadLimits): AttuneError {
  return new AttuneError("data", "the row holds too many values", {
    ...place,
    expected: `at most ${limits.values} in all of its lists and objects`,
  });
}

export function tooDeep(place: ErrorPlace, limits: ReadLimits): AttuneError {
  return new AttuneError("data", "the row has too many lists and objects inside one another", {
    ...place,
    expected: `at most ${limits.depth}`,
  });
}
