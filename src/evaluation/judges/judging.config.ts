/** Options of judges that are more than a word: critics, and functions of the user's. */
import { z } from "zod";
import type { ConfigValues, Fields, PredicateCondition } from "../../config/config.ts";
import { field } from "../../config/config.ts";
import { comparisonFields, constitutionFields } from "../../training/online/judge.config.ts";
import { isRewardFile } from "../../training/rollout/function-file.ts";
import { isModelJudge } from "./judge-words.ts";

/** An option's values as texts; none where it is left out or empty. */
export const listOf = (config: ConfigValues, name: string): string[] =>
  [config(name) ?? []]
    .flat()
    .map(String)
    .filter((text) => text !== "");

export const judgedByModel: PredicateCondition = {
  says: "with a judge that is a model",
  test: (config) => listOf(config, "judge").some(isModelJudge),
};
const judgedByFile: PredicateCondition = {
  says: "with a judge that is a function's file",
  test: (config) => listOf(config, "judge").some(isRewardFile),
};

/** The same options under another condition. */
export const under = <F extends Fields>(condition: PredicateCondition, fields: F): F =>
  Object.fromEntries(
    Object.entries(fields).map(([name, each]) => [name, { ...each, appliesWhen: condition }]),
  ) as F;

// a clamp is for labels that are learned from
const { clamp: _clamp, ...criticFields } = comparisonFields;

/** Beside an option `judge`, which names one or several. */
export const judgingFields = {
  rubric: field({
    type: z.string(),
    default: "",
    source: "a constitution in its place",
    description: "what a critic judges by, in your own words: a text, or a file of text",
    group: "Judge",
    appliesWhen: judgedByModel,
  }),
  judgeTimeout: field({
    type: z.number().positive(),
    default: 60,
    source: "attune's rewards",
    description: "of a function's file, for the answers that it judges at once",
    group: "Judge",
    unit: "seconds",
    appliesWhen: judgedByFile,
  }),
  ...under(judgedByModel, constitutionFields),
  ...under(judgedByModel, criticFields),
  thoughts: {
    maxNewTokens: field({
      type: z.int().min(1),
      default: 256,
      source: "common practice",
      description: "longest reasoning of a critic",
      group: "Judge",
      unit: "tokens",
      appliesWhen: judgedByModel,
    }),
  },
};
