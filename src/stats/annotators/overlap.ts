/** Which annotators can be told apart at all: who shares items with whom, and with gold. */
import { countOf } from "../../core/counts.ts";

interface Votes {
  votes: readonly { item: number; annotator: number; label: number }[];
  items: number;
  annotators: number;
  gold: ReadonlyMap<number, number>;
}

export interface Overlap {
  /** Votes of each annotator. */
  votes: Int32Array;
  /** Items of each that another annotator judged too, or that are gold. */
  shared: Int32Array;
  /** Why nobody's accuracy can be told; undefined where some may be. */
  whyNot?: string;
  /** What follows, in sentences. */
  statements: string[];
}

export function overlapOf({ votes, items, annotators, gold }: Votes): Overlap {
  const judges: Set<number>[] = Array.from({ length: items }, () => new Set());
  const counts = new Int32Array(annotators);
  for (const { item, annotator } of votes) {
    judges[item]!.add(annotator);
    counts[annotator]! += 1;
  }
  const shared = new Int32Array(annotators);
  let [several, known] = [0, 0];
  const partners: Set<number>[] = Array.from({ length: annotators }, () => new Set());
  for (const [item, who] of judges.entries()) {
    if (who.size > 1) several++;
    if (gold.has(item) && who.size > 0) known++;
    if (who.size > 1 || gold.has(item)) for (const annotator of who) shared[annotator]! += 1;
    if (who.size > 1)
      for (const annotator of who) for (const other of who) partners[annotator]!.add(other);
  }
  const active = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const statements: string[] = [];
  const done = (whyNot?: string): Overlap => ({
    votes: counts,
    shared,
    statements,
    ...(whyNot === undefined ? {} : { whyNot }),
  });
  if (votes.length === 0) {
    statements.push("there are no votes");
    return done("no votes");
  }
  if (known > 0) return done();
  if (active === 1) {
    statements.push("one annotator and no gold items: nothing tells how often he is right");
    return done("one annotator and no gold items");
  }
  if (several === 0) {
    statements.push(
      `none of ${countOf(items, "item")} has two annotators, and none is gold: nothing tells how ` +
        "often anybody is right",
    );
    return done("no item has two annotators");
  }
  // an annotator himself is among his partners
  if (partners.every(({ size }) => size <= 2)) {
    statements.push(
      "annotators share items with one other at most: how often two agree is known, and not which " +
        "of them is right more often",
    );
    return done("shares items with one other annotator at most");
  }
  return done();
}

/**
 * Agreement of pairs of votes on one item beyond chance, and the class that all votes name, where
 * it is one.
 * @param chance agreement by chance; from the shares of the labels where left out
 */
export function chanceCorrectedAgreement(
  { votes, items }: Pick<Votes, "votes" | "items">,
  chance?: number,
): { value: number; pairs: number; oneClass: number | undefined } {
  const byItem: number[][] = Array.from({ length: items }, () => []);
  for (const { item, label } of votes) byItem[item]!.push(label);
  let [agreeing, pairs] = [0, 0];
  const totals = new Map<number, number>();
  for (const labels of byItem) {
    for (const [n, label] of labels.entries()) {
      totals.set(label, (totals.get(label) ?? 0) + 1);
      for (const other of labels.slice(0, n)) {
        pairs++;
        if (other === label) agreeing++;
      }
    }
  }
  const expected =
    chance ?? [...totals.values()].reduce((sum, count) => sum + (count / votes.length) ** 2, 0);
  const oneClass = totals.size === 1 ? [...totals.keys()][0] : undefined;
  return {
    value: oneClass !== undefined ? 1 : (agreeing / pairs - expected) / (1 - expected),
    pairs,
    oneClass,
  };
}
