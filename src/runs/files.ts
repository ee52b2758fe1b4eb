/**
 * Files that are either whole or absent: written under a temporary name in the same folder, flushed
 * to the disk and renamed. A process killed at any moment leaves the old file or the new one, and
 * temporary names that {@link removeTemporary} recognises.
 *
 * What a run makes may hold people's private words, weights included: it is its owner's alone. What
 * is written for others (exports, files to start from) has the rights that the user's umask gives.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { AttuneError } from "../core/errors.ts";

/** Who may read what is made: its owner, or whoever the umask says. */
export type Access = "private" | "shared";
export const FILE_MODE: Readonly<Record<Access, number>> = { private: 0o600, shared: 0o666 };
const FOLDER_MODE: Readonly<Record<Access, number>> = { private: 0o700, shared: 0o777 };

const TEMPORARY = /^\.tmp-[0-9a-f]{12}-/;

/** A fresh name beside `path`. */
function temporaryName(path: string): string {
  return join(dirname(path), `.tmp-${randomBytes(6).toString("hex")}-${basename(path)}`);
}

/**
 * Makes a folder and those above it that are missing; only the folder itself is private. Node's own
 * recursive mkdir reports a read-only disk as a missing folder.
 * @returns the first that was made; undefined where the folder was there
 * @throws AttuneError `disk`
 */
export function makeFolder(path: string, access: Access = "private"): string | undefined {
  if (existsSync(path)) return undefined;
  const above = makeFolder(dirname(path), "shared");
  try {
    mkdirSync(path, { mode: FOLDER_MODE[access] });
  } catch (error) {
    // somebody else was quicker
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return above;
    throw diskError(error, `the folder ${basename(path)} cannot be made`, path);
  }
  return above ?? path;
}

/**
 * A whole file as text.
 * @throws AttuneError `run` where something else has its name (a folder, a device, a pipe that
 * nobody fills), `disk`
 */
export function readWholeFile(path: string): string {
  try {
    if (statSync(path).isFile()) return readFileSync(path, "utf8");
  } catch (error) {
    throw diskError(error, `${basename(path)} cannot be read`, path);
  }
  throw noFile(path);
}

/** @throws AttuneError `run` where something is there that is no file, before it is opened */
export function refuseNonFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw noFile(path);
}

/**
 * @throws AttuneError `run` for a pipe, whose writing waits for a reader; a device may stand for a
 * disk
 */
export function refusePipe(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() === true) throw noFile(path);
}

const noFile = (path: string): AttuneError =>
  new AttuneError("run", `${basename(path)} is no file`, {
    file: path,
    hint: "the folder is damaged, or is no run of attune",
  });

/** Removes what killed writers left in `folder` (not below it). */
export function removeTemporary(folder: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (TEMPORARY.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Deletes a folder in one step for whoever looks on: it takes a temporary name first. */
export function removeFolder(folder: string): void {
  const aside = temporaryName(folder);
  renameSync(folder, aside);
  rmSync(aside, { recursive: true, force: true });
}

/** Removes `folder` and those it is in, up to `top` (left out), as long as they are empty. */
export function removeEmptyFolders(folder: string, top: string): void {
  for (
    let at = folder;
    at !== top && at.startsWith(top) && readdirSync(at).length === 0;
    at = dirname(at)
  )
    rmdirSync(at);
}

export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Writes a whole file or nothing.
 * @throws AttuneError `disk`
 */
export function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { access = "private" }: { access?: Access } = {},
): void {
  const temporary = temporaryName(path);
  try {
    const handle = openSync(temporary, "wx", FILE_MODE[access]);
    try {
      writeAll(handle, typeof content === "string" ? Buffer.from(content) : content);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(error, `${basename(path)} cannot be written`, path);
  }
}

/** `write(2)` may take only a part: goes on until everything is written. */
export function writeAll(handle: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) done += writeSync(handle, bytes, done);
}

/**
 * Makes renames in a folder durable; a file system that cannot do it (Windows) does so by itself.
 */
export function syncFolder(folder: string): void {
  let handle: number;
  try {
    handle = openSync(folder, "r");
  } catch {
    return;
  }
  try {
    fsyncSync(handle);
  } catch {
    // not every file system flushes folders
  } finally {
    closeSync(handle);
  }
}

export interface FolderFile {
  readonly bytes: number;
  readonly sha256: string;
}

export interface PublishOptions {
  /** Called with every file's size and hash before the rename; may write one last file. */
  seal?: (folder: string, files: Record<string, FolderFile>) => void;
  /** Default private. */
  access?: Access;
}

/**
 * Fills a folder and puts it in place of `target` in one rename; on any error `target` is as
 * before.
 * @param fill writes into the folder it is given
 * @throws whatever `fill` throws; AttuneError `disk` for errors of the file system
 */
export async function publishFolder(
  target: string,
  fill: (folder: string) => Promise<void>,
  { seal, access = "private" }: PublishOptions = {},
): Promise<void> {
  const temporary = temporaryName(target);
  let made: string | undefined;
  try {
    made = makeFolder(temporary, access);
    await fill(temporary);
    const paths = filesBelow(temporary);
    if (access === "private") closeToOthers(temporary, paths);
    for (const path of paths) syncFile(path);
    if (seal) seal(temporary, await hashFolder(temporary));
    for (const folder of new Set([temporary, ...paths.map((path) => dirname(path))]))
      syncFolder(folder);
    replaceFolder(temporary, target);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (made !== undefined && made !== temporary)
      removeEmptyFolders(dirname(temporary), dirname(made));
    throw error instanceof AttuneError
      ? error
      : diskError(error, `the folder ${basename(target)} cannot be written`, target);
  }
}

/** A folder cannot be renamed onto a full one: the old one steps aside first. */
function replaceFolder(temporary: string, target: string): void {
  const old = existsSync(target) ? temporaryName(target) : undefined;
  if (old !== undefined) renameSync(target, old);
  renameSync(temporary, target);
  syncFolder(dirname(target));
  if (old !== undefined) rmSync(old, { recursive: true, force: true });
}

/**
 * Whoever wrote them, and with whatever rights: the folder itself has kept others out meanwhile.
 */
function closeToOthers(folder: string, files: readonly string[]): void {
  for (const path of files) chmodSync(path, FILE_MODE.private);
  for (const path of new Set(files.map((file) => dirname(file))))
    if (path !== folder) chmodSync(path, FOLDER_MODE.private);
}

function syncFile(path: string): void {
  const handle = openSync(path, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Size and SHA-256 of every file below a folder, by relative path with `/`, in a fixed order. */
export async function hashFolder(folder: string): Promise<Record<string, FolderFile>> {
  const files: Record<string, FolderFile> = Object.create(null) as Record<string, FolderFile>;
  for (const path of filesBelow(folder))
    files[relative(folder, path).split(sep).join("/")] = await hashFile(path);
  return files;
}

/** Absolute paths of all files below a folder, sorted. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

async function hashFile(path: string): Promise<FolderFile> {
  refuseNonFile(path);
  const hash = createHash("sha256");
  let bytes = 0;
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  await pipeline(source, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      hash.update(chunk);
    }
  });
  return { bytes, sha256: hash.digest("hex") };
}

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Whether the disk (or the user's share of it) is full. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof AttuneError) return isDiskFull(error.details.cause);
  return FULL.has((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** Wraps an error of the file system; an AttuneError passes through. */
export function diskError(error: unknown, what: string, file: string): AttuneError {
  if (error instanceof AttuneError) return error;
  const { code } = error as NodeJS.ErrnoException;
  // the name that a file has while it is written says nothing to anybody
  const message = (error as Error).message.replaceAll(/\.tmp-[0-9a-f]{12}-/g, "");
  if (isDiskFull(error)) {
    return new AttuneError("disk", `${what}: the disk is full`, {
      file,
      cause: error,
      hint: "free some space, or write to another disk",
    });
  }
  const hints: Record<string, string> = {
    EACCES: "check the permissions of the folder",
    EPERM: "check the permissions of the folder",
    EROFS: "the disk is read-only: write to another one",
    ENOENT: "check that the folder exists",
    ENOTDIR: "a part of the path is a file: check the path",
    ENAMETOOLONG: "a shorter name",
  };
  const hint = hints[code ?? ""];
  return new AttuneError("disk", `${what}: ${message}`, {
    file,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
