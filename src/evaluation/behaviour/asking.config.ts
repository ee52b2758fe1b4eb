/** Options of the parts of an evaluation that ask a model for answers. */
import { z } from "zod";
import { field, requiredField } from "../../config/config.ts";

/** For every part of an evaluation that reads rows; tasks count as lm_eval does. */
export const limitField = field({
  type: z.int().min(0),
  default: 0,
  source: "all rows",
  description:
    "only so many rows of each file, drawn at random with the seed (--limit of tasks and --prompts " +
    "of other commands: the first)",
  group: "Input",
  unit: "rows",
});

/** @param of what the files hold, for the help */
export const filesFields = (of: string) => ({
  data: requiredField({
    type: z.array(z.string().min(1)).min(1),
    description: `${of}; several files: name it again`,
    group: "Input",
  }),
  limit: limitField,
});

/** For every part that asks a model. */
export const missingField = field({
  type: z.number().min(0).max(1),
  default: 0.1,
  source: "a share is then off by ten points at most",
  description:
    "share of the questions of a stage that may get no answer (turned down by the server, or too " +
    "long for the model); the evaluation ends where more do",
  group: "Answers",
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
  maxMissing: missingField,
});
