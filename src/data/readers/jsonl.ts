/**
 * Rows of JSON Lines: one object per line. Blank lines are passed over and counted, so that rows
 * are an editor's lines.
 */
import type { Row } from "./row.ts";
import type { ReadLimits } from "./row.ts";
import { tooLong } from "./row.ts";
import { readChunks } from "./bytes.ts";
import { rowOf } from "./json-text.ts";
import { decodeUtf8, withoutByteOrderMark } from "./utf8.ts";

export async function* readJsonLines(file: string, limits: ReadLimits): AsyncGenerator<Row> {
  for await (const { bytes, row } of readLines(file, limits)) {
    const place = { file, row };
    const text = decodeUtf8(bytes, place);
    if (text.trim() !== "") yield rowOf(text, place, limits);
  }
}

interface Line {
  readonly bytes: Buffer;
  /** Number of the row, from 1. */
  readonly row: number;
}

async function* readLines(file: string, limits: ReadLimits): AsyncGenerator<Line> {
  let row = 1;
  let parts: Buffer[] = [];
  let size = 0;
  const take = (last: Buffer): Line => {
    const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    [parts, size] = [[], 0];
    return { bytes: row === 1 ? withoutByteOrderMark(bytes) : bytes, row: row++ };
  };
  for await (const chunk of readChunks(file, limits)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      if (size + end - start > limits.rowBytes) throw tooLong({ file, row }, limits);
      // millions of empty lines are not worth a step of the generator each
      if (size === 0 && end === start) row++;
      else yield take(chunk.subarray(start, end));
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > limits.rowBytes) throw tooLong({ file, row }, limits);
  }
  if (size > 0) yield take(Buffer.alloc(0));
}
