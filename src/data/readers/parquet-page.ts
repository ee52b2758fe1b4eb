/**
 * Looks into one page of a Parquet file: no run may be longer than the page has values, no level
 * may be higher than the schema has, no text may be built of more than there is. hyparquet repeats
 * a value as often as a run says, so one run of five bytes would fill the memory.
 *
 * Source: apache/parquet-format, Encodings.md.
 */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { decompress } from "./parquet-codecs.ts";
import { ParquetFault } from "./parquet-fault.ts";

export interface Levels {
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}

export interface Page {
  /** The bytes as they lie in the file. */
  readonly packed: Uint8Array;
  /** Bytes once decompressed, levels included. */
  readonly size: number;
  readonly values: number;
  /** Number in the enum Encoding. */
  readonly encoding: number;
  /** Number in the enum CompressionCodec. */
  readonly codec: number;
  readonly isBoolean: boolean;
  /** Of a second-version page: its levels, which lie before the compressed part. */
  readonly second?: {
    readonly nulls: number;
    readonly repetitionBytes: number;
    readonly definitionBytes: number;
    readonly compressed: boolean;
  };
}

const [PLAIN_DICTIONARY, RLE, DELTA_BYTE_ARRAY, RLE_DICTIONARY] = [2, 3, 7, 8];
/** Bytes of all texts of a page together. */
const MAX_TEXT = 256 * 2 ** 20;

/** @throws ParquetFault */
export function checkPageValues(page: Page, levels: Levels): void {
  const { second, values } = page;
  if (second === undefined) {
    const bytes = unpack(page, page.packed, page.size);
    const afterRepetition =
      levels.maxRepetition === 0
        ? 0
        : checkLevelsWithLength(bytes, 0, levels.maxRepetition, values).end;
    const definition =
      levels.maxDefinition === 0
        ? { end: afterRepetition, full: values }
        : checkLevelsWithLength(bytes, afterRepetition, levels.maxDefinition, values);
    checkValues(bytes.subarray(definition.end), definition.full, page);
    return;
  }
  const { repetitionBytes, definitionBytes, nulls, compressed } = second;
  const levelBytes = repetitionBytes + definitionBytes;
  if (levels.maxRepetition > 0)
    checkLevels(page.packed, { start: 0, end: repetitionBytes }, levels.maxRepetition, values);
  if (levels.maxDefinition > 0)
    checkLevels(
      page.packed,
      { start: repetitionBytes, end: levelBytes },
      levels.maxDefinition,
      values,
    );
  const rest = page.packed.subarray(levelBytes);
  checkValues(compressed ? unpack(page, rest, page.size - levelBytes) : rest, values - nulls, page);
}

function unpack({ codec }: Page, packed: Uint8Array, size: number): Uint8Array {
  const bytes = decompress(codec, packed, size);
  if (bytes === undefined)
    throw new ParquetFault("it is compressed in a way that is not supported");
  if (bytes.length !== size) throw new ParquetFault("a page has another size than it claims");
  return bytes;
}

function checkValues(bytes: Uint8Array, count: number, { encoding, isBoolean }: Page): void {
  if (encoding === DELTA_BYTE_ARRAY) checkPrefixes(bytes, count);
  if (encoding !== PLAIN_DICTIONARY && encoding !== RLE && encoding !== RLE_DICTIONARY) return;
  if (count === 0) return;
  if (isBoolean) {
    const { start, end } = lengthPrefixed(bytes, 0);
    walkRuns(bytes, { start, end }, { width: 1, count });
    return;
  }
  const width = bytes[0] ?? 0;
  if (width > 32) throw new ParquetFault(`a dictionary has indices of ${width} bits`);
  if (width > 0) walkRuns(bytes, { start: 1, end: bytes.length }, { width, count });
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function lengthPrefixed(bytes: Uint8Array, offset: number): Range {
  if (offset + 4 > bytes.length) throw new ParquetFault("a page ends inside its levels");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
  if (length > bytes.length - offset - 4)
    throw new ParquetFault("the levels of a page reach beyond it");
  return { start: offset + 4, end: offset + 4 + length };
}

/** @returns where the levels end, and how many of them are the highest */
function checkLevelsWithLength(
  bytes: Uint8Array,
  offset: number,
  highest: number,
  count: number,
): { end: number; full: number } {
  const range = lengthPrefixed(bytes, offset);
  return { end: range.end, full: checkLevels(bytes, range, highest, count) };
}

function checkLevels(bytes: Uint8Array, range: Range, highest: number, count: number): number {
  let full = 0;
  walkRuns(bytes, range, {
    width: 32 - Math.clz32(highest),
    count,
    visit(level, times) {
      if (level > highest) throw new ParquetFault(`a level of ${level} is above ${highest}`);
      if (level === highest) full += times;
    },
  });
  return full;
}

interface Runs {
  /** Bits of a value. */
  readonly width: number;
  readonly count: number;
  readonly visit?: (value: number, times: number) => void;
}

/** Walks the hybrid of run-length encoded and bit-packed values. */
function walkRuns(bytes: Uint8Array, { start, end }: Range, { width, count, visit }: Runs): void {
  let offset = start;
  for (let seen = 0; seen < count;) {
    const header = readVarint(bytes, offset, end);
    offset = header.end;
    const isPacked = header.value % 2 === 1;
    const times = Math.floor(header.value / 2) * (isPacked ? 8 : 1);
    if (isPacked) {
      const taken = Math.min(times, count - seen);
      // the last group may leave out bytes that nobody reads
      if (Math.ceil((taken * width) / 8) > end - offset)
        throw new ParquetFault("a page ends inside its values");
      if (visit !== undefined) visitPacked(bytes.subarray(offset, end), taken, width, visit);
      offset += (times / 8) * width;
      seen += taken;
    } else {
      if (times > count - seen)
        throw new ParquetFault(`a run of ${times} values is longer than its page`);
      const valueBytes = Math.ceil(width / 8);
      if (valueBytes > end - offset) throw new ParquetFault("a page ends inside its values");
      let value = 0;
      for (let i = 0; i < valueBytes; i++) value += bytes[offset + i]! * 2 ** (8 * i);
      visit?.(value, times);
      offset += valueBytes;
      seen += times;
    }
  }
}

/** Levels are of a few bits each. */
function visitPacked(
  bytes: Uint8Array,
  count: number,
  width: number,
  visit: (value: number, times: number) => void,
): void {
  for (let index = 0, bit = 0; index < count; index++, bit += width) {
    const word = bytes[bit >> 3]! | ((bytes[(bit >> 3) + 1] ?? 0) << 8);
    visit((word >> (bit & 7)) & ((1 << width) - 1), 1);
  }
}

function readVarint(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    if (offset + i >= end) throw new ParquetFault("a page ends inside its values");
    const byte = bytes[offset + i]!;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: offset + i + 1 };
  }
  throw new ParquetFault("a run is too long");
}

/** Every text may share a beginning with the one before: that one must be as long. */
function checkPrefixes(bytes: Uint8Array, count: number): void {
  if (count === 0) return;
  const reader = {
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    offset: 0,
  };
  const [prefixes, suffixes] = [new Int32Array(count), new Int32Array(count)];
  deltaBinaryUnpack(reader, count, prefixes);
  deltaBinaryUnpack(reader, count, suffixes);
  let [before, total] = [0, 0];
  for (let index = 0; index < count; index++) {
    const [prefix, suffix] = [prefixes[index]!, suffixes[index]!];
    if (prefix < 0 || suffix < 0 || prefix > before)
      throw new ParquetFault("a text shares more than there is with the one before");
    before = prefix + suffix;
    total += before;
    if (total > MAX_TEXT) throw new ParquetFault("the texts of a page are too long");
  }
}
