/** Options of rejection-sampling fine-tuning. Sources: as named. */
import { z } from "zod";
import { KEEP_RULES } from "../../objectives/choices.ts";
import { defineConfig, field } from "../../config/config.ts";
import { learningRateField } from "../common.config.ts";
import {
  checkPolicyConfig,
  groupRolloutFields,
  miniBatchField,
  policyInputFields,
  policyTrainingFields,
} from "../rollout/rollout.config.ts";

export const rejectionSamplingConfig = defineConfig({
  name: "rejection-sampling",
  examples: [
    "attune rejection-sampling --model runs/sft --reward runs/reward --data prompts.jsonl " +
      "--samples 8 --out runs/raft",
    "attune sft --model models/base --data runs/raft/answers/chosen.jsonl --out runs/sft-on-chosen",
  ],
  fields: {
    ...policyInputFields,
    ...groupRolloutFields(8, "Dong et al. 2023 (RAFT), K"),
    keep: field({
      type: z.enum(KEEP_RULES),
      default: "best",
      source: "Touvron et al. 2023 (Llama 2), section 3.2.3",
      description:
        "answers to learn from: the best to each prompt, the best share of the roll-out, or all " +
        "above a reward",
      group: "Method",
    }),
    share: field({
      type: z.number().gt(0).max(1),
      default: 0.125,
      source: "RAFT's 1 / K",
      description: "share of the roll-out's answers that is kept",
      group: "Method",
      appliesWhen: { keep: ["share"] },
    }),
    threshold: field({
      type: z.number(),
      default: 0,
      source: "the reference's mean, where rewards are normalised",
      description: "least reward of an answer that is kept",
      group: "Method",
      appliesWhen: { keep: ["threshold"] },
    }),
    iterations: field({
      type: z.int().min(1),
      default: 1,
      source: "Llama 2: once over each round's answers",
      description: "passes over the kept answers",
      group: "Method",
    }),
    ...miniBatchField,
    ...policyTrainingFields,
    learningRate: learningRateField(2e-5, 2e-4, "attune sft"),
  },
  check: (config) =>
    config.keep === "best" && config.samples < 2
      ? {
          option: "samples",
          what: "the best of one answer is that answer",
          expected: "2 or more",
          hint: "keep share or threshold chooses among prompts",
        }
      : checkPolicyConfig(config),
});
