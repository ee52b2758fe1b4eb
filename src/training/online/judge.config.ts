/**
 * Options of whoever judges by a constitution: a model here or behind a server. Those that compare
 * answers while a policy is trained are the ones of `attune constitution compare`;
 * constitution/critic.config.ts has the rest.
 */
import { z } from "zod";
import type {
  ConfigProblem,
  ConfigValues,
  Fields,
  PredicateCondition,
} from "../../config/config.ts";
import { field } from "../../config/config.ts";

/** What a model behind a server is called by: `openai:gpt-4o-mini`. */
export const SERVER_PREFIX = "openai:";

/** How a server's choice is read: the first where it gives them, else the second. */
export const LETTER_METHODS = ["auto", "log-probabilities", "samples"] as const;

/** A condition on the options that name a model. */
const behindServer =
  (...names: readonly string[]): ((config: ConfigValues) => boolean) =>
  (config) =>
    names.some((name) => String(config(name) ?? "").startsWith(SERVER_PREFIX));

const onServer = {
  says: "with a model behind a server",
  test: behindServer("model", "critic", "judge"),
};
const judgedByServer = {
  says: "with a critic behind a server",
  test: behindServer("critic", "judge"),
};
const positive = z.number().positive();
const count = z.int().min(1);

export const constitutionFields = {
  constitution: field({
    type: z.string(),
    default: "",
    source: "attune's own (`attune constitution init` writes it)",
    description: "constitution file",
    group: "Constitution",
  }),
  tags: field({
    type: z.array(z.string()),
    default: [],
    source: "Bai et al. 2022: all principles",
    description: "only principles with one of these tags",
    group: "Constitution",
  }),
};

export const comparisonFields = {
  principles: field({
    type: count,
    default: 1,
    source: "Bai et al. 2022, section 4.1: one drawn for each comparison",
    description: "principles that judge each pair; their probabilities are averaged",
    group: "Constitution",
  }),
  reasoning: field({
    type: z.boolean(),
    default: false,
    source: "Bai et al. 2022, section 4.1",
    description: "the critic thinks before it chooses",
    group: "Constitution",
  }),
  clamp: field({
    type: z.array(z.number().min(0).max(1)).max(2),
    default: [],
    source: "Bai et al. 2022: without reasoning as it is",
    defaultWhen: [
      { when: { reasoning: [true] }, value: [0.4, 0.6], source: "Bai et al. 2022, section 4.1" },
    ],
    description: "lowest and highest soft target; nothing for none",
    group: "Constitution",
  }),
};

export const checkClamp = ({ clamp }: { clamp: readonly number[] }): ConfigProblem | undefined =>
  clamp.length === 0 || (clamp.length === 2 && clamp[0]! <= 0.5 && clamp[1]! >= 0.5)
    ? undefined
    : {
        option: "clamp",
        what: "a clamp is two numbers with 0.5 between them",
        expected: "such as 0.4,0.6",
      };

/** @returns the clamp of options that {@link checkClamp} has seen */
export const clampOf = ({
  clamp,
}: {
  clamp: readonly number[];
}): readonly [number, number] | undefined =>
  clamp.length === 2 ? [clamp[0]!, clamp[1]!] : undefined;

export const contextField = field({
  type: count,
  default: 2048,
  source: "examples, a conversation and a few revisions",
  description: "longest request with its answer; longer ones are left out",
  group: "Local model",
  unit: "tokens",
});

export const letterFields = {
  letters: field({
    type: z.enum(LETTER_METHODS),
    default: "auto",
    source: "log-probabilities where the server gives them",
    description: "how a server's choice is read",
    group: "Server",
    appliesWhen: judgedByServer,
  }),
  letterSamples: field({
    type: count,
    default: 8,
    source: "a standard error of 0.18 at most",
    description: "samples that a letter is counted from, without log-probabilities",
    group: "Server",
    appliesWhen: judgedByServer,
  }),
};

export const serverFields = {
  criticSettings: field({
    type: z.string(),
    default: "",
    source: "OPENAI_BASE_URL and OPENAI_API_KEY",
    description: "YAML file with baseUrl and apiKey (or apiKeyEnvironment) of the server",
    group: "Server",
    appliesWhen: onServer,
  }),
  concurrency: field({
    type: count,
    default: 4,
    source: "gentle on small servers",
    description: "requests open at once",
    group: "Server",
    appliesWhen: onServer,
  }),
  timeout: field({
    type: positive,
    default: 120,
    source: "common practice",
    description: "give a request up after this time, and try again",
    group: "Server",
    unit: "seconds",
    appliesWhen: onServer,
  }),
  retries: field({
    type: z.int().min(0),
    default: 8,
    source: "about four minutes of back-off",
    description: "tries of a request after the first",
    group: "Server",
    appliesWhen: onServer,
  }),
  priceInput: field({
    type: z.number().min(0),
    default: 0,
    source: "no price known",
    description: "price of a million tokens read",
    group: "Server",
    appliesWhen: onServer,
  }),
  priceOutput: field({
    type: z.number().min(0),
    default: 0,
    source: "no price known",
    description: "price of a million tokens written",
    group: "Server",
    appliesWhen: onServer,
  }),
  budget: field({
    type: z.number().min(0),
    default: 0,
    source: "no limit",
    description:
      "do not begin where the estimated cost is higher; letters that may have to be sampled " +
      "count as sampled",
    group: "Server",
    appliesWhen: onServer,
  }),
};

export const reuseFields = {
  reuse: field({
    type: z.array(z.string()),
    default: [],
    source: "every answer is asked for anew",
    description: "run folders whose answers need not be asked for again",
    group: "Input",
  }),
};

/**
 * The same options, which have an effect only under a condition; those with one of their own keep
 * it, and must imply this one.
 */
export function onlyWhen<F extends Fields>(condition: PredicateCondition, fields: F): F {
  return Object.fromEntries(
    Object.entries(fields).map(([name, each]) => [name, { appliesWhen: condition, ...each }]),
  ) as F;
}

const withJudge: PredicateCondition = {
  says: "with a judge",
  test: (config) => config("judge") !== "",
};
const thinkingJudge: PredicateCondition = {
  says: "with a judge that reasons",
  test: (config) => config("judge") !== "" && config("reasoning") === true,
};
const localJudge = (more: (config: ConfigValues) => boolean, says: string): PredicateCondition => ({
  says,
  test: (config) => config("judge") !== "" && !behindServer("judge")(config) && more(config),
});

/**
 * A judge in place of a reward. Names that training has already are told apart: what it writes
 * itself are its thoughts.
 */
export const judgeFields = {
  judge: field({
    type: z.string(),
    default: "",
    source: "a reward in its place",
    description:
      "who compares answers in place of a reward: a model's folder, file or run, or openai:NAME " +
      "behind a server",
    group: "Judge",
  }),
  ...onlyWhen(withJudge, { ...reuseFields, ...constitutionFields, ...comparisonFields }),
  thoughts: onlyWhen(thinkingJudge, {
    maxNewTokens: field({
      type: count,
      default: 256,
      source: "common practice",
      description: "longest reasoning of the judge",
      group: "Judge",
      unit: "tokens",
    }),
    temperature: field({
      type: z.number().min(0),
      default: 1,
      source: "Bai et al. 2022, section 3.1",
      description: "of the judge's reasoning",
      group: "Judge",
    }),
    topP: field({
      type: z.number().gt(0).max(1),
      default: 1,
      source: "all tokens",
      description: "keep the most likely tokens of the judge's reasoning up to this probability",
      group: "Judge",
    }),
  }),
  ...onlyWhen(
    localJudge(() => true, "with a local judge"),
    { contextLength: contextField },
  ),
  ...onlyWhen(
    localJudge((config) => config("reasoning") === true, "with a local judge that reasons"),
    {
      judgeBatch: field({
        type: count,
        default: 8,
        source: "measured: bench/, decoding",
        description: "reasonings that a local judge writes together",
        group: "Local model",
      }),
    },
  ),
  ...letterFields,
  ...serverFields,
};
