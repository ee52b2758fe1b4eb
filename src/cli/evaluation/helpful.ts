/** `attune eval helpful`: does it follow instructions that a program can check? */
import type { helpfulConfig } from "../../evaluation/helpful/helpful.config.ts";
import { instructionFollowing } from "../../evaluation/helpful/instruction-following.ts";
import { prepareAsking } from "./asking-part.ts";
import type { EvaluationPart } from "./part.ts";

export const part: EvaluationPart<typeof helpfulConfig> = {
  prepare: (input) =>
    prepareAsking(input, {
      measure: (measuring, files, { ask }) =>
        instructionFollowing(
          measuring,
          files.flatMap(({ rows }) => rows),
          ask,
        ),
    }),
};
