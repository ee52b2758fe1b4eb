/** The command lines of `attune eval`: all parts together, and each by itself. */
import type { Command } from "commander";
import { parseConfig } from "../../config/sources.ts";
import type { ParsedConfig } from "../../config/config.ts";
import { changesSince, readConfig, refuseChanges } from "../../runs/recorded.ts";
import type { RunSummary } from "../../runs/run-info.ts";
import { wallClock } from "../../core/wall-clock.ts";
import type { OutcomeConfig } from "../../evaluation/outcome.config.ts";
import { outcomeDefinition } from "../../evaluation/outcome.config.ts";
import { checkRequirements } from "../../evaluation/thresholds.ts";
import type { Bind, CommandContext, ResumeOptions } from "../command.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import { nextFree, readConfigText } from "../training/training-command.ts";
import type { AskedParts } from "./eval-options.ts";
import { readEvalOptions } from "./eval-options.ts";
import { planEvaluation, runEvaluation } from "./eval-run.ts";
import { PARTS, PART_DEFINITIONS, partOf, sectionOf } from "./parts.ts";

/** Options of every form of the command. */
export interface EvalFlags extends Record<string, unknown> {
  out?: string;
  config?: string;
  set?: string[];
  dryRun?: boolean;
}

const repeated = (value: string, before: string[] = []): string[] => [...before, value];

/** `--out`, `--config`, `--set`, `--dry-run`, and what is asked of the findings. */
export function addEvalOptions(command: Command, folder: string): void {
  command
    .option("--out <folder>", `folder for the run (default: the next free runs/${folder}-1, ...)`)
    .option("--config <file>", "options in YAML; flags and --set win over it")
    .option("--set <name=value>", "one option by name, such as seed=7; repeatable", repeated)
    .option("--dry-run", "open data and models and say what would be done, without doing it");
  addConfigOptions(command, outcomeDefinition);
}

/** `attune eval PART`. */
export function configurePart(command: Command, bind: Bind, name: string): void {
  const definition = PART_DEFINITIONS.get(name)!;
  addEvalOptions(command, `eval-${name}`);
  addConfigOptions(command, definition);
  const { examples } = definition;
  if (examples) addBelowHelp(command, (width) => examplesText(examples, width));
  command.action(
    bind<EvalFlags>(async ({ options, context }) => {
      const { config: file, set } = options;
      const parsed = parseConfig(definition, {
        ...(file === undefined ? {} : { yaml: { text: readConfigText(file), file } }),
        ...(set === undefined ? {} : { set }),
        flags: readConfigFlags(definition, options),
      });
      await evaluate(new Map([[name, parsed]]), `eval-${name}`, { options, context });
    }),
  );
}

/** `attune eval`, with a file or with what flags ask for. */
export async function evaluateAll(options: EvalFlags, context: CommandContext): Promise<void> {
  const { config: file, set = [] } = options;
  const shared = ["model", "seed", "template", "precision"].flatMap((name) =>
    options[name] === undefined ? [] : [`${name}=${String(options[name])}`],
  );
  const { parts, out, outcome } = readEvalOptions({
    ...(file === undefined ? {} : { yaml: { text: readConfigText(file), file } }),
    set: [...shared, ...set],
    shortcuts: Object.fromEntries(
      Object.keys(PARTS).map((name) => [name, options[sectionOf(name)] as string | undefined]),
    ),
  });
  await evaluate(parts, "eval", {
    options: { ...options, ...(options.out === undefined && out ? { out } : {}) },
    outcome,
    context,
  });
}

async function evaluate(
  parts: AskedParts,
  folder: string,
  {
    options,
    outcome: values = {},
    context,
  }: { options: EvalFlags; outcome?: Readonly<Record<string, unknown>>; context: CommandContext },
): Promise<void> {
  const { resolved: outcome } = parseConfig(outcomeDefinition, {
    values,
    flags: readConfigFlags(outcomeDefinition, options),
  });
  // before anything is asked
  checkRequirements(outcome, [...parts.keys()]);
  if (options.dryRun) return planEvaluation(parts, context);
  const { out = nextFree(folder) } = options;
  await runEvaluation({ parts, out, outcome }, context);
}

/** `attune resume`: the options are those that the run folder keeps. */
export async function resumeEvaluation(
  { folder, info }: RunSummary,
  outer: CommandContext,
  { acceptChanges = false }: ResumeOptions = {},
): Promise<void> {
  if (!acceptChanges) refuseChanges(folder, changesSince(folder, info));
  const templateTime = info.templateTime ?? wallClock(new Date(info.created));
  const context = { ...outer, templateTime };
  const parts = new Map<string, ParsedConfig>();
  const { outcome, ...sections } = readConfig(folder);
  for (const [section, values] of Object.entries(sections)) {
    const name = partOf(section)!;
    parts.set(name, parseConfig(PART_DEFINITIONS.get(name)!, { values: values as never }));
  }
  await runEvaluation(
    { parts, out: folder, outcome: outcome as OutcomeConfig, resume: { acceptChanges } },
    context,
  );
}
