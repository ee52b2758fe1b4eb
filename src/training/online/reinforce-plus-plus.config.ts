/**
 * Options of REINFORCE++. Sources: OpenRLHF's train_ppo_ray with advantage_estimator reinforce
 * (OpenRLHF), TRL (trl), or as named.
 */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import { learningRateField } from "../common.config.ts";
import {
  checkPolicyConfig,
  policyInputFields,
  policyTrainingFields,
  updateFields,
} from "../rollout/rollout.config.ts";

export const reinforcePlusPlusConfig = defineConfig({
  name: "reinforce++",
  examples: [
    "attune reinforce++ --model runs/sft --reward runs/reward --data prompts.jsonl --out " +
      "runs/reinforce",
  ],
  fields: {
    ...policyInputFields,
    baseline: field({
      type: z.enum(["none", "group"]),
      default: "none",
      source: "Hu et al. 2025, REINFORCE++ and REINFORCE++-baseline",
      description:
        "what is taken from the rewards: nothing, or the mean over the answers to the same " +
        "prompt; with group the KL stands in the loss (k2)",
      group: "Method",
    }),
    kl: {
      coef: field({
        type: z.number().min(0),
        default: 0.01,
        source: "OpenRLHF init_kl_coef",
        description: "beta, weight of the KL penalty on each token",
        group: "Method",
      }),
    },
    gamma: field({
      type: z.number().min(0).max(1),
      default: 1,
      source: "OpenRLHF gamma",
      description: "discount of later rewards",
      group: "Method",
    }),
    iterations: field({
      type: z.int().min(1),
      default: 1,
      source: "OpenRLHF max_epochs",
      description: "passes over each roll-out",
      group: "Method",
    }),
    ...updateFields,
    ...policyTrainingFields,
    learningRate: learningRateField(1e-6, 1e-5, "OpenRLHF actor_learning_rate"),
  },
  check: (config) =>
    config.baseline === "group" && config.samples < 2
      ? {
          option: "samples",
          what: "the group's mean needs several answers to a prompt",
          expected: "2 or more with baseline group",
        }
      : checkPolicyConfig(config),
});
