/** Options of online DPO. Sources: TRL 1.16's OnlineDPOConfig (trl), or as named. */
import { countOf } from "../../core/counts.ts";
import { z } from "zod";
import type { ConfigValues, PredicateCondition } from "../../config/config.ts";
import { defineConfig, field } from "../../config/config.ts";
import { PREFERENCE_LOSS_TABLE } from "../../objectives/preference.ts";
import { learningRateField } from "../common.config.ts";
import { checkLosses, preferenceLossFields } from "../offline/dpo.config.ts";
import { checkClamp, judgeFields, onlyWhen } from "./judge.config.ts";
import { guardFields, heldOutRewardField } from "../rollout/monitor.config.ts";
import {
  checkPolicyConfig,
  groupRolloutFields,
  miniBatchField,
  policyPromptFields,
  policyTrainingFields,
  rewardFields,
  rolloutFields,
} from "../rollout/rollout.config.ts";

const rewarded = (config: ConfigValues): boolean =>
  (config("reward") as readonly unknown[]).length > 0;
const watched = (config: ConfigValues): boolean => config("heldOutReward") !== "";
const withReward: PredicateCondition = { says: "with a reward", test: rewarded };
const guarded: PredicateCondition = {
  says: "with a reward and heldOutReward",
  test: (config) => rewarded(config) && watched(config),
};
const { reward: required, rewardSamples, ...rewardScaleFields } = rewardFields;
const { guard, guardWindow, guardShare, guardAlpha } = guardFields;

export const onlineDpoConfig = defineConfig({
  name: "online-dpo",
  examples: [
    "attune online-dpo --model runs/sft --reward runs/reward --data prompts.jsonl --out " +
      "runs/online-dpo",
    "attune online-dpo --model runs/sft --judge model.gguf --constitution constitution.yaml " +
      "--data prompts.jsonl",
    "attune online-dpo --model runs/sft --judge openai:my-model --price-input 0.15 " +
      "--price-output 0.6 --budget 5 --data prompts.jsonl",
  ],
  fields: {
    ...policyPromptFields,
    reward: field({
      type: z.array(z.string().min(1)),
      default: [],
      source: "a judge in its place",
      description: required.description,
      group: required.group,
    }),
    ...onlyWhen(withReward, rewardScaleFields),
    rewardSamples: {
      ...rewardSamples,
      appliesWhen: {
        says: "with a reward or heldOutReward",
        test: (config: ConfigValues) => rewarded(config) || watched(config),
      },
    },
    ...heldOutRewardField,
    ...judgeFields,
    ...rolloutFields,
    ...groupRolloutFields(2, "trl: two answers"),
    maxNewTokens: field({
      type: z.int().min(1),
      default: 64,
      source: "trl OnlineDPOConfig.max_new_tokens",
      description: "longest answer",
      group: "Roll-out",
      unit: "tokens",
    }),
    ...preferenceLossFields,
    iterations: field({
      type: z.int().min(1),
      default: 1,
      source: "trl: one pass",
      description: "passes over each roll-out's pairs",
      group: "Method",
    }),
    ...miniBatchField,
    ...policyTrainingFields,
    guard: { ...guard, appliesWhen: guarded },
    guardWindow: { ...guardWindow, appliesWhen: guarded },
    guardShare: { ...guardShare, appliesWhen: guarded },
    guardAlpha: { ...guardAlpha, appliesWhen: guarded },
    learningRate: learningRateField(5e-7, 5e-6, "trl OnlineDPOConfig.learning_rate"),
  },
  check: (config) => {
    const { loss, samples, batchSize, miniBatches, reward, judge } = config;
    if (reward.length === 0 && judge === "")
      return {
        option: "reward",
        what: "nothing says which answer is better",
        expected: "a reward or a judge",
        hint: "--reward with a reward model or function, or --judge with a model or openai:NAME",
      };
    if (reward.length > 0 && judge !== "")
      return {
        option: "judge",
        what: "a judge stands in place of a reward",
        expected: "one of reward and judge",
      };
    if (judge !== "" && samples !== 2)
      return {
        option: "samples",
        what: "a judge compares two answers to each prompt",
        expected: "2 with a judge",
      };
    const imitating = loss.find((name) => PREFERENCE_LOSS_TABLE[name].sft);
    if (imitating)
      return {
        option: "loss",
        what: `${imitating} also imitates the chosen answers, which here are the policy's own`,
        expected: "another loss",
        hint: "rejection-sampling imitates them",
      };
    if (samples < 2)
      return {
        option: "samples",
        what: "a pair needs two answers to a prompt",
        expected: "2 or more",
      };
    if ((batchSize / samples) % miniBatches !== 0)
      return {
        option: "miniBatches",
        what:
          `${countOf(batchSize / samples, "pair")} cannot be shared out over ` +
          `${countOf(miniBatches, "minibatch", "minibatches")}`,
        expected: "a divisor of batchSize / samples",
      };
    return checkLosses(config) ?? checkClamp(config) ?? checkPolicyConfig(config);
  },
});
