/** Options of the parts of an evaluation that ask a model for answers. */
import { z } from "zod";
import { field, requiredField } from "../../config/config.ts";

/** @param of what the files hold, for the help */
export const filesFields = (of: string) => ({
  data: requiredField({
    type: z.array(z.string().min(1)).min(1),
    description: `${of}; several files: name it again`,
    group: "Input",
  }),
  limit: field({
    type: z.int().min(0),
    default: 0,
    source: "all rows",
    description: "only so many rows of each file, drawn at random",
    group: "Input",
    unit: "rows",
  }),
});

/** How answers are drawn. @param tokens longest answer */
export const answerFields = (tokens: number, source: string) => ({
  maxNewTokens: field({
    type: z.int().min(1),
    default: tokens,
    source,
    description: "longest answer",
    group: "Answers",
    unit: "tokens",
  }),
  temperature: field({
    type: z.number().min(0),
    default: 0,
    source: "lm-evaluation-harness: greedy",
    description: "0 for the most likely tokens",
    group: "Answers",
  }),
});
