/** Reads rows from JSON and JSONL files, plain or gzipped, with the file and row of every fault. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AttuneError, preview } from "../core/errors.ts";
import type { ErrorPlace } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";

export interface Row {
  readonly columns: Readonly<Record<string, unknown>>;
  readonly place: ErrorPlace;
}

/** Expanded size above which a gzipped file is taken for an attack or a mistake. */
const MAX_BYTES = 4 * 2 ** 30;

export const DATA_FILE = /\.(jsonl|ndjson|json)(\.gz)?$/;

/** @throws AttuneError `data` with file and row */
export async function readRows(file: string): Promise<Row[]> {
  if (!DATA_FILE.test(file)) throw new AttuneError("data", "this kind of file is not read", { file, expected: ".json, .jsonl or .ndjson, also with .gz" });
  const bytes = await readBytes(file);
  return /\.json(\.gz)?$/.test(file) ? readArray(file, bytes) : readLines(file, bytes);
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(file);
    return file.endsWith(".gz") ? await promisify(gunzip)(bytes, { maxOutputLength: MAX_BYTES }) : bytes;
  } catch (cause) {
    throw new AttuneError("data", "cannot read the file", { file, got: cause instanceof Error ? cause.message : String(cause), cause });
  }
}

function decode(file: string, bytes: Uint8Array, row: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AttuneError("data", "the text is not valid UTF-8", { file, row, hint: "save the file as UTF-8", cause });
  }
}

function toRow(file: string, row: number, value: unknown): Row {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { columns: value as Record<string, unknown>, place: { file, row } };
  throw new AttuneError("data", "a row must be a JSON object", { file, row, got: preview(value), expected: '{"prompt": ..., ...}' });
}

function parse(file: string, row: number, text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AttuneError("data", "the row is not valid JSON", { file, row, got: `${preview(text, 60)} (${reason.slice(0, 100)})`, expected: "one JSON object per line", cause });
  }
}

function readLines(file: string, bytes: Uint8Array): Row[] {
  const rows: Row[] = [];
  let start = 0;
  for (let row = 1; start < bytes.length; row++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = decode(file, bytes.subarray(start, end), row).trim();
    if (line !== "") rows.push(toRow(file, row, parse(file, row, line)));
    start = end + 1;
  }
  return rows;
}

function readArray(file: string, bytes: Uint8Array): Row[] {
  const text = decode(file, bytes, 1);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    // Many files named .json hold one object per line.
    if (/^\s*\{/.test(text) && text.includes("\n")) return readLines(file, bytes);
    throw new AttuneError("data", "the file is not valid JSON", { file, got: cause instanceof Error ? cause.message.slice(0, 120) : String(cause), cause });
  }
  const list = Array.isArray(value) ? value : [value];
  return list.map((item, index) => toRow(file, index + 1, item));
}
