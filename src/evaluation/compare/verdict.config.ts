/** Options of what is concluded of judgements, for the command and for programs. */
import { z } from "zod";
import { defineConfig, field } from "../../config/config.ts";

export const verdictFields = {
  margin: field({
    type: z.number().min(0).max(0.5),
    default: 0,
    source: "nothing is equal unless you say what is",
    description:
      "distance of a win rate from a half that does not matter: with 0.05, models whose win rate " +
      "surely lies within 45% and 55% are equal",
    group: "Verdict",
  }),
  confidence: field({
    type: z.number().gt(0.5).lt(1),
    default: 0.95,
    source: "common practice",
    description: "of every interval; one less it is the error of all verdicts of a judge together",
    group: "Verdict",
  }),
  sequential: field({
    type: z.boolean(),
    default: false,
    source: "all prompts",
    description: "judge one prompt after another, and stop as soon as the verdict holds",
    group: "Verdict",
  }),
  pairs: field({
    type: z.enum(["baseline", "all"]),
    default: "baseline",
    source: "fewer comparisons find more",
    description: "the first model against each of the others, or each against each",
    group: "Verdict",
  }),
  controls: field({
    type: z.boolean(),
    default: true,
    source: "null models, arXiv 2410.07137",
    description: "a constant answer, the prompt itself and the longest answer compete as well",
    group: "Verdict",
  }),
  probes: field({
    type: z.int().min(0),
    default: 50,
    source: "finds a judge that falls for a bait two times in three",
    description:
      "prompts on which an answer of the first model is also padded, flattering and dressed, to try the judge",
    group: "Verdict",
    unit: "prompts",
  }),
  seed: field({
    type: z.int().min(0),
    default: 42,
    source: "transformers TrainingArguments.seed",
    description: "of sides, orders, principles and answers",
    group: "Verdict",
  }),
};

const { margin, confidence, sequential, probes, seed } = verdictFields;

/** Those that a program may give. */
export const programVerdictConfig = defineConfig({
  name: "compareModels",
  fields: { margin, confidence, sequential, probes, seed },
});
