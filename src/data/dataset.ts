/**
 * Loads a data set: a file, a folder or a Hugging Face id in any known format, checked row by row,
 * with everything that was passed over counted.
 */
import { createHash } from "node:crypto";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import type { OnBad } from "./bad-row.ts";
import { ON_BAD, refuseBadRows } from "./bad-row.ts";
import { convertRecord } from "./conversions.ts";
import type { ResolveRemote } from "./files.ts";
import { findFiles, hashContent, partOf } from "./files.ts";
import type { DataRecord, RecordKind, RecordOf, Split } from "./records.ts";
import { RECORD_KINDS } from "./records.ts";
import { neededColumns, renameHint } from "./formats/needs.ts";
import { weighted } from "./weights.ts";
import type { Note, ReadOptions } from "./stream.ts";
import { ReadReport, readRecords } from "./stream.ts";

export { ON_BAD };
export type { OnBad };

/** How data is read; all of it may be left out. */
export interface LoadOptions extends ReadOptions {
  /**
   * What to do with rows that cannot be used (an empty completion, two identical ones): stop at the
   * first, leave them out, or (`few`, the default) leave them out where they are at most 1% of the
   * rows, as in published data sets, and stop where they are more. What is left out is always
   * counted.
   */
  readonly onBad?: OnBad;
  /** Only this part of the data set. */
  readonly split?: Split;
  /** Seed of the rows that are drawn where a weight asks for a part of a data set. */
  readonly seed?: number;
  /** Downloads a data set by its Hugging Face id; without it ids are refused. */
  readonly resolveRemote?: ResolveRemote;
}

/** One file of a data set. */
export interface DataFile {
  /** Where it was read from. */
  readonly path: string;
  /** Part of the data set, told by its name. */
  readonly split?: Split;
  /** Name of its format. */
  readonly format: string;
  /** Rows read. */
  readonly rows: number;
  /** Records that they gave. */
  readonly records: number;
  /** SHA-256 of the content, decompressed. */
  readonly sha256: string;
}

/** Records in memory, and everything that is to be said of how they were read. */
export interface Dataset<R extends DataRecord = DataRecord> {
  /** Path or id, as it was given; several joined by " + ". */
  readonly source: string;
  /** In the order of the files. */
  readonly records: readonly R[];
  /** Records of each kind that there are any of. */
  readonly counts: Readonly<Partial<Record<RecordKind, number>>>;
  /** Those that were read, in order. */
  readonly files: readonly DataFile[];
  /** Name of the format; several are joined by " + ". */
  readonly format: string;
  /** SHA-256 over the records in order, without the places they were read from. */
  readonly hash: string;
  /** Rows read. */
  readonly rows: number;
  /** Rows that gave no record, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The first bad row among them. */
  readonly firstDropped?: ErrorPlace;
  /** What was read and has no place in a record. */
  readonly notes: readonly Note[];
  /** Sentences about how the data was understood, where that was a choice. */
  readonly remarks: readonly string[];
  /** Columns that the files have. */
  readonly columns: readonly string[];
  /** Sentences about all of that, for people. */
  readonly warnings: readonly string[];
}

/** One of several data sets that are read as one. */
export interface DataSource {
  /** A file, a folder or a Hugging Face id. */
  readonly source: string;
  /** How often its records come: 1 for once, 0.5 for half of them, 2 for twice (weights.ts). */
  readonly weight: number;
}

/**
 * Reads a data set in any known format (recognised by its columns) and checks every row. Nothing is
 * dropped without being counted.
 * @param source a file, a folder, an id (with `resolveRemote`), or several with weights
 * @returns one record at least
 * @throws AttuneError `data` with file and row for anything that is wrong with the data
 */
export async function loadDataset(
  source: string | readonly DataSource[],
  options: LoadOptions = {},
): Promise<Dataset> {
  if (typeof source === "string") return loadOne({ source, weight: 1 }, 0, options);
  if (source.length === 1) return loadOne(source[0]!, 0, options);
  const parts: Dataset[] = [];
  for (const [index, each] of source.entries()) parts.push(await loadOne(each, index, options));
  return joined(parts);
}

async function loadOne(
  { source, weight }: DataSource,
  stream: number,
  options: LoadOptions,
): Promise<Dataset> {
  const { onBad = "few", split, resolveRemote, seed = 0 } = options;
  const files = partOf(await findFiles(source, resolveRemote), split, source);
  const report = new ReadReport();
  const records: DataRecord[] = [];
  for await (const record of weighted(readRecords(files, options, report), weight, {
    seed,
    stream,
  })) {
    records.push(record);
    if (onBad === "error") refuseBadRows(report.badRows, report.rows, onBad);
  }
  refuseBadRows(report.badRows, report.rows, onBad);
  if (report.rows === 0)
    throw new AttuneError("data", "the data set is empty", {
      file: source,
      expected: "one row at least",
    });
  if (records.length === 0)
    throw new AttuneError("data", "no row of the data set can be used", {
      file: source,
      got: report.warnings.join("; "),
    });
  const { first } = report.badRows;
  return {
    source,
    records,
    counts: countKinds(records),
    files: await Promise.all(files.map((file) => describeFile(file, report))),
    format: [...new Set([...report.formats.values()].map(({ name }) => name))].join(" + "),
    hash: hashRecords(records),
    rows: report.rows,
    dropped: report.dropped,
    ...(first === undefined ? {} : { firstDropped: first.place }),
    notes: report.notes,
    remarks: [...report.remarks],
    columns: [...report.columns],
    warnings: report.warnings,
  };
}

/** Several data sets as one, in their order. */
function joined(parts: readonly Dataset[]): Dataset {
  const records = parts.flatMap((part) => part.records);
  const dropped: Record<string, number> = {};
  for (const part of parts)
    for (const [reason, number] of Object.entries(part.dropped))
      dropped[reason] = (dropped[reason] ?? 0) + number;
  const notes = new Map<string, Note>();
  for (const note of parts.flatMap((part) => part.notes))
    notes.set(note.what, {
      ...note,
      ...notes.get(note.what),
      rows: note.rows + (notes.get(note.what)?.rows ?? 0),
    });
  const firstDropped = parts.find((part) => part.firstDropped !== undefined)?.firstDropped;
  const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];
  return {
    source: parts.map(({ source }) => source).join(" + "),
    records,
    counts: countKinds(records),
    files: parts.flatMap(({ files }) => files),
    format: distinct(parts.flatMap(({ format }) => format.split(" + "))).join(" + "),
    hash: hashRecords(records),
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    dropped,
    ...(firstDropped === undefined ? {} : { firstDropped }),
    notes: [...notes.values()],
    remarks: distinct(parts.flatMap(({ remarks }) => remarks)),
    columns: distinct(parts.flatMap(({ columns }) => columns)),
    warnings: parts.flatMap(({ warnings }) => warnings),
  };
}

async function describeFile(
  { path, split }: { path: string; split?: Split },
  report: ReadReport,
): Promise<DataFile> {
  const { rows, records } = report.files.get(path)!;
  return {
    path,
    ...(split === undefined ? {} : { split }),
    format: report.formats.get(path)?.name ?? "",
    rows,
    records,
    sha256: await hashContent(path),
  };
}

export function countKinds(records: readonly DataRecord[]): Partial<Record<RecordKind, number>> {
  const counts: Partial<Record<RecordKind, number>> = {};
  for (const { kind } of records) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/**
 * SHA-256 over records in order, whatever file they came from: the key for caches of things
 * computed from them.
 */
export function hashRecords(records: readonly DataRecord[]): string {
  const hash = createHash("sha256");
  for (const { place: _, ...record } of records)
    hash.update(`${JSON.stringify(record, sortKeys)}\n`);
  return hash.digest("hex");
}

/** Objects with their keys in order, so that the order in a file does not matter. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The records as the kind that a trainer needs. Pairs that become answers or demonstrations lose
 * how sure their label is, and ties (judgements.ts).
 * @throws AttuneError `data` where one of them cannot be converted (conversions.ts)
 */
export function recordsAs<K extends RecordKind>(
  dataset: Pick<Dataset, "records"> & Partial<Pick<Dataset, "columns">>,
  kind: K,
): RecordOf<K>[] {
  return dataset.records.flatMap((record) => {
    const converted = convertRecord(record, kind);
    if (converted !== undefined) return converted;
    const { columns = [] } = dataset;
    throw new AttuneError("data", `this is ${record.kind} data, and ${kind} data is needed`, {
      ...record.place,
      ...(columns.length === 0 ? {} : { got: `columns ${columns.join(", ")}` }),
      expected: neededColumns(kind),
      hint:
        renameHint(kind, columns, { guessed: true }) ??
        "`attune data inspect` shows what a data set holds",
    });
  });
}

/** Kinds in the order of {@link RECORD_KINDS}, with their numbers. */
export function kindEntries(counts: Dataset["counts"]): [RecordKind, number][] {
  return RECORD_KINDS.flatMap((kind) =>
    counts[kind] === undefined ? [] : [[kind, counts[kind]] as [RecordKind, number]],
  );
}

export { promptKey, splitDataset, splitRecords } from "./split.ts";
