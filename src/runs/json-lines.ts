/**
 * A log of JSON lines that survives `kill -9`. Each record is one `write` of a whole line, so a
 * killed process loses nothing that it appended; `sync` adds safety against a power cut. Opening
 * removes a torn end.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
} from "node:fs";
import { basename } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { parseJson, stringifyJson } from "../core/json.ts";
import { diskError, FILE_MODE, readWholeFile, refusePipe, writeAll } from "./files.ts";

const NEWLINE = 10;

export class JsonLines {
  readonly path: string;
  /** Bytes of a torn end that opening removed. */
  readonly repairedBytes: number;
  private readonly handle: number;
  private length: number;
  private unsynced = false;

  private constructor(path: string, handle: number) {
    this.path = path;
    this.handle = handle;
    const size = fstatSync(handle).size;
    this.length = wholeLength(readAll(handle, size));
    this.repairedBytes = size - this.length;
    if (this.repairedBytes > 0) ftruncateSync(handle, this.length);
  }

  /**
   * Opens a log for appending, and makes it where it is missing.
   * @throws AttuneError `run` where something else has its name, `disk`
   */
  static open(path: string): JsonLines {
    refusePipe(path);
    try {
      return new JsonLines(
        path,
        openSync(
          path,
          constants.O_RDWR | constants.O_CREAT | constants.O_APPEND,
          FILE_MODE.private,
        ),
      );
    } catch (error) {
      throw diskError(error, `${basename(path)} cannot be opened`, path);
    }
  }

  /** Length of the log in bytes. */
  get bytes(): number {
    return this.length;
  }

  /**
   * Adds one line.
   * @throws AttuneError `disk`; the log then ends in the line before
   */
  append(record: unknown): void {
    const line = Buffer.from(`${stringifyJson(record)}\n`);
    try {
      writeAll(this.handle, line);
    } catch (error) {
      this.cutBack();
      throw diskError(error, `${basename(this.path)} cannot be extended`, this.path);
    }
    this.length += line.byteLength;
    this.unsynced = true;
  }

  /** Puts everything appended so far on the disk. */
  sync(): void {
    if (!this.unsynced) return;
    try {
      fsyncSync(this.handle);
    } catch (error) {
      throw diskError(error, `${basename(this.path)} cannot be flushed`, this.path);
    }
    this.unsynced = false;
  }

  /** Drops everything behind the first `bytes` bytes, which end in a whole line. */
  truncate(bytes: number): void {
    ftruncateSync(this.handle, bytes);
    fsyncSync(this.handle);
    this.length = bytes;
  }

  close(): void {
    closeSync(this.handle);
  }

  private cutBack(): void {
    try {
      ftruncateSync(this.handle, this.length);
    } catch {
      // the next opening removes the torn end
    }
  }
}

function readAll(handle: number, size: number): Buffer {
  const buffer = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const count = readSync(handle, buffer, done, size - done, done);
    if (count === 0) break;
    done += count;
  }
  return buffer.subarray(0, done);
}

/**
 * Length without an unfinished last line and without lines before it that are no records (blocks
 * lost in a power cut).
 */
function wholeLength(content: Buffer): number {
  let end = content.lastIndexOf(NEWLINE) + 1;
  while (end > 0) {
    const start = end >= 2 ? content.lastIndexOf(NEWLINE, end - 2) + 1 : 0;
    if (parseRecord(content.toString("utf8", start, end)) !== undefined) break;
    end = start;
  }
  return end;
}

/** undefined where the text is no JSON object. */
function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Every record of a log that somebody else may be writing: a torn end is left out. An empty list
 * where the file is missing.
 * @throws AttuneError `run` for a damaged line before the end
 */
export function readJsonLines(path: string): Record<string, unknown>[] {
  if (!existsSync(path)) return [];
  const content = Buffer.from(readWholeFile(path));
  const whole = content.toString("utf8", 0, wholeLength(content));
  return whole
    .split("\n")
    .slice(0, -1)
    .map((line, index) => {
      const record = parseRecord(line);
      if (record !== undefined) return record;
      throw new AttuneError("run", "the line is not a JSON object", {
        file: path,
        row: index + 1,
        hint: "the log was changed by something else than attune",
      });
    });
}
