/** Options of best-of-n. Sources: as named. */
import { z } from "zod";
import { defineConfig, field } from "../runs/config.ts";
import { machineFields, optimizerFields } from "./common.config.ts";
import { heldOutRewardField } from "./monitor.config.ts";
import { policyPromptFields, rewardFields, rolloutFields } from "./rollout.config.ts";

export const bestOfNConfig = defineConfig({
  name: "best-of-n",
  fields: {
    ...policyPromptFields,
    ...rewardFields,
    ...heldOutRewardField,
    ...rolloutFields,
    samples: field({ type: z.int().min(2), default: 16, source: "Nakano et al. 2021: 4 to 64", description: "n, answers to each prompt", group: "Roll-out" }),
    maxNewTokens: field({ type: z.int().min(1), default: 128, source: "trl, generation defaults", description: "longest answer", group: "Roll-out", unit: "tokens" }),
    temperature: field({ type: z.number().positive(), default: 1, source: "Gao et al. 2023: the policy's own distribution", description: "temperature of sampling", group: "Roll-out" }),
    prompts: field({ type: z.int().min(0), default: 0, source: "0: all", description: "how many prompts, the first", group: "Input", unit: "prompts" }),
    seed: optimizerFields.seed,
    plan: machineFields.plan,
    recompute: machineFields.recompute,
    microBatchTokens: machineFields.microBatchTokens,
  },
});
