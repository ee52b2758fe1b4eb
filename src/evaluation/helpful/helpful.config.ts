/** Options of `attune eval helpful`. */
import { defineConfig } from "../../config/config.ts";
import { answerFields, filesFields } from "../behaviour/asking.config.ts";
import { seedField, subjectFields } from "../subject.config.ts";

export const helpfulConfig = defineConfig({
  name: "eval helpful",
  examples: ["attune eval helpful --model runs/dpo --data ifeval.jsonl"],
  fields: {
    ...filesFields("prompts with instructions that a program can check (IFEval's columns)"),
    ...answerFields(512, "IFEval's 1,280 are rarely needed by small models"),
    ...subjectFields,
    seed: seedField,
  },
});
