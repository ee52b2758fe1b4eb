/** Options of PPO. Sources: TRL 0.24's PPOConfig (trl), "The N+ implementation details of RLHF with PPO" (N+), or as named. */
import { z } from "zod";
import { defineConfig, field } from "../runs/config.ts";
import { adapterFields, inputFields, learningRateField, machineFields, optimizerFields } from "./common.config.ts";
import { heldOutRewardField, guardFields, monitorFields } from "./monitor.config.ts";
import { rewardFields, rolloutFields } from "./rollout.config.ts";

const count = z.int().min(1);
const share = z.number().min(0).max(1);
const positive = z.number().positive();
const { heldOut: _, ...promptFields } = inputFields;
const { batchSize: _size, epochs: _epochs, warmupRatio: _warmup, adamEpsilon: _epsilon, ...commonOptimizerFields } = optimizerFields;

export const ppoConfig = defineConfig({
  name: "ppo",
  fields: {
    ...promptFields,
    ...rewardFields,
    ...heldOutRewardField,
    ...rolloutFields,
    kl: {
      coef: field({ type: z.number().min(0), default: 0.05, source: "trl kl_coef; N+ TL;DR", description: "beta, weight of the KL penalty in the reward; 0 lets the policy go wherever the reward leads", group: "Method" }),
      controller: field({ type: z.enum(["fixed", "adaptive"]), default: "fixed", source: "trl PPOConfig; N+", description: "keep beta, or steer it towards a target", group: "Method" }),
      target: field({ type: positive, default: 6, source: "Ziegler et al. 2019, on answers of 24 tokens", description: "KL to steer towards", group: "Method", unit: "nats an answer", appliesWhen: { "kl.controller": ["adaptive"] } }),
      horizon: field({ type: positive, default: 10_000, source: "Ziegler et al. 2019", description: "answers over which beta may change by a fifth", group: "Method", unit: "answers", appliesWhen: { "kl.controller": ["adaptive"] } }),
    },
    gamma: field({ type: share, default: 1, source: "trl gamma", description: "discount of later rewards", group: "Method" }),
    lambda: field({ type: share, default: 0.95, source: "trl lam", description: "GAE's lambda", group: "Method" }),
    whitenRewards: field({ type: z.boolean(), default: false, source: "trl whiten_rewards", description: "scale the rewards of tokens to variance 1, keeping their mean", group: "Method" }),
    ppoEpochs: field({ type: count, default: 4, source: "trl num_ppo_epochs", description: "passes over each roll-out", group: "Method" }),
    miniBatches: field({ type: count, default: 1, source: "trl num_mini_batches", description: "optimiser steps in one pass", group: "Method" }),
    clipRange: field({ type: positive, default: 0.2, source: "trl cliprange", description: "epsilon of the policy's ratio", group: "Method" }),
    clipRangeValue: field({ type: z.number().min(0), default: 0.2, source: "trl cliprange_value", description: "how far a value may move before its error is counted without the move; 0 for no limit", group: "Method" }),
    dualClip: field({ type: z.number().min(0), default: 0, source: "Ye et al. 2020; verl uses 3", description: "bound on the loss of bad tokens, as a factor on the advantage; 0 for none", group: "Method" }),
    logRatioLimit: field({ type: positive, default: 20, source: "exp(20) is far from float32's limit", description: "log-ratios are kept within this", group: "Method", unit: "nats" }),
    earlyStopKl: field({ type: z.number().min(0), default: 0, source: "0: off; Spinning Up uses 0.015", description: "end the passes over a roll-out when the approximate KL from the old policy reaches this", group: "Method", unit: "nats a token" }),
    ptx: {
      coef: field({ type: z.number().min(0), default: 0, source: "0: off; InstructGPT (Ouyang et al. 2022) 27.8 at its scale", description: "weight of the SFT loss mixed into every update (PPO-ptx)", group: "Method" }),
      data: field({ type: z.string(), default: "", source: "empty: none", description: "demonstrations for the SFT loss", group: "Method", appliesWhen: { says: "with a ptx.coef above 0", test: (config) => config("ptx.coef") !== 0 } }),
      batchSize: field({ type: count, default: 16, source: "small-model practice", description: "demonstrations in one update", group: "Method", appliesWhen: { says: "with a ptx.coef above 0", test: (config) => config("ptx.coef") !== 0 } }),
    },
    ...adapterFields,
    critic: {
      start: field({ type: z.enum(["auto", "reward", "policy"]), default: "auto", source: "N+; Ouyang et al. 2022: the reward model", description: "what the critic starts as; auto: the first reward model that reads the policy's tokens, else the policy with a new head", group: "Critic" }),
      warmupSteps: field({ type: z.int().min(0), default: 2, source: "verl critic_warmup", description: "roll-outs at the beginning from which the critic alone learns", group: "Critic", unit: "steps" }),
      learningRate: field({ type: positive, default: 9e-6, source: "OpenRLHF critic_learning_rate", defaultWhen: [{ when: { adapter: ["lora"] }, value: 1e-4, source: "attune reward's rate for adapters" }], description: "peak learning rate of the critic", group: "Critic" }),
    },
    ...guardFields,
    ...monitorFields,
    learningRate: learningRateField(3e-6, 3e-5, "trl learning_rate"),
    batchSize: field({ type: count, default: 64, source: "Ziegler et al. 2019, code default", description: "answers in one roll-out", group: "Training" }),
    epochs: field({ type: positive, default: 1, source: "trl total_episodes: one pass", description: "passes over the prompts", group: "Training" }),
    warmupRatio: field({ type: share, default: 0, source: "N+: none", description: "share of the steps over which the learning rate rises", group: "Training" }),
    adamEpsilon: field({ type: positive, default: 1e-5, source: "N+, detail on Adam", description: "added to the root of the second moment", group: "Training" }),
    ...commonOptimizerFields,
    checkpointSteps: field({ type: z.int().min(0), default: 5, source: "minutes of work at most are lost", description: "save a checkpoint after this many roll-outs; 0 for the end only", group: "Progress", unit: "steps" }),
    ...machineFields,
  },
  check: (config) => {
    if (config.rewardWeights.length > 0 && config.rewardWeights.length !== config.reward.length) return { option: "rewardWeights", what: `${config.rewardWeights.length} weights for ${config.reward.length} rewards`, expected: "one weight for each reward" };
    if (config.batchSize % config.samples !== 0) return { option: "samples", what: `${config.batchSize} answers cannot be shared out as ${config.samples} for each prompt`, expected: "a divisor of batchSize" };
    if (config.batchSize % config.miniBatches !== 0) return { option: "miniBatches", what: `${config.batchSize} answers cannot be shared out over ${config.miniBatches} minibatches`, expected: "a divisor of batchSize" };
    if (config.ptx.coef > 0 && config.ptx.data === "") return { option: "ptx.coef", what: "there are no demonstrations for the SFT loss", expected: "ptx.data" };
    if (config.dualClip > 0 && config.dualClip <= 1) return { option: "dualClip", what: "it would clip tokens that have not moved", expected: "0, or more than 1" };
    if (config.maxNewTokens >= config.maxLength) return { option: "maxNewTokens", what: `leaves no room for a prompt in a max length of ${config.maxLength}`, expected: "less than maxLength" };
    return undefined;
  },
});
