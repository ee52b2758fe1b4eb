/**
 * The header of a safetensors file:
 * `{"name": {"dtype", "shape", "data_offsets"}, ..., "__metadata__": {text: text}}`.
 * Source: huggingface/safetensors, README "Format" and the checks of its Rust reader
 * (`SafeTensors::read_metadata`, `Metadata::validate`).
 * Differences:
 * 1. a reader of this grammar alone instead of JSON.parse, which keeps the last of duplicate keys,
 *    and whose memory use a hostile header could choose;
 * 2. unknown keys inside a tensor are refused, the Rust reader skips them;
 * 3. the name `__proto__` is refused, so that names may be used as object keys.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { DTYPE_BITS, isDType, type SafetensorsDType } from "./dtypes.ts";

export interface SafetensorsEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  /** Has no prototype. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Bytes; the reference reader takes three times as much, and the largest models need a tenth of it.
 */
export const MAX_HEADER = 2 ** 25;
/**
 * Of one file: what a shard of the largest models has, many times over. Names and sizes take more
 * memory than they have bytes.
 */
const MOST_TENSORS = 2 ** 17;
const MOST_METADATA = 2 ** 16;
/** More than any tensor of any model has. */
const MAX_DIMENSIONS = 16;

export function brokenSafetensors(file: string, what: string, got?: string): AttuneError {
  return new AttuneError("model", `not a valid safetensors file: ${what}`, {
    file,
    ...(got === undefined ? {} : { got }),
    hint: "download or export the file again",
  });
}

/**
 * Length of the JSON header.
 * @param first the first eight bytes of the file, or fewer where it is shorter
 * @param size size of the file, bytes
 */
export function readHeaderLength(file: string, first: Uint8Array, size: number): number {
  if (first.length < 8) throw brokenSafetensors(file, `it has only ${size} bytes`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER))
    throw brokenSafetensors(
      file,
      "the header is longer than any model needs",
      `${length} bytes; at most ${MAX_HEADER}`,
    );
  if (Number(length) > size - 8)
    throw brokenSafetensors(
      file,
      "the header is longer than the file",
      `${length} bytes in a file of ${size}`,
    );
  return Number(length);
}

/**
 * Reads and checks a header: grammar, dtypes, sizes, and that the tensors fill the rest of the file
 * without holes or overlap.
 * @param header the JSON bytes, which begin at byte 8 of the file
 * @param size size of the file, bytes
 */
export function parseSafetensorsHeader(
  file: string,
  header: Uint8Array,
  size: number,
): SafetensorsHeader {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw new AttuneError("model", "not a valid safetensors file: the header is not UTF-8", {
      file,
      hint: "download or export the file again",
      cause,
    });
  }
  const parsed = new HeaderParser(file, text, 8 + header.length).parse();
  checkLayout(file, parsed.tensors, 8 + header.length, size);
  return parsed;
}

function checkLayout(
  file: string,
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  dataStart: number,
  size: number,
): void {
  let at = dataStart;
  for (const [name, { start, end }] of [...tensors].toSorted(
    ([, a], [, b]) => a.start - b.start || a.end - b.end,
  )) {
    if (start > at)
      throw brokenSafetensors(
        file,
        `there is a hole of ${start - at} bytes before tensor ${preview(name)}`,
      );
    if (start < at)
      throw brokenSafetensors(file, `tensor ${preview(name)} overlaps the one before it`);
    at = end;
  }
  if (at > size)
    throw brokenSafetensors(file, "it is cut off", `${size} bytes where the header promises ${at}`);
  if (at < size)
    throw brokenSafetensors(file, `${size - at} bytes after the last tensor belong to nothing`);
}

/** Recursive descent over the header's fixed grammar; the depth is that of the grammar. */
class HeaderParser {
  private at = 0;
  private readonly file: string;
  private readonly text: string;
  private readonly dataStart: number;

  constructor(file: string, text: string, dataStart: number) {
    this.file = file;
    this.text = text;
    this.dataStart = dataStart;
  }

  parse(): SafetensorsHeader {
    const tensors = new Map<string, SafetensorsEntry>();
    let metadata: Record<string, string> | undefined;
    if (this.text[0] !== "{") throw this.unexpected("{");
    this.object((name) => {
      if (name === "__metadata__") {
        if (metadata) throw this.broken("__metadata__ is there twice");
        metadata = this.metadata();
      } else {
        if (tensors.size === MOST_TENSORS)
          throw this.broken(`it has more than ${MOST_TENSORS} tensors`);
        if (tensors.has(name)) throw this.broken(`tensor ${preview(name)} is there twice`);
        tensors.set(name, this.tensor(name));
      }
    });
    this.skipSpace();
    if (this.at < this.text.length) throw this.unexpected("the end of the header");
    return { tensors, metadata: metadata ?? emptyRecord() };
  }

  private metadata(): Record<string, string> {
    const metadata = emptyRecord();
    let left = MOST_METADATA;
    this.object((key) => {
      if (left-- === 0) throw this.broken(`__metadata__ has more than ${MOST_METADATA} texts`);
      if (key in metadata) throw this.broken(`__metadata__ has ${preview(key)} twice`);
      if (this.text[this.at] !== '"')
        throw this.broken("__metadata__ must hold texts only", this.near());
      metadata[key] = this.string();
    });
    return metadata;
  }

  private tensor(name: string): SafetensorsEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.object((key) => {
      if (key === "dtype" && dtype === undefined) dtype = this.string();
      else if (key === "shape" && !shape) shape = this.counts(MAX_DIMENSIONS);
      else if (key === "data_offsets" && !offsets) offsets = this.counts(2);
      else
        throw this.broken(`tensor ${preview(name)} has an unknown or repeated key`, preview(key));
    });
    if (dtype === undefined || !shape || offsets?.length !== 2)
      throw this.broken(`tensor ${preview(name)} lacks dtype, shape or two data_offsets`);
    if (!isDType(dtype))
      throw this.broken(`tensor ${preview(name)} has an unknown dtype`, preview(dtype));
    const [start, end] = offsets as [number, number];
    const bytes = byteLength(shape, dtype);
    if (bytes === undefined)
      throw this.broken(
        `the size of tensor ${preview(name)} is no countable number of bytes`,
        `[${shape.join(", ")}]`,
      );
    if (end - start !== bytes)
      throw this.broken(
        `tensor ${preview(name)} has ${end - start} bytes where its shape needs ${bytes}`,
        `${dtype} [${shape.join(", ")}]`,
      );
    return { dtype, shape, start: start + this.dataStart, end: end + this.dataStart };
  }

  /** Reads an object and calls `entry` before each value with its key. */
  private object(entry: (key: string) => void): void {
    this.expect("{");
    if (this.accept("}")) return;
    do {
      this.skipSpace();
      const key = this.string();
      if (key === "__proto__") throw this.broken("a key is named __proto__");
      this.expect(":");
      this.skipSpace();
      entry(key);
    } while (this.accept(","));
    this.expect("}");
  }

  /** A list of at most `limit` whole numbers. */
  private counts(limit: number): number[] {
    const list: number[] = [];
    this.expect("[");
    if (this.accept("]")) return list;
    do {
      if (list.length === limit) throw this.broken(`a list has more than ${limit} numbers`);
      list.push(this.count());
    } while (this.accept(","));
    this.expect("]");
    return list;
  }

  private count(): number {
    this.skipSpace();
    const start = this.at;
    while (isDigit(this.text.charCodeAt(this.at))) this.at++;
    const digits = this.text.slice(start, this.at);
    const value = Number(digits);
    if (digits === "" || (digits.length > 1 && digits[0] === "0"))
      throw this.unexpected("a whole number");
    if (!Number.isSafeInteger(value))
      throw this.broken("a number is too large", preview(digits, 40));
    return value;
  }

  private string(): string {
    if (this.text[this.at] !== '"') throw this.unexpected("a text");
    const start = this.at;
    let plain = true;
    for (this.at++; ; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x22) break;
      if (code === 0x5c) [plain, this.at] = [false, this.at + 1];
      // NaN past the end.
      else if (!(code >= 0x20)) throw this.unexpected('"');
    }
    this.at++;
    if (plain) return this.text.slice(start + 1, this.at - 1);
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string;
    } catch {
      throw this.broken("a text has a wrong escape", preview(this.text.slice(start, this.at)));
    }
  }

  private skipSpace(): void {
    for (; ; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  private accept(mark: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private expect(mark: string): void {
    if (!this.accept(mark)) throw this.unexpected(mark);
  }

  private unexpected(expected: string): AttuneError {
    return this.broken(
      `the header is not as expected at character ${this.at}: ${expected} is missing`,
      this.near(),
    );
  }

  private near(): string {
    return this.at < this.text.length
      ? preview(this.text.slice(this.at, this.at + 24))
      : "the end of the header";
  }

  private broken(what: string, got?: string): AttuneError {
    return brokenSafetensors(this.file, what, got);
  }
}

function emptyRecord(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Bytes of a tensor; undefined where they cannot be counted exactly or are no whole number. */
export function byteLength(shape: readonly number[], dtype: SafetensorsDType): number | undefined {
  let bits: number = DTYPE_BITS[dtype];
  for (const dim of shape) {
    bits *= dim;
    if (bits > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return bits % 8 === 0 ? bits / 8 : undefined;
}
