/** Options of how data is read, for every command that reads some. */
import { z } from "zod";
import { ON_BAD } from "../data/bad-row.ts";
import { FORMAT_NAMES } from "../data/formats/names.ts";
import type { ConfigValues } from "../config/config.ts";
import { field, requiredField } from "../config/config.ts";

/** How a data set is read, wherever one is. */
export const dataFields = {
  format: field({
    type: z.enum(["auto", ...FORMAT_NAMES]),
    default: "auto",
    source: "detected from the first rows",
    description: "format of the data",
    group: "Input",
  }),
  columns: field({
    type: z.array(z.string().min(1)),
    default: [],
    source: "the format's own names",
    description: "the data's own names of columns, as prompt=question,chosen=answers[0].text",
    group: "Input",
  }),
  ignoreColumns: field({
    type: z.array(z.string()),
    default: [],
    source: "a column that nobody knows is more often a mistake",
    description: "columns to pass over; * for all that the format does not know",
    group: "Input",
  }),
  onBad: field({
    type: z.enum(ON_BAD),
    default: "few",
    source: "docs/decisions/bad-rows.md",
    description:
      "rows with empty or identical completions, nulls or pictures: leave out at most 1% of " +
      "them, stop, or leave all out",
    group: "Input",
  }),
};

const severalData = {
  says: "with several data sets",
  test: (config: ConfigValues) => Array.isArray(config("data")),
};

/** What is trained on: one data set or several. */
export const trainingDataFields = {
  data: requiredField({
    type: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    description:
      "training data: a file, a folder, a Hugging Face id or studio:PROJECT; several by repetition",
    group: "Input",
  }),
  dataWeights: field({
    type: z.array(z.number().positive().max(1000)),
    default: [],
    source: "each once",
    description:
      "how often an epoch sees the rows of each data set: 0.5 for half of them, 2 for each twice",
    group: "Input",
    appliesWhen: severalData,
  }),
  ...dataFields,
  limit: field({
    type: z.int().min(0),
    default: 0,
    source: "all rows",
    description: "only the first rows of each part of each data set",
    group: "Input",
    unit: "rows",
  }),
};
