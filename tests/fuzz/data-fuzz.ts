/**
 * Hostile tables: what a spreadsheet, a script or an attacker may put into a CSV file, in all
 * sizes. File number `i` of a seed is always the same, so a failure can be run again alone.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Random } from "../../src/core/random.ts";
import { loadDataset } from "../../src/data/dataset.ts";

export interface HostileTable {
  /** With its ending. */
  readonly name: string;
  /** How it was made. */
  readonly origin: string;
  readonly bytes: Uint8Array;
}

type Build = (random: Random, size: number) => string | Buffer;

const pick = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)]!;
const repeat = (text: string, size: number): string =>
  text.repeat(Math.max(1, Math.floor(size / text.length)));
const HEADERS = [
  "prompt,completion",
  "prompt,chosen,rejected",
  "prompt,completion,label",
  "messages",
  "instruction,input,output",
  "text",
  "id,prompt,completion,tools",
  "conversations,thumbs",
];
const ENDS = ["\n", "\r\n", "\r", "\n\r", "\u2028", "\u0085", "\v"];
const CELLS = [
  "a",
  "",
  " ",
  '"',
  '""',
  '"a""b"',
  '"a\nb"',
  "'",
  "=1+1",
  "true",
  "null",
  "NaN",
  "1e999",
  "9007199254740993",
  "é",
  "\u0000",
  "\ufeff",
  "\u202e",
  "[",
  "{",
  '"[{""role"":""user""}]"',
  '"{""a"":1}"',
  "👍",
  "\t",
  ";",
  "\\",
  '\\"',
];

const listed = (count: number, make: (index: number) => string): string[] =>
  Array.from({ length: Math.ceil(count) }, (_, index) => make(index));

function rows(random: Random, size: number, end: string): string {
  let text = "";
  while (text.length < size) {
    const cells = listed(1 + random.integer(4), () => pick(random, CELLS));
    text += cells.join(pick(random, [",", ",", ",", "\t", ";"])) + end;
  }
  return text;
}

const BUILDERS: Readonly<Record<string, Build>> = {
  "a header of many columns": (random, size) =>
    listed(size / 8, (i) => `c${i}`).join(",") + pick(random, ENDS),
  "a header of empty columns": (_random, size) => ",".repeat(size),
  "columns of one name": (random, size) =>
    `${repeat(pick(random, ["a,", "prompt,", "__proto__,", "constructor,"]), size)}b\n`,
  "a name without end": (random, size) =>
    `${repeat(pick(random, ["prompt", "x", "\u0301", "é"]), size)},b\n1,2\n`,
  "a row of many cells": (random, size) =>
    `${pick(random, HEADERS)}\n${repeat(pick(random, ["x,", ",", '"",', '"a\n",']), size)}\n`,
  "a cell without end": (random, size) =>
    `${pick(random, HEADERS)}\n"${repeat(pick(random, ["x", "\n", '""', "é", ","]), size)}`,
  "a quote in every cell": (random, size) =>
    `${pick(random, HEADERS)}\n${repeat(pick(random, ['"', 'a"', '"a"b', '" "']), size)}`,
  "empty lines": (random, size) => `${pick(random, HEADERS)}\n${repeat(pick(random, ENDS), size)}`,
  "lines that end in many ways": (random, size) =>
    `${pick(random, HEADERS)}${pick(random, ENDS)}${rows(random, size, pick(random, ENDS))}`,
  "short rows": (random, size) =>
    `${pick(random, HEADERS)}\n${repeat(`${pick(random, CELLS)},${pick(random, CELLS)}\n`, size)}`,
  "JSON without end": (random, size) =>
    `messages\n"${repeat(pick(random, ["[", '{""a"":', '[{""role"":""user"",', "[[],"]), size)}"\n`,
  "JSON of many keys": (_random, size) =>
    `messages\n"{${listed(size / 14, (i) => `""k${i}"":1`).join(",")}}"\n`,
  "JSON of long numbers": (random, size) => {
    const digits = pick(random, ["1", "9", "-1", "1e", "0.1"]);
    return `extra,prompt,completion\n"{""n"":${repeat(digits, size)}}",a,b\n`;
  },
  "JSON of backslashes": (random, size) => {
    const escape = pick(random, ["\\\\", '\\""', "\\u00", "\\"]);
    return `messages\n"[{""role"":""user"",""content"":""${repeat(escape, size)}""}]"\n`;
  },
  "tools of many": (_random, size) =>
    `prompt,completion,tools\na,b,"[${repeat('{""name"":""f""},', size)}{}]"\n`,
  "rows in order, with an oddity": (random, size) =>
    `prompt,completion\n${repeat('"a, b",c\n', size)}${pick(random, CELLS)},x\n`,
  "labels of all sorts": (random, size) => {
    const label = (): string => pick(random, ["up", "down", "1", "0", "", "?", "👍"]);
    const labelled = listed(size / 12, (i) => `p${i},a,${label()}`);
    return `prompt,completion,thumbs\n${labelled.join("\n")}\n`;
  },
  "bytes of any kind": (random, size) =>
    Buffer.from(Array.from({ length: Math.min(size, 65536) }, () => random.integer(256))),
  "UTF-16": (random, size) =>
    Buffer.from(
      `\ufeff${pick(random, HEADERS)}\n${rows(random, Math.min(size, 65536), "\n")}`,
      "utf16le",
    ),
  "Latin-1": (random, size) =>
    Buffer.from(`${pick(random, HEADERS)}\n${repeat("é,ü\n", size)}`, "latin1"),
};
const ORIGINS = Object.keys(BUILDERS);
/**
 * Kinds that may hold millions of small rows, all of which are read and kept: more of them would
 * measure nothing but that.
 */
const MANY_ROWS: ReadonlySet<string> = new Set([
  "rows in order, with an oddity",
  "short rows",
  "labels of all sorts",
  "lines that end in many ways",
]);
const MOST_ROWS_BYTES = 2 ** 20;
/** Most bytes of a file, by how often such a size comes. */
const SIZES = [64, 1024, 16_384, 262_144];

/** @param largest most bytes of a file */
export function hostileTable(seed: number, index: number, largest: number): HostileTable {
  const random = Random.for(seed, "table", index);
  const origin = ORIGINS[index % ORIGINS.length]!;
  const most = MANY_ROWS.has(origin) ? Math.min(largest, MOST_ROWS_BYTES) : largest;
  const size =
    random.integer(12) === 0 ? most : Math.min(most, SIZES[random.integer(SIZES.length)]!);
  let bytes: Uint8Array = Buffer.from(BUILDERS[origin]!(random, 1 + random.integer(size)));
  const change = random.integer(4);
  if (change === 0) bytes = damaged(random, bytes);
  const ending = pick(random, [".csv", ".csv", ".csv", ".tsv"]);
  if (change !== 1) return { name: `table${ending}`, origin, bytes };
  const packed = gzipSync(bytes);
  return {
    name: `table${ending}.gz`,
    origin: `${origin}, packed`,
    bytes: random.integer(3) === 0 ? packed.subarray(0, random.integer(packed.length)) : packed,
  };
}

/** Bytes cut out, put in or changed in a few places. */
function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  let result = bytes;
  for (let times = 1 + random.integer(4); times > 0; times--) {
    const at = random.integer(result.length + 1);
    const piece = Buffer.from(pick(random, [...CELLS, "\n", "\r", ",", '"']));
    result = Buffer.concat([
      result.subarray(0, at),
      piece,
      result.subarray(at + random.integer(8)),
    ]);
  }
  return result;
}

/** Reads a table as every command does; throws what reading throws. */
export async function readTable({ name, bytes }: HostileTable, folder: string): Promise<number> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return (await loadDataset(path, { onBad: "drop" })).records.length;
}
