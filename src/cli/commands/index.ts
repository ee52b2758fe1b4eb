/**
 * Every command of `attune`, in the order of `attune --help`. A new command: a file that exports `command`
 * (a CommandModule), and a line here.
 */
import type { CommandEntry } from "../command.ts";

const RUNS = "Runs";

export const COMMANDS: readonly CommandEntry[] = [
  { name: "resume", summary: "go on with a run after a crash or Ctrl-C", group: RUNS, load: async () => (await import("./resume.ts")).command },
  { name: "runs", summary: "list runs, show one, or compare two", group: RUNS, load: async () => (await import("./runs.ts")).command },
];
