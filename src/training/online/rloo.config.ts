/** Options of RLOO. Sources: TRL 1.16's RLOOConfig (trl), or as named. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import { learningRateField } from "../common.config.ts";
import {
  checkPolicyConfig,
  groupRolloutFields,
  policyInputFields,
  policyTrainingFields,
  updateFields,
} from "../rollout/rollout.config.ts";

export const rlooConfig = defineConfig({
  name: "rloo",
  examples: [
    "attune rloo --model runs/sft --reward runs/reward --data prompts.jsonl --samples 4 --out " +
      "runs/rloo",
  ],
  fields: {
    ...policyInputFields,
    ...groupRolloutFields(4, "Ahmadian et al. 2024, k of 2 and 4; trl has 2"),
    kl: {
      coef: field({
        type: z.number().min(0),
        default: 0.05,
        source: "trl RLOOConfig.beta",
        description: "beta, weight of the answer's KL in its reward",
        group: "Method",
      }),
    },
    normaliseAdvantages: field({
      type: z.boolean(),
      default: false,
      source: "trl RLOOConfig.normalize_advantages",
      description: "scale the advantages of a roll-out to mean 0 and variance 1",
      group: "Method",
    }),
    iterations: field({
      type: z.int().min(1),
      default: 1,
      source: "trl RLOOConfig.num_iterations",
      description: "passes over each roll-out",
      group: "Method",
    }),
    ...updateFields,
    ...policyTrainingFields,
    learningRate: learningRateField(1e-6, 1e-5, "trl RLOOConfig.learning_rate"),
  },
  check: (config) =>
    config.samples < 2
      ? {
          option: "samples",
          what: "an answer needs others to the same prompt to be compared with",
          expected: "2 or more",
        }
      : checkPolicyConfig(config),
});
