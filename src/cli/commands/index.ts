/**
 * Every command of `attune`, in the order of `attune --help`. A new command: a file that exports
 * `command` (a CommandModule), and a line here.
 */
import { type CommandEntry, lookupIn } from "../command.ts";

const START = "Start";
const TRAIN = "Train";
const USE = "Use";
const DATA = "Data";
const RUNS = "Runs";

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
  {
    name: "sft",
    summary: "supervised fine-tuning on demonstrations",
    group: TRAIN,
    load: async () => (await import("./sft.ts")).command,
  },
  {
    name: "reward",
    summary: "a Bradley-Terry reward model from preferences",
    group: TRAIN,
    load: async () => (await import("./reward.ts")).command,
  },
  {
    name: "dpo",
    summary: "direct preference optimisation and its relatives",
    group: TRAIN,
    load: async () => (await import("./dpo.ts")).command,
  },
  {
    name: "kto",
    summary: "learning from answers that are desirable or not",
    group: TRAIN,
    load: async () => (await import("./kto.ts")).command,
  },
  {
    name: "ppo",
    summary: "reinforcement learning from a reward, with a KL penalty",
    group: TRAIN,
    load: async () => (await import("./ppo.ts")).command,
  },
  {
    name: "rloo",
    summary: "the same without a critic: answers to one prompt judge each other",
    group: TRAIN,
    load: async () => (await import("./rloo.ts")).command,
  },
  {
    name: "grpo",
    summary: "group relative policy optimisation, DAPO and Dr. GRPO; for verifiable rewards",
    group: TRAIN,
    load: async () => (await import("./grpo.ts")).command,
  },
  {
    name: "reinforce++",
    summary: "PPO's surrogate without a critic, advantages normalised over the roll-out",
    group: TRAIN,
    load: async () => (await import("./reinforce-plus-plus.ts")).command,
  },
  {
    name: "online-dpo",
    summary: "DPO on pairs of the policy's own answers, judged as they come",
    group: TRAIN,
    load: async () => (await import("./online-dpo.ts")).command,
  },
  {
    name: "rejection-sampling",
    summary: "imitate the best of one's own answers, again and again (RAFT)",
    group: TRAIN,
    load: async () => (await import("./rejection-sampling.ts")).command,
  },
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
  {
    name: "best-of-n",
    summary: "n answers to each prompt, of which a reward keeps the best",
    group: USE,
    load: async () => (await import("./best-of-n.ts")).command,
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
    name: "constitution",
    summary: "critique, revise and compare by principles; preference data out",
    group: DATA,
    load: async () => (await import("./constitution.ts")).command,
  },
  {
    name: "data",
    summary: "look at a data set, or change its format",
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
