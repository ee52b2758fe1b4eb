/**
 * The pages docs/options.md and docs/metrics.md, and docs/constitution.schema.json, made from the
 * definitions; `npm run docs` writes them.
 */
import { compareConfig } from "../constitution/compare.config.ts";
import { constitutionSchemaText } from "../constitution/constitution.ts";
import { reviseConfig } from "../constitution/revise.config.ts";
import { configMarkdown } from "../config/faces.ts";
import { metricsMarkdown } from "../runs/metrics.ts";
import { evaluationConfig } from "../evaluation/evaluation.config.ts";
import { planOwnConfig } from "../planning/method-config.ts";
import { serveConfig } from "../server/serve.config.ts";
import { TRAINER_CONFIGS } from "../training/configs.ts";
import { generateConfig } from "./commands/generate.ts";

const MADE = "<!-- Written by `npm run docs`: change the definitions, not this page. -->";

/** Every option of the commands that have a configuration. */
function optionsPage(): string {
  const commands = [
    ...Object.values(TRAINER_CONFIGS),
    generateConfig,
    serveConfig,
    reviseConfig,
    compareConfig,
    planOwnConfig,
  ];
  const sections = [
    ...commands.map(
      (definition) => `## attune ${definition.name}\n\n${configMarkdown(definition)}`,
    ),
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
    "docs/constitution.schema.json": constitutionSchemaText(),
  };
}
