/**
 * Three parts of everything that can be asked: what trainers see, what recipes are chosen on, and
 * what the published evaluation asks, which nothing was ever chosen on.
 */

export type Split = "train" | "tuning" | "heldOut";
export const SPLITS: readonly Split[] = ["train", "tuning", "heldOut"];

/** 32-bit FNV-1a with a final mix, so that names which differ in one letter fall anywhere. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0)!, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * The split of a wording: three fifths for training, a fifth for each of the others; the same in
 * every world.
 */
export function splitOf(name: string): Split {
  const place = hash(name) % 5;
  return place === 0 ? "heldOut" : place === 1 ? "tuning" : "train";
}

/**
 * All splits of a list: a fifth each is held out and for tuning (at least one), in an order that
 * the names decide.
 */
export function divideIntoSplits<T>(
  items: readonly T[],
  name: (item: T) => string,
): Readonly<Record<Split, readonly T[]>> {
  const sorted = items.toSorted((a, b) => hash(name(a)) - hash(name(b)));
  const share = Math.max(1, Math.round(items.length / 5));
  return {
    heldOut: sorted.slice(0, share),
    tuning: sorted.slice(share, 2 * share),
    train: sorted.slice(2 * share),
  };
}
