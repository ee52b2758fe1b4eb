/** Options of `attune eval conflicts`. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { precisionField } from "../../sampling/precision.config.ts";
import { seedField } from "../subject.config.ts";

export const conflictsConfig = defineConfig({
  name: "eval conflicts",
  examples: [
    "attune eval conflicts --models runs/eval-sft,runs/eval-dpo,runs/eval-ppo",
    "attune eval conflicts --models quick/sft,quick/ppo,quick/ppo-without-kl",
    "attune eval conflicts --models quick/sft,quick/ppo --along kl=0,2.1",
    "attune eval conflicts --models quick/ppo/checkpoints/step-000080,quick/ppo --along step",
  ],
  fields: {
    models: requiredField({
      type: z.array(z.string().min(1)).min(2),
      description:
        "in the order in which they were made: folders of earlier `attune eval` runs, whose " +
        "findings.json and items.jsonl are read; or models of the quickstart and checkpoints of its runs, judged by " +
        "gold on its world",
      group: "Input",
    }),
    axes: field({
      type: z.array(z.string().min(1)),
      default: [],
      source: "the first measure of helpful, honest and harmless each that all runs have",
      description: "ids of the measures to hold against each other, of findings",
      group: "Input",
    }),
    along: field({
      type: z.string(),
      default: "",
      source: "the order of --models",
      description:
        "scale that the models were made along, for charts against it: kl=0,2.1,8.4 with a number " +
        "for each, or step, kl or a numeric option, as their runs tell",
      group: "Input",
    }),
    precision: precisionField("Model"),
    seed: seedField,
  },
});
