/** Options that every method over roll-outs shares: what judges the answers, and how they are drawn. */
import { z } from "zod";
import { field, requiredField } from "../runs/config.ts";

const count = z.int().min(1);
const several = { says: "with several rewards", test: (config: (path: string) => unknown) => (config("reward") as readonly unknown[]).length > 1 };

export const REWARD_COMBINATIONS = ["weighted", "mean", "min", "uncertainty"] as const;
export const NORMALISATIONS = ["auto", "standard", "mean", "none"] as const;

export const rewardFields = {
  reward: requiredField({ type: z.array(z.string().min(1)).min(1), description: "what judges the answers: a reward model's folder or run, or a .ts, .js or .mjs file with a reward function; several by commas or repetition", group: "Reward" }),
  rewardWeights: field({ type: z.array(z.number()), default: [], source: "empty: all 1", description: "weight of each reward", group: "Reward", appliesWhen: several }),
  rewardCombine: field({ type: z.enum(REWARD_COMBINATIONS), default: "weighted", source: "Coste et al. 2023 for min and uncertainty (mean - coef * std)", description: "how several rewards become one", group: "Reward", appliesWhen: several }),
  rewardUncertainty: field({ type: z.number().min(0), default: 0.5, source: "Coste et al. 2023, appendix", description: "coef of the penalty on the rewards' disagreement", group: "Reward", appliesWhen: { rewardCombine: ["uncertainty"] } }),
  rewardNormalise: field({ type: z.enum(NORMALISATIONS), default: "auto", source: "Ziegler et al. 2019; N+: mean 0, variance 1 over the reference's answers", description: "scale of a reward, measured on answers of the reference; auto: standard for reward models, none for functions", group: "Reward" }),
  rewardSamples: field({ type: z.int().min(8), default: 128, source: "standard error of the mean below 0.1 deviations", description: "answers of the reference on which the scale is measured", group: "Reward", unit: "answers" }),
  rewardClip: field({ type: z.number().min(0), default: 10, source: "OpenRLHF reward_clip_range; trlX cliprange_reward", description: "normalised rewards are kept within this; 0 for no limit", group: "Reward" }),
  missingEosPenalty: field({ type: z.number().min(0), default: 1, source: "trl missing_eos_penalty, recommended value", description: "taken from the reward of an answer that does not end by itself", group: "Reward" }),
  rewardTimeout: field({ type: z.number().positive(), default: 60, source: "verifiers run in seconds", description: "longest time for a reward function to judge one roll-out", group: "Reward", unit: "seconds" }),
};

export const rolloutFields = {
  samples: field({ type: count, default: 1, source: "trl PPOTrainer", description: "answers to each prompt of a roll-out", group: "Roll-out" }),
  maxNewTokens: field({ type: count, default: 53, source: "trl response_length", description: "longest answer", group: "Roll-out", unit: "tokens" }),
  temperature: field({ type: z.number().positive(), default: 0.7, source: "trl temperature", description: "temperature of sampling, and of the log-probabilities of policy and reference alike", group: "Roll-out" }),
  rolloutBatch: field({ type: count, default: 64, source: "bench/: decoding", description: "answers that are decoded together", group: "Roll-out", unit: "rows" }),
};
