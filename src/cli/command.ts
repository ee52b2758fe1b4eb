/**
 * What a command of `attune` is. A command file exports one `CommandModule`; `commands/index.ts`
 * lists it with a lazy import, so that `attune --help` loads none of them. Trainers' commands are
 * made of their entries (commands/trainer.ts), and every command that makes runs from its options
 * and a function (training/training-command.ts).
 */
import type { Command } from "commander";
import type { RunSummary } from "../runs/run-info.ts";
import type { Reporter } from "./display/reporter.ts";

/** What every command is given; commands touch neither `process.stdout` nor signals themselves. */
export interface CommandContext {
  readonly reporter: Reporter;
  /**
   * Aborted by the first Ctrl-C, SIGTERM or SIGHUP, or where nobody reads the output any more: save
   * a checkpoint and return.
   */
  readonly signal: AbortSignal;
  /** `--json`: standard output carries JSON lines only. */
  readonly json: boolean;
  /** `--quiet`: results, warnings and errors only. */
  readonly quiet: boolean;
  /**
   * Characters in a line of the terminal that answers go to; undefined where they go into a file or
   * a pipe.
   */
  readonly columns: number | undefined;
  /** Standard input, for `attune chat` and for data on a pipe. */
  readonly input: NodeJS.ReadStream;
  /** Local date and time that chat templates see: now, or when the run began that goes on. */
  readonly templateTime: string;
  /** What was typed after `attune`, for the run folder. */
  readonly argv: readonly string[];
  /**
   * Models that an earlier stage will have made, and what to look at meanwhile: undefined for
   * nothing. Only while a pipeline is checked.
   */
  readonly standIns?: ReadonlyMap<string, string | undefined>;
}

/**
 * Turns a command's work into a commander action: positional arguments, then options, then the
 * context.
 */
export type Bind = <Options extends object>(
  work: (call: Call<Options>) => Promise<void>,
) => (...parameters: unknown[]) => Promise<void>;

export interface Call<Options extends object = Record<string, unknown>> {
  /** Positional arguments in order; undefined where an optional one is missing. */
  readonly values: readonly (string | undefined)[];
  /** Options in camel case; undefined where not given. */
  readonly options: Options;
  readonly context: CommandContext;
}

export interface CommandModule {
  /**
   * All its work is what it prints: a reader who leaves (`| head`) has had enough, which is no
   * failure.
   */
  readonly endsWithReader?: boolean;
  /**
   * Said when somebody asks it to stop, of what becomes of its work. Default: that what is done is
   * kept.
   */
  readonly stopping?: string;
  /**
   * Adds arguments, options, subcommands and the action to a command that already has its name and
   * summary.
   */
  configure(command: Command, bind: Bind): void;
  /**
   * Begins a run with options by name, as a stage of a pipeline does; absent where the command
   * makes no runs.
   */
  begin?(
    call: { readonly values: object; readonly out: string },
    context: CommandContext,
  ): Promise<void>;
  /** Opens data and models as {@link begin} would, and reports the plan; writes nothing. */
  check?(
    call: { readonly values: object; readonly out: string },
    context: CommandContext,
  ): Promise<void>;
  /** Goes on with an interrupted run of this command; absent where the command makes no runs. */
  resume?(run: RunSummary, context: CommandContext, options?: ResumeOptions): Promise<void>;
}

export interface ResumeOptions {
  /** Go on with options that were changed by hand in the run folder. */
  readonly acceptChanges?: boolean;
}

/** Finds a command, for those that run others; undefined where there is none of the name. */
export type CommandLookup = (name: string) => Promise<CommandModule | undefined>;

/** One line of `attune --help`. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Heading in `attune --help`. */
  readonly group: string;
  readonly load: () => Promise<CommandModule>;
}

/** Finds commands in a list. */
export const lookupIn =
  (entries: readonly CommandEntry[]): CommandLookup =>
  async (name) =>
    entries.find((entry) => entry.name === name)?.load();
