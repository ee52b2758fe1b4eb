/**
 * The pages docs/options.md, docs/metrics.md and docs/studio-api.md, and
 * docs/constitution.schema.json, made from the definitions; `npm run docs` writes them.
 */
import { compareConfig } from "../constitution/compare.config.ts";
import { constitutionSchemaText } from "../constitution/constitution.ts";
import { reviseConfig } from "../constitution/revise.config.ts";
import type { ConfigDefinition } from "../config/config.ts";
import { configMarkdown } from "../config/faces.ts";
import type { MetricDefinition } from "../runs/metric-definition.ts";
import { METRICS } from "../runs/metrics.ts";
import { metricsOf } from "../training/trainer.ts";
import { TRAINERS } from "../training/trainers.ts";
import { aggregateConfig } from "../evaluation/annotators/aggregate.config.ts";
import { evaluationConfig } from "../evaluation/evaluation.config.ts";
import { askConfig } from "../labelling/asking/ask.config.ts";
import { planOwnConfig } from "../planning/method-config.ts";
import { serveConfig } from "../server/serve.config.ts";
import { apiPage } from "../studio/openapi.ts";
import { studioConfig } from "../studio/studio.config.ts";
import { TRAINER_CONFIGS } from "../training/configs.ts";
import { compareModelsConfig } from "./compare/compare.config.ts";
import { generateConfig } from "./commands/generate.ts";
import { PART_DEFINITIONS } from "./evaluation/parts.ts";

const MADE = "<!-- Written by `npm run docs`: change the definitions, not this page. -->";

/** A command's examples and its options. */
function commandSection(definition: ConfigDefinition): string {
  const { name, examples = [] } = definition;
  const shown = examples.length === 0 ? "" : `\`\`\`sh\n${examples.join("\n")}\n\`\`\`\n\n`;
  return `## attune ${name}\n\n${shown}${configMarkdown(definition)}`;
}

/** Every option of the commands that have a configuration. */
function optionsPage(): string {
  const commands = [
    ...Object.values(TRAINER_CONFIGS),
    generateConfig,
    compareModelsConfig,
    serveConfig,
    studioConfig,
    reviseConfig,
    compareConfig,
    aggregateConfig,
    askConfig,
    planOwnConfig,
    ...PART_DEFINITIONS.values(),
  ];
  const sections = [
    ...commands.map(commandSection),
    `## evaluation, in the file of attune align\n\n${configMarkdown(evaluationConfig)}`,
  ];
  return [
    "# Options",
    "",
    MADE,
    "",
    "Names are those of a config file (`--config`) and of `--set NAME=VALUE`; on the command " +
      "line `learningRate` is",
    "`--learning-rate` and `lora.rank` is `--lora-rank`. An option that would have no effect is " +
      "refused.",
    "`attune plan METHOD` takes the options of its method, and those of its own section.",
    "",
    ...sections,
  ].join("\n");
}

/** Trainers that log a metric. */
const loggersOf = (metric: string): string[] =>
  Object.entries(TRAINERS)
    .filter(([, entry]) => metricsOf(entry).includes(metric))
    .map(([name]) => name);

/** The metrics as a Markdown table. */
export const metricsMarkdown = (): string =>
  [
    "| metric | formula | unit | better | logged by |",
    "|---|---|---|---|---|",
    ...Object.entries<MetricDefinition>(METRICS).map(
      ([name, metric]) =>
        `| \`${name}\` | ${metric.formula.replaceAll("|", "\\|")} | ${metric.unit} | ` +
        `${metric.better} | ${loggersOf(name).join(", ")} |`,
    ),
    "",
  ].join("\n");

function metricsPage(): string {
  return [
    "# Metrics",
    "",
    MADE,
    "",
    "What `metrics.jsonl` of a run folder holds, under TRL's names. `eval_` stands before values " +
      "on held-out data.",
    "",
    metricsMarkdown().trimEnd(),
    "",
  ].join("\n");
}

/** Pages by their path in the repository. */
export function referencePages(): Record<string, string> {
  return {
    "docs/options.md": `${optionsPage().trimEnd()}\n`,
    "docs/metrics.md": metricsPage(),
    "docs/studio-api.md": `${apiPage(MADE).trimEnd()}\n`,
    "docs/constitution.schema.json": constitutionSchemaText(),
  };
}
