/**
 * Several models on one scale: Bradley-Terry strengths of all pairs that were judged, as they are
 * and at equal style, and who is surely better than whom.
 *
 * Source: arena-rank (the scale of 400 / ln 10, an anchor, style as further columns of one logistic
 * fit); stats/logistic-difference.ts for the intervals.
 * Differences: 1. errors are clustered by prompt, as every pair of models answers the same ones.
 * 2. Ranks are those of the verdicts: a model is surely better than one that it was compared with
 * where the verdict says so. Of two that were not compared the fit decides, all of these together
 * with one error.
 */
import { connectedGroups } from "../../stats/bradley-terry.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { LogisticDifferences } from "../../stats/logistic-difference.ts";
import { logisticDifferences } from "../../stats/logistic-difference.ts";
import type { PairResult, Rating } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { MatchedAnswers } from "./matched.ts";
import { styleDifferences } from "./style.ts";

const ANCHOR_RATING = 1000;
const SCALE = 400 / Math.LN10;
/** Precision of a normal prior: the information of 1/25 of an even comparison. */
const RIDGE = 0.01;

interface Row {
  candidate: number;
  baseline: number;
  outcome: number;
  cluster: string;
  texts: readonly [string, string];
}

interface Fitted {
  differences: LogisticDifferences;
  n: number;
}

/**
 * Best first, those of a group that no judgement links to the first model after them; empty where
 * fewer than three models were judged.
 */
export function modelRatings(
  pairs: readonly PairResult[],
  matched: MatchedAnswers,
  confidence: number,
): Rating[] {
  const { names } = matched;
  const rows = rowsOf(pairs, matched);
  const judged = new Set(rows.flatMap(({ candidate, baseline }) => [candidate, baseline]));
  if (judged.size < 3) return [];
  const models = [...judged].toSorted((a, b) => a - b);
  const labels = connectedGroups(
    rows.map(({ candidate, baseline }) => ({ a: candidate, b: baseline })),
    names.length,
  );
  // groups in the order of their first models, which are their anchors
  const anchors = models.filter((model, i) =>
    models.slice(0, i).every((other) => labels[other] !== labels[model]),
  );
  const groupOf = (model: number): number =>
    anchors.findIndex((anchor) => labels[anchor] === labels[model]);
  const plain = fit(rows, names.length, []);
  const styled = fit(rows, names.length, styleDifferences(rows.map(({ texts }) => texts)));
  const better = surelyBetter(pairs, {
    models,
    labels,
    names,
    plain,
    confidence,
    gaps: matched.gaps === true,
  });
  return models
    .map((model): Rating => {
      const group = groupOf(model);
      const anchor = anchors[group]!;
      const { interval, unbounded } = ratingOf(plain, [model, anchor], confidence);
      return {
        model: names[model]!,
        rating: interval,
        equalStyle: ratingOf(styled, [model, anchor], confidence).interval,
        ...(unbounded ? { unbounded } : {}),
        judged: rows.filter(({ candidate, baseline }) => model === candidate || model === baseline)
          .length,
        rank: 1 + (better.get(model)?.size ?? 0),
        surelyBetter: [...(better.get(model) ?? [])].map((other) => names[other]!),
        ...(anchors.length > 1 ? { group } : {}),
      };
    })
    .toSorted((a, b) => (a.group ?? 0) - (b.group ?? 0) || b.rating.estimate - a.rating.estimate);
}

function rowsOf(pairs: readonly PairResult[], { names, prompts }: MatchedAnswers): Row[] {
  const numbers = new Map(names.map((name, i) => [name, i]));
  return pairs.flatMap(({ candidate, baseline, judgements }): Row[] => {
    const [a, b] = [numbers.get(candidate)!, numbers.get(baseline)!];
    return judgements.map((each) => {
      const { cluster, key, answers } = prompts[each.prompt]!;
      return {
        candidate: a,
        baseline: b,
        outcome: outcomeOf(each),
        cluster: cluster ?? `prompt ${key}`,
        texts: [answers[a]!.text, answers[b]!.text],
      };
    });
  });
}

function fit(
  rows: readonly Row[],
  players: number,
  styles: readonly (readonly number[])[],
): Fitted {
  const used = styles.filter((values) => values.some((value) => value !== 0));
  return {
    n: rows.length,
    differences: logisticDifferences({
      columns: players + used.length,
      rows: rows.map(({ candidate, baseline }, i) => ({
        indices: [candidate, baseline, ...used.map((_, style) => players + style)],
        values: [1, -1, ...used.map((values) => values[i]!)],
      })),
      targets: rows.map(({ outcome }) => outcome),
      clusters: rows.map(({ cluster }) => cluster),
      ridge: RIDGE,
    }),
  };
}

function ratingOf(
  { differences, n }: Fitted,
  [model, anchor]: readonly [number, number],
  confidence: number,
): { interval: Interval; unbounded?: "above" | "below" } {
  if (model === anchor)
    return { interval: { estimate: ANCHOR_RATING, low: ANCHOR_RATING, high: ANCHOR_RATING, n } };
  const { estimate, low, high, unbounded } = differences.interval({
    pair: [model, anchor],
    confidence,
  });
  const [at, from, to] = [estimate, low, high].map((value) => ANCHOR_RATING + SCALE * value) as [
    number,
    number,
    number,
  ];
  return Number.isFinite(low) && Number.isFinite(high)
    ? {
        interval: { estimate: at, low: from, high: to, n },
        ...(unbounded ? { unbounded } : {}),
      }
    : {
        interval: { estimate: at, low: from, high: to, n, noClaim: "too few independent prompts" },
      };
}

interface Field {
  models: readonly number[];
  /** Of the connected group of each model. */
  labels: readonly number[];
  names: readonly string[];
  plain: Fitted;
  confidence: number;
  /** Pairs of few prompts tell together what none of them tells alone. */
  gaps: boolean;
}

/** Of each model, those that are surely better. */
function surelyBetter(
  pairs: readonly PairResult[],
  { models, labels, names, plain, confidence, gaps }: Field,
): Map<number, Set<number>> {
  const better = new Map(models.map((model) => [model, new Set<number>()]));
  const compared = new Map(
    pairs.map((pair) => [[pair.candidate, pair.baseline].toSorted().join("\n"), pair]),
  );
  const unmet: [number, number][] = [];
  for (const [i, model] of models.entries())
    for (const other of models.slice(i + 1)) {
      const pair = compared.get([names[model]!, names[other]!].toSorted().join("\n"));
      if (!pair || (gaps && pair.verdict.few)) {
        if (labels[model] === labels[other]) unmet.push([model, other]);
        continue;
      }
      const { conclusion } = pair.verdict;
      if (conclusion !== "better" && conclusion !== "worse") continue;
      const winner = conclusion === "better" ? pair.candidate : pair.baseline;
      const [first, second] = winner === names[model] ? [model, other] : [other, model];
      better.get(second)!.add(first);
    }
  for (const [model, other] of unmet) {
    const ahead = unmetLead([model, other], {
      pairs,
      names,
      plain,
      gaps,
      confidence: 1 - (1 - confidence) / unmet.length,
    });
    if (ahead > 0) better.get(other)!.add(model);
    if (ahead < 0) better.get(model)!.add(other);
  }
  return better;
}

/** The sign of a sure lead of two models that were not compared with each other; 0 for none. */
function unmetLead(
  [model, other]: readonly [number, number],
  {
    pairs,
    names,
    plain,
    confidence,
    gaps,
  }: Pick<Field, "names" | "plain" | "confidence" | "gaps"> & { pairs: readonly PairResult[] },
): number {
  const of = (name: string): PairResult[] =>
    pairs.filter(({ candidate, baseline }) => name === candidate || name === baseline);
  const [its, others] = [of(names[model]!), of(names[other]!)];
  const showNothing = (each: readonly PairResult[]): boolean =>
    each.every(({ verdict }) => verdict.conclusion === "no conclusion" && !(gaps && verdict.few));
  if (showNothing(its) || showNothing(others)) return 0;
  const own = [...its, ...others];
  if (own.some(({ sequential }) => sequential)) return sequentialLead(own, names[model]!);
  const { low, high } = plain.differences.interval({ pair: [model, other], confidence });
  return low > 0 ? 1 : high < 0 ? -1 : 0;
}

/**
 * Intervals that hold after every prompt, all together, hold when judging stopped too: a lead over
 * the same model is sure where they lie apart.
 */
function sequentialLead(own: readonly PairResult[], model: string): number {
  const [first, second] = [
    own.find(({ candidate }) => candidate === model),
    own.find(({ candidate }) => candidate !== model),
  ];
  if (!first?.sequential || !second?.sequential || first.baseline !== second.baseline) return 0;
  const [a, b] = [first.sequential.interval, second.sequential.interval];
  return a.low > b.high ? 1 : a.high < b.low ? -1 : 0;
}
