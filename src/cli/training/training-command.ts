/**
 * Makes a command from a definition of options and a function: flags from the definition,
 * `--config`, `--set`, `--out`, `--dry-run`, and the way back for `attune resume`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { AttuneError } from "../../core/errors.ts";
import { readRegularText } from "../../text/regular-file.ts";
import { wallClock } from "../../core/wall-clock.ts";
import { changesSince, readConfig, refuseChanges } from "../../runs/recorded.ts";
import type { ConfigDefinition, ConfigOf, GivenOf, ParsedConfig } from "../../config/config.ts";
import { parseConfig } from "../../config/sources.ts";
import { Run } from "../../runs/run.ts";
import { checkNewFolder } from "../../runs/run-folder.ts";
import type { CommandContext, CommandModule } from "../command.ts";
import { addBelowHelp, examplesText } from "../display/help-text.ts";
import { showFirstCurve } from "../display/plot.ts";
import { addConfigOptions, readConfigFlags } from "../config-options.ts";

/** What the trainer found out before the run begins. */
export interface RunFacts {
  readonly seed: number;
  readonly dataHash: string;
  readonly modelFingerprint: string;
}

export interface TrainingCall<D extends ConfigDefinition> {
  readonly config: ConfigOf<D>;
  /** The options that have an effect, for the plan of a dry run. */
  readonly effective: Readonly<Record<string, unknown>>;
  /** Resolve and inspect, print what would happen, write nothing. */
  readonly dryRun: boolean;
  /** Run folder. */
  readonly out: string;
  /**
   * Begins the run, or goes on with it (`run.resumedFrom` is then its checkpoint). Call it after
   * everything that can be wrong with the input was checked, so that bad input leaves no folder
   * behind.
   */
  readonly openRun: (facts: RunFacts) => Promise<Run>;
}

interface TrainingCommandSpec<D extends ConfigDefinition> {
  readonly config: D;
  readonly run: (call: TrainingCall<D>, context: CommandContext) => Promise<void>;
  /**
   * Does something else where the options say so, before anything is asked of them.
   * @returns whether it did
   */
  readonly instead?: (
    options: Readonly<Record<string, unknown>>,
    context: CommandContext,
  ) => boolean;
  /** An option that is given without its flag: a list. */
  readonly argument?: { readonly usage: string; readonly path: string };
}

interface TrainingOptions extends Record<string, unknown> {
  config?: string;
  set?: string[];
  out?: string;
  dryRun?: boolean;
}

export function trainingCommand<D extends ConfigDefinition>(
  spec: TrainingCommandSpec<D>,
): CommandModule {
  const definition = spec.config;
  const parseValues = (values: object): ParsedConfig<D> =>
    parseConfig<D>(definition, { values: values as GivenOf<D> });
  return {
    configure(command, bind) {
      const { argument } = spec;
      if (argument) command.argument(argument.usage, descriptionOf(definition, argument.path));
      addRunOptions(command, definition);
      const { examples } = definition;
      if (examples) addBelowHelp(command, (width) => examplesText(examples, width));
      command.action(
        bind<TrainingOptions>(async ({ values, options: flags, context }) => {
          if (spec.instead?.(flags, context) === true) return;
          const given = values.flat().filter((value) => value !== undefined);
          const options =
            argument && given.length > 0 ? { ...flags, [argument.path]: given } : flags;
          const parsed = readOptions(definition, options);
          const { out = nextFree(definition.name), dryRun = false } = options;
          const run = await beginRun(spec, {
            parsed: await withSnapshots(parsed, parseValues, context),
            out,
            dryRun,
            context,
          });
          if (run) showFirstCurve(run.folder, context);
        }),
      );
    },
    async begin({ values, out }, context) {
      const parsed = await withSnapshots(parseValues(values), parseValues, context);
      await beginRun(spec, { parsed, out, dryRun: false, context });
    },
    async check({ values, out }, context) {
      await guard(spec, { parsed: parseValues(values), out, dryRun: true, context }, () =>
        Promise.reject(new AttuneError("internal", "internal: a check began a run")),
      );
    },
    async resume({ folder, info }, outer, { acceptChanges = false } = {}) {
      // before data and models are opened for minutes
      if (!acceptChanges) refuseChanges(folder, changesSince(folder, info));
      // runs of older versions have no date of their own, and began on this one
      const templateTime = info.templateTime ?? wallClock(new Date(info.created));
      const context = { ...outer, templateTime };
      const parsed = parseValues(readConfig(folder));
      await guard(
        spec,
        { parsed, out: folder, dryRun: false, context },
        async ({ dataHash, modelFingerprint }) => {
          const facts = { dataHash, modelFingerprint };
          const { run, warnings } = await Run.open(folder, facts, { acceptChanges });
          for (const message of warnings) context.reporter.warn("resume", message);
          return run;
        },
      );
    },
  };
}

/** The run's options name the labels that it learned from, whatever is judged later. */
async function withSnapshots<D extends ConfigDefinition>(
  parsed: ParsedConfig<D>,
  parseValues: (values: object) => ParsedConfig<D>,
  context: CommandContext,
): Promise<ParsedConfig<D>> {
  if (!JSON.stringify(parsed.given).includes('"studio:')) return parsed;
  const { pinnedValues } = await import("../inputs/studio-data.ts");
  const values = await pinnedValues(parsed.given, context);
  return values === undefined ? parsed : parseValues(values);
}

const descriptionOf = ({ options }: ConfigDefinition, path: string): string =>
  options.find((option) => option.path === path)!.field.description;

function addRunOptions(command: Command, definition: ConfigDefinition): void {
  command
    .option(
      "--out <folder>",
      "folder for the run (default: the next free " +
        `runs/${definition.name.replaceAll(" ", "-")}-1, -2, ...)`,
    )
    .option("--config <file>", "options in YAML or JSON; flags and --set win over it")
    .option(
      "--set <name=value>",
      "one option by name, such as lora.rank=8; repeatable",
      (value: string, before: string[] = []) => [...before, value],
    )
    .option("--dry-run", "check everything and say what would happen, without writing anything");
  addConfigOptions(command, definition);
}

/** The options of a command line: flags before `--set` before a file. */
function readOptions<D extends ConfigDefinition>(
  definition: D,
  options: TrainingOptions,
): ParsedConfig<D> {
  const { config: file, set } = options;
  return parseConfig<D>(definition, {
    ...(file === undefined ? {} : { yaml: { text: readConfigText(file), file } }),
    ...(set === undefined ? {} : { set }),
    flags: readConfigFlags(definition, options),
  });
}

async function beginRun<D extends ConfigDefinition>(
  spec: TrainingCommandSpec<D>,
  invocation: Invocation<D>,
): Promise<Run | undefined> {
  const { parsed: config, out, context } = invocation;
  const { argv, templateTime } = context;
  checkNewFolder(out);
  return guard(spec, invocation, async (facts) =>
    Run.create(out, { ...facts, command: spec.config.name, argv, templateTime, config }),
  );
}

interface Invocation<D extends ConfigDefinition> {
  readonly parsed: ParsedConfig<D>;
  readonly out: string;
  readonly dryRun: boolean;
  readonly context: CommandContext;
}

/**
 * Runs the trainer; an error ends its run folder properly, whatever the trainer forgets. Bad input
 * that shows before the first step leaves no folder behind.
 * @returns the run, closed; undefined where none was begun
 */
async function guard<D extends ConfigDefinition>(
  spec: TrainingCommandSpec<D>,
  { parsed, out, dryRun, context }: Invocation<D>,
  open: (facts: RunFacts) => Promise<Run>,
): Promise<Run | undefined> {
  let run: Run | undefined;
  const openRun = async (facts: RunFacts): Promise<Run> => {
    run = await open(facts);
    // commands that train nothing have no such option
    run.reportTo((parsed.resolved as { reportTo?: readonly string[] }).reportTo ?? []);
    return run;
  };
  try {
    await spec.run(
      { config: parsed.resolved, effective: parsed.effective, dryRun, out, openRun },
      context,
    );
    return run;
  } catch (error) {
    run?.abandon(error);
    throw error;
  } finally {
    run?.close();
  }
}

export function readConfigText(file: string): string {
  try {
    return readRegularText(file, { code: "config" });
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new AttuneError(
      "config",
      missing ? "there is no such file" : `the file cannot be read: ${(cause as Error).message}`,
      { file, cause, hint: "check the path after --config" },
    );
  }
}

export function nextFree(name: string): string {
  for (let number = 1; ; number++) {
    const folder = join("runs", `${name.replaceAll(" ", "-")}-${number}`);
    if (!existsSync(folder)) return folder;
  }
}
