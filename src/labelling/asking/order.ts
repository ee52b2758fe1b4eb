/**
 * The order in which pairs are asked: the highest scores, with places between them that chance
 * fills, and near-duplicates apart.
 */
import type { Random } from "../../core/random.ts";
import type { RuleName } from "./rules.ts";

export interface Place {
  /** Of the pair. */
  index: number;
  /** What put it here. */
  chosenBy: RuleName;
}

export interface OrderOptions {
  rule: RuleName;
  /** Share of places that chance fills. */
  randomShare: number;
  /** For each pair the group of those that say nearly the same. */
  groups: readonly number[];
  /** Places between two of a group, while others are left. */
  apart: number;
  random: Random;
}

/** Every pair once. Those that chance drew are a fair sample of all: nothing keeps them apart. */
export function orderPairs(
  scores: readonly number[],
  { rule, randomShare, groups, apart, random }: OrderOptions,
): Place[] {
  const drawn = random.shuffle(scores.map((_, index) => index));
  if (rule === "random") return drawn.map((index) => ({ index, chosenBy: "random" }));
  const ranked = new Ranked(scores, drawn, { groups, apart });
  const places: Place[] = [];
  let next = 0;
  while (places.length < scores.length) {
    const byChance = random.chance(randomShare);
    if (byChance) while (ranked.taken.has(drawn[next]!)) next++;
    const index = byChance ? drawn[next++]! : ranked.best(places.length);
    ranked.take(index, places.length);
    places.push({ index, chosenBy: byChance ? "random" : rule });
  }
  return places;
}

/** Pairs from the highest score down, those too near to one that was just taken left waiting. */
class Ranked {
  readonly taken = new Set<number>();
  private readonly ranked: readonly number[];
  private readonly groups: readonly number[];
  private readonly apart: number;
  private readonly lastOf = new Map<number, number>();
  /** Of each group, places in the ranking that were passed over, and how many of them are gone. */
  private readonly waiting = new Map<number, { places: number[]; gone: number }>();
  private next = 0;

  /** @param drawn the order of equal scores */
  constructor(
    scores: readonly number[],
    drawn: readonly number[],
    { groups, apart }: Pick<OrderOptions, "groups" | "apart">,
  ) {
    this.ranked = drawn.toSorted((a, b) => scores[b]! - scores[a]!);
    this.groups = groups;
    this.apart = apart;
  }

  take(index: number, place: number): void {
    this.taken.add(index);
    this.lastOf.set(this.groups[index]!, place);
  }

  /** What is left must not be nothing. @param place that is filled */
  best(place: number): number {
    const near = (group: number): boolean => {
      const last = this.lastOf.get(group);
      return last !== undefined && place - last <= this.apart;
    };
    // what waited stands higher than all that was not looked at
    const waited = this.fromWaiting((group) => !near(group));
    if (waited !== undefined) return waited;
    while (this.next < this.ranked.length) {
      const at = this.next++;
      const index = this.ranked[at]!;
      if (this.taken.has(index)) continue;
      const group = this.groups[index]!;
      if (!near(group)) return index;
      const list = this.waiting.get(group);
      if (list) list.places.push(at);
      else this.waiting.set(group, { places: [at], gone: 0 });
    }
    return this.fromWaiting(() => true)!;
  }

  private fromWaiting(fits: (group: number) => boolean): number | undefined {
    let found: { places: number[]; gone: number } | undefined;
    for (const [group, list] of this.waiting) {
      while (
        list.gone < list.places.length &&
        this.taken.has(this.ranked[list.places[list.gone]!]!)
      )
        list.gone++;
      if (list.gone === list.places.length) this.waiting.delete(group);
      else if (fits(group) && (!found || list.places[list.gone]! < found.places[found.gone]!))
        found = list;
    }
    return found && this.ranked[found.places[found.gone++]!]!;
  }
}
