/** What the parts that ask a language model share: data files, the model, progress. */
import { basename } from "node:path";
import type { Estimate } from "../../constitution/estimate.ts";
import { sumEstimates } from "../../constitution/estimate.ts";
import { countOf } from "../../core/counts.ts";
import type { Row } from "../../data/readers/row.ts";
import { hashContent } from "../../data/files.ts";
import type { AskOptions } from "../../evaluation/behaviour/asking.ts";
import type { Measured, Measuring } from "../../evaluation/behaviour/measured.ts";
import { drawRows, drawnText, readEvaluationRows } from "../../evaluation/behaviour/rows.ts";
import { CountedSubject } from "../../evaluation/subjects/counted-subject.ts";
import { jointHash } from "../../runs/joint-hash.ts";
import type { Progress } from "../display/reporter.ts";
import type { SubjectConfig } from "./open-subject.ts";
import type { PartInput, PartWork, PreparedPart } from "./part.ts";

export interface NamedRows {
  /** Without folder and endings. */
  readonly name: string;
  readonly rows: readonly Row[];
}

export interface AskingConfig extends SubjectConfig {
  readonly data: readonly string[];
  readonly limit: number;
  readonly seed: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly maxMissing: number;
}

const nameOf = (file: string): string =>
  basename(file).replace(/\.(?:jsonl|ndjson|json|csv|tsv|parquet)(?:\.gz)?$/i, "");

/**
 * Prepares a part: reads its files, opens the model, counts what a server would be asked, and
 * measures.
 * @param also further files whose content decides about what is found
 * @param judging what critics are asked besides
 * @param measure without a `part` where requests are only counted: it then asks nobody else, and
 * writes nothing
 */
export async function prepareAsking(
  { config, context, openSubject }: Omit<PartInput, "config"> & { config: AskingConfig },
  {
    also = [],
    judging,
    measure,
  }: {
    also?: readonly string[];
    judging?: (files: readonly NamedRows[]) => Estimate;
    measure: (
      measuring: Measuring,
      files: readonly NamedRows[],
      work: { ask: AskOptions; part?: PartWork },
    ) => Promise<Measured>;
  },
): Promise<PreparedPart> {
  const { signal } = context;
  const files: (NamedRows & { hash: string; all: number })[] = [];
  for (const file of config.data) {
    const rows = await readEvaluationRows(file, { signal });
    files.push({
      name: nameOf(file),
      rows: drawRows(rows, config),
      all: rows.length,
      hash: await hashContent(file),
    });
  }
  const others = await Promise.all(also.map(hashContent));
  const opened = await openSubject(config);
  const { maxNewTokens, temperature, seed } = config;
  const ask = { maxNewTokens, temperature, seed };
  const estimates: Estimate[] = [];
  if (opened.isServer) {
    const subject = new CountedSubject(opened.name);
    await measure({ subject, signal }, files, { ask });
    estimates.push(subject.estimate);
  }
  if (judging) estimates.push(judging(files));
  const drawn = files.filter(({ rows, all }) => rows.length < all);
  return {
    subject: opened.name,
    dataHash: jointHash(...files.map(({ hash }) => hash), ...others),
    fingerprint: opened.fingerprint,
    plan: files.map(
      ({ name, rows, all }) =>
        `ask ${opened.name} about ${countOf(rows.length, "row")} of ${name}` +
        (rows.length < all ? ` (of ${all})` : ""),
    ),
    ...(estimates.length > 0
      ? { costs: { estimate: sumEstimates(estimates), prices: config } }
      : {}),
    async run(part) {
      const measuring: Measuring = {
        subject: await part.subject(opened),
        signal: part.signal,
        onProgress: shownProgress(part),
        maxMissing: config.maxMissing,
      };
      const { findings, warnings } = await measure(measuring, files, { ask, part });
      return {
        findings,
        warnings: [
          ...drawn.map(({ name, rows, all }) => drawnText(name, rows.length, all)),
          ...warnings,
        ],
      };
    },
  };
}

/** A line of progress for each stage. */
function shownProgress(part: PartWork): NonNullable<Measuring["onProgress"]> {
  const shown = new Map<string, Progress>();
  return (stage, done, total) => {
    const progress =
      shown.get(stage) ?? part.progress({ title: stage, total, unit: "requests", even: false });
    shown.set(stage, progress);
    progress.update(done);
    if (done === total) {
      progress.end();
      shown.delete(stage);
    }
  };
}
