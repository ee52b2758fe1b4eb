/** `attune data`: inspect, convert, aggregate. */
import { InvalidArgumentError } from "commander";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { conversionText, convertDataset } from "../../data/convert.ts";
import { ON_BAD } from "../../data/dataset.ts";
import type { OnBad } from "../../data/dataset.ts";
import { lossesOf } from "../../data/formats/format.ts";
import { FORMATS } from "../../data/formats/index.ts";
import { FORMAT_NAMES } from "../../data/formats/names.ts";
import { inspectDataset } from "../../data/inspect.ts";
import { inspectionText } from "../../data/inspect-text.ts";
import type { RecordKind, Split } from "../../data/records.ts";
import { compact, RECORD_KINDS, SPLITS } from "../../data/records.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, itemsText } from "../display/help-text.ts";
import { dataSources } from "../inputs/data-input.ts";
import { remoteData } from "../inputs/find-data.ts";
import { findModel } from "../inputs/find-model.ts";
import { oneOf } from "../inputs/one-of.ts";
import { configureAggregate } from "./data-aggregate.ts";

interface ReadingOptions {
  readonly split?: Split;
  readonly format?: string;
  readonly columns?: readonly string[];
  readonly ignoreColumns?: readonly string[];
  readonly onBad?: OnBad;
  readonly limit?: number;
  readonly dataWeights?: readonly number[];
  readonly seed?: number;
}

export interface InspectCommandOptions extends ReadingOptions {
  readonly tokenizer?: string;
  readonly examples?: number;
}

export interface ConvertCommandOptions extends ReadingOptions {
  readonly to: string;
  readonly out: string;
  readonly kind?: RecordKind;
  readonly overwrite?: boolean;
}

export const command: CommandModule = {
  configure(command, bind) {
    const inspect = command
      .command("inspect")
      .description("counts, lengths, duplicates, ties, leaks between parts, examples")
      .argument("<data...>", "files, folders or Hugging Face ids, read as one");
    reading(inspect)
      .option("--tokenizer <model>", "count tokens too, with the tokenizer of this model")
      .option("--examples <number>", "records to show", natural, 3)
      .action(
        bind<InspectCommandOptions>(async ({ values, options, context }) =>
          runInspect(named(values), options, context),
        ),
      );
    const convert = command
      .command("convert")
      .description("another format, with everything said that is lost")
      .argument("<data...>", "files, folders or Hugging Face ids, read as one");
    reading(convert)
      .requiredOption("--to <format>", "format to write")
      .requiredOption("--out <file>", ".jsonl, .json, .csv, .tsv (also with .gz) or .parquet")
      .option(
        "--kind <kind>",
        `kind of record to write (${RECORD_KINDS.join(", ")})`,
        oneOf(RECORD_KINDS),
      )
      .option("--overwrite", "replace a file that is there")
      .action(
        bind<ConvertCommandOptions>(async ({ values, options, context }) =>
          runConvert(named(values), options, context),
        ),
      );
    addBelowHelp(convert, formatsHelp);
    configureAggregate(
      command
        .command("aggregate")
        .description("votes of several annotators: who judges how, and one label a pair"),
      bind,
    );
  },
};

function reading(
  command: ReturnType<Parameters<CommandModule["configure"]>[0]["command"]>,
): typeof command {
  return command
    .option(
      "--format <name>",
      `format of the data, where it should not be told by the columns (${FORMAT_NAMES.join(", ")})`,
    )
    .option(
      "--columns <name=column...>",
      "the data's own names of columns, as prompt=question chosen=answers[0].text",
      list,
    )
    .option("--split <part>", `only this part of a folder (${SPLITS.join(", ")})`, oneOf(SPLITS))
    .option(
      "--ignore-columns <names...>",
      "columns to pass over; * for all that the format does not know",
    )
    .option(
      "--on-bad <what>",
      "rows that cannot be used: few (left out up to 1%), error, drop",
      oneOf(ON_BAD),
    )
    .option("--limit <number>", "only the first rows of each part of each data set", natural)
    .option(
      "--data-weights <numbers>",
      "how often the rows of each data set come: 0.5 for half of them, 2 for each twice",
      weights,
    )
    .option("--seed <number>", "of what a weight draws", natural);
}

/** An argument that may be repeated comes as a list. */
const named = (values: readonly (string | readonly string[] | undefined)[]): string[] =>
  values.flatMap((value) => value ?? []);

/** Several by commas or repetition. */
function list(value: string, before: readonly string[] = []): string[] {
  return [...before, ...value.split(",")];
}

function weights(value: string): number[] {
  const numbers = value.split(",").map(Number);
  if (numbers.some((number) => !(number > 0 && number <= 1000)))
    throw new InvalidArgumentError("numbers above 0 are needed, separated by commas");
  return numbers;
}

/** Looks a data set over. */
export async function runInspect(
  sources: readonly string[],
  options: InspectCommandOptions,
  context: CommandContext,
): Promise<void> {
  const { reporter, signal } = context;
  const { tokenizer, ...rest } = options;
  const countTokens =
    tokenizer === undefined ? undefined : await tokenCounter(await findModel(tokenizer, context));
  const inspection = await inspectDataset(dataSources(sources, rest.dataWeights ?? []), {
    ...reads(rest),
    signal,
    resolveRemote: remoteData(context),
    ...(options.examples === undefined ? {} : { examples: options.examples }),
    ...(countTokens === undefined ? {} : { countTokens }),
  });
  reporter.result({ ...inspection }, inspectionText(inspection));
}

/** Writes a data set in another format. */
export async function runConvert(
  sources: readonly string[],
  options: ConvertCommandOptions,
  context: CommandContext,
): Promise<void> {
  const { reporter, signal } = context;
  const { to, out, kind, overwrite } = options;
  const progress = reporter.progress({ title: `converting ${sources.join(" + ")}`, unit: "rows" });
  try {
    const conversion = await convertDataset({
      source: dataSources(sources, options.dataWeights ?? []),
      to,
      out,
      ...reads(options),
      ...(kind === undefined ? {} : { kind }),
      ...(overwrite === undefined ? {} : { overwrite }),
      signal,
      resolveRemote: remoteData(context),
      onProgress: (rows) => progress.update(rows),
    });
    progress.end();
    reporter.result({ ...conversion }, conversionText(conversion));
  } finally {
    progress.end();
  }
}

function reads({
  format,
  split,
  columns,
  ignoreColumns,
  onBad,
  limit,
  seed,
}: ReadingOptions): Omit<ReadingOptions, "dataWeights"> {
  return compact({ format, split, columns, ignoreColumns, onBad, limit, seed }) as Omit<
    ReadingOptions,
    "dataWeights"
  >;
}

/** Loaded only where it is asked for; weights are not read. */
async function tokenCounter(model: string): Promise<(text: string) => number> {
  const { loadTokenizer } = await import("../../text/tokenizer.ts");
  const count = (tokenizer: Tokenizer) => (text: string) => tokenizer.encodePlain(text).length;
  if (existsSync(join(model, "tokenizer.json"))) return count(await loadTokenizer(model));
  const [{ openWeights }, { sourceTokenizer }] = await Promise.all([
    import("../../models/weights/source.ts"),
    import("../../models/source-tokenizer.ts"),
  ]);
  const source = await openWeights(model);
  await source.close();
  return count(await sourceTokenizer(source));
}

function formatsHelp(width: number): string {
  const items = FORMATS.filter(({ write }) => write !== undefined).map(
    (format) =>
      [
        format.name,
        `holds: ${format.writes.join(", ")}\nloses: ${lossesOf(format).join(", ") || "nothing"}`,
      ] as const,
  );
  return itemsText("Formats, what they hold and what they lose:", items, width);
}

function natural(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new InvalidArgumentError("a whole number from 0 on is needed");
  return number;
}
