/**
 * Rows of a JSON file: a list of objects, or objects one after another (many files named .json are
 * JSON Lines). The file is cut into values as its bytes come, so memory holds one row; each value
 * is then parsed strictly.
 */
import { AttuneError } from "../../core/errors.ts";
import type { ErrorPlace } from "../../core/errors.ts";
import { readChunks } from "./bytes.ts";
import { rowOf } from "./json-text.ts";
import type { ReadLimits, Row } from "./row.ts";
import { tooDeep, tooLong } from "./row.ts";
import { decodeUtf8, withoutByteOrderMark } from "./utf8.ts";

export async function* readJson(file: string, limits: ReadLimits): AsyncGenerator<Row> {
  const splitter = new ValueSplitter(file, limits);
  const readValue = (bytes: Buffer, row: number): Row => {
    const place = { file, row };
    return rowOf(decodeUtf8(bytes, place), place, limits);
  };
  let row = 1;
  let first = true;
  for await (const chunk of readChunks(file, limits)) {
    for (const bytes of splitter.push(first ? withoutByteOrderMark(chunk) : chunk))
      yield readValue(bytes, row++);
    first = false;
  }
  for (const bytes of splitter.end()) yield readValue(bytes, row++);
}

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];
const isSpace = (byte: number): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Cuts the bytes of a list, or of values in sequence, into values. What is inside a value is not
 * its business.
 */
class ValueSplitter {
  private readonly file: string;
  private readonly limits: ReadLimits;
  /** `list` after the opening bracket, `after` after the closing one. */
  private mode: "start" | "list" | "sequence" | "after" = "start";
  private parts: Buffer[] = [];
  private size = 0;
  private inValue = false;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private count = 0;
  /** A comma was read and no value since. */
  private comma = false;
  private line = 1;
  private lineStart = 0;
  private offset = 0;

  constructor(file: string, limits: ReadLimits) {
    this.file = file;
    this.limits = limits;
  }

  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index]!;
      if (byte === 0x0a) [this.line, this.lineStart] = [this.line + 1, this.offset + index + 1];
      const was = this.inValue;
      const ends = this.step(byte, index);
      if (!was && this.inValue) start = index;
      if (ends === "before") yield this.take(chunk.subarray(start, index));
      if (ends === "here") yield this.take(chunk.subarray(start, index + 1));
    }
    if (this.inValue) this.keep(chunk.subarray(start));
    this.offset += chunk.length;
  }

  *end(): Generator<Buffer> {
    // a value that is cut off is given as it is: parsing says where it breaks
    if (this.inValue) {
      const cut = this.depth > 0 || this.inString;
      yield this.take(Buffer.alloc(0));
      if (cut) throw this.fault("the file ends inside a row", "its end");
    }
    if (this.mode === "list") throw this.fault("the list of rows is not closed", '"]"');
  }

  /** Takes one byte; says whether a value ended with it or before it. */
  private step(byte: number, index: number): "here" | "before" | undefined {
    if (this.inString) return this.stepString(byte);
    if (byte === QUOTE || byte === OPEN_LIST || byte === OPEN_OBJECT)
      return this.stepOpen(byte, index);
    if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && this.depth > 0)
      return --this.depth === 0 ? "here" : undefined;
    if (this.depth > 0) return undefined;
    if (isSpace(byte)) return this.inValue ? "before" : undefined;
    if (this.mode === "list" && (byte === COMMA || byte === CLOSE_LIST)) {
      const ends = this.inValue ? "before" : undefined;
      this.separate(byte, index);
      return ends;
    }
    this.begin(index);
    return undefined;
  }

  private stepString(byte: number): "here" | undefined {
    if (this.escaped) this.escaped = false;
    else if (byte === BACKSLASH) this.escaped = true;
    else if (byte === QUOTE) {
      this.inString = false;
      return this.depth === 0 ? "here" : undefined;
    }
    return undefined;
  }

  private stepOpen(byte: number, index: number): undefined {
    if (this.mode === "start" && byte === OPEN_LIST) {
      this.mode = "list";
      return;
    }
    this.begin(index);
    if (byte === QUOTE) this.inString = true;
    else if (++this.depth > this.limits.depth) throw tooDeep(this.place(), this.limits);
  }

  private begin(index: number): void {
    if (this.mode === "start") this.mode = "sequence";
    if (this.inValue) return;
    if (this.mode === "after")
      throw this.fault("there is something after the list of rows", "the end of the file", index);
    if (this.mode === "list" && this.count > 0 && !this.comma)
      throw this.fault("a comma is missing between two rows", '"," or "]"', index);
    this.inValue = true;
    this.comma = false;
  }

  private separate(byte: number, index: number): void {
    const hasValue = this.inValue || (this.count > 0 && !this.comma);
    if (byte === COMMA && !hasValue) throw this.fault("there is a comma too many", "a row", index);
    if (byte === CLOSE_LIST && this.comma && !this.inValue)
      throw this.fault("there is a comma after the last row", "a row", index);
    this.comma = byte === COMMA;
    if (byte === CLOSE_LIST) this.mode = "after";
  }

  private keep(bytes: Buffer): void {
    this.size += bytes.length;
    if (this.size > this.limits.rowBytes) throw tooLong(this.place(), this.limits);
    this.parts.push(bytes);
  }

  private take(last: Buffer): Buffer {
    this.keep(last);
    const bytes = Buffer.concat(this.parts);
    [this.parts, this.size, this.inValue] = [[], 0, false];
    this.count++;
    return bytes;
  }

  private place(): ErrorPlace {
    return { file: this.file, row: this.count + 1 };
  }

  private fault(what: string, expected: string, index = 0): AttuneError {
    const column = this.offset + index - this.lineStart + 1;
    return new AttuneError("data", `${what}: line ${this.line}, column ${column} of the file`, {
      ...this.place(),
      expected,
    });
  }
}
