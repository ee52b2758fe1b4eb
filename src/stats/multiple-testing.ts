/**
 * Adjusted p-values where many things are compared at once: the best of 23 comparisons is
 * "significant" by luck alone in 7 of 10 reports.
 *
 * Source: Holm (1979), family-wise error; Benjamini and Hochberg (1995), false discovery rate.
 */

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
