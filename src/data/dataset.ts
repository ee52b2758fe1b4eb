/** Loads a data set: finds its format, reads and checks every row, and gives the kind of record that a trainer needs. */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError, nearest } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Completion, Prompt } from "../text/messages.ts";
import { completionText, promptText } from "../text/messages.ts";
import { anthropicHh } from "./formats/anthropic-hh.ts";
import type { DataFormat } from "./formats/format.ts";
import { alpaca, openaiPreference, shareGpt } from "./formats/others.ts";
import { trl } from "./formats/trl.ts";
import type { DataRecord, RecordKind, RecordOf } from "./records.ts";
import type { Row } from "./rows.ts";
import { DATA_FILE, readRows } from "./rows.ts";

/** In order of detection: the more particular first. */
export const FORMATS: readonly DataFormat[] = [openaiPreference, shareGpt, anthropicHh, alpaca, trl];

export interface LoadOptions {
  /** Name of the format; detected where left out. */
  format?: string;
  /**
   * What to do with rows whose completions are empty or identical: stop, leave them out, or (the default) leave them out
   * where they are at most 1% of the rows, as in real data sets, and stop where they are more.
   */
  onBad?: OnBad;
}

export const ON_BAD = ["few", "error", "drop"] as const;
export type OnBad = (typeof ON_BAD)[number];
const FEW = 0.01;

export interface Dataset<R extends DataRecord = DataRecord> {
  readonly records: readonly R[];
  readonly files: readonly string[];
  readonly format: string;
  /** sha256 over what was read. */
  readonly hash: string;
  /** Rows that were left out, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The first of them, for the warning that reports them. */
  readonly firstDropped?: ErrorPlace;
}

export async function loadDataset(source: string, options: LoadOptions = {}): Promise<Dataset> {
  const files = await findFiles(source);
  const rows = (await Promise.all(files.map(readRows))).flat();
  if (rows.length === 0) throw new AttuneError("data", "the data set is empty", { file: source });
  const format = chooseFormat(rows, options.format);
  const records: DataRecord[] = [];
  const faults: { fault: string; place: ErrorPlace }[] = [];
  for (const row of rows) {
    checkColumns(row, format);
    const record = format.read(row);
    const fault = findFault(record);
    if (fault) faults.push({ fault, place: row.place });
    else records.push(record);
  }
  refuseFaults(faults, rows.length, options.onBad ?? "few");
  const dropped: Record<string, number> = {};
  for (const { fault } of faults) dropped[fault] = (dropped[fault] ?? 0) + 1;
  const hash = createHash("sha256").update(JSON.stringify(records.map((record) => ({ ...record, place: undefined })))).digest("hex");
  return { records, files, format: format.name, hash, dropped, ...(faults[0] ? { firstDropped: faults[0].place } : {}) };
}

function refuseFaults(faults: readonly { fault: string; place: ErrorPlace }[], rows: number, onBad: OnBad): void {
  const first = faults[0];
  if (!first || onBad === "drop" || (onBad === "few" && faults.length <= FEW * rows)) return;
  throw new AttuneError("data", first.fault, {
    ...first.place,
    got: `${faults.length} such ${faults.length === 1 ? "row" : "rows"} of ${rows}`,
    hint: "mend or remove the rows, or let them be left out and counted: --on-bad drop",
  });
}

async function findFiles(source: string): Promise<string[]> {
  if (!existsSync(source)) throw new AttuneError("data", "there is no data at this path", { file: source, hint: "a .json, .jsonl or .jsonl.gz file, or a folder of them" });
  if (!statSync(source).isDirectory()) return [source];
  const files = (await readdir(source)).filter((name) => DATA_FILE.test(name)).toSorted().map((name) => join(source, name));
  if (files.length === 0) throw new AttuneError("data", "the folder holds no data files", { file: source, expected: ".json, .jsonl or .ndjson files, also with .gz" });
  return files;
}

function chooseFormat(rows: readonly Row[], name: string | undefined): DataFormat {
  const names = FORMATS.map((format) => format.name);
  if (name !== undefined) {
    const format = FORMATS.find((candidate) => candidate.name === name);
    if (format) return format;
    const near = nearest(name, names);
    throw new AttuneError("data", `there is no format named ${name}`, { expected: names.join(", "), ...(near ? { hint: near } : {}) });
  }
  const first = rows[0]!;
  const format = FORMATS.find((candidate) => candidate.detect(first));
  if (format) return format;
  throw new AttuneError("data", "the columns fit no known format", {
    ...first.place,
    got: Object.keys(first.columns).join(", "),
    expected: FORMATS.map((candidate) => `${candidate.name} (${candidate.columns.join(", ")})`).join("; "),
  });
}

function checkColumns(row: Row, format: DataFormat): void {
  for (const name of Object.keys(row.columns)) {
    if (format.columns.includes(name) || format.metadata.includes(name) || row.columns[name] === null) continue;
    const near = nearest(name, format.columns);
    throw new AttuneError("data", `the format ${format.name} has no column ${name}`, { ...row.place, expected: [...format.columns, ...format.metadata].join(", "), hint: near ? `did you mean ${near}?` : "remove the column" });
  }
}

const isEmpty = (completion: Completion): boolean => completionText(completion).trim() === "";

/** Why a record cannot be used; undefined where it can. */
function findFault(record: DataRecord): string | undefined {
  switch (record.kind) {
    case "preference":
      if (isEmpty(record.chosen)) return "the chosen completion is empty";
      if (isEmpty(record.rejected)) return "the rejected completion is empty";
      if (record.p !== 0.5 && completionText(record.chosen) === completionText(record.rejected)) return "chosen and rejected are identical";
      return undefined;
    case "demonstration":
    case "unpaired":
      return isEmpty(record.completion) ? "the completion is empty" : undefined;
    case "text":
      return record.text.trim() === "" ? "the text is empty" : undefined;
    case "conversation":
      return record.messages.some(({ role, content }) => role === "assistant" && content.trim() !== "") ? undefined : "the conversation has no assistant turn with text";
    case "prompt":
      return undefined;
  }
}

/** The records as the kind that a trainer needs; throws where no conversion makes sense. */
export function recordsAs<K extends RecordKind>(dataset: Dataset, kind: K): RecordOf<K>[] {
  return dataset.records.flatMap((record) => {
    const converted = record.kind === kind ? [record] : CONVERSIONS[`${record.kind} to ${kind}`]?.(record as never);
    if (converted) return converted as RecordOf<K>[];
    throw new AttuneError("data", `this is ${record.kind} data, and ${kind} data is needed`, { ...record.place, hint: `data with the columns of ${kind} records` });
  });
}

const CONVERSIONS: Readonly<Record<string, (record: never) => DataRecord[]>> = {
  "preference to demonstration": ({ prompt, chosen, place }: RecordOf<"preference">) => [{ kind: "demonstration", prompt, completion: chosen, place }],
  "preference to unpaired": ({ prompt, chosen, rejected, place }: RecordOf<"preference">) => [
    { kind: "unpaired", prompt, completion: chosen, label: true, place },
    { kind: "unpaired", prompt, completion: rejected, label: false, place },
  ],
  "unpaired to demonstration": ({ prompt, completion, label, place }: RecordOf<"unpaired">) => (label ? [{ kind: "demonstration", prompt, completion, place }] : []),
  "preference to prompt": ({ prompt, place }: RecordOf<"preference">) => [{ kind: "prompt", prompt, place }],
  "demonstration to prompt": ({ prompt, place }: RecordOf<"demonstration">) => [{ kind: "prompt", prompt, place }],
  "unpaired to prompt": ({ prompt, place }: RecordOf<"unpaired">) => [{ kind: "prompt", prompt, place }],
};

/** What groups rows of one prompt, so that it never is in both splits. */
export function promptKey(record: DataRecord): string {
  if (record.kind === "text") return record.text;
  if (record.kind === "conversation") return promptText(record.messages.slice(0, record.messages.findIndex(({ role }) => role === "assistant")));
  return promptText(record.prompt as Prompt);
}

/**
 * Splits into training and held-out records by prompt.
 * @param heldOut share of the rows from 0 to 1, or a number of rows above 1; reached to within one prompt's rows
 */
export function splitRecords<R extends DataRecord>(records: readonly R[], heldOut: number, seed: number): { train: R[]; heldOut: R[] } {
  const groups = new Map<string, R[]>();
  for (const record of records) {
    const key = promptKey(record);
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  const wanted = heldOut >= 1 ? heldOut : Math.round(heldOut * records.length);
  const held = new Set<R>();
  for (const group of Random.for(seed, "split").shuffle([...groups.values()])) {
    if (held.size >= wanted) break;
    for (const record of group) held.add(record);
  }
  return { train: records.filter((record) => !held.has(record)), heldOut: records.filter((record) => held.has(record)) };
}
