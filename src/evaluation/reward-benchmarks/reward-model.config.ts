/** Options of `attune eval reward-model`. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { precisionField } from "../../sampling/precision.config.ts";
import { dataFields } from "../../training/data.config.ts";
import { limitField } from "../behaviour/asking.config.ts";
import { seedField } from "../subject.config.ts";

const count = z.int().min(1);

/** How a reward is opened and asked, for every part that asks one. */
export const scoringFields = {
  precision: precisionField("Reward"),
  maxLength: field({
    type: count,
    default: 1024,
    source: "trl RewardConfig.max_length",
    description: "longest prompt with its answer",
    group: "Reward",
    unit: "tokens",
  }),
  microBatchTokens: field({
    type: count,
    default: 1024,
    source: "measured: bench/, scoring",
    description: "tokens that are scored together",
    group: "Reward",
    unit: "tokens",
  }),
  rewardTimeout: field({
    type: z.number().positive(),
    default: 60,
    source: "attune grpo",
    description: "longest time for a reward function",
    group: "Reward",
    unit: "seconds",
  }),
};

export const rewardModelConfig = defineConfig({
  name: "eval reward-model",
  examples: [
    "attune eval reward-model --reward runs/reward --data pairs.jsonl",
    "attune eval reward-model --reward reward.ts --data pairs.jsonl",
  ],
  fields: {
    reward: requiredField({
      type: z.string().min(1),
      description: "reward model (a folder, a run, a Hugging Face id) or a function's file",
      group: "Reward",
    }),
    data: requiredField({
      type: z.string().min(1),
      description:
        "pairs in any known format, answers with scores, or the rows of RewardBench 2 or RM-Bench",
      group: "Input",
    }),
    groups: field({
      type: z.string(),
      default: "",
      source: "all pairs together",
      description: "column by whose values accuracy is told apart, such as a topic",
      group: "Input",
    }),
    robustness: field({
      type: z.boolean(),
      default: true,
      source: "a reward that is fooled is not worth its accuracy",
      description:
        "dress worse answers (length, format, flattery), and score answers alone, in batches and in " +
        "another order",
      group: "Evaluation",
    }),
    ...dataFields,
    limit: limitField,
    ...scoringFields,
    seed: seedField,
  },
});
