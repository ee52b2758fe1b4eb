/**
 * A file that is whole or absent: written under a temporary name in the same folder, flushed and
 * renamed. On any error, and when stopped, the temporary file goes and what was there before stays.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream, existsSync, fsyncSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { AttuneError } from "../../core/errors.ts";

/** A fresh hidden name beside `path`. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.tmp-${randomBytes(6).toString("hex")}-${basename(path)}`);
}

/**
 * Writes the chunks; gzip by the name's ending.
 * @throws AttuneError `disk`, and whatever the chunks throw
 */
export async function writeAtomic(
  path: string,
  chunks: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  if (!existsSync(dirname(path)))
    throw new AttuneError("usage", "the folder does not exist", {
      file: dirname(path),
      hint: "create it, or write to another one",
    });
  const temporary = temporaryName(path);
  try {
    await writeAll(temporary, chunks, path.toLowerCase().endsWith(".gz"));
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw writeError(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Writes and flushes a new file. */
export async function writeAll(
  path: string,
  chunks: AsyncIterable<string | Uint8Array>,
  gzip = false,
): Promise<void> {
  const source = Readable.from(bytesOf(chunks), { objectMode: false });
  const target = createWriteStream(path, { flags: "wx", flush: true });
  if (gzip) await pipeline(source, createGzip(), target);
  else await pipeline(source, target);
}

const CHUNK = 1 << 16;

/** Joins small pieces: a stream costs more than a row. */
async function* bytesOf(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    const bytes =
      typeof chunk === "string"
        ? Buffer.from(chunk)
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    parts.push(bytes);
    size += bytes.length;
    if (size < CHUNK) continue;
    yield Buffer.concat(parts);
    [parts, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(parts);
}

async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      fsyncSync(handle.fd); // FileHandle.sync is missing under Yarn Plug'n'Play
    } finally {
      await handle.close();
    }
  } catch {
    // not every file system flushes folders
  }
}

/** Wraps an error of the file system; any other passes through. */
export function writeError(error: unknown, file: string): unknown {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof AttuneError || typeof code !== "string" || syscall === undefined)
    return error;
  const full = code === "ENOSPC" || code === "EDQUOT";
  const hint = full
    ? "free some space, or write to another disk"
    : "check the permissions of the folder";
  return new AttuneError(
    "disk",
    full
      ? "the file cannot be written: the disk is full"
      : `the file cannot be written: ${message}`,
    { file, cause: error, hint },
  );
}
