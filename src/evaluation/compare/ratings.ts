/**
 * Several models on one scale: Bradley-Terry strengths of all pairs that were judged, as they are
 * and at equal style.
 *
 * Source: arena-rank (the scale of 400 / ln 10, an anchor, style as further columns of one logistic
 * fit); stats/logistic.ts.
 * Differences: 1. errors are clustered by prompt, as every pair of models answers the same ones.
 * 2. Ranks come from the differences of two models, all of which hold together, and not from
 * intervals against the anchor.
 */
import type { Interval } from "../../stats/intervals.ts";
import { twoSidedStudent } from "../../stats/clusters.ts";
import { fitLogistic } from "../../stats/logistic.ts";
import { differenceError } from "../../stats/bradley-terry.ts";
import type { PairJudgements, Rating } from "./comparison.ts";
import { outcomeOf } from "./comparison.ts";
import type { MatchedAnswers } from "./match.ts";
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

/** Best first; empty where fewer than three models were judged. */
export function modelRatings(
  pairs: readonly PairJudgements[],
  matched: MatchedAnswers,
  confidence: number,
): Rating[] {
  const { names } = matched;
  const rows = pairs.flatMap(({ candidate, baseline, judgements }): Row[] => {
    const [a, b] = [names.indexOf(candidate), names.indexOf(baseline)];
    return judgements.map((each) => {
      const { cluster, key, answers } = matched.prompts[each.prompt]!;
      return {
        candidate: a,
        baseline: b,
        outcome: outcomeOf(each),
        cluster: cluster ?? `prompt ${key}`,
        texts: [answers[a]!.text, answers[b]!.text],
      };
    });
  });
  const judged = new Set(rows.flatMap(({ candidate, baseline }) => [candidate, baseline]));
  if (judged.size < 3 || !judged.has(0)) return [];
  const models = [...judged].toSorted((a, b) => a - b);
  const plain = fit(rows, names.length, []);
  const styles = styleDifferences(rows.map(({ texts }) => texts));
  const styled = fit(rows, names.length, styles);
  return models
    .map((model): Rating => ({
      model: names[model]!,
      rating: ratingOf(plain, model, confidence),
      equalStyle: ratingOf(styled, model, confidence),
      rank: rankOf(plain, model, { models, confidence }),
    }))
    .toSorted((a, b) => b.rating.estimate - a.rating.estimate);
}

interface Fit {
  strength: (model: number) => number;
  error: (model: number, other: number) => number;
  freedom: (model: number, other: number) => number;
  n: number;
}

function fit(rows: readonly Row[], players: number, styles: readonly (readonly number[])[]): Fit {
  const used = styles.filter((values) => values.some((value) => value !== 0));
  const columns = players + used.length;
  const { coefficients, covariance, degreesOfFreedom } = fitLogistic({
    columns,
    rows: rows.map(({ candidate, baseline }, i) => ({
      indices: [candidate, baseline, ...used.map((_, style) => players + style)],
      values: [1, -1, ...used.map((values) => values[i]!)],
    })),
    targets: rows.map(({ outcome }) => outcome),
    clusters: rows.map(({ cluster }) => cluster),
    ridge: RIDGE,
  });
  return {
    strength: (model) => coefficients[model]!,
    error: (model, other) => differenceError(covariance, columns, model, other),
    freedom: (model, other) => degreesOfFreedom(model, other),
    n: rows.length,
  };
}

function ratingOf(
  { strength, error, freedom, n }: Fit,
  model: number,
  confidence: number,
): Interval {
  const estimate = ANCHOR_RATING + SCALE * (strength(model) - strength(0));
  if (model === 0) return { estimate, low: estimate, high: estimate, n };
  const half = halfWidth({ strength, error, freedom, n }, [model, 0], confidence);
  return Number.isFinite(half)
    ? { estimate, low: estimate - SCALE * half, high: estimate + SCALE * half, n }
    : { estimate, low: -Infinity, high: Infinity, n, noClaim: "too few independent prompts" };
}

function halfWidth(
  { error, freedom }: Fit,
  [model, other]: readonly [number, number],
  confidence: number,
): number {
  const degrees = freedom(model, other);
  return degrees >= 1 ? twoSidedStudent(confidence, degrees) * error(model, other) : Infinity;
}

/** Models that are surely better, at a level at which all differences hold together. */
function rankOf(
  found: Fit,
  model: number,
  { models, confidence }: { models: readonly number[]; confidence: number },
): number {
  const differences = (models.length * (models.length - 1)) / 2;
  const level = 1 - (1 - confidence) / differences;
  return (
    1 +
    models.filter(
      (other) =>
        other !== model &&
        found.strength(other) - found.strength(model) > halfWidth(found, [other, model], level),
    ).length
  );
}
