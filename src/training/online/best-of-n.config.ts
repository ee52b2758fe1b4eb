/** Options of best-of-n. Sources: as named. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import { keepField, machineFields, optimizerFields, reportField } from "../common.config.ts";
import { heldOutRewardField } from "../rollout/monitor.config.ts";
import {
  policyPromptFields,
  policyTrainingFields,
  rewardFields,
  rolloutFields,
} from "../rollout/rollout.config.ts";

export const bestOfNConfig = defineConfig({
  name: "best-of-n",
  examples: [
    "attune best-of-n --model runs/sft --reward runs/reward --data prompts.jsonl --samples 64 " +
      "--out runs/best",
    "attune sft --model runs/sft --data runs/best/answers/best.jsonl --out runs/best-sft",
  ],
  fields: {
    ...policyPromptFields,
    ...rewardFields,
    ...heldOutRewardField,
    ...rolloutFields,
    samples: field({
      type: z.int().min(2),
      default: 16,
      source: "Nakano et al. 2021: 4 to 64",
      description: "n, answers to each prompt",
      group: "Roll-out",
    }),
    maxNewTokens: field({
      type: z.int().min(1),
      default: 128,
      source: "trl, generation defaults",
      description: "longest answer",
      group: "Roll-out",
      unit: "tokens",
    }),
    temperature: field({
      type: z.number().positive(),
      default: 1,
      source: "Gao et al. 2023: the policy's own distribution",
      description: "temperature of sampling",
      group: "Roll-out",
    }),
    prompts: field({
      type: z.int().min(0),
      default: 0,
      source: "all prompts",
      description: "how many prompts, the first",
      group: "Input",
      unit: "prompts",
    }),
    promptsPerStep: field({
      type: z.int().min(1),
      default: 16,
      source: "a checkpoint every few minutes",
      description: "prompts that are answered and judged together",
      group: "Roll-out",
      unit: "prompts",
    }),
    seed: field({ ...optimizerFields.seed, description: "of sampling", group: "Roll-out" }),
    ...reportField,
    ...keepField,
    checkpointSteps: policyTrainingFields.checkpointSteps,
    plan: machineFields.plan,
    microBatchTokens: machineFields.microBatchTokens,
  },
  check: ({ maxNewTokens, maxLength, reward, rewardWeights }) => {
    if (rewardWeights.length > 0 && rewardWeights.length !== reward.length)
      return {
        option: "rewardWeights",
        what: `${rewardWeights.length} weights for ${reward.length} rewards`,
        expected: "one weight for each reward",
      };
    if (maxNewTokens >= maxLength)
      return {
        option: "maxNewTokens",
        what: `leaves no room for a prompt in a max length of ${maxLength}`,
        expected: "less than maxLength",
      };
    return undefined;
  },
});
