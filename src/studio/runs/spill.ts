/** The numbers of a run on the disk, as they lie in memory, for runs that nobody looks at. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { FILE_MODE } from "../../runs/files.ts";
import { parseJson } from "../../core/json.ts";
import { Column, Series } from "./series.ts";

export interface Numbers {
  series: Series;
  times: { steps: Column; tokens: Column; seconds: Column };
}

interface Header {
  points: number;
  /** Names and lengths of the columns, in their order. */
  columns: [name: string, length: number][];
}

const BYTES = Float64Array.BYTES_PER_ELEMENT;

export async function spill(file: string, { series, times }: Numbers): Promise<void> {
  const named: [string, Column][] = [
    ["steps", series.steps],
    ["ends", series.ends],
    ...Object.values(times).map((column): [string, Column] => ["time", column]),
    ...[...series.metrics].flatMap(([name, { lines, values }]): [string, Column][] => [
      [name, lines],
      [name, values],
    ]),
  ];
  const header: Header = {
    points: series.points,
    columns: named.map(([name, { length }]) => [name, length]),
  };
  const views = named.map(([, column]) => {
    const { buffer, byteOffset, byteLength } = column.view();
    return Buffer.from(buffer, byteOffset, byteLength);
  });
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(BYTES);
  size.writeUInt32LE(text.length);
  await writeFile(file, Buffer.concat([size, text, ...views]), { mode: FILE_MODE.private });
}

/** Reads it back, and takes the file away. */
export async function unspill(file: string): Promise<Numbers> {
  const bytes = await readFile(file);
  const text = bytes.readUInt32LE();
  const { points, columns } = parseJson(bytes.toString("utf8", BYTES, BYTES + text)) as Header;
  let offset = BYTES + text;
  const read = columns.map(([name, length]) => {
    const numbers = new Float64Array(length);
    bytes.copy(Buffer.from(numbers.buffer), 0, offset, offset + length * BYTES);
    offset += length * BYTES;
    return { name, column: Column.of(numbers) };
  });
  const [steps, ends, timeSteps, tokens, seconds, ...rest] = read.map(({ column }) => column);
  const series = new Series();
  series.steps = steps!;
  series.ends = ends!;
  series.points = points;
  for (let i = 0; i < rest.length; i += 2)
    series.metrics.set(read[i + 5]!.name, { lines: rest[i]!, values: rest[i + 1]! });
  await rm(file, { force: true });
  return { series, times: { steps: timeSteps!, tokens: tokens!, seconds: seconds! } };
}
