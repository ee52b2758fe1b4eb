/**
 * What reward hacking looks like from outside: length, whether answers end, variety and repetition.
 *
 * Source: distinct-n of Li et al. (arXiv 1510.03055); repeated 4-grams within an answer (seq-rep-4)
 * of Welleck et al. (arXiv 1908.04319).
 * Differences:
 * 1. distinct-n falls with the amount of text, so compare only sets of about equal size; `words` is
 *    given beside it.
 * 2. units are words (runs of letters and digits, lower case), not tokens: the same for every
 *    tokenizer.
 */
import type { Interval, MeanOptions } from "../stats/intervals.ts";
import { meanInterval, shareInterval } from "../stats/intervals.ts";
import { distinctShare, repeatedShare, wordsOf } from "../text/ngrams.ts";
import { formatMean, formatNumber, formatShare } from "./table.ts";
import type { Table } from "./table.ts";

export interface AnswerText {
  text: string;
  /** Tokens of the answer, stop token left out, where known. */
  tokens?: number;
  /** Whether it ended by itself rather than at the length limit, where known. */
  stopped?: boolean;
}

export interface TextStatistics {
  /** Number of answers. */
  n: number;
  /** Total number of words. */
  words: number;
  /** Mean length in tokens (undefined unless known for all answers) and in words. */
  tokensPerAnswer?: Interval;
  wordsPerAnswer: Interval;
  /** Share of answers that ended by themselves; undefined unless known for all. */
  stopRate?: Interval;
  /** Different n-grams of words over all n-grams of all answers, n = 1, 2, 3; NaN without any. */
  distinct: [number, number, number];
  /**
   * Mean over answers of 1 - (different 4-grams / 4-grams); answers shorter than 4 words count 0.
   */
  repetition: Interval;
  /** Share of answers that end in the same words three times or more in a row. */
  looping: Interval;
  /**
   * Share of answers that another answer equals word for word: a policy that has collapsed says one
   * thing.
   */
  duplicated: Interval;
  empty: Interval;
}

/** @param options clusters: one label for each answer, where several belong to one prompt */
export function textStatistics(
  answers: readonly AnswerText[],
  options: Pick<MeanOptions, "clusters" | "confidence"> = {},
): TextStatistics {
  const words = answers.map(({ text }) => wordsOf(text));
  const keys = words.map((each) => each.join(" "));
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const share = (flags: readonly boolean[]): Interval => shareInterval(flags.map(Number), options);
  const tokens = answers.flatMap((answer) => answer.tokens ?? []);
  const stops = answers.flatMap((answer) => answer.stopped ?? []);
  return {
    n: answers.length,
    words: words.reduce((total, each) => total + each.length, 0),
    ...(tokens.length === answers.length ? { tokensPerAnswer: meanInterval(tokens, options) } : {}),
    wordsPerAnswer: meanInterval(
      words.map((each) => each.length),
      options,
    ),
    ...(stops.length === answers.length ? { stopRate: share(stops) } : {}),
    distinct: [distinctShare(words, 1), distinctShare(words, 2), distinctShare(words, 3)],
    repetition: meanInterval(words.map(repeatedShare), { ...options, range: [0, 1] }),
    looping: share(words.map(endsInLoop)),
    duplicated: share(keys.map((key) => counts.get(key)! > 1)),
    empty: share(keys.map((key) => key === "")),
  };
}

/** Longest block of words that is looked for. */
const LONGEST_LOOP = 20;

function endsInLoop(words: readonly string[]): boolean {
  for (let size = 1; size <= LONGEST_LOOP && 3 * size <= words.length; size++) {
    const tail = words.slice(-3 * size);
    if (tail.every((word, i) => word === tail[i % size])) return true;
  }
  return false;
}

/** A row a statistic, a column a model. */
export function textStatisticsTable(
  models: readonly { name: string; statistics: TextStatistics }[],
): Table {
  const row = (name: string, read: (statistics: TextStatistics) => string): string[] => [
    name,
    ...models.map(({ statistics }) => read(statistics)),
  ];
  const optional = (
    interval: Interval | undefined,
    format: (interval: Interval) => string,
  ): string => (interval ? format(interval) : "–");
  return {
    caption: "Text of the answers",
    columns: [{ name: "" }, ...models.map(({ name }) => ({ name, align: "right" as const }))],
    rows: [
      row("tokens an answer", ({ tokensPerAnswer }) =>
        optional(tokensPerAnswer, (interval) => formatMean(interval, 1)),
      ),
      row("words an answer", ({ wordsPerAnswer }) => formatMean(wordsPerAnswer, 1)),
      row("ended by itself", ({ stopRate }) => optional(stopRate, formatShare)),
      ...[1, 2, 3].map((n) =>
        row(`distinct-${n}`, ({ distinct }) => formatNumber(distinct[n - 1]!, 3)),
      ),
      row("repeated 4-grams", ({ repetition }) => formatShare(repetition)),
      row("ends in a loop", ({ looping }) => formatShare(looping)),
      row("said more than once", ({ duplicated }) => formatShare(duplicated)),
      row("empty", ({ empty }) => formatShare(empty)),
    ],
  };
}
