/** Records that a program made, held to the same as the rows of a file. */
import { AttuneError } from "../core/errors.ts";
import type { OnBad } from "./bad-row.ts";
import { BadRow, badReasonOf, refuseBadRows } from "./bad-row.ts";
import type { DataRecord } from "./records.ts";
import { ReadReport } from "./stream.ts";

/**
 * Records without those that cannot be used (an empty completion, two identical ones), and what was
 * left out, counted.
 * @returns one record at least
 * @throws AttuneError `data` for the first of them, by its number from 1, where `onBad` does not let
 * it go, and where none is left
 */
export function usableRecords(
  records: readonly DataRecord[],
  onBad: OnBad,
): { records: readonly DataRecord[]; warnings: readonly string[] } {
  const report = new ReadReport();
  const usable = records.filter((record, index) => {
    const reason = badReasonOf(record);
    if (reason !== undefined)
      report.addBad(new BadRow(reason, { row: index + 1, ...record.place }));
    return reason === undefined;
  });
  refuseBadRows(report.badRows, records.length, onBad);
  if (records.length === 0)
    throw new AttuneError("data", "there are no records", { expected: "one at least" });
  if (usable.length === 0)
    throw new AttuneError("data", "no record can be used", { got: report.warnings.join("; ") });
  return { records: usable, warnings: report.warnings };
}
