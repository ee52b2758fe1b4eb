/** Options of `attune eval helpful`. */
import { z } from "zod";
import type { PredicateCondition } from "../../config/config.ts";
import { defineConfig, field } from "../../config/config.ts";
import {
  comparisonFields,
  constitutionFields,
  letterFields,
  onlyWhen,
} from "../../training/online/judge.config.ts";
import { answerFields, filesFields } from "../behaviour/asking.config.ts";
import { seedField, subjectFields } from "../subject.config.ts";

const withJudge: PredicateCondition = {
  says: "with a judge",
  test: (config) => config("judge") !== "",
};

export const helpfulConfig = defineConfig({
  name: "eval helpful",
  examples: [
    "attune eval helpful --model runs/dpo --data ifeval.jsonl",
    "attune eval helpful --model runs/dpo --data references.jsonl --judge openai:my-judge",
  ],
  fields: {
    ...filesFields(
      "prompts with instructions that a program can check (IFEval's columns), or with reference " +
        "answers for a judge (prompt and output)",
    ),
    judge: field({
      type: z.string(),
      default: "",
      source: "instructions that a program checks need none",
      description:
        "who compares answers with the references: a model's folder, file or run, or openai:NAME",
      group: "Judge",
    }),
    ...onlyWhen(withJudge, {
      ...constitutionFields,
      principles: comparisonFields.principles,
      ...letterFields,
    }),
    ...answerFields(512, "IFEval's 1,280 are rarely needed by small models"),
    ...subjectFields,
    seed: seedField,
  },
});
