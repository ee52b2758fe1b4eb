/** Options of `attune compare`. */
import { z } from "zod";
import type { ConfigOf, ConfigValues, PredicateCondition } from "../../config/config.ts";
import { defineConfig, field, requiredField } from "../../config/config.ts";
import { verdictFields } from "../../evaluation/compare/verdict.config.ts";
import { isVotes } from "../../evaluation/judges/judge-words.ts";
import {
  judgedByModel,
  judgingFields,
  listOf,
  under,
} from "../../evaluation/judges/judging.config.ts";
import { outcomeFields } from "../../evaluation/outcome.config.ts";
import { precisionField } from "../../sampling/precision.config.ts";
import { templateField } from "../../sampling/template.config.ts";
import { dataFields } from "../../training/data.config.ts";
import {
  contextField,
  letterFields,
  reuseFields,
  SERVER_PREFIX,
  serverFields,
} from "../../training/online/judge.config.ts";

const count = z.int().min(1);
const several = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const behindServer =
  (...names: readonly string[]) =>
  (config: ConfigValues): boolean =>
    names.some((name) =>
      [config(name)].flat().some((each) => String(each ?? "").includes(SERVER_PREFIX)),
    );
const onServer: PredicateCondition = {
  says: "with a model or a judge behind a server",
  test: behindServer("models", "judge"),
};
const judgedByServer: PredicateCondition = {
  says: "with a judge behind a server",
  test: behindServer("judge"),
};

/** A file of answers by its name; whether a folder holds any is seen when it is read. */
const ANSWERS = /\.(?:json|jsonl|ndjson|csv|tsv|parquet|eval)(?:\.gz)?(?:#.*)?$/i;
const askedModel: PredicateCondition = {
  says: "where a model answers, and not files of answers alone",
  test: (config) => listOf(config, "models").some((model) => !ANSWERS.test(model)),
};
const readData: PredicateCondition = {
  says: "with --data that names a data set",
  test: (config) => !/^(?:world(?::.*)?)?$/.test(String(config("data") ?? "")),
};
const answeredOrJudged: PredicateCondition = {
  says: "where a model answers or judges",
  test: (config) => askedModel.test(config) || judgedByModel.test(config),
};
const triedJudge: PredicateCondition = {
  says: "with a judge that can be asked: votes were given before",
  test: (config) => !listOf(config, "judge").every(isVotes),
};

const inputFields = {
  models: requiredField({
    type: z.array(z.string().min(1)).min(1),
    description:
      "models, run folders, adapters, Hugging Face ids, openai:NAME, or files of answers; the " +
      "first is what the others are compared with",
    group: "Input",
  }),
  names: field({
    type: z.array(z.string().min(1)),
    default: [],
    source: "the last part of each path, or what the files say",
    description: "what the models are called, in their order",
    group: "Input",
  }),
  data: field({
    type: z.string(),
    default: "",
    source: "the prompts of the first file of answers, or of the world that gold judges",
    description:
      "prompts that models answer: a data file, a folder, a Hugging Face id, or world:SEED for " +
      "the requests of the built-in world",
    group: "Input",
    appliesWhen: askedModel,
  }),
  prompts: field({
    type: z.int().min(0),
    default: 500,
    source: "a win rate to about 4.4 points",
    description: "how many of them, the first; 0 for all",
    group: "Input",
    unit: "prompts",
    appliesWhen: askedModel,
  }),
  group: field({
    type: z.string(),
    default: "",
    source: "a column category, group, subset, dataset or task where there is one",
    description: "column by which results are told apart",
    group: "Input",
  }),
  ...under(readData, dataFields),
  ...reuseFields,
};

const judgeField = {
  judge: requiredField({
    type: several,
    description:
      "who judges; repeatable: gold, scores, votes[:FILE], a reward model, a critic " +
      "(a model or openai:NAME), or a function's file such as ./judge.ts (--judge --init writes one)",
    group: "Judge",
  }),
};

const answerFields = {
  maxNewTokens: field({
    type: count,
    default: 256,
    source: "common practice",
    description: "longest answer",
    group: "Answers",
    unit: "tokens",
  }),
  temperature: field({
    type: z.number().min(0),
    default: 0,
    source: "the most likely answer: nothing is left to chance",
    description: "of the answers; 0 takes the most likely tokens",
    group: "Answers",
  }),
  template: { ...templateField, group: "Answers" },
  precision: precisionField("Answers"),
  batchSize: field({
    type: count,
    default: 16,
    source: "measured: bench/, decoding",
    description: "answers that a model decodes together",
    group: "Answers",
    unit: "rows",
  }),
};

const { controls, probes, ...restOfVerdict } = verdictFields;

export const compareModelsConfig = defineConfig({
  name: "compare",
  examples: [
    "attune compare runs/sft runs/dpo --data prompts.jsonl --judge ./judge.ts",
    "attune compare runs/quickstart-1/sft runs/quickstart-1/ppo --judge gold --judge " +
      "runs/quickstart-1/held-out-reward",
    "attune compare old.jsonl new.jsonl --judge openai:gpt-4o --rubric 'Prefer the answer that is " +
      "right; if both are, the shorter one.'",
    "attune compare battles.jsonl --judge votes",
  ],
  fields: {
    ...inputFields,
    ...judgeField,
    ...judgingFields,
    ...under(askedModel, answerFields),
    contextLength: { ...contextField, group: "Answers", appliesWhen: answeredOrJudged },
    ...restOfVerdict,
    ...under(triedJudge, { controls, probes }),
    ...outcomeFields,
    ...under(judgedByServer, letterFields),
    ...under(onServer, serverFields),
  },
});

export type CompareConfig = ConfigOf<typeof compareModelsConfig>;
