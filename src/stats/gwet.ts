/**
 * Gwet's AC1, and AC2 for ordered categories: agreement beyond chance that stays high where nearly
 * all labels are of one category. Any number of raters, any labels missing, items in clusters.
 *
 * Source: Gwet, "Computing inter-rater reliability and its variance in the presence of high
 * agreement" (2008); for missing labels as in Handbook of Inter-Rater Reliability (4th edition,
 * 2014), section 5.3, and in the package irrCAC.
 * Differences: 1. labels that are all the same are perfect agreement, without an interval, and not
 * an error of 1e-15.
 * 2. The interval counts clusters (beyond-chance.ts), which the variance of 2008 does not.
 */
import { AttuneError } from "../core/errors.ts";
import type { Agreement, ItemLabels, KappaOptions } from "./agreement.ts";
import { countLabels, likenessOf, present } from "./agreement.ts";
import type { ClusteredItems } from "./agreement-intervals.ts";
import { beyondChanceInterval, leastAgreement, movedShares } from "./beyond-chance.ts";
import type { Interval } from "./intervals.ts";

export interface GwetAgreement extends Agreement {
  interval: Interval;
}

/**
 * AC1; AC2 with weights.
 * @param options weights and the order of the categories, which weights need
 */
export function gwetAgreement(
  items: readonly ItemLabels[],
  { clusters, confidence = 0.95, ...options }: KappaOptions & ClusteredItems = {},
): GwetAgreement {
  const units = items.flatMap((item, i) => {
    const labels = present(item);
    return labels.length > 0 ? [{ labels, cluster: clusters?.[i] ?? i }] : [];
  });
  const categories = options.categories ?? [
    ...countLabels(units.flatMap(({ labels }) => labels)).keys(),
  ];
  if (options.weights && !options.categories)
    throw new RangeError("weighted agreement needs the order of the categories");
  const place = new Map(categories.map((category, k) => [category, k]));
  const counted = units.map(({ labels, cluster }): CountedUnit => {
    const counts = new Float64Array(categories.length);
    for (const label of labels) {
      const k = place.get(label);
      if (k === undefined)
        throw new AttuneError(
          "data",
          `agreement: the label ${String(label)} is not one of the categories`,
          { expected: categories.join(", ") },
        );
      counts[k]! += 1;
    }
    return { counts, size: labels.length, cluster };
  });
  return fromCounts(counted, {
    categories: categories.length,
    likeness: likenessOf(categories.length, options.weights),
    // ordered labels that agree least are of two categories, the outermost
    apartBy: options.weights ? 2 : categories.length,
    confidence,
  });
}

interface CountedUnit {
  /** How many raters put the item into each category. */
  counts: Float64Array;
  size: number;
  cluster: string | number;
}

interface Weighing {
  categories: number;
  likeness: (i: number, j: number) => number;
  apartBy: number;
  confidence: number;
}

function fromCounts(
  units: readonly CountedUnit[],
  { categories: q, likeness, apartBy, confidence }: Weighing,
): GwetAgreement {
  const compared = units.filter(({ size }) => size > 1);
  const shares = Array.from({ length: q }, (_, k) =>
    units.reduce((sum, { counts, size }) => sum + counts[k]! / size / units.length, 0),
  );
  let weights = 0;
  for (let i = 0; i < q; i++) for (let j = 0; j < q; j++) weights += likeness(i, j);
  const scale = q > 1 ? weights / (q * (q - 1)) : 0;
  const chance = (of: readonly number[]): number =>
    scale * of.reduce((sum, share) => sum + share * (1 - share), 0);
  const found = compared.map(({ counts }) => weightedAgreement(counts, likeness));
  const observed = found.reduce((x, y) => x + y, 0) / compared.length;
  const expected = chance(shares);
  const value = compared.length === 0 ? NaN : (observed - expected) / (1 - expected);
  const top = shares.indexOf(Math.max(...shares));
  const interval = beyondChanceInterval({
    estimate: value,
    confidence,
    compared: compared.map(({ size, cluster }, i) => ({
      agreement: found[i]!,
      least: leastAgreement(size, apartBy),
      weight: 1,
      cluster,
    })),
    labelled: units.map(({ counts, size, cluster }) => ({
      common: counts[top]! / size,
      weight: 1,
      cluster,
    })),
    expectedAt: (common) => chance(movedShares(shares, top, common - shares[top]!)),
  });
  const one = shares.filter((share) => share > 0).length === 1;
  return {
    value,
    observed,
    expected,
    items: compared.length,
    interval:
      one && compared.length > 0
        ? {
            estimate: value,
            low: -1,
            high: 1,
            n: compared.length,
            noClaim: "all labels are the same",
          }
        : interval,
  };
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
