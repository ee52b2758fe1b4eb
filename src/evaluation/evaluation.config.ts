/**
 * Options of the evaluation in `attune.yaml`: prompts, answers, and a critic that judges them
 * beside the reward models.
 */
import { z } from "zod";
import type { ConfigOf } from "../config/config.ts";
import { defineConfig, field, requiredField } from "../config/config.ts";
import { judgeFields } from "../training/online/judge.config.ts";

const count = z.int().min(1);
// a clamp is for labels that a reward model learns from
const { clamp: _clamp, judge, ...criticFields } = judgeFields;

export const evaluationConfig = defineConfig({
  name: "evaluation",
  fields: {
    data: requiredField({
      type: z.string().min(1),
      description: "prompts that no stage was trained on",
      group: "Evaluation",
    }),
    prompts: field({
      type: count,
      default: 100,
      source: "a win rate to about 10 points",
      description: "how many of them, the first",
      group: "Evaluation",
      unit: "prompts",
    }),
    maxLength: field({
      type: count,
      default: 1024,
      source: "trl DPOConfig.max_length",
      description: "longest prompt with its answer",
      group: "Evaluation",
      unit: "tokens",
    }),
    maxNewTokens: field({
      type: count,
      default: 128,
      source: "trl, generation defaults",
      description: "longest answer",
      group: "Evaluation",
      unit: "tokens",
    }),
    temperature: field({
      type: z.number().min(0),
      default: 0.7,
      source: "attune ppo",
      description: "of the answers; 0 for the most likely ones",
      group: "Evaluation",
    }),
    batchSize: field({
      type: count,
      default: 32,
      source: "measured: bench/, decoding",
      description: "answers that are decoded together",
      group: "Evaluation",
      unit: "rows",
    }),
    judge: field({
      type: judge.type,
      default: "",
      source: "the reward models alone",
      description:
        "a critic that compares every model's answers with those of the first, in both orders: a " +
        "model's folder, file or run, or openai:NAME behind a server",
      group: "Judge",
    }),
    ...criticFields,
  },
});
export type AlignEvaluation = ConfigOf<typeof evaluationConfig>;
