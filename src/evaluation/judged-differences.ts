/** What differences amount to that are looked at together. */
import type { Interval } from "../stats/intervals.ts";
import { holm } from "../stats/multiple-testing.ts";
import type { Verdict } from "./table.ts";
import { verdictOf } from "./table.ts";

/** A paired difference. */
export interface TestedDifference extends Interval {
  /** Two-sided; it belongs to the interval. */
  pValue: number;
}

export interface JudgedDifference extends TestedDifference {
  /** Holm's p-value, of all that are looked at together; NaN where nothing was tested. */
  adjusted: number;
  /**
   * What it amounts to after that correction; undefined where nothing is claimed, or where neither
   * direction is good.
   */
  verdict?: Verdict;
}

/**
 * Better or worse where Holm's p-value is small enough, and so where the interval is clear of zero,
 * to which the p-value belongs: sentences, marks and p-values made of this cannot contradict each
 * other.
 */
export function judgedTogether(
  differences: readonly (TestedDifference & { good: "higher" | "lower" | "either" })[],
  confidence = 0.95,
): JudgedDifference[] {
  const counted = differences.map(({ pValue, good }) => !Number.isNaN(pValue) && good !== "either");
  const tested = holm(differences.flatMap(({ pValue }, i) => (counted[i] ? [pValue] : [])));
  let next = 0;
  return differences.map(({ good, ...difference }, i) => {
    if (!counted[i] || good === "either") return { ...difference, adjusted: NaN };
    const adjusted = tested[next++]!;
    const holds = adjusted <= 1 - confidence + 1e-12;
    return {
      ...difference,
      adjusted,
      verdict: holds ? verdictOf(difference, good) : "not distinguishable",
    };
  });
}
