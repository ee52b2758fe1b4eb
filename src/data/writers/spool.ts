/**
 * Rows put aside in a hidden file, for formats whose beginning depends on all rows (a header, a
 * schema).
 */
import { rm } from "node:fs/promises";
import { stringifyExactly } from "../../core/json.ts";
import { readJsonLines } from "../readers/jsonl.ts";
import { READ_LIMITS } from "../readers/row.ts";
import { temporaryName, writeAll } from "./atomic.ts";

export type Columns = Readonly<Record<string, unknown>>;

/**
 * Takes all rows, then gives them again.
 * @param look sees each row as it is put aside
 */
export async function* spooled<T>(
  rows: AsyncIterable<Columns>,
  {
    beside,
    look,
    write,
  }: {
    beside: string;
    look: (row: Columns) => void;
    write: (rows: AsyncIterable<Columns>) => AsyncGenerator<T>;
  },
): AsyncGenerator<T> {
  const path = temporaryName(beside);
  try {
    await writeAll(path, lines(rows, look));
    yield* write(readBack(path));
  } finally {
    await rm(path, { force: true });
  }
}

async function* lines(
  rows: AsyncIterable<Columns>,
  look: (row: Columns) => void,
): AsyncGenerator<string> {
  for await (const row of rows) {
    look(row);
    yield `${stringifyExactly(row)}\n`;
  }
}

async function* readBack(path: string): AsyncGenerator<Columns> {
  // what was read within the limits may be longer as written: no limit here
  for await (const { columns } of readJsonLines(path, {
    ...READ_LIMITS,
    rowBytes: Infinity,
    columns: Infinity,
    keys: Infinity,
    values: Infinity,
    depth: Infinity,
  }))
    yield columns;
}
