/** Which files a data set consists of, and which part of it each is. */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { AttuneError } from "../core/errors.ts";
import { readChunks } from "./readers/bytes.ts";
import { DATA_ENDINGS, isDataFile } from "./readers/read-rows.ts";
import { READ_LIMITS } from "./readers/row.ts";
import type { Split } from "./records.ts";

export interface SourceFile {
  readonly path: string;
  readonly split?: Split;
}

/** A downloaded data set: all of a folder, or some of its files. */
export type RemoteData =
  | string
  | {
      /** Where it lies. */
      readonly folder: string;
      /** Paths below the folder that belong to it. */
      readonly files: readonly string[];
    };
/** Finds a data set by its Hugging Face id, or as `studio:PROJECT`. */
export type ResolveRemote = (id: string) => Promise<RemoteData>;

/** Descriptions that lie beside data and are none. */
const NOT_DATA = new Set([
  "dataset_info.json",
  "dataset_infos.json",
  "dataset_dict.json",
  "state.json",
  "package.json",
  "config.json",
]);
const MAX_DEPTH = 4;
/** `org/name`, as Hugging Face writes data set ids. */
const REMOTE_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/**
 * The data files of a file, a folder (with its folders, hidden ones left out) or a Hugging Face
 * data set id.
 * @throws AttuneError `data` where there is nothing to read
 */
export async function findFiles(
  source: string,
  resolveRemote?: ResolveRemote,
): Promise<SourceFile[]> {
  const found = await locate(source, resolveRemote);
  if (typeof found !== "string")
    return found.files.map((path) => withSplit(path, relative(found.folder, path)));
  if (!statSync(found).isDirectory()) return [withSplit(found, basename(found))];
  const names = await dataFilesBelow(found, "", 0);
  if (names.length === 0)
    throw new AttuneError("data", "the folder holds no data files", {
      file: found,
      expected: DATA_ENDINGS,
    });
  return names.toSorted().map((name) => withSplit(join(found, name), name));
}

/** `studio:PROJECT`, a labelling project's labels. */
export const isStudioSource = (source: string): boolean => source.startsWith("studio:");

async function locate(source: string, resolveRemote?: ResolveRemote): Promise<RemoteData> {
  if (existsSync(source)) return source;
  const isRemote = isStudioSource(source) || (REMOTE_ID.test(source) && !isDataFile(source));
  if (isRemote && resolveRemote !== undefined) return await resolveRemote(source);
  throw new AttuneError("data", "there is no such file or folder", {
    file: source,
    expected:
      `a data file (${DATA_ENDINGS}), a folder of ` +
      `them${isRemote ? "" : ", or a Hugging Face data set id such as org/name"}`,
    hint: "check the path",
  });
}

async function dataFilesBelow(root: string, folder: string, depth: number): Promise<string[]> {
  if (depth > MAX_DEPTH) return [];
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    const name = join(folder, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) names.push(...(await dataFilesBelow(root, name, depth + 1)));
    // links are followed: the Hugging Face cache consists of them
    else if (
      isDataFile(entry.name) &&
      !NOT_DATA.has(entry.name) &&
      statSync(join(root, name), { throwIfNoEntry: false })?.isFile()
    )
      names.push(name);
  }
  return names;
}

function withSplit(path: string, name: string): SourceFile {
  const split = splitOf(name);
  return split === undefined ? { path } : { path, split };
}

const SPLIT_WORDS: Readonly<Record<string, Split>> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  eval: "validation",
  test: "test",
};

/**
 * The part that a file's name (with the folders that lead to it) tells, the word nearest to its
 * end.
 */
export function splitOf(name: string): Split | undefined {
  const words = name
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => Object.hasOwn(SPLIT_WORDS, word));
  return SPLIT_WORDS[words.at(-1) ?? ""];
}

/** The files of one part. @throws AttuneError `data` where there are none */
export function partOf(
  files: readonly SourceFile[],
  split: Split | undefined,
  source: string,
): readonly SourceFile[] {
  if (split === undefined) return files;
  const part = files.filter((file) => file.split === split);
  if (part.length > 0) return part;
  throw new AttuneError("data", `no file is the ${split} part of the data set`, {
    file: source,
    hint: "the part is told by file names, such as train.jsonl and test.jsonl",
  });
}

/** SHA-256 of a file's content, decompressed: the same data compressed anew has the same hash. */
export async function hashContent(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(path, READ_LIMITS)) hash.update(chunk);
  return hash.digest("hex");
}

/** A path for people: relative where that is shorter. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short !== "" && short.length < path.length ? short : path;
}
