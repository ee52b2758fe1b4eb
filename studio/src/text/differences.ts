/** In which words two texts differ. */
import { diffWordsWithSpace } from "diff";
import type { Range } from "./range.ts";

/** Milliseconds after which texts are said to differ everywhere. */
const PATIENCE = 300;

export interface Differences {
  left: Range[];
  right: Range[];
  /** Share of the words of both that both have; null where it took too long to tell. */
  same: number | null;
}

export function differencesOf(left: string, right: string): Differences {
  const changes = diffWordsWithSpace(left, right, { timeout: PATIENCE });
  if (changes === undefined)
    return {
      left: [{ start: 0, end: left.length }],
      right: [{ start: 0, end: right.length }],
      same: null,
    };
  const found: Differences = { left: [], right: [], same: null };
  let [atLeft, atRight, shared] = [0, 0, 0];
  for (const { value, added, removed } of changes) {
    const { length } = value;
    if (removed) found.left.push({ start: atLeft, end: atLeft + length });
    else if (added) found.right.push({ start: atRight, end: atRight + length });
    else shared += 2 * length;
    if (!added) atLeft += length;
    if (!removed) atRight += length;
  }
  const whole = left.length + right.length;
  found.same = whole === 0 ? 1 : shared / whole;
  return found;
}
