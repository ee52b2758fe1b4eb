/** Options of `attune data aggregate`. */
import { z } from "zod";
import type { ConfigOf } from "../../config/config.ts";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { dataFields } from "../../training/data.config.ts";
import { outcomeFields } from "../outcome.config.ts";

const modelled = { method: ["bradley-terry"] } as const;

export const aggregateConfig = defineConfig({
  name: "data aggregate",
  examples: [
    "attune data aggregate --data votes.jsonl  # who votes how, and nothing written",
    "attune data aggregate --data votes.jsonl --out labels.jsonl",
    "attune data aggregate --data votes.jsonl --gold gold.jsonl --out labels.jsonl --report votes.html",
    "attune data aggregate --data battles.parquet --method bradley-terry --players models --out " +
      "labels.jsonl",
    "attune reward --model model.gguf --data labels.jsonl",
  ],
  fields: {
    data: requiredField({
      type: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
      description:
        "votes: a row for each vote, a pair of answers with who judged (annotator) and, where " +
        "known, which side the chosen one stood on (side); several by repetition",
      group: "Input",
    }),
    ...dataFields,
    gold: field({
      type: z.string(),
      default: "",
      source: "no pair's truth is known",
      description: "pairs whose better answer is known, as chosen: annotators are measured by them",
      group: "Input",
    }),
    names: field({
      type: z.enum(["exact", "folded"]),
      default: "exact",
      source: "two names may be two people",
      description: "whether names of annotators that differ only in case are one",
      group: "Input",
    }),
    method: field({
      type: z.enum(["dawid-skene", "bradley-terry", "majority"]),
      default: "dawid-skene",
      source: "Dawid and Skene 1979; docs/decisions/annotators.md",
      description:
        "how votes become a label: weighed by each annotator's accuracy; by strengths of answers " +
        "or models with each annotator's skill and side bias; or counted",
      group: "Labels",
    }),
    players: field({
      type: z.enum(["answers", "models"]),
      default: "answers",
      source: "several votes on a pair",
      description: "what has a strength: every answer of a prompt, or the models that wrote them",
      group: "Labels",
      appliesWhen: modelled,
    }),
    strengthPrecision: field({
      type: z.number().positive(),
      default: 1,
      source: "a normal prior of standard deviation 1, in log-odds",
      description: "precision of the prior around 0 of every strength",
      group: "Labels",
      appliesWhen: modelled,
    }),
    labels: field({
      type: z.enum(["soft", "hard"]),
      default: "soft",
      source: "docs/decisions/soft-labels.md",
      description:
        "write the probability that the chosen answer is better, or 1 for the likelier one",
      group: "Labels",
    }),
    flagged: field({
      type: z.enum(["keep", "drop"]),
      default: "keep",
      source: "Dawid and Skene's model gives them the weight that they are worth",
      description: "what becomes of votes of annotators who are flagged as anomalous",
      group: "Labels",
    }),
    flagLevel: field({
      type: z.number().positive().max(0.5),
      default: 0.05,
      source: "Chatbot Arena's outlier_detect",
      description: "chance that an ordinary annotator is ever flagged",
      group: "Labels",
    }),
    confidence: field({
      type: z.number().min(0.5).max(0.999),
      default: 0.95,
      source: "docs/decisions/statistics.md",
      description: "of the intervals",
      group: "Output",
    }),
    seed: field({
      type: z.int().min(0),
      default: 0,
      source: "any",
      description: "of the resamples behind intervals of agreement",
      group: "Output",
    }),
    out: field({
      type: z.string(),
      default: "",
      source: "nothing is written",
      description:
        "file of labelled pairs in attune's form: .jsonl, .json, .csv, .tsv (also with .gz) or " +
        ".parquet",
      group: "Output",
    }),
    overwrite: field({
      type: z.boolean(),
      default: false,
      source: "files are not lost by mistake",
      description: "replace files that are there",
      group: "Output",
    }),
    report: field({
      type: z.string(),
      default: "",
      source: "no page",
      description: "write what was found as one HTML file",
      group: "Output",
    }),
    ...outcomeFields,
  },
});

export type AggregateConfig = ConfigOf<typeof aggregateConfig>;
