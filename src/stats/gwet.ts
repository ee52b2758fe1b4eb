/**
 * Gwet's AC1, and AC2 for ordered categories: agreement beyond chance that stays high where nearly
 * all labels are of one category, with a standard error. Any number of raters, any labels missing.
 *
 * Source: Gwet, "Computing inter-rater reliability and its variance in the presence of high
 * agreement" (2008); the variance for missing labels as in Handbook of Inter-Rater Reliability
 * (4th edition, 2014), section 5.3, and in the package irrCAC.
 * Differences: 1. labels that are all the same are perfect agreement, without an interval, and not
 * an error of 1e-15.
 */
import { AttuneError } from "../core/errors.ts";
import type { Agreement, ItemLabels, KappaOptions } from "./agreement.ts";
import { countLabels, likenessOf, present } from "./agreement.ts";
import { twoSidedStudent } from "./clusters.ts";
import { checkConfidence } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

export interface GwetAgreement extends Agreement {
  /** NaN for fewer than two items, and 0 where all say the same of everything. */
  standardError: number;
  interval: Interval;
}

/**
 * AC1; AC2 with weights.
 * @param options weights and the order of the categories, which weights need; confidence of the
 * interval, 0.95 where left out
 */
export function gwetAgreement(
  items: readonly ItemLabels[],
  options: KappaOptions & { confidence?: number } = {},
): GwetAgreement {
  const units = items.map(present).filter((labels) => labels.length > 0);
  const categories = options.categories ?? [...countLabels(units.flat()).keys()];
  if (options.weights && !options.categories)
    throw new RangeError("weighted agreement needs the order of the categories");
  const place = new Map(categories.map((category, k) => [category, k]));
  const counts = units.map((labels) => {
    const row = new Float64Array(categories.length);
    for (const label of labels) {
      const k = place.get(label);
      if (k === undefined)
        throw new AttuneError(
          "data",
          `agreement: the label ${String(label)} is not one of the categories`,
          { expected: categories.join(", ") },
        );
      row[k]! += 1;
    }
    return row;
  });
  return fromCounts(counts, {
    likeness: likenessOf(categories.length, options.weights),
    confidence: checkConfidence(options.confidence ?? 0.95),
  });
}

interface Weighing {
  likeness: (i: number, j: number) => number;
  confidence: number;
}

/** @param counts how many raters put each item into each category, [items][categories] */
function fromCounts(
  counts: readonly Float64Array[],
  { likeness, confidence }: Weighing,
): GwetAgreement {
  const n = counts.length;
  const q = counts[0]?.length ?? 0;
  const sizes = counts.map((row) => row.reduce((x, y) => x + y, 0));
  const compared = sizes.filter((size) => size > 1).length;
  const shares = new Float64Array(q);
  for (const [i, row] of counts.entries())
    for (let k = 0; k < q; k++) shares[k]! += row[k]! / sizes[i]! / n;
  const found = counts.map((row, i) => (sizes[i]! > 1 ? weightedAgreement(row, likeness) : 0));
  const observed = found.reduce((x, y) => x + y, 0) / compared;
  let weights = 0;
  for (let i = 0; i < q; i++) for (let j = 0; j < q; j++) weights += likeness(i, j);
  const scale = q > 1 ? weights / (q * (q - 1)) : 0;
  const expected = scale * shares.reduce((sum, share) => sum + share * (1 - share), 0);
  const value = compared === 0 ? NaN : (observed - expected) / (1 - expected);
  const influences = counts.map((row, i) => {
    const own = sizes[i]! > 1 ? (n / compared) * ((found[i]! - expected) / (1 - expected)) : 0;
    const chance =
      (scale * row.reduce((sum, count, k) => sum + count * (1 - shares[k]!), 0)) / sizes[i]!;
    return own - (2 * (1 - value) * (chance - expected)) / (1 - expected);
  });
  const standardError = Math.sqrt(
    influences.reduce((sum, influence) => sum + (influence - value) ** 2, 0) / (n * (n - 1)),
  );
  const interval = intervalOf(value, { standardError, n, compared, confidence });
  return { value, observed, expected, items: compared, standardError, interval };
}

/** Share of a pair of an item's labels that agrees, on average. */
function weightedAgreement(row: Float64Array, likeness: Weighing["likeness"]): number {
  const size = row.reduce((x, y) => x + y, 0);
  let sum = 0;
  for (let k = 0; k < row.length; k++)
    for (let l = 0; l < row.length; l++)
      sum += row[k]! * (row[l]! - (k === l ? 1 : 0)) * likeness(k, l);
  return sum / (size * (size - 1));
}

function intervalOf(
  estimate: number,
  {
    standardError,
    n,
    compared,
    confidence,
  }: { standardError: number; n: number; compared: number; confidence: number },
): Interval {
  const noClaim =
    compared === 0
      ? "no item has two labels"
      : compared < 3
        ? "fewer than three items have two labels"
        : standardError > 1e-12
          ? undefined
          : "every item is labelled alike";
  if (noClaim !== undefined) return { estimate, low: -1, high: 1, n: compared, noClaim };
  const half = twoSidedStudent(confidence, n - 1) * standardError;
  return {
    estimate,
    low: Math.max(-1, estimate - half),
    high: Math.min(1, estimate + half),
    n: compared,
  };
}
