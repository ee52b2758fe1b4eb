/** Bytes of a file, decompressed where it is gzip, with errors that name the file. */
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AttuneError } from "../../core/errors.ts";
import type { ReadLimits } from "./row.ts";

const CHUNK = 1 << 18;

/**
 * Streams a file. Gzip is told by its first two bytes, whatever the name is.
 * @throws AttuneError `data` where the file is missing, damaged or beyond `fileBytes`; `disk` where it cannot be read
 */
export async function* readChunks(file: string, limits: ReadLimits): AsyncGenerator<Buffer> {
  const handle = await openFile(file);
  let total = 0;
  try {
    const magic = Buffer.alloc(2);
    await handle.read(magic, 0, 2, 0);
    const source = fileChunks(handle);
    const chunks = magic[0] === 0x1f && magic[1] === 0x8b ? gunzipChunks(source) : source;
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > limits.fileBytes) throw new AttuneError("data", "the file is too large", { file, expected: `at most ${limits.fileBytes} bytes, decompressed`, hint: "split it into several files" });
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
    const handle = await open(file, "r");
    if (!(await handle.stat()).isDirectory()) return handle;
    await handle.close();
  } catch (error) {
    throw readError(error, file);
  }
  throw new AttuneError("data", "this is a folder, not a file", { file });
}

async function* fileChunks(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
    if (bytesRead === 0) return;
    position += bytesRead;
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
  if (code === "ENOENT" || code === "ENOTDIR") return new AttuneError("data", "there is no such file", { file, cause: error, hint: "check the path" });
  if (code.startsWith("Z_")) return new AttuneError("data", "the gzip data is damaged or cut off", { file, cause: error, hint: "download or compress the file again" });
  if (code === "EACCES" || code === "EPERM") return new AttuneError("data", "the file may not be read", { file, cause: error, hint: "check its permissions" });
  return new AttuneError("disk", `the file cannot be read: ${message}`, { file, cause: error });
}
