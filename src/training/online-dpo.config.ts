/** Options of online DPO. Sources: TRL 1.16's OnlineDPOConfig (trl), or as named. */
import { z } from "zod";
import { defineConfig, field } from "../runs/config.ts";
import { learningRateField } from "./common.config.ts";
import { checkPolicyConfig, groupRolloutFields, miniBatchField, policyInputFields, policyTrainingFields } from "./rollout.config.ts";

export const onlineDpoConfig = defineConfig({
  name: "online-dpo",
  fields: {
    ...policyInputFields,
    ...groupRolloutFields(2, "trl: two answers"),
    maxNewTokens: field({ type: z.int().min(1), default: 64, source: "trl max_new_tokens", description: "longest answer", group: "Roll-out", unit: "tokens" }),
    loss: field({ type: z.enum(["sigmoid", "ipo", "hinge"]), default: "sigmoid", source: "trl loss_type", description: "loss of a pair", group: "Method" }),
    beta: field({ type: z.number().positive(), default: 0.1, source: "trl beta", description: "strength of the tie to the reference", group: "Method" }),
    ...miniBatchField,
    ...policyTrainingFields,
    learningRate: learningRateField(5e-7, 5e-6, "trl learning_rate"),
  },
  check: (config) => {
    if (config.samples < 2) return { option: "samples", what: "a pair needs two answers to a prompt", expected: "2 or more" };
    if ((config.batchSize / config.samples) % config.miniBatches !== 0) return { option: "miniBatches", what: `${config.batchSize / config.samples} pairs cannot be shared out over ${config.miniBatches} minibatches`, expected: "a divisor of batchSize / samples" };
    return checkPolicyConfig(config);
  },
});
