/** A row as the readers give it, and what they put up with. */
import type { ErrorPlace } from "../../core/errors.ts";
import { AttuneError, preview } from "../../core/errors.ts";

export interface Row {
  readonly columns: Readonly<Record<string, unknown>>;
  /** `row` is the line in JSON Lines and CSV files, and the number of the element in JSON and Parquet files; from 1. */
  readonly place: ErrorPlace;
}

/** Bounds that no honest file meets; a file beyond one is refused with the bound named. */
export interface ReadLimits {
  /** Bytes of one row. */
  readonly rowBytes: number;
  /** Lists and objects inside one another. */
  readonly depth: number;
  /** Columns of a CSV or Parquet file, keys of a row. */
  readonly columns: number;
  /** Bytes of one file after decompression. */
  readonly fileBytes: number;
}

export const READ_LIMITS: ReadLimits = { rowBytes: 32 * 2 ** 20, depth: 64, columns: 1024, fileBytes: 16 * 2 ** 30 };

/** Checks that a value read from JSON is a row. */
export function toRow(value: unknown, place: ErrorPlace, limits: ReadLimits): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AttuneError("data", "a row must be a JSON object", { ...place, got: preview(value), expected: '{"prompt": ..., ...}' });
  }
  const count = Object.keys(value).length;
  if (count > limits.columns) throw new AttuneError("data", "the row has too many columns", { ...place, got: String(count), expected: `at most ${limits.columns}` });
  return { columns: value as Record<string, unknown>, place };
}

export function tooLong(place: ErrorPlace, limits: ReadLimits): AttuneError {
  return new AttuneError("data", "the row is too long", { ...place, expected: `at most ${limits.rowBytes} bytes in a row`, hint: "is there a line break missing between rows, or a quote that never closes?" });
}

export function tooDeep(place: ErrorPlace, limits: ReadLimits): AttuneError {
  return new AttuneError("data", "the row has too many lists and objects inside one another", { ...place, expected: `at most ${limits.depth}` });
}
