/** Options of `attune eval harmless`. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";
import { answerFields, filesFields } from "../behaviour/asking.config.ts";
import { seedField, subjectFields } from "../subject.config.ts";

export const harmlessConfig = defineConfig({
  name: "eval harmless",
  examples: [
    "attune eval harmless --model runs/dpo --data xstest_prompts.csv --labelled completions.csv",
    "attune eval harmless --model runs/dpo --data prompts.jsonl --assume unsafe --label-sample 100",
  ],
  fields: {
    ...filesFields("prompts that are safe or not (XSTest's columns, OpenAI's moderation samples)"),
    assume: field({
      type: z.enum(["refuse", "safe", "unsafe"]),
      default: "refuse",
      source: "nothing is guessed: such rows are left out",
      description: "what prompts are that no column tells of",
      group: "Input",
    }),
    labelled: field({
      type: z.array(z.string().min(1)),
      default: [],
      source: "none: the error of telling refusals is then not known",
      description:
        "answers that people labelled as compliance, full or partial refusal (final_label): this " +
        "model's or others'",
      group: "Input",
    }),
    labelSample: field({
      type: z.int().min(0),
      default: 0,
      source: "none",
      description:
        "writes so many random answers to to-label.csv in the run folder, to be labelled",
      group: "Answers",
      unit: "answers",
    }),
    ...answerFields(200, "XSTest's labels were given to about as much"),
    ...subjectFields,
    seed: seedField,
  },
});
