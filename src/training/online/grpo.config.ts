/**
 * Options of GRPO, with DAPO's and Dr. GRPO's changes. Sources: TRL 1.16's GRPOConfig (trl), or as
 * named.
 */
import { z } from "zod";
import { ADVANTAGE_SCALES, AGGREGATIONS } from "../../objectives/group-advantages.ts";
import { checkClipping, tokenHyperparameters } from "../../objectives/ppo.ts";
import { defineConfig, field } from "../../config/config.ts";
import { learningRateField } from "../common.config.ts";
import {
  checkPolicyConfig,
  groupRolloutFields,
  policyInputFields,
  policyTrainingFields,
  updateFields,
} from "../rollout/rollout.config.ts";

export const grpoConfig = defineConfig({
  name: "grpo",
  examples: [
    "attune grpo --model models/base --reward ./reward.ts --data tasks.jsonl --out runs/grpo",
    "attune grpo --model models/base --reward ./reward.ts --data tasks.jsonl --clip-range-high " +
      "0.28 --dynamic-sampling 2   # DAPO",
    "attune grpo --model models/base --reward ./reward.ts --data tasks.jsonl --aggregation " +
      "dr_grpo --scale-rewards none    # Dr. GRPO",
  ],
  fields: {
    ...policyInputFields,
    ...groupRolloutFields(8, "trl GRPOConfig.num_generations"),
    missingEosPenalty: field({
      type: z.number().min(0),
      default: 0,
      source: "trl GRPOConfig has no such penalty",
      description: "taken from the reward of an answer that does not end by itself",
      group: "Reward",
    }),
    kl: {
      coef: field({
        type: z.number().min(0),
        default: 0,
        source: "trl GRPOConfig.beta",
        description: "beta, weight of the KL term in the loss; 0 for none",
        group: "Method",
      }),
      correction: field({
        type: z.boolean(),
        default: true,
        source: "trl GRPOConfig.use_bias_correction_kl",
        description:
          "multiply the KL term by the ratio, without which its gradient is not the KL's",
        group: "Method",
        appliesWhen: { says: "with a kl.coef above 0", test: (config) => config("kl.coef") !== 0 },
      }),
    },
    scaleRewards: field({
      type: z.enum(ADVANTAGE_SCALES),
      default: "group",
      source: "trl GRPOConfig.scale_rewards; none is Dr. GRPO (Liu et al. 2025)",
      description:
        "divide advantages by the deviation of the rewards in the group, in the batch, or not",
      group: "Method",
    }),
    aggregation: field({
      type: z.enum(AGGREGATIONS),
      default: "dapo",
      source: "trl GRPOConfig.loss_type",
      description:
        "mean over tokens (dapo), over answers of their means (grpo), or sum over answers and " +
        "longest length (dr_grpo)",
      group: "Method",
    }),
    iterations: field({
      type: z.int().min(1),
      default: 1,
      source: "trl GRPOConfig.num_iterations",
      description: "passes over each roll-out",
      group: "Method",
    }),
    ...updateFields,
    ...tokenHyperparameters,
    maskTruncated: field({
      type: z.boolean(),
      default: false,
      source: "trl GRPOConfig.mask_truncated_completions",
      description: "learn nothing from answers that did not end by themselves",
      group: "Method",
    }),
    dynamicSampling: field({
      type: z.int().min(0),
      default: 0,
      source: "off; DAPO (Yu et al. 2025), section 3.2",
      description:
        "further roll-outs of a step to replace prompts whose answers all have the same reward",
      group: "Method",
      unit: "roll-outs",
    }),
    ...policyTrainingFields,
    learningRate: learningRateField(1e-6, 1e-5, "trl GRPOConfig.learning_rate"),
  },
  check: (config) => {
    if (config.samples < 2)
      return {
        option: "samples",
        what: "an answer needs others to the same prompt to be compared with",
        expected: "2 or more",
      };
    return checkClipping(config) ?? checkPolicyConfig(config);
  },
});
