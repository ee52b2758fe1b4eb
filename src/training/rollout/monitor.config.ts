/** Options of what is watched while a policy learns from a reward. */
import { z } from "zod";
import { field } from "../../config/config.ts";

export const heldOutRewardField = {
  heldOutReward: field({
    type: z.string(),
    default: "",
    source: "Gao et al. 2023: a proxy is judged by what it was not optimised against",
    description:
      "a reward model trained on other pairs, which judges every roll-out and is never optimised",
    group: "Reward",
  }),
};

const withHeldOut = {
  says: "with heldOutReward",
  test: (config: (path: string) => unknown) => config("heldOutReward") !== "",
};

export const guardFields = {
  guard: field({
    type: z.enum(["off", "warn", "stop"]),
    default: "warn",
    source: "docs/decisions/reward-guard.md",
    description: "what happens when the reward and the held-out reward part",
    group: "Guard",
    appliesWhen: withHeldOut,
  }),
  guardWindow: field({
    type: z.int().min(2),
    default: 8,
    source: "docs/decisions/reward-guard.md",
    description: "roll-outs that the guard looks back over",
    group: "Guard",
    unit: "steps",
    appliesWhen: withHeldOut,
  }),
  guardShare: field({
    type: z.number().gt(0).max(1),
    default: 0.5,
    source: "docs/decisions/reward-guard.md",
    description:
      "share of the rise that the reward predicts which the held-out reward must confirm",
    group: "Guard",
    appliesWhen: withHeldOut,
  }),
  guardAlpha: field({
    type: z.number().gt(0).max(0.1),
    default: 0.001,
    source: "docs/decisions/reward-guard.md",
    description: "probability of a false alarm of one test",
    group: "Guard",
    appliesWhen: withHeldOut,
  }),
};

export const monitorFields = {
  sampleSteps: field({
    type: z.int().min(0),
    default: 10,
    source: "trl PPOConfig.num_sample_generations",
    description: "show answers to the same prompts after this many steps; 0 for never",
    group: "Progress",
    unit: "steps",
  }),
  samplePrompts: field({
    type: z.int().min(1),
    default: 4,
    source: "fits a screen",
    description: "prompts whose answers are shown",
    group: "Progress",
  }),
};
