/**
 * The Hugging Face cache on disk, shared with huggingface_hub and transformers:
 * `models--ORG--NAME/{refs/REVISION, blobs/ETAG, snapshots/COMMIT/FILE -> blobs}`.
 * Source: huggingface_hub's documentation "Understand caching" and its file_download.py.
 */
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { AttuneError, preview } from "../../core/errors.ts";
import { makeFolder } from "../../runs/files.ts";
import { writeWhole } from "./safetensors-writer.ts";

export type RepositoryKind = "model" | "dataset";

const COMMIT = /^[0-9a-f]{40}$/;
const ETAG = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

/** One repository in the cache. */
export class CachedRepository {
  readonly folder: string;

  constructor(cacheFolder: string, kind: RepositoryKind, id: string) {
    this.folder = join(cacheFolder, [`${kind}s`, ...id.split("/")].join("--"));
  }

  /** Commit that a branch, tag or commit stood for when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.refPath(revision), "utf8").catch(() => "");
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Remembers what a revision stands for; written last, so that it stands for whole snapshots. */
  async remember(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
    const path = this.refPath(revision);
    makeFolder(dirname(path), "shared");
    await writeWhole(path, (handle) => handle.writeFile(commit));
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /**
   * Where the content of a file is kept.
   * @throws AttuneError `network` for an etag that is no hash
   */
  blob(etag: string): string {
    if (!ETAG.test(etag))
      throw new AttuneError("network", "the hub gave a file without a hash", {
        got: preview(etag),
      });
    return join(this.folder, "blobs", etag);
  }

  /** Whether a snapshot has a file, with its content. */
  async has(commit: string, path: string): Promise<boolean> {
    return stat(join(this.snapshot(commit), safePath(path))).then(
      (info) => info.isFile(),
      () => false,
    );
  }

  /**
   * Puts a downloaded blob into a snapshot: a relative link, or a copy where links cannot be made.
   */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const target = join(this.snapshot(commit), safePath(path));
    makeFolder(dirname(target), "shared");
    try {
      await symlink(relative(dirname(target), this.blob(etag)), target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST" && existsSync(target)) return;
      await copyFile(this.blob(etag), target);
    }
  }

  /** Paths of all files of a snapshot, with `/`, sorted; empty where there is no such snapshot. */
  async files(commit: string): Promise<string[]> {
    const folder = this.snapshot(commit);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
    return paths.filter((path) => existsSync(join(folder, path))).toSorted();
  }

  private refPath(revision: string): string {
    return join(this.folder, "refs", safePath(revision));
  }
}

/**
 * A path from the hub that stays below the folder it is joined to, on every platform.
 * @throws AttuneError `network` for `..`, absolute paths, drives and backslashes
 */
export function safePath(path: string): string {
  const bad =
    path === "" ||
    path.includes("\\") ||
    path.includes("\0") ||
    path
      .split("/")
      .some((part) => part === "" || part === "." || part === ".." || /^[a-zA-Z]:/.test(part));
  if (bad)
    throw new AttuneError("network", "the hub gave a path that leads out of its folder", {
      got: preview(path),
    });
  return path;
}
