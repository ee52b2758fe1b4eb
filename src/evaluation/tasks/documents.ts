/**
 * The documents of a task, by split, with their columns as lm_eval's data sets have them: every
 * document has every column, and a column that holds one number with a fraction holds fractions.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../core/errors.ts";
import { readRows } from "../../data/readers/read-rows.ts";
import type { TaskFile } from "./task-file.ts";
import { candidates } from "./task-file.ts";

export type Document = Readonly<Record<string, unknown>>;

export interface Split {
  readonly documents: readonly Document[];
  /** Names of all columns. */
  readonly columns: ReadonlySet<string>;
  /** Those whose whole numbers are written as fractions. */
  readonly fractions: ReadonlySet<string>;
}

/** The files of a split: where none is named by split, all are `train`, as in lm_eval. */
export function filesOf({ file, fields }: TaskFile, split: string): string[] {
  const { data_files: given, data_dir: folder } = fields.dataset_kwargs;
  const bySplit: Readonly<Record<string, readonly string[]>> = Array.isArray(given)
    ? { train: given }
    : (given as Record<string, string[]>);
  const named = bySplit[split];
  if (named === undefined)
    throw new AttuneError("data", "the task names no files for a split", {
      file,
      got: split,
      expected: Object.keys(bySplit).join(", "),
    });
  return named.map((name) => {
    const path = folder === undefined ? name : join(folder, name);
    const found = candidates(path, file).find((each) => existsSync(each));
    if (found !== undefined) return found;
    throw new AttuneError("data", "a data file of the task is not there", {
      file,
      got: path,
      hint: /^[a-z]+:\/\/|[*?]/.test(path)
        ? "attune reads files that are here, each by its name"
        : "paths count from the task file, or from where the command is started",
    });
  });
}

/** @throws AttuneError `data` where the split has no documents, or a file cannot be read */
export async function readSplit(task: TaskFile, split: string): Promise<Split> {
  const rows: Record<string, unknown>[] = [];
  for (const path of filesOf(task, split))
    for await (const { columns } of readRows(path)) rows.push({ ...columns });
  if (rows.length === 0)
    throw new AttuneError("data", "a split of the task has no documents", {
      file: task.file,
      got: split,
    });
  const columns = new Set(rows.flatMap((row) => Object.keys(row)));
  const fractions = new Set(
    [...columns].filter((name) =>
      rows.some(({ [name]: value }) => typeof value === "number" && !Number.isInteger(value)),
    ),
  );
  return {
    documents: rows.map((row) =>
      Object.fromEntries([...columns].map((name) => [name, row[name] ?? null])),
    ),
    columns,
    fractions,
  };
}
