/** Options of AI comparisons. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../config/config.ts";
import { templateField } from "../sampling/template.config.ts";
import {
  checkClamp,
  comparisonFields,
  constitutionFields,
  letterFields,
  reuseFields,
  serverFields,
} from "../training/online/judge.config.ts";
import { dataFields, localFields, writingFields } from "./critic.config.ts";

export const compareConfig = defineConfig({
  name: "constitution compare",
  examples: [
    "attune constitution compare --critic model.gguf --data pairs.jsonl --out runs/compare",
    "attune constitution compare --critic openai:my-model --model runs/sl-cai --data " +
      "prompts.jsonl --reasoning",
  ],
  fields: {
    data: requiredField({
      type: z.string().min(1),
      description: "pairs of answers; or prompts, with --model",
      group: "Input",
    }),
    critic: requiredField({
      type: z.string().min(1),
      description: "who judges: a model's folder, file or run, or openai:NAME behind a server",
      group: "Input",
    }),
    model: field({
      type: z.string(),
      default: "",
      source: "the data's own answers",
      description: "model that answers every prompt twice, in place of the data's answers",
      group: "Input",
    }),
    ...dataFields,
    ...reuseFields,
    ...constitutionFields,
    ...comparisonFields,
    export: field({
      type: z.array(z.string()),
      default: [],
      source: "attune's own format alone",
      description: "further formats to write the pairs in, such as trl; what is lost is said",
      group: "Output",
    }),
    ...writingFields,
    template: { ...templateField, group: "Local model" },
    ...localFields,
    ...letterFields,
    ...serverFields,
  },
  check: checkClamp,
});
