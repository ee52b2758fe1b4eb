/** Which rows are learned and which are held out, and what is worth telling of that. */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { rankedToPreferences } from "../../data/conversions.ts";
import { readAsCertain } from "../../data/judgements.ts";
import type { DataRecord, RecordKind } from "../../data/records.ts";
import type { SplitOptions } from "../../data/split.ts";
import { splitDataset } from "../../data/split.ts";
import type { Warning } from "../step.ts";

export interface DividedRows<R extends DataRecord> {
  train: R[];
  heldOut: R[];
  /** Rows of parts that are neither, for information. */
  note: string | undefined;
  warnings: Warning[];
}

/**
 * @param file named where nothing is left
 * @throws AttuneError `data` where nothing is left to train on
 */
export function divideRows<R extends DataRecord>(
  records: readonly R[],
  options: SplitOptions,
  file?: string,
): DividedRows<R> {
  const { train, heldOut, leaked, unused } = splitDataset({ records }, options);
  if (train.length === 0)
    throw new AttuneError("data", "nothing is left to train on", {
      ...(file === undefined ? {} : { file }),
      got: `${countOf(heldOut.length, "row")}, all held out`,
      hint: "a smaller --held-out",
    });
  const warnings: Warning[] = [];
  if (leaked > 0)
    warnings.push({
      id: "leaked-prompts",
      message:
        `${countOf(leaked, "held-out record")} left out, for a prompt that is in the training part ` +
        "too",
    });
  else if (heldOut.length === 0 && options.heldOut > 0)
    warnings.push({ id: "nothing-held-out", message: nothingHeldOut(options.heldOut, train) });
  const note =
    unused === 0
      ? undefined
      : `${countOf(unused, "record")} of other parts of the data: neither trained on nor held out`;
  return { train, heldOut, note, warnings };
}

/** @param wanted share of the rows, or their number */
const nothingHeldOut = (wanted: number, rows: readonly unknown[]): string =>
  "nothing is held out, so nothing is measured on rows that were not learned: " +
  `${Number((100 * wanted).toPrecision(3))}% of ${countOf(rows.length, "row")} is less than one; ` +
  "--held-out N holds out N rows";

/** What of the labels of pairs answers alone do not keep. @param needs the records of the method */
export function labelWarnings(records: readonly DataRecord[], needs: RecordKind): Warning[] {
  if (needs === "preference") return [];
  const pairs = records.flatMap((record) =>
    record.kind === "ranked" && needs === "unpaired"
      ? rankedToPreferences(record)
      : record.kind === "preference"
        ? [record]
        : [],
  );
  const reader = needs === "unpaired" ? "KTO" : "learning from demonstrations";
  return readAsCertain(pairs, reader);
}
