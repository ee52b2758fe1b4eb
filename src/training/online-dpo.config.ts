/** Options of online DPO. Sources: TRL 1.16's OnlineDPOConfig (trl), or as named. */
import { z } from "zod";
import { defineConfig, field } from "../runs/config.ts";
import { learningRateField } from "./common.config.ts";
import { checkLosses, preferenceLossFields } from "./dpo.config.ts";
import { checkPolicyConfig, groupRolloutFields, miniBatchField, policyInputFields, policyTrainingFields } from "./rollout.config.ts";

export const onlineDpoConfig = defineConfig({
  name: "online-dpo",
  fields: {
    ...policyInputFields,
    ...groupRolloutFields(2, "trl: two answers"),
    maxNewTokens: field({ type: z.int().min(1), default: 64, source: "trl max_new_tokens", description: "longest answer", group: "Roll-out", unit: "tokens" }),
    ...preferenceLossFields,
    iterations: field({ type: z.int().min(1), default: 1, source: "trl: one pass", description: "passes over each roll-out's pairs", group: "Method" }),
    ...miniBatchField,
    ...policyTrainingFields,
    learningRate: learningRateField(5e-7, 5e-6, "trl learning_rate"),
  },
  check: (config) => {
    const { loss, samples, batchSize, miniBatches } = config;
    const imitating = loss.find((name) => name === "orpo" || name === "cpo");
    if (imitating) return { option: "loss", what: `${imitating} also imitates the chosen answers, which here are the policy's own`, expected: "another loss", hint: "rejection-sampling imitates them" };
    if (samples < 2) return { option: "samples", what: "a pair needs two answers to a prompt", expected: "2 or more" };
    if ((batchSize / samples) % miniBatches !== 0) return { option: "miniBatches", what: `${batchSize / samples} pairs cannot be shared out over ${miniBatches} minibatches`, expected: "a divisor of batchSize / samples" };
    return checkLosses(config) ?? checkPolicyConfig(config);
  },
});
