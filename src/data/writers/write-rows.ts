/**
 * Rows into a file whose ending says how: JSON Lines, JSON, CSV, TSV (each also with .gz) or
 * Parquet.
 */
import { stringify } from "csv-stringify/sync";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { AttuneError } from "../../core/errors.ts";
import { stringifyExactly } from "../../core/json.ts";
import { writeAtomic } from "./atomic.ts";
import type { ColumnType } from "./parquet-schema.ts";
import { join, schemaOf, toColumn, typeOf } from "./parquet-schema.ts";
import type { Columns } from "./spool.ts";
import { spooled } from "./spool.ts";

type Encode = (rows: AsyncIterable<Columns>, path: string) => AsyncGenerator<string | Uint8Array>;

const WRITERS: readonly { ending: RegExp; encode: Encode }[] = [
  { ending: /\.(jsonl|ndjson)(\.gz)?$/i, encode: encodeJsonLines },
  { ending: /\.json(\.gz)?$/i, encode: encodeJson },
  { ending: /\.csv(\.gz)?$/i, encode: (rows, path) => encodeCsv(rows, path, ",") },
  { ending: /\.tsv(\.gz)?$/i, encode: (rows, path) => encodeCsv(rows, path, "\t") },
  { ending: /\.parquet$/i, encode: encodeParquet },
];

/** @throws AttuneError `usage` for an ending that is not written */
export function checkEnding(path: string): void {
  if (!WRITERS.some(({ ending }) => ending.test(path)))
    throw new AttuneError("usage", "this kind of file is not written", {
      file: path,
      expected: ".jsonl, .json, .csv, .tsv (also with .gz), .parquet",
    });
}

/** Writes the file whole or not at all. */
export async function writeRows(path: string, rows: AsyncIterable<Columns>): Promise<void> {
  checkEnding(path);
  const writer = WRITERS.find(({ ending }) => ending.test(path))!;
  await writeAtomic(path, writer.encode(rows, path));
}

async function* encodeJsonLines(rows: AsyncIterable<Columns>): AsyncGenerator<string> {
  for await (const row of rows) yield `${stringifyExactly(row)}\n`;
}

async function* encodeJson(rows: AsyncIterable<Columns>): AsyncGenerator<string> {
  let separator = "[\n";
  for await (const row of rows) {
    yield `${separator}${stringifyExactly(row)}`;
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]\n" : "\n]\n";
}

function encodeCsv(
  rows: AsyncIterable<Columns>,
  beside: string,
  delimiter: string,
): AsyncGenerator<string> {
  const names = new Set<string>();
  const record = (cells: readonly string[]): string =>
    stringify([cells], { delimiter, record_delimiter: "\n" });
  return spooled(rows, {
    beside,
    look: (row) => Object.keys(row).forEach((name) => names.add(name)),
    async *write(again) {
      yield record([...names]);
      for await (const row of again) yield record([...names].map((name) => cell(row[name])));
    },
  });
}

/** A value as a cell of a table. */
export function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? stringifyExactly(value) : String(value);
}

/** Rows of one row group: the guard of the reader allows many more, memory does not. */
const GROUP = 5000;

function encodeParquet(rows: AsyncIterable<Columns>, beside: string): AsyncGenerator<Uint8Array> {
  const types = new Map<string, ColumnType>();
  return spooled(rows, {
    beside,
    look(row) {
      for (const [name, value] of Object.entries(row))
        types.set(name, join(types.get(name) ?? { type: "nothing" }, typeOf(value)));
    },
    async *write(again) {
      const bytes = new ByteWriter();
      const schema = [
        { name: "root", num_children: types.size },
        ...[...types].flatMap(([name, type]) => schemaOf(name, type)),
      ];
      // the writer turns what it takes for JSON into doubles: it is given texts, whose type is told
      // at the end
      const json = schema.filter((element) => element.converted_type === "JSON");
      for (const element of json) element.converted_type = "UTF8";
      const writer = new ParquetWriter({ writer: bytes, schema, createdBy: "attune" });
      for await (const group of groupsOf(again)) {
        void writer.write({
          columnData: [...types].map(([name, type]) => ({
            name,
            data: group.map((row) => toColumn(row[name], type)),
          })),
          rowGroupSize: GROUP,
        });
        yield drain(bytes);
      }
      for (const element of json) element.converted_type = "JSON";
      void writer.finish();
      yield drain(bytes);
    },
  });
}

async function* groupsOf(rows: AsyncIterable<Columns>): AsyncGenerator<Columns[]> {
  let group: Columns[] = [];
  for await (const row of rows) {
    group.push(row);
    if (group.length < GROUP) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** Takes what was written so far; the writer goes on counting offsets. */
function drain(writer: ByteWriter): Uint8Array {
  const bytes = writer.getBytes().slice();
  writer.index = 0;
  return bytes;
}
