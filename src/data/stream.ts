/**
 * Rows to checked records, file by file: finds the format, refuses strange columns, sets bad rows
 * aside and counts everything.
 */
import { countOf } from "../core/counts.ts";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError, preview } from "../core/errors.ts";
import { BAD_ROWS, badReasonOf, BadRow } from "./bad-row.ts";
import type { BadReason, BadRows } from "./bad-row.ts";
import type { SourceFile } from "./files.ts";
import { splitOf } from "./files.ts";
import {
  columnError,
  columnsWithoutPlace,
  detectFormat,
  formatNamed,
  readRecords as readRecordsOf,
  refuseUnreadable,
} from "./formats/index.ts";
import type { DataFormat, Notes } from "./formats/format.ts";
import { findLabel } from "./formats/labels.ts";
import { readRows } from "./readers/read-rows.ts";
import type { ReadLimits, Row } from "./readers/row.ts";
import { READ_LIMITS } from "./readers/row.ts";
import type { DataRecord, RecordKind, Split } from "./records.ts";
import type { Rename } from "./renames.ts";
import { checkRenames, labelRename, parseRenames, renameColumns } from "./renames.ts";

/** How rows are read; all of it may be left out. */
export interface ReadOptions {
  /** Name of the format; found by the first rows of each file where left out. */
  readonly format?: string;
  /** Columns to pass over; `*` passes over all that the format does not know. */
  readonly ignoreColumns?: readonly string[];
  /**
   * Keeps columns that the format does not know under `extra`, where a program of the user's reads
   * them, instead of refusing them.
   */
  readonly keepColumns?: boolean;
  /** The data's own names for what is read, each `name=column` (renames.ts). */
  readonly columns?: readonly string[];
  /**
   * Only so many records of each part of the data set, from its beginning; all where 0 or left out.
   */
  readonly limit?: number;
  /** What will be made of the records, for errors that say what is missing. */
  readonly needs?: RecordKind;
  /** Larger or smaller bounds for hostile files; {@link ReadLimits}. */
  readonly limits?: Partial<ReadLimits>;
  /** Ends the reading, which is then rejected with its reason. */
  readonly signal?: AbortSignal;
}

/** Something that was read and is not kept. */
export interface Note {
  /** Such as a column, as a part of a sentence. */
  readonly what: string;
  /** How many rows had it. */
  readonly rows: number;
  /** The first row of them. */
  readonly first: ErrorPlace;
}

/** What was met while reading; grows as records are taken. */
export class ReadReport {
  rows = 0;
  /** Formats by file. */
  readonly formats = new Map<string, DataFormat>();
  /** Rows and records by file. */
  readonly files = new Map<string, { rows: number; records: number }>();
  /** Bad rows, which the policy judges. */
  private readonly bad = new Map<BadReason, number>();
  private first: BadRows["first"];
  private total = 0;
  /** Rows that the format leaves out by nature. */
  private readonly leftOut = new Map<BadReason, number>();
  private readonly noted = new Map<string, Note>();

  /** @param format of the row; none for records of a program's own */
  addBad({ reason, place, got }: BadRow, format?: DataFormat): void {
    if (format?.leavesOut?.includes(reason) === true) {
      count(this.leftOut, reason);
      return;
    }
    count(this.bad, reason);
    this.total++;
    this.first ??= { reason, place, ...(got === undefined ? {} : { got }) };
  }

  note(what: string, place: ErrorPlace): void {
    const note = this.noted.get(what);
    this.noted.set(what, { what, rows: (note?.rows ?? 0) + 1, first: note?.first ?? place });
  }

  /** What was read and has no place in a record, with the number of rows and the first of them. */
  get notes(): readonly Note[] {
    return [...this.noted.values()];
  }

  get badRows(): BadRows {
    return {
      counts: Object.fromEntries(this.bad),
      total: this.total,
      ...(this.first ? { first: this.first } : {}),
    };
  }

  /** Sentences about how the data was understood, where that was a choice. */
  readonly remarks = new Set<string>();
  /** Columns that the files have. */
  readonly columns = new Set<string>();

  /** Every row that gave no record, by reason. */
  get dropped(): Record<string, number> {
    return Object.fromEntries([...this.bad, ...this.leftOut]);
  }

  /** Sentences about what was passed over. */
  get warnings(): string[] {
    const dropped = Object.entries(this.dropped).map(
      ([reason, number]) => `${countOf(number, "row")} left out: ${reason}`,
    );
    return [
      ...this.remarks,
      ...dropped,
      ...this.notes.map(({ what, rows }) => `not kept: ${what} (${countOf(rows, "row")})`),
    ];
  }
}

function count<K>(map: Map<K, number>, key: K): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** Rows that tell the format of a file. */
const PEEK = 20;

/** The usable records of the files, in order. @throws AttuneError with file and row */
export async function* readRecords(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReadReport,
): AsyncGenerator<DataRecord> {
  const ignored = new Set(options.ignoreColumns);
  const limits = { ...READ_LIMITS, ...options.limits };
  const renames = parseRenames(options.columns ?? []);
  const taken = new Map<Split | undefined, number>();
  const isFull = (split: Split | undefined): boolean =>
    (options.limit ?? 0) > 0 && (taken.get(split) ?? 0) >= options.limit!;
  for (const { path, split } of files) {
    const counts = { rows: 0, records: 0 };
    report.files.set(path, counts);
    if (isFull(split)) continue;
    const rows = readRows(path, limits);
    try {
      const first = await takeFirst(rows, PEEK);
      if (first.length === 0) continue;
      const { format, known } = understand(first, { options, ignored, renames, limits, report });
      report.formats.set(path, format);
      const reading = {
        format,
        report,
        ignored,
        keepColumns: options.keepColumns === true,
        needs: options.needs,
      };
      for await (const written of chain(first, rows)) {
        if (options.signal?.aborted === true)
          throw new AttuneError("interrupted", "stopped while reading data", { file: path });
        report.rows++;
        counts.rows++;
        const row = renameColumns(written, known, limits);
        const records = readRow(row, reading);
        if (records.length === 0) continue;
        for (const record of records) {
          counts.records++;
          placeInPart(record, row, { split, report });
          yield record;
        }
        taken.set(split, (taken.get(split) ?? 0) + 1);
        if (isFull(split)) break;
      }
    } finally {
      // whatever happened, the file is closed
      await rows.return(undefined);
    }
  }
}

interface Understanding {
  readonly options: ReadOptions;
  readonly ignored: ReadonlySet<string>;
  readonly renames: readonly Rename[];
  readonly limits: ReadLimits;
  readonly report: ReadReport;
}

/** Finds out by the first rows of a file its format and the names of its columns. */
function understand(
  first: readonly Row[],
  { options, ignored, renames, limits, report }: Understanding,
): { format: DataFormat; known: readonly Rename[] } {
  for (const remark of checkRenames(first, renames)) report.remarks.add(remark);
  for (const { columns } of first)
    for (const name of Object.keys(columns)) report.columns.add(name);
  const label = findLabel(
    first.map((row) => renameColumns(row, renames, limits)),
    ignored,
  );
  if (label !== undefined)
    report.remarks.add(`the column ${label.name} is read as the label: whether the answer is good`);
  const known = label === undefined ? renames : [...renames, labelRename(label)];
  const format =
    options.format === undefined
      ? detectFormat(
          first.map((row) => renameColumns(row, known, limits)),
          options.needs,
        )
      : formatNamed(options.format);
  return { format, known };
}

/** The part that the row itself names, else the one that its file's name tells. */
function placeInPart(
  record: DataRecord,
  { columns }: Row,
  { split, report }: { split: Split | undefined; report: ReadReport },
): void {
  const own = typeof columns["split"] === "string" ? splitOf(columns["split"]) : undefined;
  if (own !== undefined)
    report.remarks.add("the column split says which part of the data a row belongs to");
  const part = own ?? split;
  if (part !== undefined) record.split ??= part;
}

interface Reading {
  readonly format: DataFormat;
  readonly report: ReadReport;
  readonly ignored: ReadonlySet<string>;
  readonly keepColumns: boolean;
  readonly needs: RecordKind | undefined;
}

/** The usable records of a row; none where it cannot be used, which is counted. */
function readRow(row: Row, { format, report, ignored, keepColumns, needs }: Reading): DataRecord[] {
  try {
    if (row.twice !== undefined) throw new BadRow(BAD_ROWS.twice, row.place, preview(row.twice));
    refuseUnreadable(row, format, ignored);
    const strange = ignored.has("*") ? [] : columnsWithoutPlace(row, format, ignored);
    if (strange.length > 0 && !keepColumns)
      throw columnError(row, format, { name: strange[0]!, needs });
    const seen = new Set<string>(row.notes);
    // a note counts once a row
    const notes: Notes = { note: (what) => void seen.add(what) };
    const records = readRecordsOf(row, format, notes);
    for (const record of records) {
      const reason = badReasonOf(record);
      if (reason !== undefined) throw new BadRow(reason, row.place);
    }
    for (const what of seen) report.note(what, row.place);
    if (strange.length > 0)
      for (const record of records)
        record.extra = {
          ...Object.fromEntries(strange.map((name) => [name, row.columns[name]])),
          ...record.extra,
        };
    return records;
  } catch (error) {
    if (!(error instanceof BadRow)) throw error;
    report.addBad(error, format);
    return [];
  }
}

async function takeFirst(rows: AsyncGenerator<Row>, limit: number): Promise<Row[]> {
  const taken: Row[] = [];
  while (taken.length < limit) {
    const { value, done } = await rows.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

async function* chain(first: readonly Row[], rest: AsyncGenerator<Row>): AsyncGenerator<Row> {
  yield* first;
  yield* rest;
}
