/** Items on which the same annotators said the same are one pattern. */
import type { CrowdVote } from "./crowd.ts";

export interface Pattern {
  annotators: Int32Array;
  /** 0 for the first class. */
  labels: Uint8Array;
  /** Items of this pattern. */
  count: number;
  /** The known class. */
  gold?: 0 | 1;
}

/** @returns the patterns, and each item's; -1 for an item without votes that is no gold */
export function patternsOf(
  votes: readonly CrowdVote[],
  { items, gold }: { items: number; gold?: ReadonlyMap<number, 0 | 1> },
): { patterns: Pattern[]; patternOf: Int32Array } {
  const starts = new Int32Array(items + 1);
  for (const { item } of votes) starts[item + 1]! += 1;
  for (let i = 0; i < items; i++) starts[i + 1]! += starts[i]!;
  // annotator and class in one number, so that an item's votes are sorted as numbers
  const codes = new Float64Array(votes.length);
  const next = starts.slice();
  for (const { item, annotator, label } of votes) codes[next[item]!++] = annotator * 2 + label;
  const numbers = new Map<string, number>();
  const patterns: Pattern[] = [];
  const patternOf = new Int32Array(items).fill(-1);
  for (let item = 0; item < items; item++) {
    const known = gold?.get(item);
    const own = codes.subarray(starts[item]!, starts[item + 1]!);
    if (own.length === 0 && known === undefined) continue;
    own.sort();
    const key = `${known ?? ""}/${own.join()}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number =
        patterns.push({
          annotators: Int32Array.from(own, (code) => Math.floor(code / 2)),
          labels: Uint8Array.from(own, (code) => code % 2),
          count: 0,
          ...(known === undefined ? {} : { gold: known }),
        }) - 1;
      numbers.set(key, number);
    }
    patterns[number]!.count++;
    patternOf[item] = number;
  }
  return { patterns, patternOf };
}
