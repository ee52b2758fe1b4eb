/**
 * A log that grows, read onwards from where it was left: no byte of a whole line is read twice but
 * the few by which it is seen that the file is still the same one.
 */
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

/** Bytes that are read at a time; between them others have their turn. */
const PIECE = 1 << 20;
/** Bytes before a place that tell whether the file is still the same one there. */
const ANCHOR = 256;
/** A line that is longer is no line of a log. */
const LONGEST_LINE = 32 << 20;
const NEWLINE = 10;

/** A place in a log, and what stands before it. */
export interface Place {
  /** Bytes. */
  readonly offset: number;
  /** Checksum of the bytes before. */
  readonly check: number;
}

export interface ReadHooks {
  /** Each line, without its end; `end` is the place behind it, in bytes. */
  line(text: string, end: number): void;
  /** The file is shorter than it was: only what ends before `size` is still there. @returns the end of it */
  cut(size: number): number;
  /** Another file has the name, or others' bytes stand in it: nothing of what was read holds. */
  reset(): void;
}

export class LineReader {
  readonly path: string;
  private readonly hooks: ReadHooks;
  private inode = 0n;
  private changed = 0n;
  private place: Place = { offset: 0, check: 0 };
  /** All bytes that were read, for tests. */
  bytesRead = 0;

  constructor(path: string, hooks: ReadHooks) {
    this.path = path;
    this.hooks = hooks;
  }

  /** Where reading goes on. */
  get at(): Place {
    return this.place;
  }

  /** Part of the file that is not read yet, 0 to 1, and its bytes. */
  async left(): Promise<{ bytes: number; share: number }> {
    const size = (await stat(this.path).catch(() => undefined))?.size ?? 0;
    const bytes = Math.max(0, size - this.place.offset);
    return { bytes, share: size === 0 ? 0 : bytes / size };
  }

  /** Whether the file is not as it was when it was read. */
  async isNew(): Promise<boolean> {
    const found = await stat(this.path, { bigint: true }).catch(() => undefined);
    if (found === undefined) return this.place.offset > 0;
    return found.ino !== this.inode || found.mtimeNs !== this.changed;
  }

  /**
   * Reads what is new.
   * @returns whether anything was, or was taken away
   */
  async read(): Promise<boolean> {
    const found = await stat(this.path, { bigint: true }).catch(() => undefined);
    const size = found?.isFile() ? Number(found.size) : 0;
    const before = this.place.offset;
    if (size === 0 && before === 0) return false;
    if (found === undefined || size === 0) return this.reset();
    const { ino, mtimeNs } = found;
    if (size === before && ino === this.inode && mtimeNs === this.changed) return false;
    this.changed = mtimeNs;
    const handle = await open(this.path, "r").catch(() => undefined);
    if (handle === undefined) return false;
    try {
      let changed = false;
      if (this.inode !== ino && before > 0) changed = this.reset();
      this.inode = ino;
      if (size < this.place.offset) {
        const end = this.hooks.cut(size);
        this.place = await placeAt(handle, end);
        changed = true;
      } else if (!(await stands(handle, this.place))) changed = this.reset();
      return (await this.readOn(handle, size)) || changed;
    } finally {
      await handle.close();
    }
  }

  /** Whether a place that somebody kept is still one of this file. */
  async holds(place: Place): Promise<boolean> {
    const handle = await open(this.path, "r").catch(() => undefined);
    if (handle === undefined) return place.offset === 0;
    try {
      return await stands(handle, place);
    } finally {
      await handle.close();
    }
  }

  private reset(): true {
    this.place = { offset: 0, check: 0 };
    this.hooks.reset();
    return true;
  }

  private async readOn(handle: FileHandle, size: number): Promise<boolean> {
    let { offset } = this.place;
    const start = offset;
    let length = PIECE;
    while (offset < size) {
      const buffer = Buffer.allocUnsafe(Math.min(length, size - offset));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      this.bytesRead += bytesRead;
      const end = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      if (end === 0) {
        // the rest of a line that is being written, or a line that is longer
        if (offset + bytesRead >= size || length >= LONGEST_LINE) break;
        length *= 2;
        continue;
      }
      this.lines(buffer.subarray(0, end), offset);
      offset += end;
      this.place = anchored(buffer.subarray(0, end), offset) ?? (await placeAt(handle, offset));
    }
    return offset > start;
  }

  private lines(bytes: Buffer, offset: number): void {
    for (let from = 0; from < bytes.length;) {
      const to = bytes.indexOf(NEWLINE, from);
      this.hooks.line(bytes.toString("utf8", from, to), offset + to + 1);
      from = to + 1;
    }
  }
}

/** The place behind bytes that are at hand; undefined where they are too few to tell. */
const anchored = (bytes: Buffer, offset: number): Place | undefined =>
  bytes.length < Math.min(ANCHOR, offset)
    ? undefined
    : { offset, check: crc32(bytes.subarray(Math.max(0, bytes.length - ANCHOR))) };

async function placeAt(handle: FileHandle, offset: number): Promise<Place> {
  const buffer = Buffer.alloc(Math.min(ANCHOR, offset));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset - buffer.length);
  return { offset, check: offset === 0 ? 0 : crc32(buffer.subarray(0, bytesRead)) };
}

const stands = async (handle: FileHandle, place: Place): Promise<boolean> =>
  (await placeAt(handle, place.offset)).check === place.check;
