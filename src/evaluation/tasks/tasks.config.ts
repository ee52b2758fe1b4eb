/** Options of `attune eval tasks`. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { missingField } from "../behaviour/asking.config.ts";
import { seedField, subjectFields } from "../subject.config.ts";

// tasks are plain texts, as lm_eval's are
const { template: _, ...modelFields } = subjectFields;

export const tasksConfig = defineConfig({
  name: "eval tasks",
  examples: [
    "attune eval tasks --model runs/dpo --tasks arc.yaml --tasks sums.yaml",
    "attune eval tasks --model model.gguf --tasks tasks/mine.yaml --num-fewshot 5 --limit 100",
  ],
  fields: {
    ...modelFields,
    tasks: requiredField({
      type: z.array(z.string().min(1)).min(1),
      description:
        "task or group in lm-evaluation-harness's YAML, with its documents in local files; several: " +
        "name it again",
      group: "Input",
    }),
    limit: field({
      type: z.int().min(0),
      default: 0,
      source: "all documents",
      description:
        "only the first documents of each task, as lm_eval's --limit (other parts draw at random)",
      group: "Input",
      unit: "documents",
    }),
    numFewshot: field({
      type: z.int().min(-1),
      default: -1,
      source: "-1: as many as the task says",
      description: "examples before each question",
      group: "Input",
      unit: "examples",
    }),
    fewshotSeed: field({
      type: z.int().min(0),
      default: 1234,
      source: "lm_eval --seed, its fourth",
      description: "of the examples that are drawn, which are lm_eval's",
      group: "Input",
    }),
    maxMissing: missingField,
    seed: seedField,
  },
});
