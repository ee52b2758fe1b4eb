/**
 * Options of PPO. Sources: TRL 0.24's PPOConfig (trl), "The N+ implementation details of RLHF with
 * PPO" (Huang et al. 2024), or as named.
 */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import { checkClipping, tokenHyperparameters, valueHyperparameters } from "../../objectives/ppo.ts";
import { learningRateField, learningRateType } from "../common.config.ts";
import {
  checkPolicyConfig,
  policyInputFields,
  policyTrainingFields,
  updateFields,
} from "../rollout/rollout.config.ts";

const count = z.int().min(1);
const share = z.number().min(0).max(1);
const positive = z.number().positive();

export const ppoConfig = defineConfig({
  name: "ppo",
  examples: [
    "attune ppo --model runs/sft --reward runs/reward --data prompts.jsonl --out runs/ppo",
    "attune ppo --model runs/sft --reward runs/reward --held-out-reward runs/reward-2 --guard " +
      "stop --data pairs.jsonl",
    "attune ppo --model models/base --reward ./reward.ts --data tasks.jsonl --kl-coef 0.02",
  ],
  fields: {
    ...policyInputFields,
    kl: {
      coef: field({
        type: z.number().min(0),
        default: 0.05,
        source: "trl PPOConfig.kl_coef; Huang et al. 2024",
        description:
          "beta, weight of the KL penalty in the reward; 0 lets the policy go wherever the " +
          "reward leads",
        group: "Method",
      }),
      controller: field({
        type: z.enum(["fixed", "adaptive"]),
        default: "fixed",
        source: "trl PPOConfig; Huang et al. 2024",
        description: "keep beta, or steer it towards a target",
        group: "Method",
      }),
      target: field({
        type: positive,
        default: 6,
        source: "Ziegler et al. 2019, on answers of 24 tokens",
        description: "KL to steer towards",
        group: "Method",
        unit: "nats an answer",
        appliesWhen: { "kl.controller": ["adaptive"] },
      }),
      horizon: field({
        type: positive,
        default: 10_000,
        source: "Ziegler et al. 2019",
        description: "answers over which beta may change by a fifth",
        group: "Method",
        unit: "answers",
        appliesWhen: { "kl.controller": ["adaptive"] },
      }),
    },
    gamma: field({
      type: share,
      default: 1,
      source: "trl PPOConfig.gamma",
      description: "discount of later rewards",
      group: "Method",
    }),
    lambda: field({
      type: share,
      default: 0.95,
      source: "trl PPOConfig.lam",
      description: "GAE's lambda",
      group: "Method",
    }),
    whitenRewards: field({
      type: z.boolean(),
      default: false,
      source: "trl PPOConfig.whiten_rewards",
      description: "scale the rewards of tokens to variance 1, keeping their mean",
      group: "Method",
    }),
    ppoEpochs: field({
      type: count,
      default: 4,
      source: "trl PPOConfig.num_ppo_epochs",
      description: "passes over each roll-out",
      group: "Method",
    }),
    ...updateFields,
    ...valueHyperparameters,
    dualClip: tokenHyperparameters.dualClip,
    earlyStopKl: field({
      type: z.number().min(0),
      default: 0,
      source: "off; Spinning Up uses 0.015",
      description:
        "end the passes over a roll-out when the approximate KL from the old policy reaches this",
      group: "Method",
      unit: "nats a token",
    }),
    ptx: {
      coef: field({
        type: z.number().min(0),
        default: 0,
        source: "off; InstructGPT (Ouyang et al. 2022) uses 27.8 at its scale",
        description: "weight of the SFT loss mixed into every update (PPO-ptx)",
        group: "Method",
      }),
      data: field({
        type: z.string(),
        default: "",
        source: "no demonstrations are mixed in",
        description: "demonstrations for the SFT loss",
        group: "Method",
        appliesWhen: {
          says: "with a ptx.coef above 0",
          test: (config) => config("ptx.coef") !== 0,
        },
      }),
      batchSize: field({
        type: count,
        default: 16,
        source: "small-model practice",
        description: "demonstrations in one update",
        group: "Method",
        appliesWhen: {
          says: "with a ptx.coef above 0",
          test: (config) => config("ptx.coef") !== 0,
        },
      }),
    },
    ...policyTrainingFields,
    critic: {
      start: field({
        type: z.enum(["auto", "reward", "policy"]),
        default: "auto",
        source: "Huang et al. 2024 and Ouyang et al. 2022: the reward model",
        description:
          "what the critic starts as; auto: the first reward model that reads the policy's " +
          "tokens, else the policy with a new head",
        group: "Critic",
      }),
      warmupSteps: field({
        type: z.int().min(0),
        default: 2,
        source: "verl critic_warmup",
        description: "roll-outs at the beginning from which the critic alone learns",
        group: "Critic",
        unit: "steps",
      }),
      learningRate: field({
        type: learningRateType,
        default: 9e-6,
        source: "OpenRLHF critic_learning_rate",
        defaultWhen: [
          { when: { adapter: ["lora"] }, value: 1e-4, source: "attune reward's rate for adapters" },
        ],
        description: "peak learning rate of the critic",
        group: "Critic",
      }),
    },
    learningRate: learningRateField(3e-6, 3e-5, "trl PPOConfig.learning_rate"),
  },
  check: (config) => {
    if (config.ptx.coef > 0 && config.ptx.data === "")
      return {
        option: "ptx.coef",
        what: "there are no demonstrations for the SFT loss",
        expected: "demonstrations (--ptx-data), or ptx.coef 0",
      };
    return checkClipping(config) ?? checkPolicyConfig(config);
  },
});
