/**
 * The largest and the smallest of values, however many: `Math.max(...values)` runs out of stack
 * at some hundred thousand, which is no number of rows.
 */

/** -Infinity of nothing; NaN where one value is. */
export function largestOf(values: Iterable<number>): number {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  return largest;
}

/** Infinity of nothing; NaN where one value is. */
export function smallestOf(values: Iterable<number>): number {
  let smallest = Infinity;
  for (const value of values) smallest = Math.min(smallest, value);
  return smallest;
}
