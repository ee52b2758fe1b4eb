/**
 * Adjusted p-values where many things are compared at once: the best of 23 comparisons is
 * "significant" by luck alone in 7 of 10 reports.
 *
 * Source: Holm (1979), family-wise error; Benjamini and Hochberg (1995), false discovery rate.
 */
import { checkConfidence } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

/**
 * Holm's adjusted p-values, in the given order: those at most alpha hold together, with error at
 * most alpha in all.
 */
export function holm(pValues: readonly number[]): number[] {
  return adjust(pValues, "ascending", (p, rank, count) => p * (count - rank));
}

/**
 * Benjamini and Hochberg's: of those at most q, a share of at most q is wrong on average
 * (independent tests).
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  return adjust(pValues, "descending", (p, rank, count) => (p * count) / (rank + 1));
}

/**
 * Scales sorted p-values and keeps them in order: a running maximum upwards, or a running minimum
 * downwards.
 */
function adjust(
  pValues: readonly number[],
  direction: "ascending" | "descending",
  scale: (p: number, rank: number, count: number) => number,
): number[] {
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined) throw new RangeError(`p-values lie in [0, 1]; got ${wrong}`);
  const order = pValues.map((_, i) => i).toSorted((i, j) => pValues[i]! - pValues[j]!);
  const ranks = order.map((_, rank) => rank);
  const result = Array.from(pValues, () => 0);
  let bound = direction === "ascending" ? 0 : 1;
  for (const rank of direction === "ascending" ? ranks : ranks.toReversed()) {
    const index = order[rank]!;
    const scaled = Math.min(1, scale(pValues[index]!, rank, pValues.length));
    bound = direction === "ascending" ? Math.max(bound, scaled) : Math.min(bound, scaled);
    result[index] = bound;
  }
  return result;
}

/** Bonferroni's adjusted p-values: what intervals of {@link simultaneousConfidence} go with. */
export function bonferroni(pValues: readonly number[]): number[] {
  return adjust(pValues, "ascending", (p, _, count) => p * count);
}

/** The confidence of each of so many intervals that hold together with the given one. */
export function simultaneousConfidence(confidence: number, count: number): number {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`intervals are counted from 1; got ${count}`);
  return 1 - (1 - checkConfidence(confidence)) / count;
}

export interface SimultaneousInterval extends Interval {
  /** Holm's adjusted p-value. */
  adjusted: number;
  /**
   * Which side of 0 the truth is on, of all together: 1, -1, or 0 where that is not known. Never
   * against the interval.
   */
  side: 1 | -1 | 0;
}

/**
 * Intervals that hold all together, beside Holm's p-values of the same comparisons, whose verdicts
 * they never contradict. Holm rejects more than such intervals show: the interval of what only Holm
 * rejects ends at 0, since then the side is known and the size is not.
 *
 * Source: Bonferroni; Strassburger and Bretz (2008) for the intervals that belong to Holm's test,
 * which say no more than the side of what is rejected.
 * @param comparisons the raw p-value of each, and its interval for any confidence
 */
export function simultaneousIntervals(
  comparisons: readonly { pValue: number; intervalAt: (confidence: number) => Interval }[],
  confidence = 0.95,
): SimultaneousInterval[] {
  if (comparisons.length === 0) return [];
  const each = simultaneousConfidence(confidence, comparisons.length);
  const adjusted = holm(comparisons.map(({ pValue }) => pValue));
  return comparisons.map(({ intervalAt }, i) => {
    const interval = { ...intervalAt(each), adjusted: adjusted[i]! };
    if (interval.noClaim !== undefined) return { ...interval, side: 0 };
    if (interval.low > 0) return { ...interval, side: 1 };
    if (interval.high < 0) return { ...interval, side: -1 };
    if (adjusted[i]! > 1 - confidence || interval.estimate === 0) return { ...interval, side: 0 };
    return interval.estimate > 0
      ? { ...interval, low: 0, side: 1 }
      : { ...interval, high: 0, side: -1 };
  });
}
