/**
 * Files of a constitutional run: every step and reading as it was, and the training data that came
 * of it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DataFormat } from "../data/formats/format.ts";
import { attune } from "../data/formats/attune.ts";
import type { DataRecord, DemonstrationRecord, PreferenceRecord } from "../data/records.ts";
import { writeRows } from "../data/writers/write-rows.ts";
import { readJsonLines } from "../runs/json-lines.ts";
import type { RevisionChain } from "./revise.ts";

/** Folder of a run that holds what it made. */
export const RESULTS = "data";
const STEPS_FILE = "steps.jsonl";

export interface RevisionResults {
  /** The constitution as written. */
  constitution: string;
  chains: readonly RevisionChain[];
  /** Revisions, and what is mixed in. */
  demonstrations: readonly DemonstrationRecord[];
  /** Revision over first answer. */
  pairs: readonly PreferenceRecord[];
}

export async function writeRevisions(
  folder: string,
  { constitution, chains, demonstrations, pairs }: RevisionResults,
): Promise<void> {
  writeFileSync(join(folder, "constitution.yaml"), constitution);
  await writeLines(join(folder, STEPS_FILE), chains);
  await writeRecords(join(folder, "sft.jsonl"), demonstrations, attune);
  if (pairs.length > 0) await writeRecords(join(folder, "pairs.jsonl"), pairs, attune);
}

/** Chains of a run; none where it has made none. */
export const readChains = (run: string): RevisionChain[] =>
  readJsonLines(join(run, RESULTS, STEPS_FILE)) as unknown as RevisionChain[];

/** Records in a format's columns, one JSON line each. */
export async function writeRecords(
  path: string,
  records: readonly DataRecord[],
  format: DataFormat,
): Promise<void> {
  await writeRows(
    path,
    (async function* () {
      for (const record of records) {
        const written = format.write!(record);
        if ("row" in written) yield written.row;
      }
    })(),
  );
}

/** Plain objects, one JSON line each. */
export async function writeLines(path: string, lines: readonly object[]): Promise<void> {
  await writeRows(
    path,
    (async function* () {
      yield* lines as Record<string, unknown>[];
    })(),
  );
}
