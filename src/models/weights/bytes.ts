/** Parts of a file, read by offset. Nothing is ever buffered whole. */
import type { FileHandle } from "node:fs/promises";
import { AttuneError } from "../../core/errors.ts";
import { openRegularFile } from "../../text/regular-file.ts";

/** Where bytes come from: a local file, or memory in tests. */
export interface ByteSource {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Fills `target` with the bytes from `start` on.
   * @throws AttuneError `model` where the file ends before
   */
  readInto(target: Uint8Array, start: number): Promise<void>;
  close(): Promise<void>;
}

/** Largest single read: Node refuses reads of 2 GiB and more. */
const MAX_READ = 2 ** 30;

export class FileReader implements ByteSource {
  readonly path: string;
  readonly size: number;
  private readonly handle: FileHandle;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.handle = handle;
  }

  /** @throws AttuneError `model` for a path that is no readable file */
  static async open(path: string): Promise<FileReader> {
    try {
      const handle = await openRegularFile(path, "model");
      return new FileReader(path, (await handle.stat()).size, handle);
    } catch (cause) {
      if (cause instanceof AttuneError) throw cause;
      throw new AttuneError("model", "cannot open the file", {
        file: path,
        got: messageOf(cause),
        cause,
      });
    }
  }

  async readInto(target: Uint8Array, start: number): Promise<void> {
    checkRange(this, start, target.length);
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.handle.read(
        target,
        done,
        Math.min(target.length - done, MAX_READ),
        start + done,
      );
      if (bytesRead === 0)
        throw new AttuneError("model", "the file became shorter while it was read", {
          file: this.path,
          hint: "try again once nothing writes to it",
        });
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** Bytes in memory that are read like a file. */
export class MemoryReader implements ByteSource {
  readonly path: string;
  readonly size: number;
  private readonly bytes: Uint8Array;

  constructor(path: string, bytes: Uint8Array) {
    this.path = path;
    this.bytes = bytes;
    this.size = bytes.length;
  }

  readInto(target: Uint8Array, start: number): Promise<void> {
    checkRange(this, start, target.length);
    target.set(this.bytes.subarray(start, start + target.length));
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Bytes start (included) to end (excluded), in a buffer of their own. */
export async function readBytes(
  source: ByteSource,
  start: number,
  end: number,
): Promise<Uint8Array> {
  checkRange(source, start, end - start);
  const bytes = new Uint8Array(end - start);
  await source.readInto(bytes, start);
  return bytes;
}

/**
 * Calls `use` with consecutive pieces of at most `piece` bytes; the buffer is reused between calls.
 */
export async function readPieces(
  source: ByteSource,
  range: { start: number; end: number; piece: number },
  use: (bytes: Uint8Array, offset: number) => void,
): Promise<void> {
  const { start, end, piece } = range;
  checkRange(source, start, end - start);
  const buffer = new Uint8Array(Math.min(piece, end - start));
  for (let at = start; at < end; at += piece) {
    const bytes = buffer.subarray(0, Math.min(piece, end - at));
    await source.readInto(bytes, at);
    use(bytes, at - start);
  }
}

function checkRange(source: ByteSource, start: number, length: number): void {
  if (start >= 0 && length >= 0 && start + length <= source.size) return;
  throw new AttuneError("model", "the file ends too early", {
    file: source.path,
    got: `${source.size} bytes`,
    expected: `at least ${start + length} bytes`,
    hint: "download the file again",
  });
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
