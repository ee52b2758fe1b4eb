/**
 * What revision changed besides what was meant: length, refusals, style, stock phrases. The pairs
 * of the simple recipe (revision over first answer) carry all of it, and a reward model may learn
 * it in place of the principle.
 */
import { countOf } from "../core/counts.ts";
import type { RevisionChain } from "../constitution/revise.ts";
import type { Interval } from "../stats/intervals.ts";
import { shareInterval } from "../stats/intervals.ts";
import { pairedDifference, pairedShareDifference } from "../stats/paired.ts";
import { wordsOf } from "../text/ngrams.ts";
import type { Table } from "./table.ts";
import { formatMean, formatPoints, formatShare } from "./table.ts";
import type { StockPhrase } from "./text-style.ts";
import { STYLE_FEATURES, stockPhrases } from "./text-style.ts";

export interface FeatureDrift {
  name: string;
  before: Interval;
  after: Interval;
  /** After less before, of the same prompts. */
  difference: Interval;
}

export interface RevisionDrift {
  /** Prompts with a first answer and a last revision. */
  pairs: number;
  /** Words of an answer. */
  words: { before: number; after: number; difference: Interval };
  /** Share of pairs whose revision is the longer one; equal lengths count half. */
  longer: Interval;
  /**
   * Share of pairs that a rule which only counts words gets right: the better of "longer wins" and
   * "shorter wins".
   */
  toldByLength: number;
  /** Share of pairs whose last revision is the first answer, word for word. */
  unchanged: Interval;
  features: FeatureDrift[];
  phrases: StockPhrase[];
}

/** First answers against last revisions; undefined without any. */
export function revisionDrift(chains: readonly RevisionChain[]): RevisionDrift | undefined {
  const pairs = chains.flatMap(({ answer, steps }) =>
    answer === "" || (steps.at(-1)?.revision ?? "") === ""
      ? []
      : [{ before: answer, after: steps.at(-1)!.revision }],
  );
  if (pairs.length === 0) return undefined;
  const [before, after] = [pairs.map((pair) => pair.before), pairs.map((pair) => pair.after)];
  const [short, long] = [before, after].map((texts) =>
    texts.map((text) => wordsOf(text).length),
  ) as [number[], number[]];
  const wins = long.map((length, i) => (length === short[i] ? 0.5 : length > short[i]! ? 1 : 0));
  const longer = shareInterval(wins);
  return {
    pairs: pairs.length,
    words: {
      before: average(short),
      after: average(long),
      difference: pairedDifference(long, short),
    },
    longer,
    toldByLength: Math.max(longer.estimate, 1 - longer.estimate),
    unchanged: shareInterval(pairs.map((pair) => (pair.before === pair.after ? 1 : 0))),
    features: Object.entries(STYLE_FEATURES).map(([name, has]) => {
      const [then, now] = [before.map(has), after.map(has)];
      return {
        name,
        before: shareInterval(then.map(Number)),
        after: shareInterval(now.map(Number)),
        difference: pairedShareDifference(now, then),
      };
    }),
    phrases: stockPhrases(before, after),
  };
}

const average = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0) / values.length;

export function driftTable({
  pairs,
  words,
  longer,
  toldByLength,
  unchanged,
  features,
}: RevisionDrift): Table {
  return {
    caption: `First answers against last revisions, ${countOf(pairs, "prompt")}`,
    columns: [
      { name: "" },
      ...["first answer", "last revision", "difference"].map((name) => ({
        name,
        align: "right" as const,
      })),
    ],
    rows: [
      [
        "words an answer",
        words.before.toFixed(1),
        words.after.toFixed(1),
        formatMean(words.difference, 1),
      ],
      ...features.map(({ name, before, after, difference }) => [
        name,
        formatShare(before),
        formatShare(after),
        `${formatPoints(difference)} points`,
      ]),
      ["revision is longer", "", formatShare(longer), ""],
      ["revision is the first answer again", "", formatShare(unchanged), ""],
    ],
    note:
      `Of pairs "revision over first answer", counting words alone tells ` +
      `${(100 * toldByLength).toFixed(0)}% right: what a reward model may learn in place of the ` +
      "principle.",
  };
}

export function phraseTable(phrases: readonly StockPhrase[]): Table {
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return {
    caption: "Stock phrases: what many revisions say, and first answers did not",
    columns: [
      { name: "phrase" },
      ...["first answers", "last revisions"].map((name) => ({ name, align: "right" as const })),
    ],
    rows:
      phrases.length === 0
        ? [["none in 3% of the revisions or more", "", ""]]
        : phrases.map(({ phrase, before, after }) => [phrase, percent(before), percent(after)]),
  };
}
