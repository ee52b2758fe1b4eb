/** Bytes of a file, decompressed where it is gzip, with errors that name the file. */
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AttuneError } from "../../core/errors.ts";
import { openRegularFile } from "../../text/regular-file.ts";
import type { ReadLimits } from "./row.ts";

const CHUNK = 1 << 18;
/** Small, so that what was read and what it unpacks to can be compared. */
const PACKED_CHUNK = 1 << 14;
/** Bytes that any packed file may unpack to. */
const EXPANDED = 8 * 2 ** 20;

/**
 * Streams a file. Gzip is told by its first two bytes, whatever the name is.
 * @throws AttuneError `data` where the file is missing, damaged or beyond `fileBytes`; `disk` where
 * it cannot be read
 */
export async function* readChunks(file: string, limits: ReadLimits): AsyncGenerator<Buffer> {
  const handle = await openFile(file);
  let total = 0;
  try {
    const magic = Buffer.alloc(2);
    await handle.read(magic, 0, 2, 0);
    const read = { bytes: 0 };
    const isPacked = magic[0] === 0x1f && magic[1] === 0x8b;
    const source = fileChunks(handle, read, isPacked ? PACKED_CHUNK : CHUNK);
    for await (const chunk of isPacked ? gunzipChunks(source) : source) {
      total += chunk.length;
      if (isPacked && total > Math.max(EXPANDED, limits.expansion * read.bytes))
        throw new AttuneError("data", "the file unpacks to far more than data does", {
          file,
          got: `${total} bytes of ${read.bytes}`,
          expected: `at most ${limits.expansion} times its size`,
          hint: "unpack it first, if that is what it holds",
        });
      if (total > limits.fileBytes)
        throw new AttuneError("data", "the file is too large", {
          file,
          expected: `at most ${limits.fileBytes} bytes, decompressed`,
          hint: "split it into several files",
        });
      yield chunk;
    }
  } catch (error) {
    throw readError(error, file);
  } finally {
    await handle.close();
  }
}

export async function openFile(file: string): Promise<FileHandle> {
  try {
    return await openRegularFile(file, "data");
  } catch (error) {
    throw readError(error, file);
  }
}

async function* fileChunks(
  handle: FileHandle,
  read: { bytes: number },
  size: number,
): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, size, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    read.bytes = position;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* gunzipChunks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = Readable.from(source, { objectMode: false });
  const output = createGunzip({ chunkSize: CHUNK });
  input.on("error", (error) => output.destroy(error));
  input.pipe(output);
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } finally {
    input.destroy();
    output.destroy();
  }
}

/** Wraps an error of the file system or of zlib; an AttuneError passes through. */
export function readError(error: unknown, file: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof AttuneError || typeof code !== "string") return error;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new AttuneError("data", "there is no such file", {
      file,
      cause: error,
      hint: "check the path",
    });
  if (code.startsWith("Z_"))
    return new AttuneError("data", "the gzip data is damaged or cut off", {
      file,
      cause: error,
      hint: "download or compress the file again",
    });
  if (code === "EACCES" || code === "EPERM")
    return new AttuneError("data", "the file may not be read", {
      file,
      cause: error,
      hint: "check its permissions",
    });
  return new AttuneError("disk", `the file cannot be read: ${message}`, { file, cause: error });
}
