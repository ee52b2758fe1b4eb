/**
 * A project's labels or judgements as a file in one of attune's formats. It is written in attune's
 * own form first, which loses nothing, and from there as `attune data convert` does: what a poorer
 * format drops is counted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { convertDataset } from "../../data/convert.ts";
import { formatNamed, writeRecord } from "../../data/formats/index.ts";
import { writeRows } from "../../data/writers/write-rows.ts";
import type { Database } from "../store/database.ts";
import type { ExportFilter, ExportProject, LeftOut } from "./export-rows.ts";
import { exportRecords } from "./export-rows.ts";

export interface ExportOptions {
  readonly project: ExportProject;
  readonly filter: ExportFilter;
  /** Name of a format. */
  readonly format: string;
  /** Ending of the file. */
  readonly as: "jsonl" | "json" | "csv" | "parquet";
  /** Folder in which a new one is made for it. */
  readonly folder: string;
}

export interface Exported {
  /** A file in a folder of its own, which {@link removeExport} takes away. */
  readonly path: string;
  readonly rows: number;
  /** What was left out or lost, in sentences with counts. */
  readonly notes: readonly string[];
}

/** @throws AttuneError `data` where nothing is left, `usage` for a format that is not written */
export async function exportFile(
  database: Database,
  { project, filter, format, as, folder }: ExportOptions,
): Promise<Exported> {
  const target = formatNamed(format);
  const place = mkdtempSync(join(folder, "export-"));
  const leftOut: LeftOut = new Map();
  const whole = join(place, format === "attune" ? `out.${as}` : "whole.jsonl");
  try {
    let rows = 0;
    const own = formatNamed("attune");
    await writeRows(
      whole,
      (async function* () {
        for await (const record of exportRecords(database, project, filter, leftOut)) {
          const written = writeRecord(record, own);
          if (!("row" in written)) continue;
          rows++;
          yield { ...written.row };
        }
      })(),
    );
    const left = [...leftOut].map(
      ([reason, number]) =>
        `${countOf(number, filter.what === "labels" ? "task" : "judgement")} left out: ${reason}`,
    );
    if (rows === 0)
      throw new AttuneError("data", "there is nothing to export", {
        got: left.length === 0 ? "no judgements yet" : left.join("; "),
        hint: left.length === 0 ? "judge some tasks first" : "a wider filter",
      });
    if (target.name === "attune") return { path: whole, rows, notes: left };
    const path = join(place, `out.${as}`);
    const {
      written,
      lost,
      converted,
      leftOut: unfit,
      warnings,
    } = await convertDataset({
      source: whole,
      format: "attune",
      to: format,
      out: path,
      onBad: "drop",
    });
    return {
      path,
      rows: written,
      notes: [
        ...left,
        ...warnings,
        ...converted.map((change) => `changed ${change.replace(": ", ", which leaves behind ")}`),
        ...Object.entries(unfit).map(
          ([reason, number]) => `${countOf(number, "record")} left out: ${reason}`,
        ),
        ...Object.entries(lost).map(
          ([field, number]) => `not held by ${format}: ${field} of ${countOf(number, "record")}`,
        ),
      ],
    };
  } catch (error) {
    removeExport({ path: whole });
    throw error;
  }
}

/** Takes an export's folder away. */
export const removeExport = ({ path }: Pick<Exported, "path">): void =>
  rmSync(join(path, ".."), { recursive: true, force: true });
