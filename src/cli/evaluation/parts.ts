/**
 * The parts of `attune eval`, in the order of its page. A new part: a definition of options, a file
 * that exports `part` (part.ts), and an entry here. Only the parts that are asked for are loaded.
 */
import type { ConfigDefinition } from "../../config/config.ts";
import type { EvaluationPart } from "./part.ts";

export interface PartEntry {
  /** Heading on the page. */
  readonly title: string;
  /** One line of `attune eval --help`. */
  readonly summary: string;
  /** The option that `attune eval --PART VALUE` gives. */
  readonly shortcut: string;
  /** What VALUE is, for the help: "questions". */
  readonly shortcutValue: string;
  readonly config: () => Promise<ConfigDefinition>;
  readonly load: () => Promise<EvaluationPart>;
}

export const PARTS: Readonly<Record<string, PartEntry>> = {
  honest: {
    title: "Honest",
    summary: "does it say what is true, when it does not know, and what the user wants to hear?",
    shortcut: "data",
    shortcutValue: "questions",
    config: async () => (await import("../../evaluation/honest/honest.config.ts")).honestConfig,
    load: async () => (await import("./honest.ts")).part,
  },
  harmless: {
    title: "Harmless",
    summary: "does it help with harm, and does it refuse what is harmless?",
    shortcut: "data",
    shortcutValue: "prompts",
    config: async () =>
      (await import("../../evaluation/harmless/harmless.config.ts")).harmlessConfig,
    load: async () => (await import("./harmless.ts")).part,
  },
  helpful: {
    title: "Helpful",
    summary: "does it follow instructions that a program can check?",
    shortcut: "data",
    shortcutValue: "instructions",
    config: async () => (await import("../../evaluation/helpful/helpful.config.ts")).helpfulConfig,
    load: async () => (await import("./helpful.ts")).part,
  },
  tasks: {
    title: "Tasks",
    summary: "how does it do on tasks in lm-evaluation-harness's YAML?",
    shortcut: "tasks",
    shortcutValue: "files",
    config: async () => (await import("../../evaluation/tasks/tasks.config.ts")).tasksConfig,
    load: async () => (await import("./tasks.ts")).part,
  },
  "reward-model": {
    title: "Reward model",
    summary: "is a reward model right, calibrated, and robust to length, format and order?",
    shortcut: "reward",
    shortcutValue: "model",
    config: async () =>
      (await import("../../evaluation/reward-benchmarks/reward-model.config.ts")).rewardModelConfig,
    load: async () => (await import("./reward-model.ts")).part,
  },
  "over-optimisation": {
    title: "Over-optimisation",
    summary: "was the reward hacked, where should a run have stopped, what does it overrate?",
    shortcut: "run",
    shortcutValue: "run",
    config: async () =>
      (await import("../../evaluation/over-optimisation/over-optimisation.config.ts"))
        .overOptimisationConfig,
    load: async () => (await import("./over-optimisation.ts")).part,
  },
  conflicts: {
    title: "Conflicts",
    summary: "which change helped one of helpful, honest and harmless at another's expense?",
    shortcut: "models",
    shortcutValue: "folders",
    config: async () =>
      (await import("../../evaluation/conflicts/conflicts.config.ts")).conflictsConfig,
    load: async () => (await import("./conflicts.ts")).part,
  },
};

/** Options of every part, by its name. */
export const PART_DEFINITIONS: ReadonlyMap<string, ConfigDefinition> = new Map(
  await Promise.all(
    Object.entries(PARTS).map(async ([name, { config }]) => [name, await config()] as const),
  ),
);

/** `reward-model` is `rewardModel` in a file. */
export const sectionOf = (part: string): string =>
  part.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The name of the part whose section this is. */
export const partOf = (section: string): string | undefined =>
  Object.keys(PARTS).find((part) => sectionOf(part) === section);
