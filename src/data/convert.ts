/**
 * A data set into another format and file, row by row. Nothing is lost in silence: what the target
 * cannot hold is counted by field, records that it cannot express are counted by reason, and the
 * file appears whole or not at all.
 */
import { existsSync } from "node:fs";
import type { ErrorPlace } from "../core/errors.ts";
import { AttuneError } from "../core/errors.ts";
import type { OnBad } from "./bad-row.ts";
import { BadRow, refuseBadRows } from "./bad-row.ts";
import { conversionLoss, convertRecord } from "./conversions.ts";
import type { DataSource } from "./dataset.ts";
import type { ResolveRemote, SourceFile } from "./files.ts";
import { findFiles, partOf } from "./files.ts";
import type { DataFormat } from "./formats/format.ts";
import { differences } from "./formats/differences.ts";
import {
  FORMATS,
  formatNamed,
  readRecord,
  refuseUnreadable,
  writeRecord,
} from "./formats/index.ts";
import { readCell } from "./readers/csv-cells.ts";
import { READ_LIMITS } from "./readers/row.ts";
import type { DataRecord, RecordKind, Split } from "./records.ts";
import type { ReadOptions } from "./stream.ts";
import { countOf } from "../core/counts.ts";
import { ReadReport, readRecords } from "./stream.ts";
import { weighted } from "./weights.ts";
import type { Columns } from "./writers/spool.ts";
import { cell, checkEnding, writeRows } from "./writers/write-rows.ts";

export interface ConvertOptions extends ReadOptions {
  /** File, folder or Hugging Face id; or several with their weights. */
  readonly source: string | readonly DataSource[];
  /** Name of the format to write. */
  readonly to: string;
  /** File to write; its ending says how. */
  readonly out: string;
  /** Kind of record to write; the first that the format has and the data gives where left out. */
  readonly kind?: RecordKind;
  readonly onBad?: OnBad;
  /** Only this part of the data set. */
  readonly split?: Split;
  /** Seed of the rows that are drawn where a weight asks for a part of a data set. */
  readonly seed?: number;
  /** Replace a file that is there. */
  readonly overwrite?: boolean;
  readonly resolveRemote?: ResolveRemote;
  readonly onProgress?: (rows: number) => void;
}

export interface Conversion {
  readonly out: string;
  readonly from: string;
  readonly to: string;
  /** Rows read and rows written. */
  readonly rows: number;
  readonly written: number;
  /** Records whose field the target does not hold, by field. */
  readonly lost: Readonly<Record<string, number>>;
  /** What the change of the kind of record leaves behind. */
  readonly converted: readonly string[];
  /** Records that the target cannot express, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Rows that could not be read as records, and what of them was not kept. */
  readonly warnings: readonly string[];
}

/**
 * @throws AttuneError `usage` for an unknown format or an existing file, `data` for bad data,
 * `disk` where writing fails
 */
export async function convertDataset(options: ConvertOptions): Promise<Conversion> {
  const { source, to, out, onBad = "few", resolveRemote } = options;
  const target = formatNamed(to);
  checkTarget(target, options.kind);
  checkEnding(out);
  if (existsSync(out) && options.overwrite !== true)
    throw new AttuneError("usage", "the file exists already", {
      file: out,
      hint: "name another one, or replace it with --overwrite",
    });
  const sources = typeof source === "string" ? [{ source, weight: 1 }] : source;
  const parts: { files: readonly SourceFile[]; weight: number; report: ReadReport }[] = [];
  for (const each of sources)
    parts.push({
      files: partOf(await findFiles(each.source, resolveRemote), options.split, each.source),
      weight: each.weight,
      report: new ReadReport(),
    });
  const rowsRead = (): number => parts.reduce((sum, { report }) => sum + report.rows, 0);
  const outcome = new Outcome(target, options.kind, out);
  const rows = async function* (): AsyncGenerator<Columns> {
    for (const [stream, { files, weight, report }] of parts.entries()) {
      for await (const record of weighted(readRecords(files, options, report), weight, {
        seed: options.seed ?? 0,
        stream,
      })) {
        yield* outcome.write(record);
        options.onProgress?.(rowsRead());
      }
      // before the rename: bad input leaves no file
      refuseBadRows(report.badRows, report.rows, onBad);
    }
    outcome.refuseNothing(sources.map((each) => each.source).join(" + "));
  };
  await writeRows(out, rows());
  return {
    out,
    from: [
      ...new Set(
        parts.flatMap(({ report }) => [...report.formats.values()].map(({ name }) => name)),
      ),
    ].join(" + "),
    to,
    rows: rowsRead(),
    ...outcome.summary(),
    warnings: parts.flatMap(({ report }) => report.warnings),
  };
}

function checkTarget(target: DataFormat, kind: RecordKind | undefined): void {
  const names = FORMATS.filter(({ writes }) => writes.length > 0)
    .map(({ name }) => name)
    .toSorted();
  if (target.write === undefined)
    throw new AttuneError("usage", `the format ${target.name} is only read`, {
      expected: names.join(", "),
    });
  if (kind !== undefined && !target.writes.includes(kind))
    throw new AttuneError("usage", `the format ${target.name} holds no ${kind} records`, {
      expected: target.writes.join(", "),
    });
}

class Outcome {
  private readonly target: DataFormat;
  private readonly kinds: readonly RecordKind[];
  private readonly lost = new Map<string, number>();
  private readonly leftOut = new Map<string, number>();
  private readonly converted = new Set<string>();
  /** Its cells are texts. */
  private readonly isTable: boolean;
  private written = 0;

  constructor(target: DataFormat, kind: RecordKind | undefined, out: string) {
    this.isTable = /\.(csv|tsv)(\.gz)?$/i.test(out);
    this.target = target;
    this.kinds = kind === undefined ? target.writes : [kind];
  }

  /** The rows of one record; none where the target cannot express it. */
  *write(record: DataRecord): Generator<Columns> {
    const kind = this.kinds.includes(record.kind)
      ? record.kind
      : this.kinds.find((candidate) => convertRecord(record, candidate) !== undefined);
    if (kind === undefined) {
      throw new AttuneError(
        "data",
        `the format ${this.target.name} cannot hold ${record.kind} data`,
        {
          ...record.place,
          expected: `${this.kinds.join(" or ")} records`,
          hint: "choose another format with --to",
        },
      );
    }
    const loss = conversionLoss(record.kind, kind);
    if (loss !== undefined) this.converted.add(`${record.kind} to ${kind}: ${loss}`);
    const records = convertRecord(record, kind)!;
    if (records.length === 0)
      count(this.leftOut, `no ${kind} data comes of it: a tie, or no answer`);
    for (const item of records) yield* this.writeOne(item);
  }

  private *writeOne(record: DataRecord): Generator<Columns> {
    const written = writeRecord(record, this.target);
    if ("leftOut" in written) {
      count(this.leftOut, written.leftOut);
      return;
    }
    const lost = this.losses(record, written.row);
    if (typeof lost === "string") {
      count(this.leftOut, lost);
      return;
    }
    for (const field of lost) count(this.lost, field);
    this.written++;
    yield written.row;
  }

  /**
   * What the row lacks of the record, told by reading it back; as a text, why it cannot be read.
   */
  private losses(record: DataRecord, columns: Columns): readonly string[] | string {
    const row = {
      columns: this.isTable ? throughCells(columns, record.place) : columns,
      place: record.place,
    };
    try {
      refuseUnreadable(row, this.target, new Set());
      return differences(
        record,
        readRecord(row, this.target, { note: () => undefined }),
        this.target,
      );
    } catch (error) {
      if (error instanceof BadRow) return error.reason;
      if (error instanceof AttuneError) return error.what;
      throw error;
    }
  }

  /** @throws AttuneError where there is no row to write */
  refuseNothing(source: string): void {
    if (this.written > 0) return;
    const reasons = [...this.leftOut].map(([reason, number]) => `${number}: ${reason}`).join("; ");
    throw new AttuneError("data", "no row is left to write", {
      file: source,
      got: reasons === "" ? "no usable rows" : reasons,
    });
  }

  summary(): Pick<Conversion, "written" | "lost" | "converted" | "leftOut"> {
    return {
      written: this.written,
      lost: Object.fromEntries(this.lost),
      converted: [...this.converted],
      leftOut: Object.fromEntries(this.leftOut),
    };
  }
}

/** A row as a table gives it back. */
function throughCells(columns: Columns, place: ErrorPlace): Columns {
  return Object.fromEntries(
    Object.entries(columns).map(([name, value]) => [
      name,
      readCell(name, cell(value), place, {
        limits: READ_LIMITS,
        note: () => undefined,
        twice: () => undefined,
      }),
    ]),
  );
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** A conversion's outcome as plain text. */
export function conversionText({
  out,
  from,
  to,
  rows,
  written,
  lost,
  converted,
  leftOut,
  warnings,
}: Conversion): string {
  const lines = [
    `${countOf(rows, "row")} of ${from} -> ${countOf(written, "row")} of ${to} in ${out}`,
  ];
  for (const warning of warnings) lines.push(`  ${warning}`);
  for (const change of converted)
    lines.push(`  changed ${change.replace(": ", ", which leaves behind ")}`);
  for (const [reason, number] of Object.entries(leftOut))
    lines.push(`  left out: ${countOf(number, "record")} (${reason})`);
  for (const [field, number] of Object.entries(lost))
    lines.push(`  lost: ${field} of ${countOf(number, "record")}, which ${to} does not hold`);
  if (lines.length === 1) lines.push("  nothing was lost");
  return lines.join("\n");
}
