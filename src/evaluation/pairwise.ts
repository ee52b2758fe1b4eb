/**
 * Win rates: how often a judge prefers a candidate's answers over a baseline's, raw and at equal
 * length, with the controls that show whether the judge can be gamed.
 *
 * Source: MT-bench (arXiv 2306.05685) for judging both orders; AlpacaEval 2 (arXiv 2404.04475) for
 * length control by logistic regression on tanh(length difference / its deviation); "null models"
 * (arXiv 2410.07137) for the constant control.
 * Differences:
 * 1. the length-controlled rate carries an interval (AlpacaEval's does not): that of a share of as
 *    many judgements as tell as much about it, fewer where lengths say much of who wins, and fewer
 *    where they come in clusters.
 * 2. No downloaded difficulty of instructions.
 * 3. Both orders are averaged: disagreement of hard verdicts gives half a win, as in MT-bench, and
 *    soft ones keep their information.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Interval } from "../stats/intervals.ts";
import { checkFinite, mean, shareInterval, variance } from "../stats/intervals.ts";
import type { Prompt } from "../text/messages.ts";
import type { Judge } from "../training/rollout/judge.ts";
import { controlledRate } from "./controlled-rate.ts";
import { inconclusiveText } from "./inconclusive.ts";
import { isRefused, judgeBothOrders, refusalsOf } from "../training/rollout/judge.ts";
import { formatNumber, formatPValue, formatShare } from "./table.ts";
import type { Table } from "./table.ts";
import { rateInterval, ratePValue } from "./win-rate.ts";

/** What a judge said of one prompt. */
export interface Judgement {
  /** P(candidate preferred): 1, 0, 0.5 for a tie, or a probability. */
  outcome: number;
  /** Lengths of the two answers, in any one unit. */
  candidateLength: number;
  /** Length of the baseline's answer. */
  baselineLength: number;
  /** Prompts with one label may depend on each other. */
  cluster?: string | number;
}

/** Share of prompts won, 0 to 1, a tie counting half, with the interval of `attune compare`. */
export interface WinRate extends Interval {
  /** Prompts with an outcome above a half. */
  wins: number;
  /** Prompts with an outcome of a half. */
  ties: number;
  /** Prompts with an outcome below a half. */
  losses: number;
  /**
   * Two-sided, that the mean outcome is a half: signs are flipped, of whole clusters where they are
   * given. Of hard verdicts it is the sign test of wins against losses.
   */
  pValue: number;
}

/**
 * Share of prompts won, a tie counting half.
 * @param confidence of the interval, above 0 and below 1
 * @returns a share, 0 to 1; NaN with the interval 0 to 1 where nothing was judged
 */
export function winRate(judgements: readonly Judgement[], confidence = 0.95): WinRate {
  const outcomes = judgements.map(({ outcome }) => outcome);
  const options = { clusters: clustersOf(judgements), confidence };
  const count = (fits: (outcome: number) => boolean): number => outcomes.filter(fits).length;
  return {
    ...rateInterval(outcomes, options),
    wins: count((outcome) => outcome > 0.5),
    ties: count((outcome) => outcome === 0.5),
    losses: count((outcome) => outcome < 0.5),
    pValue: outcomes.length === 0 ? NaN : ratePValue(outcomes, options),
  };
}

/** The win rate at equal length, 0 to 1, with its interval. */
export interface LengthControlled extends Interval {
  /**
   * Log-odds for one deviation of longer answers (tanh 1 = 0.76 of it); 0 where length does not
   * matter.
   */
  lengthEffect: Interval;
}

/**
 * The win rate that the candidate would have if its answers were as long as the baseline's.
 *
 * Source: AlpacaEval 2 (arXiv 2404.04475), with an interval, which it does not have.
 * @param confidence of the interval, above 0 and below 1
 * @returns a share, 0 to 1; NaN with the interval 0 to 1 where nothing was judged
 */
export function lengthControlledWinRate(
  judgements: readonly Judgement[],
  confidence = 0.95,
): LengthControlled {
  if (judgements.length === 0) {
    const nothing = { estimate: NaN, n: 0, noClaim: "nothing observed" };
    return {
      ...nothing,
      low: 0,
      high: 1,
      lengthEffect: { ...nothing, low: -Infinity, high: Infinity },
    };
  }
  const differences = judgements.map(
    ({ candidateLength, baselineLength }) => candidateLength - baselineLength,
  );
  checkFinite(differences, "lengths");
  const deviation = Math.sqrt(variance(differences)) || 0;
  const { rate, effects } = controlledRate({
    outcomes: judgements.map(({ outcome }) => outcome),
    features: [
      differences.map((difference) => (deviation > 0 ? Math.tanh(difference / deviation) : 0)),
    ],
    clusters: clustersOf(judgements),
    confidence,
  });
  return {
    ...rate,
    lengthEffect: (deviation > 0 ? effects[0] : undefined) ?? {
      estimate: NaN,
      low: -Infinity,
      high: Infinity,
      n: judgements.length,
      noClaim: "all answers are as long as the baseline's",
    },
  };
}

function clustersOf(judgements: readonly Judgement[]): (string | number)[] | undefined {
  return judgements.some(({ cluster }) => cluster !== undefined)
    ? judgements.map(({ cluster }, i) => cluster ?? `prompt ${i}`)
    : undefined;
}

/** What a judge said of all prompts. */
export interface JudgedComparison {
  /** Judgements of the prompts that the judge has an opinion on, in their order. */
  judgements: Judgement[];
  /**
   * Mean probability of the answer shown first, less a half: 0 for a judge that order does not
   * move, NaN where none was asked.
   */
  positionBias: number;
  /** Share of prompts on which the two orders named different winners. */
  flipped: Interval;
  /** Why there is no judgement, for each prompt without one. */
  refused: string[];
}

/** Two models' answers to the same prompts, and who judges them. */
export interface ComparisonInput {
  /** What was asked. */
  prompts: readonly Prompt[];
  /** The answers that are to be judged, one for each prompt. */
  candidate: readonly string[];
  /** The answers that they are compared with, one for each prompt. */
  baseline: readonly string[];
  /**
   * A critic with a constitution (constitution/judge.ts), or anything else that compares. Its clamp
   * is for labels, and has no effect here.
   */
  judge: Judge;
  /** Length of an answer; its UTF-16 units where left out. */
  length?: (text: string) => number;
  /** One label for each prompt: those of one label may depend on each other. */
  clusters?: readonly (string | number)[] | undefined;
  /** After every prompt. */
  onPrompt?: () => void;
  /** Ends it, with its reason as the error. */
  signal?: AbortSignal;
}

/**
 * Asks the judge about every prompt in both orders. Equal answers are a tie, unasked; prompts that
 * the judge has no opinion on are left out.
 * @throws AttuneError `data` where the judge fails, hangs or judges no pair at all; `numeric` where
 * it gives no probability
 */
export async function compareAnswers({
  prompts,
  candidate,
  baseline,
  judge,
  length = (text) => text.length,
  clusters,
  onPrompt,
  signal,
}: ComparisonInput): Promise<JudgedComparison> {
  for (const list of [candidate, baseline, ...(clusters ? [clusters] : [])]) {
    if (list.length !== prompts.length)
      throw new AttuneError(
        "internal",
        `comparison: ${prompts.length} prompts, but a list of ${list.length}`,
      );
  }
  const pairs = prompts.map((prompt, i) => ({
    prompt,
    first: candidate[i]!,
    second: baseline[i]!,
  }));
  const orders = await judgeBothOrders(judge, pairs, { signal, onPair: onPrompt });
  signal?.throwIfAborted();
  const judged = orders.flatMap((order, i) => (isRefused(order) ? [] : [{ i, order }]));
  const asked = judged.flatMap(({ order }) => (order ? [order] : []));
  const judgements = judged.map(
    ({ i, order: [shownFirst, shownSecond] = [0.5, 0.5] }): Judgement => ({
      outcome: (shownFirst + shownSecond) / 2,
      candidateLength: length(candidate[i]!),
      baselineLength: length(baseline[i]!),
      ...(clusters ? { cluster: clusters[i]! } : {}),
    }),
  );
  const flips = judged.map(({ order }) =>
    order && (order[0] - 0.5) * (order[1] - 0.5) < 0 ? 1 : 0,
  );
  return {
    judgements,
    positionBias: mean(asked.map(([shownFirst, shownSecond]) => (shownFirst - shownSecond) / 2)),
    flipped: shareInterval(flips, { clusters: clusters && judged.map(({ i }) => clusters[i]!) }),
    refused: refusalsOf(orders),
  };
}

/** A constant answer: a judge that rewards it can be gamed. */
export const NULL_ANSWER =
  "Thank you for your question. I have thought about it carefully, and this is my answer.";

/** One candidate against the baseline. */
export interface ContestEntry {
  /** The candidate's. */
  name: string;
  /** A control is no model: a candidate that does not beat it has shown nothing. */
  control: boolean;
  /** As judged. */
  raw: WinRate;
  /** At equal length. */
  lengthControlled: LengthControlled;
  /** As in {@link JudgedComparison}. */
  positionBias: number;
  /** As in {@link JudgedComparison}. */
  flipped: Interval;
  /** Prompts that the judge had no opinion on. */
  unjudged: number;
  /**
   * Why the comparison shows nothing, whatever the judge said; undefined where it may show
   * something.
   */
  inconclusive?: string;
}

/** Several candidates against one baseline. */
export type ContestInput = Omit<ComparisonInput, "candidate"> & {
  /** By name: one answer for each prompt. */
  candidates: Readonly<Record<string, readonly string[]>>;
};

/** Candidates that {@link contest} adds. */
export const CONTROLS = 2;

/**
 * Every candidate against the baseline, and two controls: the constant answer, and for each prompt
 * the longest answer that anybody gave, whoever it was.
 * @throws AttuneError as {@link compareAnswers}
 */
export async function contest({ candidates, ...input }: ContestInput): Promise<ContestEntry[]> {
  const { length = (text: string): number => text.length } = input;
  const lists = Object.values(candidates);
  const longest = input.prompts.map((_, i) =>
    [...lists.map((answers) => answers[i]!), input.baseline[i]!].reduce((best, text) =>
      length(text) > length(best) ? text : best,
    ),
  );
  const entries = [
    ...Object.entries(candidates).map(([name, answers]) => ({ name, answers, control: false })),
    { name: "constant answer", answers: input.prompts.map(() => NULL_ANSWER), control: true },
    { name: "longest answer", answers: longest, control: true },
  ];
  const results: ContestEntry[] = [];
  for (const { name, answers, control } of entries) {
    const { judgements, positionBias, flipped, refused } = await compareAnswers({
      ...input,
      candidate: answers,
    });
    results.push({
      name,
      control,
      raw: winRate(judgements),
      lengthControlled: lengthControlledWinRate(judgements),
      positionBias,
      flipped,
      unjudged: refused.length,
    });
  }
  return results;
}

/** What is said below a table of comparisons that show nothing. */
function inconclusiveNote(entries: readonly ContestEntry[], baseline: string): string {
  const text = inconclusiveText(
    new Map(
      entries.flatMap(({ name, inconclusive }) =>
        inconclusive === undefined ? [] : [[name, inconclusive] as const],
      ),
    ),
    baseline,
  );
  return text === undefined ? "" : ` ${text}`;
}

/** A row a candidate, controls last. */
export function contestTable(entries: readonly ContestEntry[], baseline: string): Table {
  const unjudged = entries.reduce((total, entry) => total + entry.unjudged, 0);
  return {
    caption: `Preferred over ${baseline} on ${entries[0]?.raw.n ?? 0} prompts, both orders judged`,
    columns: [
      { name: "" },
      ...[
        "win rate [95%]",
        "at equal length",
        "won / tied / lost",
        "p",
        "first-place bias",
        "other choice in the other order",
      ].map((name) => ({ name, align: "right" as const })),
    ],
    rows: entries.map(
      ({ name, control, raw, lengthControlled, positionBias, flipped, inconclusive }) => [
        control ? `${name} (control)` : name,
        ...(inconclusive === undefined
          ? [
              formatShare(raw),
              formatShare(lengthControlled),
              `${raw.wins} / ${raw.ties} / ${raw.losses}`,
              formatPValue(raw.pValue),
            ]
          : ["–", "–", "–", "–"]),
        Number.isNaN(positionBias) ? "–" : `${formatNumber(100 * positionBias, 1)} points`,
        formatShare(flipped),
      ],
    ),
    note:
      "A judge that prefers a control can be gamed; a candidate must beat the controls, not only " +
      "the baseline." +
      (unjudged > 0 ? ` No opinion on ${countOf(unjudged, "pair")}, which are left out.` : "") +
      inconclusiveNote(entries, baseline),
  };
}
