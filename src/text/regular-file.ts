/**
 * Files that a user names, opened without waiting: a FIFO without a writer, a terminal or a device
 * such as /dev/zero in place of a file would hold a program for ever. Refused before the first byte
 * is read.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import type { ErrorCode } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";

/** Opening a FIFO for reading waits for its writer, but for this flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** What is no file, in words; undefined for a file. */
export function notAFile(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a FIFO";
  return stats.isSocket() ? "a socket" : "a device";
}

function refuse(stats: Stats, file: string, code: ErrorCode): void {
  const what = notAFile(stats);
  if (what !== undefined)
    throw new AttuneError(code, `this is ${what}, not a file`, {
      file,
      hint:
        what === "a folder"
          ? "name a file in it"
          : "write what it gives into a file, and name that",
    });
}

/**
 * @throws AttuneError with the code for anything but a file; errors of the file system as they are
 */
export async function openRegularFile(file: string, code: ErrorCode): Promise<FileHandle> {
  const handle = await open(file, FLAGS);
  try {
    refuse(await handle.stat(), file, code);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return handle;
}

/**
 * A small file whole, as {@link openRegularFile} opens it.
 * @param limit bytes, more of which are refused
 */
export function readRegularFile(
  file: string,
  { code, limit = 64 * 2 ** 20 }: { code: ErrorCode; limit?: number },
): Buffer {
  const descriptor = openSync(file, FLAGS);
  try {
    const stats = fstatSync(descriptor);
    refuse(stats, file, code);
    if (stats.size > limit)
      throw new AttuneError(code, "the file is too large", {
        file,
        got: `${stats.size} bytes`,
        expected: `at most ${limit} bytes`,
      });
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** As {@link readRegularFile}, as text. @throws AttuneError where it is not UTF-8 */
export function readRegularText(
  file: string,
  options: { code: ErrorCode; limit?: number },
): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readRegularFile(file, options));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new AttuneError(options.code, "the file is not valid UTF-8", {
      file,
      cause: error,
      hint: "save it as UTF-8",
    });
  }
}
