/**
 * What a task counts of each document, and what becomes of all of them.
 * Source: `process_results` in lm_eval/api/task.py and lm_eval/api/metrics.py 0.4.13.
 * Difference: intervals of attune stand where lm_eval tells standard errors, and documents that ask
 * the same are one cluster.
 */
import { Random } from "../../core/random.ts";
import { bootstrapInterval } from "../../stats/bootstrap.ts";
import type { Labels } from "../../stats/clusters.ts";
import type { Interval } from "../../stats/intervals.ts";
import { meanInterval, shareInterval } from "../../stats/intervals.ts";
import type { Unit } from "../findings.ts";
import { CLASSES, patternOf, replaceAll } from "./python-pattern.ts";
import type { MetricName, MetricOptions, TaskFields } from "./task-schema.ts";

/** What is known of one document for one metric: a number, or a number with its weight or label. */
export type Count = number | readonly [number, number] | readonly [number, readonly number[]];

export interface MetricKind {
  readonly unit: Unit;
  readonly good: "higher" | "lower";
  /** What lm_eval calls the way in which documents are put together. */
  readonly aggregation: string;
  readonly of: readonly TaskFields["output_type"][];
  /** What a document scores, where the metric is the mean of that. */
  readonly scoreOf?: (count: Count) => number;
  /** @param clusters of documents that are the same question; undefined where none is */
  aggregate(counts: readonly Count[], clusters?: Labels): Interval;
}

const numbers = (counts: readonly Count[]): number[] => counts as number[];
const pairs = (counts: readonly Count[]): (readonly [number, number])[] =>
  counts as (readonly [number, number])[];

const share = {
  unit: "share",
  good: "higher",
  aggregation: "mean",
  scoreOf: (count: Count): number => count as number,
  aggregate: (counts: readonly Count[], clusters?: Labels): Interval =>
    shareInterval(numbers(counts), { clusters }),
} as const;

/** The ends of an interval under a function that rises or falls. */
function through(interval: Interval, map: (value: number) => number): Interval {
  const ends = [map(interval.low), map(interval.high)].toSorted((a, b) => a - b);
  return { ...interval, estimate: map(interval.estimate), low: ends[0]!, high: ends[1]! };
}

/**
 * A ratio of sums, by the values that documents would have were it a mean (its linear form).
 * @param counts numerator and denominator of each document
 */
function ratioInterval(
  counts: readonly (readonly [number, number])[],
  clusters: Labels | undefined,
): Interval {
  const [above, below] = [0, 1].map((part) => counts.reduce((sum, each) => sum + each[part]!, 0));
  const ratio = above! / below!;
  const middle = below! / counts.length;
  return meanInterval(
    counts.map(([value, weight]) => ratio + (value - ratio * weight) / middle),
    { clusters },
  );
}

const perplexity = {
  unit: "score",
  good: "lower",
  of: ["loglikelihood_rolling"],
  aggregation: "weighted_perplexity",
  aggregate: (counts: readonly Count[], clusters?: Labels): Interval =>
    through(ratioInterval(pairs(counts), clusters), (value) => Math.exp(-value)),
} as const;

/** Counts of a table of two by two: [right and said, ...]. */
function table(counts: readonly Count[]): { tp: number; fp: number; fn: number; tn: number } {
  const of = (gold: number, said: number): number =>
    pairs(counts).filter(([a, b]) => (a === 1) === (gold === 1) && (b === 1) === (said === 1))
      .length;
  return { tp: of(1, 1), fp: of(0, 1), fn: of(1, 0), tn: of(0, 0) };
}

function f1(counts: readonly Count[]): number {
  const { tp, fp, fn } = table(counts);
  return tp === 0 ? 0 : (2 * tp) / (2 * tp + fp + fn);
}

function matthews(counts: readonly Count[]): number {
  const { tp, fp, fn, tn } = table(counts);
  const product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return product === 0 ? 0 : (tp * tn - fp * fn) / Math.sqrt(product);
}

const resampled =
  (statistic: (counts: readonly Count[]) => number) =>
  (counts: readonly Count[], clusters?: Labels): Interval =>
    bootstrapInterval(counts, statistic, { random: Random.for(0, "tasks"), clusters });

const brier = (count: Count): number => {
  const [gold, shares] = count as readonly [number, readonly number[]];
  return shares.reduce((sum, each, index) => sum + (each - Number(index === gold)) ** 2, 0);
};

export const METRIC_KINDS: Readonly<Record<MetricName, MetricKind>> = {
  acc: { ...share, of: ["multiple_choice", "loglikelihood"] },
  acc_norm: { ...share, of: ["multiple_choice"] },
  acc_bytes: { ...share, of: ["multiple_choice"] },
  acc_mutual_info: { ...share, of: ["multiple_choice"] },
  exact_match: { ...share, of: ["generate_until", "multiple_choice"] },
  f1: {
    unit: "score",
    good: "higher",
    of: ["multiple_choice"],
    aggregation: "f1",
    aggregate: resampled(f1),
  },
  mcc: {
    unit: "score",
    good: "higher",
    of: ["multiple_choice"],
    aggregation: "matthews_corrcoef",
    aggregate: resampled(matthews),
  },
  brier_score: {
    unit: "score",
    good: "lower",
    of: ["multiple_choice"],
    aggregation: "brier_score",
    aggregate: (counts, clusters) => meanInterval(counts.map(brier), { range: [0, 2], clusters }),
  },
  perplexity: {
    unit: "score",
    good: "lower",
    of: ["loglikelihood"],
    aggregation: "perplexity",
    aggregate: (counts, clusters) =>
      through(meanInterval(numbers(counts), { clusters }), (value) => Math.exp(-value)),
  },
  word_perplexity: perplexity,
  byte_perplexity: perplexity,
  bits_per_byte: {
    ...perplexity,
    aggregation: "bits_per_byte",
    aggregate: (counts, clusters) =>
      through(ratioInterval(pairs(counts), clusters), (value) => -value / Math.LN2),
  },
};

/** What a task counts where it names no metrics. */
export const DEFAULT_METRICS: Readonly<Record<TaskFields["output_type"], readonly MetricName[]>> = {
  multiple_choice: ["acc", "acc_norm"],
  generate_until: ["exact_match"],
  loglikelihood: ["perplexity", "acc"],
  loglikelihood_rolling: ["word_perplexity", "byte_perplexity", "bits_per_byte"],
};

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const DIGITS = /[0-9]/g;

/** Whether an answer is one of the texts that are right, each treated the same before. */
export function exactMatch(
  answer: string,
  targets: readonly string[],
  options: MetricOptions,
): number {
  const ignored = (options.regexes_to_ignore ?? []).map((each) => patternOf(each));
  const treat = (given: string): string => {
    let text = ignored.reduce((rest, pattern) => replaceAll(pattern, rest, ""), given);
    if (options.ignore_case) text = text.toLowerCase();
    if (options.ignore_punctuation) text = text.replaceAll(PUNCTUATION, "");
    return options.ignore_numbers ? text.replaceAll(DIGITS, "") : text;
  };
  const said = treat(answer);
  return Number(targets.some((target) => treat(target) === said));
}

export interface ChoiceScores {
  /** Log-probability of each choice, and where it is asked for without its question. */
  logps: readonly number[];
  alone?: readonly number[] | undefined;
  greedy: readonly boolean[];
  choices: readonly string[];
  /** Numbers of the right choices; none where the target is not among them. */
  gold: readonly number[];
  /** Whether the target is a list. */
  several: boolean;
}

const largest = (values: readonly number[]): number =>
  values.reduce((best, value, index) => (value > values[best]! ? index : best), 0);

/** What one document counts for a metric of multiple choice. */
export function countChoice(metric: MetricName, scores: ChoiceScores): Count {
  const { logps, alone, greedy, choices, gold } = scores;
  const by = (sizes: readonly number[]): number =>
    largest(logps.map((logp, index) => logp / sizes[index]!));
  const right = (said: number): number => Number(gold.includes(said));
  const first = gold[0] ?? -100;
  switch (metric) {
    case "acc":
      return right(largest(logps));
    case "acc_norm":
      return right(by(choices.map((choice) => [...choice].length)));
    case "acc_bytes":
      return right(by(choices.map((choice) => Buffer.byteLength(choice))));
    case "acc_mutual_info":
      return right(largest(logps.map((logp, index) => logp - alone![index]!)));
    case "exact_match":
      return Number(gold.some((place) => greedy[place]));
    case "brier_score": {
      const top = Math.max(...logps);
      const weights = logps.map((logp) => Math.exp(logp - top));
      const total = weights.reduce((sum, each) => sum + each, 0);
      return [first, weights.map((each) => each / total)];
    }
    default:
      return [first, largest(logps)];
  }
}

const WORD_BORDER = new RegExp(`[${CLASSES["s"]!}]+`, "u");

/** Words as lm_eval counts them: parts between white space, empty ones at the ends too. */
export const wordCount = (text: string): number => text.split(WORD_BORDER).length;
