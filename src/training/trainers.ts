/**
 * Every trainer, in the order of `attune --help`. A new one: a file of options, a file that exports
 * `trainer`, an entry here, and its function for programs in library/trainers.ts.
 */
import type { CheckedEntry, TrainerEntry } from "./trainer.ts";

export const TRAINERS = {
  sft: {
    summary: "supervised fine-tuning on demonstrations",
    title: "Supervised fine-tuning",
    fullName: "supervised fine-tuning on demonstrations",
    learnsFrom: "demonstration",
    makes: "policy",
    networks: ["policy"],
    logs: ["loss", "data", "imitation"],
    config: async () => (await import("./offline/sft.config.ts")).sftConfig,
    load: async () => (await import("./offline/sft.ts")).trainer,
  },
  reward: {
    summary: "a Bradley-Terry reward model from preferences",
    title: "Reward model",
    fullName: "a Bradley-Terry reward model, learned from comparisons",
    learnsFrom: "preference",
    makes: "reward",
    networks: ["reward model"],
    logs: ["loss", "data", "scores"],
    config: async () => (await import("./offline/reward.config.ts")).rewardConfig,
    load: async () => (await import("./offline/reward.ts")).trainer,
  },
  dpo: {
    summary: "direct preference optimisation and its relatives",
    title: "DPO",
    fullName: "direct preference optimisation (or a relative: see the options)",
    learnsFrom: "preference",
    makes: "policy",
    networks: ["policy", "reference"],
    logs: ["loss", "data", "preferences", "pairs", "sft-term"],
    config: async () => (await import("./offline/dpo.config.ts")).dpoConfig,
    load: async () => (await import("./offline/dpo.ts")).trainer,
  },
  kto: {
    summary: "learning from answers that are desirable or not",
    title: "KTO",
    fullName: "Kahneman-Tversky optimisation on answers that are desirable or not",
    learnsFrom: "unpaired",
    makes: "policy",
    networks: ["policy", "reference"],
    logs: ["loss", "data", "preferences", "reference-point"],
    config: async () => (await import("./offline/kto.config.ts")).ktoConfig,
    load: async () => (await import("./offline/kto.ts")).trainer,
  },
  ppo: {
    summary: "reinforcement learning from a reward, with a KL penalty",
    title: "PPO",
    fullName: "PPO with a KL penalty",
    learnsFrom: "answers",
    makes: "policy",
    networks: ["policy", "reference", "reward model", "critic"],
    logs: ["answers", "updates", "policy-gradient", "kl-in-reward", "critic", "sft-mix"],
    config: async () => (await import("./online/ppo.config.ts")).ppoConfig,
    load: async () => (await import("./online/ppo.ts")).trainer,
  },
  rloo: {
    summary: "the same without a critic: answers to one prompt judge each other",
    title: "RLOO",
    fullName: "REINFORCE leave-one-out (RLOO)",
    learnsFrom: "answers",
    makes: "policy",
    networks: ["policy", "reference", "reward model"],
    logs: ["answers", "updates", "policy-gradient", "kl-in-reward", "groups"],
    config: async () => (await import("./online/rloo.config.ts")).rlooConfig,
    load: async () => (await import("./online/rloo.ts")).trainer,
  },
  grpo: {
    summary: "group relative policy optimisation, DAPO and Dr. GRPO; for verifiable rewards",
    title: "GRPO",
    fullName: "group relative policy optimisation (GRPO)",
    learnsFrom: "answers",
    makes: "policy",
    networks: ["policy", "reference", "reward model"],
    logs: ["answers", "updates", "policy-gradient", "groups", "token-clipping"],
    config: async () => (await import("./online/grpo.config.ts")).grpoConfig,
    load: async () => (await import("./online/grpo.ts")).trainer,
  },
  "reinforce++": {
    summary: "PPO's surrogate without a critic, advantages normalised over the roll-out",
    title: "REINFORCE++",
    fullName: "REINFORCE++",
    learnsFrom: "answers",
    makes: "policy",
    logs: ["answers", "updates", "policy-gradient", "kl-in-reward", "groups", "token-clipping"],
    config: async () =>
      (await import("./online/reinforce-plus-plus.config.ts")).reinforcePlusPlusConfig,
    load: async () => (await import("./online/reinforce-plus-plus.ts")).trainer,
  },
  "online-dpo": {
    summary: "DPO on pairs of the policy's own answers, judged as they come",
    title: "Online DPO",
    fullName: "online DPO on pairs of the policy's own answers",
    learnsFrom: "answers",
    makes: "policy",
    logs: [
      "loss",
      "answers",
      "updates",
      "kl-in-reward",
      "groups",
      "preferences",
      "pairs",
      "own-pairs",
    ],
    config: async () => (await import("./online/online-dpo.config.ts")).onlineDpoConfig,
    load: async () => (await import("./online/online-dpo.ts")).trainer,
  },
  "rejection-sampling": {
    summary: "imitate the best of one's own answers, again and again (RAFT)",
    title: "Rejection sampling",
    fullName: "rejection sampling (RAFT)",
    learnsFrom: "answers",
    makes: "policy",
    logs: ["loss", "answers", "updates", "groups", "kept-answers"],
    config: async () =>
      (await import("./online/rejection-sampling.config.ts")).rejectionSamplingConfig,
    load: async () => (await import("./online/rejection-sampling.ts")).trainer,
  },
  "best-of-n": {
    summary: "n answers to each prompt, of which a reward keeps the best",
    title: "Best of n",
    fullName: "nothing: the best of n answers was kept",
    learnsFrom: "answers",
    makes: "answers",
    logs: ["answers", "best-answers"],
    config: async () => (await import("./online/best-of-n.config.ts")).bestOfNConfig,
    load: async () => (await import("./online/best-of-n.ts")).trainer,
  },
} as const satisfies Record<string, CheckedEntry>;

export type TrainerName = keyof typeof TRAINERS;

/** Options of a trainer, by its name. */
export type TrainerConfig<Name extends TrainerName> = Awaited<
  ReturnType<(typeof TRAINERS)[Name]["config"]>
>;

/** An entry by a name that may be none's. */
export const trainerEntry = (name: string): TrainerEntry | undefined =>
  Object.hasOwn(TRAINERS, name) ? TRAINERS[name as TrainerName] : undefined;
