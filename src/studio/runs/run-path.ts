/** Runs and their files by names that come from outside: nothing beyond the folder of runs. */
import { realpathSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { ApiError } from "../../server/api-error.ts";

const notThere = (what: string): ApiError =>
  new ApiError(404, `there is no such ${what}`, { code: "unknown_run" });

/** Names of folders and a file, one below the other; nothing that leads elsewhere. */
function partsOf(path: string, what: string): string[] {
  const parts = path.split("/");
  const odd = (part: string): boolean =>
    part === "" || part === "." || part === ".." || /[\0\\]/.test(part) || part.includes(sep);
  if (path.length > 1000 || parts.some(odd)) throw notThere(what);
  return parts;
}

/** Where a path really leads; undefined where nothing is there. */
function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/**
 * @param root a folder
 * @param path below it, with `/`
 * @throws ApiError 404 where nothing is there, or a link leads out of the folder
 */
function within(root: string, path: string, what: string): string {
  const folder = real(root);
  const found = folder === undefined ? undefined : real(join(folder, ...partsOf(path, what)));
  if (found === undefined || !found.startsWith(folder + sep)) throw notThere(what);
  return found;
}

/**
 * Folder of a run by its name below the folder of runs: `sft-1`, `quickstart-1/dpo`.
 * @throws ApiError 404
 */
export function runFolder(runs: string, name: string): string {
  const folder = within(runs, name, "run");
  if (!statSync(join(folder, "run.json"), { throwIfNoEntry: false })?.isFile())
    throw notThere("run");
  return folder;
}

/**
 * A file below the folder of runs.
 * @throws ApiError 404
 */
export function runFile(runs: string, path: string): string {
  const file = within(runs, path, "file");
  if (!statSync(file).isFile()) throw notThere("file");
  return file;
}

/** Name of a folder below the folder of runs; null where it is not below it. */
export function runName(runs: string, folder: string): string | null {
  const path = relative(resolve(runs), folder);
  return path === "" || path.startsWith("..") || resolve(path) === path
    ? null
    : path.split(sep).join("/");
}
