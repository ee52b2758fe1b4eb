/**
 * Texts that say nearly the same: groups of those whose sets of word triples overlap.
 * Source: Broder 1997 (MinHash); banding as in Leskovec et al., Mining of Massive Datasets, 3.4.
 * Differences: candidates of a band are compared exactly, each with the first of its bucket alone,
 * so that many equal texts cost no square.
 */
import { Random } from "../../core/random.ts";

const BANDS = 16;
const ROWS_OF_BAND = 3;
const HASHES = BANDS * ROWS_OF_BAND;
const WORDS = 3;

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** Hashes of the word triples of a text; of a shorter text, of itself. */
function triples(text: string): Set<number> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
  const found = new Set<number>();
  for (let i = 0; i + WORDS <= words.length; i++)
    found.add(hash(words.slice(i, i + WORDS).join(" ")));
  if (found.size === 0) found.add(hash(words.join(" ")));
  return found;
}

function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let shared = 0;
  for (const each of a) if (b.has(each)) shared++;
  return shared / (a.size + b.size - shared);
}

/**
 * @param similarity shared share of the triples from which two texts belong together
 * @returns for each text the index of the first text of its group
 */
export function nearDuplicates(texts: readonly string[], similarity: number): number[] {
  const random = Random.for(0, "minhash");
  const mixers = Array.from({ length: HASHES }, () => [random.bits() | 1, random.bits()] as const);
  const sets = texts.map(triples);
  const parent = texts.map((_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
    return at;
  };
  const join = (a: number, b: number): void => {
    const [x, y] = [root(a), root(b)];
    if (x !== y) parent[Math.max(x, y)] = Math.min(x, y);
  };
  const buckets = new Map<string, number>();
  for (const [index, set] of sets.entries()) {
    const signature = mixers.map(([factor, plus]) => {
      let least = 0xffffffff;
      for (const each of set) {
        let mixed = (Math.imul(each, factor) + plus) | 0;
        mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
        least = Math.min(least, (mixed ^ (mixed >>> 13)) >>> 0);
      }
      return least;
    });
    for (let band = 0; band < BANDS; band++) {
      const start = band * ROWS_OF_BAND;
      const key = `${band}:${signature.slice(start, start + ROWS_OF_BAND).join()}`;
      const first = buckets.get(key);
      if (first === undefined) buckets.set(key, index);
      else if (root(first) !== root(index) && overlap(sets[first]!, set) >= similarity)
        join(first, index);
    }
  }
  return parent.map((_, index) => root(index));
}
