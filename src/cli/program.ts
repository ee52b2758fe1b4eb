/**
 * `attune` as a function: arguments and streams in, exit status out. Only the command that was
 * named is loaded.
 *
 * Status: 0 on success, 2 for what the user can mend (usage, configuration, data), 1 for everything
 * else, an interruption among it; a second Ctrl-C ends the process with 130.
 */
import { Command, CommanderError, type Option } from "commander";
import { AttuneError, nearest } from "../core/errors.ts";
import { wallClock } from "../core/wall-clock.ts";
import { habitOf, ownerOf, subcommandHabit } from "../config/habits.ts";
import { attuneVersion } from "../runs/versions.ts";
import type { Bind, Call, CommandContext, CommandEntry } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { reportError } from "./error-output.ts";
import { listenForInterrupt, type SignalSource } from "./interrupt.ts";
import { optionTerm } from "./display/help-text.ts";
import { createReporter } from "./display/output.ts";
import { type Sink, widthOf } from "./display/sink.ts";

/** What a program touches outside itself. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly signals: SignalSource;
  /** Aborted once nobody reads the output (reader.ts). */
  readonly readerGone?: AbortSignal;
}

interface GlobalOptions {
  json?: boolean;
  quiet?: boolean;
}

/**
 * Runs one command line.
 * @param argv what was typed after `attune`
 * @param entries the commands that there are
 * @returns the exit status
 */
export async function runProgram(
  argv: readonly string[],
  io: Io,
  entries: readonly CommandEntry[] = COMMANDS,
): Promise<number> {
  let endsWithReader = false;
  let asked: Command | undefined;
  const words = argv.filter((word) => !word.startsWith("-"));
  try {
    const program = makeProgram(io);
    const name = words[0] === "help" ? words[1] : words[0];
    if (name !== undefined && !entries.some((entry) => entry.name === name))
      throw unknownCommand(name, entries);
    for (const entry of entries) {
      const command = program
        .command(entry.name)
        .description(entry.summary)
        .helpGroup(`${entry.group}:`);
      if (entry.name !== name) continue;
      const module = await entry.load();
      endsWithReader = module.endsWithReader ?? false;
      asked = command;
      module.configure(command, bindTo(io, argv, module.stopping));
    }
    addGlobalOptions(program);
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const json = argv.includes("--json");
    const readerGone = io.readerGone?.aborted ?? false;
    // who has read enough of the answers has not met a failure
    if (
      readerGone &&
      endsWithReader &&
      error instanceof AttuneError &&
      error.code === "interrupted"
    )
      return 0;
    // a command that only has subcommands has printed its help
    if (error instanceof CommanderError && error.code === "commander.help" && !json) return 2;
    return reportError(error instanceof CommanderError ? usageError(error, asked, words) : error, {
      ...io,
      json,
      readerGone,
    });
  }
}

function makeProgram({ stdout, stderr }: Io): Command {
  return new Command("attune")
    .description("Align a language model with people's judgements, and show that it got better.")
    .version(attuneVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => widthOf(stdout),
    });
}

/** Errors are thrown, `--json` and `--quiet` exist, everywhere. */
function addGlobalOptions(command: Command): void {
  command.exitOverride().configureHelp({
    subcommandTerm: usageOf,
    optionTerm: (option) => optionTerm(option, command),
  });
  command
    .option("--json", "print JSON lines of typed events on standard output")
    .option("--quiet", "print results, warnings and errors only");
  for (const child of command.commands) addGlobalOptions(child);
}

/** `show <run>`: every command has options, so the list does not say so. */
function usageOf(command: Command): string {
  return [
    command.name(),
    ...command.registeredArguments.map((argument) =>
      argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
    ),
  ].join(" ");
}

/**
 * A commander action calls its work with the positional arguments, the options, and the command
 * itself.
 */
function bindTo(io: Io, argv: readonly string[], stopping = "what is done is kept"): Bind {
  return <Options extends object>(work: (call: Call<Options>) => Promise<void>) =>
    async (...parameters: unknown[]): Promise<void> => {
      const command = parameters.at(-1) as Command;
      const values = parameters.slice(0, -2) as (string | undefined)[];
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      await withContext({ ...io, stopping }, argv, options, (context) =>
        work({ values, options, context }),
      );
    };
}

async function withContext(
  io: Io & { stopping: string },
  argv: readonly string[],
  options: GlobalOptions,
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const { json = false, quiet = false } = options;
  const reporter = await createReporter({ json, quiet, stdout: io.stdout, stderr: io.stderr });
  const interrupt = listenForInterrupt(io.signals, {
    onFirst: () => reporter.note(`stopping: ${io.stopping}; Ctrl-C again ends at once`),
    beforeExit: () => reporter.close(),
    readerGone: io.readerGone,
  });
  try {
    await work({
      reporter,
      signal: interrupt.signal,
      json,
      quiet,
      columns: io.stdout.isTTY ? widthOf(io.stdout) : undefined,
      input: io.stdin,
      argv,
      templateTime: wallClock(),
    });
  } finally {
    interrupt.dispose();
    reporter.close();
  }
}

function unknownCommand(name: string, entries: readonly CommandEntry[]): AttuneError {
  const near = nearest(
    name,
    entries.map((entry) => entry.name),
  );
  return new AttuneError("usage", `there is no command "${name}"`, {
    hint:
      near === undefined
        ? "`attune --help` lists the commands"
        : `did you mean \`attune ${near}\`?`,
  });
}

/** Commander says `error: unknown option '--bta'\n(Did you mean --beta?)`. */
function usageError(
  error: CommanderError,
  command: Command | undefined,
  [name = "", word = ""]: readonly string[],
): AttuneError {
  if (error.code === "commander.help")
    return new AttuneError("usage", "a subcommand is missing", { hint: "--help lists them" });
  const [what, suggestion] = error.message.replace(/^error: /, "").split("\n");
  const near = suggestion?.match(/^\((Did you mean .*)\)$/)?.[1];
  const habit = /^unknown option '--?([\w-]+)/.exec(what!)?.[1];
  const meant =
    error.code === "commander.unknownCommand" || error.code === "commander.excessArguments"
      ? subcommandHabit(name, word)
      : undefined;
  if (meant !== undefined)
    return new AttuneError("usage", `there is no command "${name} ${word}"`, {
      hint: `did you mean \`attune ${meant}\`?`,
    });
  const met = habit === undefined ? undefined : habitHint(habit, command?.options ?? []);
  if (met !== undefined) return new AttuneError("usage", what!, { hint: met });
  return new AttuneError("usage", what!, {
    hint: near === undefined ? "--help lists arguments and options" : near.replace("Did", "did"),
  });
}

/**
 * What another tool calls by this name; undefined where that is not known, or this command has
 * nothing of the kind.
 */
function habitHint(name: string, options: readonly Option[]): string | undefined {
  const habit = habitOf(
    name,
    options.map((option) => option.attributeName()),
  );
  if (habit === undefined) return ownerOf(name);
  if ("says" in habit) return habit.says;
  const meant = options.find((option) => option.attributeName() === habit.option)!;
  return `--${name} is ${meant.long} here`;
}
