/** `attune eval honest`: does it say what is true, and when it does not know? */
import type { honestConfig } from "../../evaluation/honest/honest.config.ts";
import { honesty } from "../../evaluation/honest/honesty.ts";
import { readEvaluationRows } from "../../evaluation/behaviour/rows.ts";
import { prepareAsking } from "./asking-part.ts";
import type { EvaluationPart } from "./part.ts";

export const part: EvaluationPart<typeof honestConfig> = {
  async prepare(input) {
    const { labelled, instruction, measures, options, cluster } = input.config;
    const labelledStances = labelled === "" ? undefined : await readEvaluationRows(labelled);
    return prepareAsking(input, {
      also: labelled === "" ? [] : [labelled],
      measure: (measuring, files, { ask }) =>
        honesty(
          measuring,
          { files, ...(labelledStances ? { labelledStances } : {}) },
          { instruction, measures, options, cluster, ask },
        ),
    });
  },
};
