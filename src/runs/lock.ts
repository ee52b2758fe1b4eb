/**
 * One writer per run folder: a file `lock` that names the process. A lock whose process is gone, or
 * whose number was given to a younger process, is stale and taken over.
 *
 * The file appears with its content in one step (a hard link), so nobody reads an empty one.
 */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";
import { diskError, FILE_MODE } from "./files.ts";
import { isRunning, processStart } from "./process.ts";
import type { ProcessName } from "./process.ts";
import { readRegularText } from "../text/regular-file.ts";

interface Owner extends ProcessName {
  host: string;
  /** Tells two locks of one process apart. */
  token: string;
}

export interface Lock {
  /** The process that held it before and is gone, in words; undefined where nobody did. */
  readonly left: string | undefined;
  release(): void;
}

/**
 * Takes the lock of a run folder.
 * @throws AttuneError `run` where a living process holds it
 */
export function acquireLock(folder: string): Lock {
  const path = join(folder, "lock");
  const mine: Owner = {
    pid: process.pid,
    host: hostname(),
    started: processStart(process.pid),
    token: randomBytes(6).toString("hex"),
  };
  const draft = join(folder, `.tmp-${mine.token}-lock`);
  try {
    writeFileSync(draft, `${JSON.stringify(mine)}\n`, { flag: "wx", mode: FILE_MODE.private });
    // a stale lock may be swept away by somebody else first: a few tries
    let left: string | undefined;
    for (let attempt = 0; attempt < 5; attempt++) {
      if (tryLink(draft, path)) return { left, release: () => release(path, mine) };
      const holder = readOwner(path);
      if (holder !== undefined && isAlive(holder)) throw busy(folder, holder);
      if (holder === undefined) continue;
      left = holder.pid > 0 ? `process ${holder.pid}` : "an unknown process";
      removeStale(path, holder);
    }
    throw busy(folder, readOwner(path));
  } catch (error) {
    throw diskError(error, "the lock of the run cannot be written", path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Whether a living process on this machine (or any on another) holds the run. */
export function isLocked(folder: string): boolean {
  const holder = readOwner(join(folder, "lock"));
  return holder !== undefined && isAlive(holder);
}

function tryLink(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOENT: the holder swept the draft away with its own leftovers
    if (code === "EEXIST" || code === "ENOENT") return false;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw error;
  }
  return tryCopy(draft, path);
}

/** Takes a lock by copying, on file systems without hard links. */
function tryCopy(draft: string, path: string): boolean {
  try {
    writeFileSync(path, readFileSync(draft), { flag: "wx", mode: FILE_MODE.private });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** undefined where there is no lock; a damaged one counts as held by nobody. */
function readOwner(path: string): Owner | undefined {
  let text: string;
  try {
    // a pipe in its place would be waited for
    text = readRegularText(path, { code: "run" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const nobody: Owner = { pid: 0, host: hostname(), started: null, token: "" };
  try {
    const value = parseJson(text) as Partial<Owner>;
    return typeof value.pid === "number" && typeof value.host === "string"
      ? { ...nobody, ...value }
      : nobody;
  } catch {
    return nobody;
  }
}

function isAlive(owner: Owner): boolean {
  return owner.host !== hostname() || isRunning(owner);
}

/**
 * Moves the stale lock aside before deleting it: if another process was quicker, its fresh lock is
 * put back.
 */
function removeStale(path: string, stale: Owner): void {
  const aside = join(dirname(path), `.tmp-${randomBytes(6).toString("hex")}-lock`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (readOwner(aside)?.token !== stale.token) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, mine: Owner): void {
  if (readOwner(path)?.token === mine.token) rmSync(path, { force: true });
}

function busy(folder: string, holder: Owner | undefined): AttuneError {
  const elsewhere = holder !== undefined && holder.host !== hostname();
  return new AttuneError("run", "another process is working on this run", {
    file: folder,
    ...(holder === undefined ? {} : { got: `process ${holder.pid} on ${holder.host}` }),
    hint: elsewhere
      ? `if nothing runs on ${holder.host} any more, delete the file "lock" in the run folder`
      : "wait for it, or stop it",
  });
}
