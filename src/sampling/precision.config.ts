/** The option of all commands that answer: how a model's weights are kept. */
import { z } from "zod";
import { PRECISIONS } from "../models/precision.ts";
import { field } from "../config/config.ts";

export const precisionField = (group: string) =>
  field({
    type: z.enum(PRECISIONS),
    default: "float32",
    source: "exactness first",
    description:
      "how weights are kept; int8 also multiplies in 8 bits, which is faster " +
      "(docs/decisions/int8.md)",
    group,
  });
