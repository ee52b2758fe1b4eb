/**
 * Options of the commands that ask a critic; those that a judge of training has too are in
 * training/online/judge.config.ts.
 */
import { z } from "zod";
import { field } from "../config/config.ts";
import { dataFields as readingFields } from "../training/data.config.ts";
import { contextField } from "../training/online/judge.config.ts";

const count = z.int().min(1);

export const dataFields = {
  ...readingFields,
  limit: field({
    type: z.int().min(0),
    default: 0,
    source: "all rows",
    description: "only the first rows of the data",
    group: "Input",
    unit: "rows",
  }),
};

export const writingFields = {
  maxNewTokens: field({
    type: count,
    default: 256,
    source: "common practice",
    description: "longest text of the critic or the model",
    group: "Writing",
    unit: "tokens",
  }),
  temperature: field({
    type: z.number().min(0),
    default: 1,
    source: "Bai et al. 2022, section 3.1",
    description: "of everything that is written",
    group: "Writing",
  }),
  topP: field({
    type: z.number().gt(0).max(1),
    default: 1,
    source: "all tokens",
    description: "keep the most likely tokens up to this probability",
    group: "Writing",
  }),
  seed: field({
    type: z.int().min(0),
    default: 42,
    source: "transformers TrainingArguments.seed",
    description: "of principles and of everything that is written",
    group: "Writing",
  }),
};

export const localFields = {
  batchSize: field({
    type: count,
    default: 8,
    source: "measured: bench/, decoding",
    description: "texts that a local model writes together",
    group: "Local model",
  }),
  contextLength: contextField,
};
