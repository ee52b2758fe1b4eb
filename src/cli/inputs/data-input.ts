/** The data of a training command: one data set or several by weights, read as its options say. */
import { AttuneError, formatPlace } from "../../core/errors.ts";
import type { Dataset, DataSource, LoadOptions, OnBad } from "../../data/dataset.ts";
import { loadDataset } from "../../data/dataset.ts";
import type { DataRecord, RecordKind } from "../../data/records.ts";
import { countOf } from "../../core/counts.ts";
import type { CommandContext } from "../command.ts";
import type { Reporter } from "../display/reporter.ts";
import { remoteData } from "./find-data.ts";

/** How a data set is read, wherever one is. */
export interface ReadingConfig {
  readonly format: string;
  readonly columns: readonly string[];
  readonly ignoreColumns: readonly string[];
  readonly onBad: OnBad;
}

/** What is trained on. */
export interface DataConfig extends ReadingConfig {
  readonly data: string | readonly string[];
  readonly dataWeights: readonly number[];
  readonly limit: number;
  readonly seed: number;
}

/** How every command reads data. */
export function loadOptions(
  { onBad, format, columns, ignoreColumns }: ReadingConfig,
  { reporter, signal }: Pick<CommandContext, "reporter" | "signal">,
): LoadOptions {
  return {
    onBad,
    columns,
    ignoreColumns,
    signal,
    resolveRemote: remoteData({ reporter, signal }),
    ...(format === "auto" ? {} : { format }),
  };
}

/** Data sets and their weights. @throws AttuneError `config` where their numbers differ */
export function dataSources(
  data: string | readonly string[],
  weights: readonly number[],
): DataSource[] {
  const sources = [data].flat();
  if (weights.length > 0 && weights.length !== sources.length)
    throw new AttuneError(
      "config",
      `--data-weights: ${weights.length} weights for ${sources.length} data sets`,
      { expected: "one weight for each --data" },
    );
  return sources.map((source, index) => ({ source, weight: weights[index] ?? 1 }));
}

/** A name of all of the data, for messages. */
export const dataName = (data: string | readonly string[]): string => [data].flat().join(" + ");

/** Says how the data was understood, what of it was left out, and what of it no record keeps. */
export function reportDataset(
  { remarks, dropped, firstDropped, rows, notes }: Dataset,
  reporter: Reporter,
): void {
  for (const remark of remarks) reporter.note(remark);
  for (const [reason, count] of Object.entries(dropped))
    reporter.warn(
      "left-out-rows",
      `${count} of ${countOf(rows, "row")} left out: ${reason} (the first at ` +
        `${formatPlace(firstDropped ?? {})})`,
    );
  for (const { what, rows: noted, first } of notes)
    reporter.warn(
      "not-kept",
      `not kept: ${what} (${countOf(noted, "row")}, the first at ${formatPlace(first)})`,
    );
}

/** @param needs what the method learns from, for errors that say what is missing */
export async function loadTrainingData(
  config: DataConfig,
  needs: RecordKind,
  { context, ...options }: { context: Pick<CommandContext, "reporter" | "signal"> } & LoadOptions,
): Promise<Dataset> {
  const dataset = await loadDataset(dataSources(config.data, config.dataWeights), {
    ...loadOptions(config, context),
    limit: config.limit,
    seed: config.seed,
    needs,
    ...options,
  });
  reportDataset(dataset, context.reporter);
  return dataset;
}

/** Says what of the rows a critic never sees. */
export function warnOfUnusedInputs(records: readonly DataRecord[], reporter: Reporter): void {
  const given = records.filter(
    ({ tools, templateArguments }) => tools !== undefined || templateArguments !== undefined,
  );
  if (given.length > 0)
    reporter.warn(
      "not-used",
      "not used: tools and template arguments, since critics and the answers to them read texts " +
        `alone (${countOf(given.length, "row")}, the first at ${formatPlace(given[0]!.place)})`,
    );
}
