/**
 * Task files in lm-evaluation-harness's YAML: a task, or a group of tasks. `include` takes what
 * another file says. Python that a file names (`!function`) is refused, as attune runs none.
 * Source: lm_eval/tasks (reading of YAML), docs/task_guide.md of lm-evaluation-harness.
 */
import { readdirSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { readRegularText } from "../../text/regular-file.ts";
import type { GroupFields, TaskFields } from "./task-schema.ts";
import { METRICS, REFUSED, groupSchema, taskSchema } from "./task-schema.ts";

/** A task with where it stands. */
export interface TaskFile {
  readonly file: string;
  readonly fields: TaskFields;
}

export interface TaskGroup {
  readonly name: string;
  readonly file: string;
  readonly tasks: readonly string[];
  readonly fields: GroupFields;
}

export interface TasksRead {
  /** Each once, in the order in which they were named. */
  readonly tasks: readonly TaskFile[];
  readonly groups: readonly TaskGroup[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Files that include each other, at most. */
const DEEPEST = 20;

/**
 * Reads files of tasks and groups. A group's tasks are looked for by name in the files of its own
 * folder.
 * @throws AttuneError `data` with the file and, where one is known, the line
 */
export function readTaskFiles(files: readonly string[]): TasksRead {
  const reading = new Reading();
  for (const file of files) reading.add(file);
  return { tasks: [...reading.tasks.values()], groups: [...reading.groups.values()] };
}

class Reading {
  readonly tasks = new Map<string, TaskFile>();
  readonly groups = new Map<string, TaskGroup>();
  private readonly folders = new Map<string, ReadonlyMap<string, string>>();

  /** @returns the names of what the file holds */
  add(file: string, depth = 0): string[] {
    if (depth > DEEPEST) throw new AttuneError("data", "groups lie within each other", { file });
    const fields = readYaml(file);
    if (Array.isArray(fields["task"])) return [this.addGroup(fields, file, depth)];
    return [this.addTask(fields, file)];
  }

  private addTask(fields: Fields, file: string): string {
    const task: TaskFile = { file, fields: checked(taskSchema, fields, file) };
    checkTask(task);
    const { task: name } = task.fields;
    const before = this.tasks.get(name);
    if (before && before.file !== file)
      throw new AttuneError("data", "two task files have one name", {
        file,
        got: name,
        hint: `it is also in ${before.file}`,
      });
    this.tasks.set(name, task);
    return name;
  }

  private addGroup(given: Fields, file: string, depth: number): string {
    const name = given["group"];
    const fields = checked(groupSchema, given, file);
    if (typeof name !== "string")
      throw new AttuneError("data", "a list of tasks has no name", {
        file,
        expected: "group: NAME",
      });
    const tasks = fields.task.flatMap((each) =>
      typeof each === "string"
        ? this.add(this.fileOf(each, file), depth + 1)
        : [this.addTask({ ...this.base(each, file, depth), ...each }, file)],
    );
    const inner = tasks.flatMap((task) => this.groups.get(task)?.tasks ?? [task]);
    this.groups.set(name, { name, file, tasks: [...new Set(inner)], fields });
    return name;
  }

  /** What an entry of a group changes: a task by name, or nothing where it says all itself. */
  private base(entry: Fields, file: string, depth: number): Fields {
    if (entry["dataset_path"] !== undefined || depth > DEEPEST) return {};
    if (entry["include"] !== undefined) return included(entry, file, depth);
    return readYaml(this.fileOf(String(entry["task"]), file));
  }

  /** The file of a task or group that is named, in the folder of the one that names it. */
  private fileOf(name: string, from: string): string {
    if (/\.ya?ml$/.test(name)) return beside(name, from);
    const folder = dirname(from);
    let known = this.folders.get(folder);
    if (known === undefined) {
      known = namesIn(folder);
      this.folders.set(folder, known);
    }
    const found = known.get(name);
    if (found !== undefined) return found;
    const near = nearest(name, [...known.keys()]);
    throw new AttuneError("data", "a group names a task that is in no file of its folder", {
      file: from,
      got: name,
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
}

const beside = (name: string, from: string): string =>
  isAbsolute(name) ? name : join(dirname(from), name);

/** Names of tasks and groups by the files of a folder. Files that cannot be read are left out. */
function namesIn(folder: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const each of readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .toSorted()) {
    const file = join(folder, each);
    const text = readRegularText(file, { code: "data" });
    for (const key of ["group", "task"]) {
      const name = new RegExp(`^${key}:[ \\t]*["']?([^"'\\s#]+)`, "m").exec(text)?.[1];
      if (name !== undefined && !names.has(name)) names.set(name, file);
    }
  }
  return names;
}

function readYaml(file: string, depth = 0): Fields {
  if (depth > DEEPEST) throw new AttuneError("data", "task files include each other", { file });
  const lines = new LineCounter();
  // PyYAML reads YAML 1.1, where yes and no are true and false
  const document = parseDocument(readRegularText(file, { code: "data" }), {
    version: "1.1",
    lineCounter: lines,
    logLevel: "silent",
  });
  const [error] = document.errors;
  if (error)
    throw new AttuneError("data", "the task file is no YAML", {
      file,
      row: error.linePos?.[0].line ?? 1,
      got: error.message.split("\n")[0]!,
    });
  for (const { message, linePos } of document.warnings) {
    const tag = /Unresolved tag: (\S+)/.exec(message)?.[1];
    if (tag === undefined) continue;
    throw new AttuneError("data", "the task file names Python, and attune runs none", {
      file,
      row: linePos?.[0].line ?? 1,
      got: tag,
      hint:
        "say it as a template or a column; or write the processed documents into a file and name " +
        "it in data_files",
    });
  }
  const fields: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof fields !== "object" || fields === null || Array.isArray(fields))
    throw new AttuneError("data", "a task file is a list of names with values", {
      file,
      got: preview(fields),
      expected: "task: NAME",
    });
  const { include: _, ...own } = fields as Record<string, unknown>;
  return { ...included(fields as Fields, file, depth), ...own };
}

function included({ include }: Fields, file: string, depth: number): Fields {
  const named = Array.isArray(include) ? include : include === undefined ? [] : [include];
  return Object.assign(
    {},
    ...named.map((name: unknown) => readYaml(beside(String(name), file), depth + 1)),
  ) as Fields;
}

function checked<Schema extends z.ZodObject>(
  schema: Schema,
  fields: Fields,
  file: string,
): z.output<Schema> {
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined || key === "include") continue;
    if (Object.hasOwn(REFUSED, key))
      throw new AttuneError("data", `attune does not read ${key} of a task`, {
        file,
        got: preview(value),
        hint: REFUSED[key]!,
      });
    if (Object.hasOwn(schema.shape, key)) continue;
    const near = nearest(key, Object.keys(schema.shape));
    throw new AttuneError("data", `a task file has an unknown key: ${key}`, {
      file,
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  const known = Object.entries(fields).filter(
    ([key, value]) => value !== null && value !== undefined && key !== "include",
  );
  const result = schema.safeParse(Object.fromEntries(known));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = issue.path.join(".");
  const value = issue.path.reduce<unknown>(
    (inside, part) => (inside as Record<PropertyKey, unknown> | undefined)?.[part],
    fields,
  );
  throw new AttuneError(
    "data",
    value === undefined ? `the task file says no ${key}` : `${key} of a task cannot be read`,
    {
      file,
      ...(value === undefined ? {} : { got: preview(value) }),
      expected: key.endsWith(".metric") ? METRICS.join(", ") : issue.message.slice(0, 300),
      ...(typeof value === "boolean" ? { hint: "yes and no are true and false: quote texts" } : {}),
    },
  );
}

const FILES = ["json", "csv", "parquet"];

function checkTask({ file, fields }: TaskFile): void {
  const { dataset_path: path, output_type: type, test_split: test } = fields;
  if (!FILES.includes(path))
    throw new AttuneError("data", "attune reads the documents of a task from local files", {
      file,
      got: `dataset_path: ${path}`,
      expected: `dataset_path: ${FILES.join(" | ")}, with dataset_kwargs.data_files`,
      hint: "write the splits as JSON Lines (dataset.to_json) and name them there",
    });
  if (test === undefined && fields.validation_split === undefined)
    throw new AttuneError("data", "the task names no documents to evaluate", {
      file,
      expected: "test_split or validation_split",
    });
  if (type === "multiple_choice" && fields.doc_to_choice === undefined)
    throw new AttuneError("data", "a multiple-choice task says no choices", {
      file,
      expected: "doc_to_choice",
    });
  if (
    type !== "generate_until" &&
    fields.filter_list?.some(({ filter }) => filter.some((step) => step.function !== "take_first"))
  )
    throw new AttuneError("data", "filters change written answers, and the task asks for none", {
      file,
      got: `output_type: ${type}`,
    });
}

/** Where a data file lies: beside the task file, or where the command was started. */
export const candidates = (name: string, task: string): string[] => [
  beside(name, task),
  resolve(name),
];
