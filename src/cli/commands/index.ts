/**
 * Every command of `attune`, in the order of `attune --help`. A new command: a file that exports
 * `command` (a CommandModule), and a line here. Trainers have theirs by their entries.
 */
import type { TrainerEntry } from "../../training/trainer.ts";
import { TRAINERS } from "../../training/trainers.ts";
import { type CommandEntry, lookupIn } from "../command.ts";

const START = "Start";
const TRAIN = "Train";
const USE = "Use";
const DATA = "Data";
const RUNS = "Runs";

const trainerEntries = (
  fits: (entry: TrainerEntry) => boolean,
  group: string,
): readonly CommandEntry[] =>
  Object.entries<TrainerEntry>(TRAINERS)
    .filter(([, entry]) => fits(entry))
    .map(([name, entry]) => ({
      name,
      summary: entry.summary,
      group,
      load: async () => (await import("./trainer.ts")).trainerCommand(entry),
    }));

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "quickstart",
    summary: "the whole pipeline on a small built-in world, in minutes",
    group: START,
    load: async () => (await import("./quickstart.ts")).command,
  },
  {
    name: "align",
    summary: "the same pipeline on your model and your data, from one file",
    group: START,
    load: async () => (await import("./align.ts")).alignCommand(lookupIn(COMMANDS)),
  },
  {
    name: "plan",
    summary: "memory and time of a run, before spending either",
    group: START,
    load: async () => (await import("./plan.ts")).command,
  },
  {
    name: "doctor",
    summary: "what this machine can do, and what is in the way",
    group: START,
    load: async () => (await import("./doctor.ts")).command,
  },
  ...trainerEntries(({ makes }) => makes !== "answers", TRAIN),
  {
    name: "generate",
    summary: "answers to prompts",
    group: USE,
    load: async () => (await import("./generate.ts")).command,
  },
  {
    name: "chat",
    summary: "a conversation in the terminal",
    group: USE,
    load: async () => (await import("./chat.ts")).command,
  },
  {
    name: "serve",
    summary: "models behind the HTTP API that OpenAI's clients speak",
    group: USE,
    load: async () => (await import("./serve.ts")).command,
  },
  ...trainerEntries(({ makes }) => makes === "answers", USE),
  {
    name: "compare",
    summary: "which of several models answers better, and can the judge be believed",
    group: USE,
    load: async () => (await import("./compare.ts")).command,
  },
  {
    name: "eval",
    summary: "is a model honest, harmless and helpful; is a reward right, or was it hacked",
    group: USE,
    load: async () => (await import("./eval.ts")).command,
  },
  {
    name: "export",
    summary: "a model in the form that other software reads",
    group: USE,
    load: async () => (await import("./export.ts")).command,
  },
  {
    name: "push",
    summary: "a run's model to the Hugging Face hub, with a card",
    group: USE,
    load: async () => (await import("./push.ts")).command,
  },
  {
    name: "studio",
    summary: "collect preferences, watch runs and meet models in a browser",
    group: DATA,
    load: async () => (await import("./studio.ts")).command,
  },
  {
    name: "ask",
    summary: "which pairs to ask people about next, and what more labels would buy",
    group: DATA,
    load: async () => (await import("./ask.ts")).command,
  },
  {
    name: "constitution",
    summary: "critique, revise and compare by principles; preference data out",
    group: DATA,
    load: async () => (await import("./constitution.ts")).command,
  },
  {
    name: "data",
    summary: "look at a data set, change its format, or weigh votes of several annotators",
    group: DATA,
    load: async () => (await import("./data.ts")).command,
  },
  {
    name: "resume",
    summary: "go on with a run after a crash or Ctrl-C",
    group: RUNS,
    load: async () => (await import("./resume.ts")).resumeCommand(lookupIn(COMMANDS)),
  },
  {
    name: "runs",
    summary: "list runs, show one, or compare two",
    group: RUNS,
    load: async () => (await import("./runs.ts")).command,
  },
];
