/** Options of critique and revision. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../config/config.ts";
import { templateField } from "../sampling/template.config.ts";
import { constitutionFields, reuseFields, serverFields } from "../training/online/judge.config.ts";
import { dataFields, localFields, writingFields } from "./critic.config.ts";

export const reviseConfig = defineConfig({
  name: "constitution revise",
  examples: [
    "attune constitution revise --model model.gguf --data harmless.jsonl --limit 100 --out " +
      "runs/revise",
    "attune constitution revise --model openai:my-model --data prompts.jsonl --helpful " +
      "helpful.jsonl --price-input 0.15 --price-output 0.6",
  ],
  fields: {
    model: requiredField({
      type: z.string().min(1),
      description: "who answers: a model's folder, file or run, or openai:NAME behind a server",
      group: "Input",
    }),
    critic: field({
      type: z.string(),
      default: "",
      source: "Bai et al. 2022: the model itself",
      description: "who criticises and revises, as for --model",
      group: "Input",
    }),
    data: requiredField({
      type: z.string().min(1),
      description: "prompts, such as requests that invite harm: a file or a folder",
      group: "Input",
    }),
    ...dataFields,
    helpful: field({
      type: z.string(),
      default: "",
      source: "nothing is mixed in",
      description:
        "helpful data to mix in: demonstrations as they are, or prompts that the model answers",
      group: "Input",
    }),
    helpfulLimit: field({
      type: z.int().min(0),
      default: 0,
      source: "all rows",
      description: "only the first rows of the helpful data",
      group: "Input",
      unit: "rows",
      appliesWhen: { says: "with --helpful", test: (config) => config("helpful") !== "" },
    }),
    helpfulSamples: field({
      type: z.int().min(1),
      default: 2,
      source: "Bai et al. 2022, section 3.2",
      description: "answers to each helpful prompt",
      group: "Input",
      appliesWhen: { says: "with --helpful", test: (config) => config("helpful") !== "" },
    }),
    ...reuseFields,
    ...constitutionFields,
    revisions: field({
      type: z.int().min(1),
      default: 4,
      source: "Bai et al. 2022, section 3.1",
      description: "critiques and revisions of each answer",
      group: "Constitution",
    }),
    keep: field({
      type: z.enum(["all", "last"]),
      default: "all",
      source: "Bai et al. 2022, section 3.2",
      description: "revisions that become demonstrations",
      group: "Constitution",
    }),
    ...writingFields,
    template: { ...templateField, group: "Local model" },
    ...localFields,
    ...serverFields,
  },
});
