/**
 * Options that every method over roll-outs shares: what judges the answers, and how they are drawn.
 */
import { countOf } from "../../core/counts.ts";
import { z } from "zod";
import { ratioHyperparameters } from "../../objectives/ppo.ts";
import type { ConfigOf, ConfigProblem } from "../../config/config.ts";
import { field, requiredField } from "../../config/config.ts";
import {
  adapterFields,
  inputFields,
  keepField,
  learningRateField,
  machineFields,
  optimizerFields,
  reportField,
} from "../common.config.ts";
import { guardFields, heldOutRewardField, monitorFields } from "./monitor.config.ts";

const count = z.int().min(1);
const several = {
  says: "with several rewards",
  test: (config: (path: string) => unknown) => (config("reward") as readonly unknown[]).length > 1,
};

export const REWARD_COMBINATIONS = ["weighted", "mean", "min", "uncertainty"] as const;
export const NORMALISATIONS = ["auto", "standard", "mean", "none"] as const;

export const rewardFields = {
  reward: requiredField({
    type: z.array(z.string().min(1)).min(1),
    description:
      "what judges the answers: a reward model's folder or run, or a .ts, .js or .mjs file with " +
      "a reward function (--reward --init writes one); several by commas or repetition",
    group: "Reward",
  }),
  rewardWeights: field({
    type: z.array(z.number()),
    default: [],
    source: "all count the same",
    description: "weight of each reward",
    group: "Reward",
    appliesWhen: several,
  }),
  rewardCombine: field({
    type: z.enum(REWARD_COMBINATIONS),
    default: "weighted",
    source: "Coste et al. 2023 for min and uncertainty (mean - coef * std)",
    description: "how several rewards become one",
    group: "Reward",
    appliesWhen: several,
  }),
  rewardUncertainty: field({
    type: z.number().min(0),
    default: 0.5,
    source: "Coste et al. 2023, appendix",
    description: "coef of the penalty on the rewards' disagreement",
    group: "Reward",
    appliesWhen: { rewardCombine: ["uncertainty"] },
  }),
  rewardNormalise: field({
    type: z.enum(NORMALISATIONS),
    default: "auto",
    source:
      "Ziegler et al. 2019; Huang et al. 2024: mean 0, variance 1 over the reference's answers",
    description:
      "scale of a reward, measured on answers of the reference; auto: standard for reward " +
      "models, none for functions",
    group: "Reward",
  }),
  rewardSamples: field({
    type: z.int().min(8),
    default: 128,
    source: "standard error of the mean below 0.1 deviations",
    description: "answers of the reference on which the scale is measured",
    group: "Reward",
    unit: "answers",
  }),
  rewardClip: field({
    type: z.number().min(0),
    default: 10,
    source: "OpenRLHF reward_clip_range; trlX cliprange_reward",
    description: "normalised rewards are kept within this; 0 for no limit",
    group: "Reward",
  }),
  missingEosPenalty: field({
    type: z.number().min(0),
    default: 1,
    source: "trl PPOConfig.missing_eos_penalty, recommended value",
    description: "taken from the reward of an answer that does not end by itself",
    group: "Reward",
  }),
  rewardTimeout: field({
    type: z.number().positive(),
    default: 60,
    source: "verifiers run in seconds",
    description: "longest time for a reward function to judge one roll-out",
    group: "Reward",
    unit: "seconds",
  }),
};

export const rolloutFields = {
  samples: field({
    type: count,
    default: 1,
    source: "trl PPOTrainer: one",
    description: "answers to each prompt of a roll-out",
    group: "Roll-out",
  }),
  maxNewTokens: field({
    type: count,
    default: 53,
    source: "trl PPOConfig.response_length",
    description: "longest answer",
    group: "Roll-out",
    unit: "tokens",
  }),
  temperature: field({
    type: z.number().positive(),
    default: 0.7,
    source: "trl PPOConfig.temperature",
    description:
      "temperature of sampling, and of the log-probabilities of policy and reference alike",
    group: "Roll-out",
  }),
  rolloutBatch: field({
    type: count,
    default: 64,
    source: "measured: bench/, decoding",
    description: "answers that are decoded together",
    group: "Roll-out",
    unit: "rows",
  }),
};

const share = z.number().min(0).max(1);
const { heldOut: _, ...promptFields } = inputFields;
/** Model and prompts. */
export const policyPromptFields = promptFields;
const {
  batchSize: _size,
  epochs: _epochs,
  warmupRatio: _warmup,
  adamEpsilon: _epsilon,
  ...commonOptimizerFields
} = optimizerFields;

/** Before a method's own options: data, rewards and roll-outs. */
export const policyInputFields = {
  ...promptFields,
  ...rewardFields,
  ...heldOutRewardField,
  ...rolloutFields,
};

/**
 * After a method's own options: how a policy is trained and watched. Each method says its learning
 * rate.
 */
export const policyTrainingFields = {
  ...adapterFields,
  ...guardFields,
  ...monitorFields,
  ...reportField,
  batchSize: field({
    type: count,
    default: 64,
    source: "Ziegler et al. 2019, code default",
    description: "answers in one roll-out",
    group: "Training",
  }),
  epochs: field({
    type: z.number().positive(),
    default: 1,
    source: "trl PPOConfig.total_episodes: one pass",
    description: "passes over the prompts",
    group: "Training",
  }),
  warmupRatio: field({
    type: share,
    default: 0,
    source: "Huang et al. 2024: none",
    description: "share of the steps over which the learning rate rises",
    group: "Training",
  }),
  adamEpsilon: field({
    type: z.number().positive(),
    default: 1e-5,
    source: "Huang et al. 2024, detail on Adam",
    description: "added to the root of the second moment",
    group: "Training",
  }),
  ...commonOptimizerFields,
  ...keepField,
  checkpointSteps: field({
    type: z.int().min(0),
    default: 5,
    source: "minutes of work at most are lost",
    description: "save a checkpoint after this many roll-outs; 0 for the end only",
    group: "Progress",
    unit: "steps",
  }),
  ...machineFields,
};

/** Roll-outs of methods that compare answers to the same prompt. */
export const groupRolloutFields = (samples: number, source: string) => ({
  samples: field({
    type: count,
    default: samples,
    source,
    description: "answers to each prompt of a roll-out",
    group: "Roll-out",
  }),
  temperature: field({
    type: z.number().positive(),
    default: 1,
    source: "trl GRPOConfig.temperature, RLOOConfig.temperature",
    description: rolloutFields.temperature.description,
    group: "Roll-out",
  }),
});

export const miniBatchField = {
  miniBatches: field({
    type: count,
    default: 1,
    source: "trl PPOConfig.num_mini_batches",
    description: "optimiser steps in one pass",
    group: "Method",
  }),
};

/** How far one roll-out may move the policy. */
export const updateFields = {
  ...miniBatchField,
  ...ratioHyperparameters,
};

const policyFields = {
  ...policyInputFields,
  ...miniBatchField,
  ...policyTrainingFields,
  learningRate: learningRateField(1e-6, 1e-5, "trl"),
};

/** What every method that learns from rewards of its own answers can be told. */
export type PolicyConfig = ConfigOf<typeof policyFields>;

/** Rules between options that every such method has. */
export function checkPolicyConfig(config: PolicyConfig): ConfigProblem | undefined {
  const { batchSize, samples, miniBatches, reward, rewardWeights, maxNewTokens, maxLength } =
    config;
  if (rewardWeights.length > 0 && rewardWeights.length !== reward.length)
    return {
      option: "rewardWeights",
      what: `${rewardWeights.length} weights for ${reward.length} rewards`,
      expected: "one weight for each reward",
    };
  if (batchSize % samples !== 0)
    return {
      option: "samples",
      what: `${countOf(batchSize, "answer")} cannot be shared out as ${samples} for each prompt`,
      expected: "a divisor of batchSize",
    };
  if (batchSize % miniBatches !== 0)
    return {
      option: "miniBatches",
      what:
        `${countOf(batchSize, "answer")} cannot be shared out over ` +
        `${countOf(miniBatches, "minibatch", "minibatches")}`,
      expected: "a divisor of batchSize",
    };
  if (maxNewTokens >= maxLength)
    return {
      option: "maxNewTokens",
      what: `leaves no room for a prompt in a max length of ${maxLength}`,
      expected: "less than maxLength",
    };
  return undefined;
}
