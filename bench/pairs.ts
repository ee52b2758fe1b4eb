/**
 * Preference pairs as token ids: lengths of real ones, ids drawn at random, since only the lengths
 * matter to time and memory.
 */
import { randomIds } from "./model.ts";

export interface PairIds {
  prompt: Int32Array;
  chosen: Int32Array;
  rejected: Int32Array;
}

/**
 * SmolLM2's tokens in the first pairs of Anthropic's harmless-base that share their prompt, 512
 * tokens at most: [prompt, chosen, rejected].
 */
const LENGTHS: readonly (readonly [number, number, number])[] = [
  [205, 29, 62],
  [171, 60, 29],
  [96, 66, 88],
  [21, 86, 69],
  [142, 47, 37],
  [155, 48, 19],
  [77, 40, 27],
  [73, 27, 12],
  [17, 14, 12],
  [23, 9, 260],
  [21, 18, 52],
  [63, 13, 33],
  [22, 97, 4],
  [52, 12, 14],
  [68, 21, 16],
  [158, 18, 9],
  [112, 18, 43],
  [107, 19, 24],
  [75, 12, 33],
  [142, 12, 11],
  [27, 67, 34],
  [76, 53, 49],
  [202, 25, 45],
  [123, 25, 16],
  [78, 14, 30],
  [43, 27, 20],
  [19, 30, 28],
  [140, 233, 61],
  [67, 52, 84],
  [175, 13, 5],
  [122, 22, 10],
  [64, 47, 10],
];

/** A pair of the given lengths. */
export function pairOf(
  [prompt, chosen, rejected]: readonly [number, number, number],
  seed: number,
): PairIds {
  return {
    prompt: randomIds(prompt, 3 * seed),
    chosen: randomIds(chosen, 3 * seed + 1),
    rejected: randomIds(rejected, 3 * seed + 2),
  };
}

/** Pairs with the lengths of real ones. */
export const realisticPairs = (): PairIds[] => LENGTHS.map(pairOf);

/** As many pairs as are asked for, with these lengths again and again, of other tokens. */
export const manyPairs = (count: number): PairIds[] =>
  Array.from({ length: count }, (_, i) => pairOf(LENGTHS[i % LENGTHS.length]!, i));

/** Tokens of a pair, its prompt once. */
export const tokensOf = ({ prompt, chosen, rejected }: PairIds): number =>
  prompt.length + chosen.length + rejected.length;
