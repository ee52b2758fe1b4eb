/** `attune data aggregate`: votes of several annotators become one label a pair. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { parseConfig } from "../../config/sources.ts";
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import type { Dataset } from "../../data/dataset.ts";
import { loadDataset, recordsAs } from "../../data/dataset.ts";
import { attune } from "../../data/formats/attune.ts";
import type { PreferenceRecord } from "../../data/records.ts";
import { checkEnding, writeRows } from "../../data/writers/write-rows.ts";
import type { AggregateConfig } from "../../evaluation/annotators/aggregate.config.ts";
import { aggregateConfig } from "../../evaluation/annotators/aggregate.config.ts";
import { aggregate, labelled } from "../../evaluation/annotators/aggregate.ts";
import type { AnnotatorFindings, Judged } from "../../evaluation/annotators/findings.ts";
import { annotatorFindings } from "../../evaluation/annotators/findings.ts";
import { readGold, readVotes } from "../../evaluation/annotators/votes.ts";
import { checkRequirements } from "../../evaluation/thresholds.ts";
import type { Fact } from "../../report/made.ts";
import { madeFacts } from "../../report/made.ts";
import type { Bind, CommandContext } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import { tellFileFindings } from "../display/outcome.ts";
import { commandLine } from "../display/words.ts";
import { dataName, dataSources, loadOptions, reportDataset } from "../inputs/data-input.ts";
import { readConfigText } from "../training/training-command.ts";

interface AggregateFlags extends Record<string, unknown> {
  config?: string;
  set?: string[];
}

export function configureAggregate(command: Command, bind: Bind): void {
  command
    .option("--config <file>", "options in YAML; flags and --set win over it")
    .option(
      "--set <name=value>",
      "one option by name, such as labels=hard; repeatable",
      (value: string, before: string[] = []) => [...before, value],
    );
  addConfigOptions(command, aggregateConfig);
  const { examples = [] } = aggregateConfig;
  addBelowHelp(command, (width) => examplesText(examples, width));
  command.action(
    bind<AggregateFlags>(async ({ options, context }) => {
      const { config: file, set } = options;
      const { resolved } = parseConfig(aggregateConfig, {
        ...(file === undefined ? {} : { yaml: { text: readConfigText(file), file } }),
        ...(set === undefined ? {} : { set }),
        flags: readConfigFlags(aggregateConfig, options),
      });
      await runAggregate(resolved, context);
    }),
  );
}

export async function runAggregate(
  config: AggregateConfig,
  context: CommandContext,
): Promise<void> {
  checkTargets(config);
  checkRequirements(config, ["annotators"]);
  const { reporter } = context;
  const created = new Date().toISOString();
  const progress = reporter.progress({ title: "reading votes", total: 4, unit: "parts" });
  try {
    const dataset = await read(config.data, config, context);
    progress.update(1, "votes");
    const votes = readVotes(pairsIn(dataset), {
      names: config.names,
      unnamed: config.method === "majority",
    });
    const gold =
      config.gold === ""
        ? undefined
        : readGold(pairsIn(await read(config.gold, config, context)), votes);
    progress.update(2, "who judges how");
    const aggregated = aggregate(votes, gold, config);
    progress.update(3, "labels");
    const judged: Judged = { votes, aggregated, gold, labels: labelled(votes, aggregated, config) };
    const findings = annotatorFindings(judged, config, factsOf(dataset, config, context));
    progress.end();
    if (config.out !== "") await writeLabels(config.out, judged.labels);
    await tell(findings, { config, created, judged }, context);
  } finally {
    progress.end();
  }
}

/** Before anything is read. */
function checkTargets({ out, report, overwrite }: AggregateConfig): void {
  if (out !== "") checkEnding(out);
  for (const file of [out, report]) {
    if (file === "") continue;
    if (existsSync(file) && !overwrite)
      throw new AttuneError("usage", "the file exists already", {
        file,
        hint: "name another one, or replace it with --overwrite",
      });
    if (!existsSync(dirname(resolve(file))))
      throw new AttuneError("usage", "the folder does not exist", { file: dirname(resolve(file)) });
  }
}

async function read(
  data: string | readonly string[],
  config: AggregateConfig,
  context: CommandContext,
): Promise<Dataset> {
  const dataset = await loadDataset(dataSources(data, []), {
    ...loadOptions(config, context),
    needs: "preference",
  });
  reportDataset(dataset, context.reporter);
  return dataset;
}

const pairsIn = (dataset: Dataset): PreferenceRecord[] => recordsAs(dataset, "preference");

const factsOf = (
  { hash, rows }: Dataset,
  config: AggregateConfig,
  { argv }: CommandContext,
): readonly Fact[] =>
  madeFacts({
    command: commandLine(argv),
    seed: config.seed,
    date: new Date(),
    more: [["votes", `${dataName(config.data)}, ${countOf(rows, "row")}`]],
    hashes: [["the votes", hash]],
  });

async function writeLabels(out: string, labels: readonly PreferenceRecord[]): Promise<void> {
  if (labels.length === 0)
    throw new AttuneError("data", "no label is left to write", {
      file: out,
      hint: "--labels soft keeps ties",
    });
  await writeRows(
    out,
    (async function* () {
      for (const label of labels) {
        const written = attune.write!(label);
        if ("row" in written) yield written.row;
      }
    })(),
  );
}

async function tell(
  { profiles, ...findings }: AnnotatorFindings,
  { config, created, judged }: { config: AggregateConfig; created: string; judged: Judged },
  { reporter, columns }: CommandContext,
): Promise<void> {
  const outcome = await tellFileFindings(
    {
      findings,
      command: "data aggregate",
      config,
      page: config.report,
      created,
      more: {
        annotators: profiles,
        votes: judged.votes.read,
        labels: judged.labels.length,
        ...(config.out === "" ? {} : { out: config.out }),
      },
    },
    { reporter, columns },
  );
  outcome.decide();
}
