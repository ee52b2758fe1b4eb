/**
 * One file from the hub into the cache: goes on where a broken download stopped, checks the content
 * against its hash, and only then gives it its name.
 */
import { createHash } from "node:crypto";
import { createReadStream, fsyncSync } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { diskError, makeFolder } from "../../runs/files.ts";

export interface FileToDownload {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** sha256 of the content (64 digits), or git's sha1 of it as a blob (40 digits). */
  readonly etag: string;
  /** Where the content goes. */
  readonly target: string;
}

export interface DownloadOptions {
  /** The content from byte `from` on. */
  open: (file: FileToDownload, from: number) => Promise<ReadableStream<Uint8Array>>;
  /** Bytes that came; negative where what had come must be thrown away. */
  onBytes: (bytes: number) => void;
  /** Seconds without a byte after which a connection counts as broken. */
  stallSeconds: number;
  /** Seconds before the first retry; doubled for each further one. */
  retrySeconds: number;
  signal: AbortSignal | undefined;
}

/** Tries in a row that bring next to nothing before the download is given up. */
const TRIES = 4;
/** Bytes that make a try worth another. */
const WORTHWHILE = 2 ** 20;

/**
 * @throws AttuneError `network` where the download breaks off for good, `disk` where it cannot be
 * written
 */
export async function downloadFile(file: FileToDownload, options: DownloadOptions): Promise<void> {
  const part = `${file.target}.incomplete`;
  makeFolder(dirname(file.target), "shared");
  let have = await partSize(part, file);
  let told = have;
  const tell = (bytes: number): void => {
    told += bytes;
    options.onBytes(bytes);
  };
  options.onBytes(have);
  for (let tries = 0, restarted = false; ;) {
    const before = have;
    const failure =
      have === file.size && have > 0
        ? undefined
        : await append(part, file, { ...options, onBytes: tell, from: have });
    have = await partSize(part, file);
    // A server that began anew had its bytes thrown away.
    if (told !== have) tell(have - told);
    if (have === file.size) {
      if (await isIntact(part, file)) break;
      if (restarted)
        throw new AttuneError(
          "network",
          `${file.path} does not have the content that the hub promised`,
          {
            expected: `hash ${file.etag}`,
            hint: "try again; make sure that no other program downloads it at the same time",
          },
        );
      restarted = true;
      tell(-have);
      await rm(part, { force: true });
      have = 0;
      continue;
    }
    tries = have - before >= WORTHWHILE ? 0 : tries + 1;
    if (tries === TRIES || !mayRetry(failure))
      throw (
        failure ??
        new AttuneError("network", `the download of ${file.path} ends too early`, {
          got: `${have} bytes`,
          expected: `${file.size} bytes`,
          hint: "try again: it goes on where it stopped",
        })
      );
    await pause(options.retrySeconds * 2 ** tries, options.signal);
  }
  await rename(part, file.target).catch((error: unknown) => {
    throw diskError(error, `${file.path} cannot be stored`, file.target);
  });
}

/** Bytes of what came earlier; more than the file has is thrown away. */
async function partSize(part: string, file: FileToDownload): Promise<number> {
  const size = await stat(part).then(
    (info) => info.size,
    () => 0,
  );
  if (size <= file.size) return size;
  await rm(part, { force: true });
  return 0;
}

/** Appends what comes; returns the error that broke the connection, if one did. */
async function append(
  part: string,
  file: FileToDownload,
  options: DownloadOptions & { from: number },
): Promise<unknown> {
  let handle;
  try {
    handle = await open(part, "a");
  } catch (error) {
    throw diskError(error, `${file.path} cannot be stored`, part);
  }
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    reader = (await orStall(options.open(file, options.from), options, file)).getReader();
    // One byte too many is enough to know that the content is wrong.
    for (let at = options.from; at <= file.size;) {
      const { done, value } = await orStall(reader.read(), options, file);
      if (done) break;
      at += value.length;
      await handle.appendFile(value).catch((error: unknown) => {
        throw diskError(error, `${file.path} cannot be stored`, part);
      });
      options.onBytes(value.length);
    }
    fsyncSync(handle.fd); // FileHandle.sync is missing under Yarn Plug'n'Play
    return undefined;
  } catch (error) {
    return error;
  } finally {
    void reader?.cancel().catch(() => undefined);
    await handle.close();
  }
}

function mayRetry(failure: unknown): boolean {
  if (failure instanceof AttuneError) return failure.code === "network";
  const status = (failure as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status !== "number" || status >= 500 || status === 429 || status === 408;
}

/** A promise, or an error after too long a silence or when the user wants to stop. */
async function orStall<T>(
  promise: Promise<T>,
  { stallSeconds, signal }: DownloadOptions,
  file: FileToDownload,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new AttuneError("network", `the download of ${file.path} stands still`, {
            got: `no byte in ${stallSeconds} s`,
            hint: "check the connection, then try again: it goes on where it stopped",
          }),
        ),
      stallSeconds * 1000,
    );
    onAbort = () => reject(interrupted(file));
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
}

function interrupted(file: FileToDownload): AttuneError {
  return new AttuneError("interrupted", `the download of ${file.path} was stopped`, {
    hint: "start it again: it goes on where it stopped",
  });
}

async function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function isIntact(part: string, { size, etag }: FileToDownload): Promise<boolean> {
  const hash =
    etag.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
  for await (const chunk of createReadStream(part, { highWaterMark: 2 ** 20 }))
    hash.update(chunk as Uint8Array);
  return hash.digest("hex") === etag;
}
