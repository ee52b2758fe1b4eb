/** Rows of a data file, by its ending. */
import { AttuneError } from "../../core/errors.ts";
import { readCsv } from "./csv.ts";
import { readJson } from "./json.ts";
import { readJsonLines } from "./jsonl.ts";
import { readParquet } from "./parquet.ts";
import type { ReadLimits, Row } from "./row.ts";
import { READ_LIMITS } from "./row.ts";

const READERS: readonly {
  ending: RegExp;
  read: (file: string, limits: ReadLimits) => AsyncGenerator<Row>;
}[] = [
  { ending: /\.(jsonl|ndjson)(\.gz)?$/i, read: readJsonLines },
  { ending: /\.json(\.gz)?$/i, read: readJson },
  { ending: /\.(csv|tsv)(\.gz)?$/i, read: readCsv },
  { ending: /\.parquet$/i, read: readParquet },
];

export const DATA_ENDINGS = ".json, .jsonl, .ndjson, .csv, .tsv (also with .gz), .parquet";

export function isDataFile(name: string): boolean {
  return READERS.some(({ ending }) => ending.test(name));
}

/** @throws AttuneError `data` with file and row for anything that is wrong with the file */
export function readRows(file: string, limits: Partial<ReadLimits> = {}): AsyncGenerator<Row> {
  const reader = READERS.find(({ ending }) => ending.test(file));
  if (reader === undefined)
    throw new AttuneError("data", "this kind of file is not read", {
      file,
      expected: DATA_ENDINGS,
    });
  return reader.read(file, { ...READ_LIMITS, ...limits });
}
