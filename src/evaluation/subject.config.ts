/** Options of the model that an evaluation asks, and of how what it said is kept. */
import { z } from "zod";
import { field, requiredField } from "../config/config.ts";
import { precisionField } from "../sampling/precision.config.ts";
import { templateField } from "../sampling/template.config.ts";
import { contextField, reuseFields, serverFields } from "../training/online/judge.config.ts";

/** For every part of `attune eval` that asks a language model. */
export const subjectFields = {
  model: requiredField({
    type: z.string().min(1),
    description:
      "model that is evaluated: a folder, a GGUF file, a run or a Hugging Face id, or openai:NAME " +
      "behind a server",
    group: "Model",
  }),
  template: { ...templateField, group: "Model" },
  precision: precisionField("Model"),
  batchSize: field({
    type: z.int().min(1),
    default: 8,
    source: "measured: bench/, decoding",
    description: "answers that a local model writes together; no answer depends on it",
    group: "Model",
    unit: "rows",
  }),
  contextLength: { ...contextField, group: "Model" },
  ...reuseFields,
  ...serverFields,
};

/** For every part: what is drawn depends on it. */
export const seedField = field({
  type: z.int().min(0),
  default: 42,
  source: "transformers TrainingArguments.seed",
  description: "of answers, orders and resampling",
  group: "Evaluation",
});
