/**
 * Reads answers from a file or a folder in any known format, told by its columns; a file with the
 * answers of several models gives a set for each.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AttuneError, nearest, preview } from "../../core/errors.ts";
import { asObject } from "../../data/formats/columns.ts";
import { parseJson } from "../../core/json.ts";
import { isDataFile, readRows } from "../../data/readers/read-rows.ts";
import type { Row } from "../../data/readers/row.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import type { AnswerSet, SetAnswer } from "../compare/answer-set.ts";
import { formatPlainList } from "../plain-list.ts";
import { alpacaEvalOutputs } from "./alpaca-eval.ts";
import { attuneAnswers } from "./attune.ts";
import type { AnswerFormat, ReadFile } from "./format.ts";
import { FileNotes } from "./format.ts";
import { readInspect } from "./inspect.ts";
import { lmEval } from "./lm-eval.ts";
import { PAIR_FORMATS } from "./pairs.ts";

/** Formats in the order in which they are tried. */
export const ANSWER_FORMATS: readonly AnswerFormat[] = [
  lmEval,
  ...PAIR_FORMATS,
  alpacaEvalOutputs,
  attuneAnswers,
];

/** What a file or folder of answers holds. */
export interface AnswersRead {
  /** Names of the formats. */
  format: string;
  sets: AnswerSet[];
  votes: PreferenceRecord[];
  /** Columns of the answers that are scores, the usual one first. */
  metrics: string[];
  /** What was left out or guessed, each a sentence with a count and the first place. */
  notes: string[];
}

export interface ReadAnswersOptions {
  /** Score that answers are read for: `acc`, `exact_match,strict-match`. */
  metric?: string | undefined;
}

/** Whether a path holds answers rather than a model; it need not exist. */
export function isAnswersPath(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (!stats.isDirectory()) return isDataFile(path) || /\.eval$/i.test(path);
  if (existsSync(join(path, "run.json"))) return existsSync(join(path, "answers"));
  const names = readdirSync(path);
  if (names.some((name) => /^(config|adapter_config)\.json$|\.(safetensors|gguf)$/.test(name)))
    return false;
  return names.some((name) => isAnswersName(name));
}

const isAnswersName = (name: string): boolean => /\.eval$/i.test(name) || isDataFile(name);

/**
 * @param path a file, a folder of them, or the folder of a comparison; `#NAME` takes one model
 * @throws AttuneError `data` with file and row for whatever is wrong with it
 */
export async function readAnswers(
  path: string,
  { metric }: ReadAnswersOptions = {},
): Promise<AnswersRead> {
  const { place, only } = partOf(path);
  const notes = new FileNotes();
  const formats = new Set<string>();
  const merged = new Map<string, { answers: SetAnswer[]; source: string }>();
  const votes: PreferenceRecord[] = [];
  const metrics = new Set<string>();
  for (const file of filesOf(place, notes)) {
    const { format, read } = await readFile(file, { notes, metric });
    formats.add(format);
    for (const vote of read.votes) votes.push(vote);
    for (const each of read.metrics) metrics.add(each);
    for (const [name, answers] of read.answers) {
      const known = merged.get(name);
      if (known) for (const answer of answers) known.answers.push(answer);
      else merged.set(name, { answers: [...answers], source: place });
    }
  }
  const sets = [...merged].map(([name, { answers, source }]): AnswerSet => ({
    name,
    source: merged.size > 1 ? `${source}#${name}` : source,
    fingerprint: fingerprintOf(answers),
    answers,
  }));
  return {
    format: [...formats].join(" + "),
    sets: only === undefined ? sets : [setNamed(only, sets, place)],
    votes,
    metrics: [...metrics],
    notes: notes.texts,
  };
}

/** `battles.jsonl#gpt-4` is one model of a file. */
function partOf(path: string): { place: string; only?: string } {
  if (existsSync(path)) return { place: path };
  const at = path.lastIndexOf("#");
  return at > 0 && existsSync(path.slice(0, at))
    ? { place: path.slice(0, at), only: path.slice(at + 1) }
    : { place: path };
}

/** The path without the model that is taken of it. */
export const placeOfAnswers = (path: string): string => partOf(path).place;

function setNamed(name: string, sets: readonly AnswerSet[], file: string): AnswerSet {
  const found = sets.find((set) => set.name === name);
  if (found) return found;
  const names = sets.map((set) => set.name);
  const near = nearest(name, names);
  throw new AttuneError("data", `the file has no answers of ${name}`, {
    file,
    expected: formatPlainList(names),
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

function filesOf(path: string, notes: FileNotes): string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new AttuneError("data", "there is no such file or folder", {
      file: path,
      hint: "check the path",
    });
  if (!stats.isDirectory()) return [path];
  const folder = existsSync(join(path, "run.json")) ? join(path, "answers") : path;
  const names = readdirSync(folder).filter(isAnswersName).toSorted();
  const samples = names.filter((name) => /^samples_.*\.jsonl(\.gz)?$/.test(name));
  const chosen = samples.length > 0 ? newestOfTask(samples, notes) : names;
  if (chosen.length === 0)
    throw new AttuneError("data", "the folder holds no answers", { file: path });
  return chosen.map((name) => join(folder, name));
}

/** lm-evaluation-harness puts the date of each run behind the name of the task. */
function newestOfTask(names: readonly string[], notes: FileNotes): string[] {
  const newest = new Map<string, string>();
  for (const name of names) {
    const task = taskOf(name);
    if (newest.has(task)) notes.say(`several runs of ${task} lie in the folder: read is the last`);
    newest.set(task, name);
  }
  return [...newest.values()];
}

/** `samples_hellaswag_2026-01-02T03-04-05.678901.jsonl`. */
const taskOf = (name: string): string =>
  basename(name)
    .replace(/^samples_/, "")
    .replace(/\.jsonl(\.gz)?$/, "")
    .replace(/_\d{4}-\d\d-\d\dT[\d.:-]+$/, "");

async function readFile(
  file: string,
  { notes, metric }: { notes: FileNotes; metric: string | undefined },
): Promise<{ format: string; read: ReadFile }> {
  if (/\.eval$/i.test(file) || holdsInspectLog(file))
    return { format: "inspect", read: readInspect(file, notes) };
  const rows: Row[] = [];
  for await (const row of readRows(file)) {
    if (row.twice !== undefined)
      throw new AttuneError("data", "an object of the row gives one key twice", {
        ...row.place,
        got: preview(row.twice),
      });
    rows.push(row);
  }
  if (rows.length === 0) throw new AttuneError("data", "the file holds no rows", { file });
  const format = detect(rows);
  if (!format && isBattleWithoutTexts(rows[0]!))
    throw new AttuneError("data", "these battles hold no answers, and are not read", {
      ...rows[0]!.place,
      got: `the columns ${Object.keys(rows[0]!.columns).join(", ")}`,
      expected: "conversation_a and conversation_b beside them: what both models said",
    });
  if (!format)
    throw new AttuneError("data", "the file holds no answers in a known format", {
      ...rows[0]!.place,
      got: `the columns ${Object.keys(rows[0]!.columns).join(", ")}`,
      expected: ANSWER_FORMATS.map(({ title, needs }) => `${needs} (${title})`).join("; "),
    });
  const isTask = format === lmEval && basename(file).startsWith("samples_");
  const read = format.read({
    file,
    rows: isTask ? rows.map((row) => withTask(row, taskOf(file))) : rows,
    name: isTask ? harnessModel(file) : stem(file),
    notes,
    metric,
  });
  return { format: format.name, read };
}

/** Rows that a format is looked for in: `--json` begins with notes. */
const LOOKED_AT = 100;

const detect = (rows: readonly Row[]): AnswerFormat | undefined =>
  ANSWER_FORMATS.find((format) => rows.slice(0, LOOKED_AT).some((row) => format.detect(row)));

const withTask = (row: Row, task: string): Row => ({ ...row, columns: { ...row.columns, task } });

/** Inspect's JSON logs are one object, whose first keys tell. */
function holdsInspectLog(file: string): boolean {
  if (!/\.json$/i.test(file)) return false;
  const text = readFileSync(file, "utf8");
  return /^\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"/.test(text);
}

/**
 * The model of a run of lm-evaluation-harness: results_*.json beside the samples, else the folder,
 * which the harness names after it.
 */
function harnessModel(file: string): string {
  const folder = dirname(file);
  const results = readdirSync(folder)
    .filter((name) => /^results_.*\.json$/.test(name))
    .toSorted()
    .at(-1);
  if (results !== undefined) {
    const name = asObject(parseJson(readFileSync(join(folder, results), "utf8")))?.["model_name"];
    if (typeof name === "string" && name !== "") return name;
  }
  const own = basename(folder);
  return own === "." || own === "" ? stem(file) : own.replaceAll("__", "/");
}

/** `answers` of `runs/answers.jsonl.gz`. */
export const stem = (file: string): string =>
  basename(file)
    .replace(/\.gz$/i, "")
    .replace(/\.\w+$/, "");

/** Of what a comparison reads, not of where it stands. */
export function fingerprintOf(answers: readonly SetAnswer[]): string {
  const hash = createHash("sha256");
  for (const { place: _, ...answer } of answers) hash.update(`${JSON.stringify(answer)}\n`);
  return hash.digest("hex");
}

/** Who fought whom and who won, as arenas publish it without what was said. */
const isBattleWithoutTexts = ({ columns }: Row): boolean =>
  "model_a" in columns && "model_b" in columns && "winner" in columns;
