/** Compares models from a program, as `attune compare` does. */
import { createHash } from "node:crypto";
import { AttuneError } from "../core/errors.ts";
import type { SetAnswer } from "../evaluation/compare/answer-set.ts";
import { compareModels as compareAnswerSets } from "../evaluation/compare/compare.ts";
import { parseConfig } from "../config/sources.ts";
import type { CompareOptions, Comparison } from "../evaluation/compare/comparison.ts";
import { comparisonFindings } from "../evaluation/compare/findings.ts";
import { programVerdictConfig } from "../evaluation/compare/verdict.config.ts";
import { plainFindings } from "../evaluation/findings-json.ts";
import type { Conclusion } from "../evaluation/conclusion.ts";
import { writeFindingsPage } from "../report/findings-page.ts";
import type { Interval } from "../stats/intervals.ts";
import type { Prompt } from "../text/messages.ts";
import type { Judge } from "../training/rollout/judge.ts";
import type { AskOptions } from "./ask.ts";
import { ask } from "./ask.ts";
import { refuseUnknown } from "./fields.ts";
import type { LanguageModel } from "./models.ts";

/**
 * The chance that the first of two answers is better: 1, 0, 0.5 for a tie, or anything between. It
 * is asked in both orders, and does not learn which model wrote which.
 */
export type PairFunction = (
  prompt: Prompt,
  first: string,
  second: string,
) => number | Promise<number>;

/** What is compared, and by whom. */
export interface ModelsInput {
  /**
   * By name: models that answer the prompts, or the answers themselves in the order of the prompts.
   * The first is what the others are compared with.
   */
  models: Readonly<Record<string, LanguageModel | readonly string[]>>;
  /** What is asked. */
  prompts: readonly Prompt[];
  /** A function of two answers, or a judge such as `constitutionJudge` makes. */
  judge: PairFunction | Judge;
  /** One label for each prompt: those of one label may depend on each other. */
  clusters?: readonly (string | number)[];
}

/** How models answer and what is concluded; all of it may be left out. */
export interface CompareModelsOptions {
  /** How models answer; the most likely tokens, at most 128, where nothing is said. */
  answers?: AskOptions;
  /** Of sides and orders. Default 42. */
  seed?: number;
  /** Of every interval, above 0.5 and below 1. Default 0.95. */
  confidence?: number;
  /** Distance of a win rate from a half that does not matter, 0 to 0.5. Default 0: none. */
  margin?: number;
  /** Stops as soon as the verdict holds. Default false. */
  sequential?: boolean;
  /** Prompts on which the judge is tempted with padding, flattery and dress. Default 50. */
  probes?: number;
  /** Ends it, with its reason as the error. */
  signal?: AbortSignal;
}

/** One model against the first. */
export interface ComparedPair {
  /** The model. */
  candidate: string;
  /** The first one. */
  baseline: string;
  /** `better`, `worse`, `equal`, `not distinguishable` or `no conclusion`. */
  conclusion: Conclusion;
  /** The same with the numbers that carry it. */
  sentence: string;
  /** Share of prompts won, a tie counting half; undefined where nothing was judged. */
  winRate?: Interval;
}

/** What a comparison of models found. */
export interface ModelComparison {
  /** In words; `fooled` where the judge prefers what is worthless. */
  verdict: {
    /** One of the words of `attune compare`. */
    conclusion: Conclusion;
    /** A sentence or two with the numbers. */
    sentence: string;
  };
  /** In the order of the models. */
  pairs: readonly ComparedPair[];
  /** What was left out or may mislead. */
  warnings: readonly string[];
  /** Every answer, by model, in the order of the prompts. */
  answers: Readonly<Record<string, readonly string[]>>;
  /** The same facts as findings.json of `attune compare` holds. */
  findings: Readonly<Record<string, unknown>>;
  /**
   * Writes the page of `attune compare`.
   * @throws AttuneError `disk`
   */
  writePage(path: string): Promise<void>;
}

/**
 * Says which of several models answers better, by whatever judge.
 * @throws AttuneError `usage` or `data` where there is nothing to compare or the judge fails;
 * `config` for an option that cannot be, before anything is asked; as `ask` for models that answer
 */
export async function compareModels(
  { models, prompts, judge, clusters, ...unknown }: ModelsInput,
  options: CompareModelsOptions = {},
): Promise<ModelComparison> {
  refuseUnknown(unknown, ["models", "prompts", "judge", "clusters"]);
  const { answers: asking = {}, signal, ...numbers } = options;
  refuseUnknown(numbers, OPTIONS);
  const verdict = verdictOptions(numbers);
  const { seed } = verdict;
  const answers: Record<string, readonly string[]> = {};
  for (const [name, model] of Object.entries(models)) {
    signal?.throwIfAborted();
    answers[name] = isAnswers(model) ? model : await ask(model, prompts, { seed, ...asking });
    checkCount(name, answers[name].length, prompts.length);
  }
  if (clusters) checkCount("clusters", clusters.length, prompts.length);
  const comparison = await compareAnswerSets({
    sets: Object.entries(answers).map(([name, texts]) => ({
      name,
      source: isAnswers(models[name]!) ? "answers of the program" : "a model of the program",
      fingerprint: createHash("sha256").update(JSON.stringify(texts)).digest("hex"),
      answers: texts.map((text, i): SetAnswer => ({
        prompt: prompts[i]!,
        text,
        ...(clusters ? { cluster: clusters[i]! } : {}),
      })),
    })),
    judges: [{ kind: "function", name: judgeName(judge), judge: asJudge(judge) }],
    options: { ...verdict, pairs: "baseline", controls: true },
    hooks: { signal },
  });
  signal?.throwIfAborted();
  return resultOf(comparison, answers);
}

const OPTIONS = ["answers", "signal", ...programVerdictConfig.options.map(({ path }) => path)];

/** Checked before anything is asked, by the command's own definition. */
function verdictOptions(
  given: Omit<CompareModelsOptions, "answers" | "signal">,
): Omit<CompareOptions, "pairs" | "controls"> {
  const values = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  const { margin, ...others } = parseConfig(programVerdictConfig, { values }).resolved;
  return { ...others, margin: margin === 0 ? undefined : margin };
}

function resultOf(
  comparison: Comparison,
  answers: Readonly<Record<string, readonly string[]>>,
): ModelComparison {
  const findings = comparisonFindings(comparison);
  const [judged] = comparison.judges;
  return {
    verdict: findings.verdict,
    pairs: judged!.pairs.map(({ candidate, baseline, verdict, outcome }) => ({
      candidate,
      baseline,
      ...verdict,
      ...(outcome ? { winRate: outcome.rate } : {}),
    })),
    warnings: findings.warnings,
    answers,
    findings: plainFindings(findings),
    writePage: (path) => writeFindingsPage(path, findings),
  };
}

const isAnswers = (model: LanguageModel | readonly string[]): model is readonly string[] =>
  Array.isArray(model);

const judgeName = (judge: PairFunction | Judge): string =>
  typeof judge === "function" ? judge.name || "the judge" : judge.name;

const asJudge = (judge: PairFunction | Judge): Judge =>
  typeof judge === "function"
    ? {
        name: judgeName(judge),
        concurrency: 8,
        compare: async (prompt, first, second) => judge(prompt, first, second),
      }
    : judge;

function checkCount(name: string, got: number, expected: number): void {
  if (got === expected) return;
  throw new AttuneError("data", `${name}: ${got} for ${expected} prompts`, {
    expected: "one for each prompt, in their order",
  });
}
