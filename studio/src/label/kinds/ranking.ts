/** Answers in groups, the best first: those of one group share a place. */

export type Groups = readonly (readonly number[])[];

/** @param tie in the group of the last that was placed, rather than after it */
export function place(groups: Groups, answer: number, tie: boolean): Groups {
  const without = groups
    .map((group) => group.filter((each) => each !== answer))
    .filter((group) => group.length > 0);
  if (groups.some((group) => group.includes(answer))) return without;
  if (tie && without.length > 0) return [...without.slice(0, -1), [...without.at(-1)!, answer]];
  return [...without, [answer]];
}

/** The place of each answer, counted as in races: after two firsts comes a third. */
export function ranksOf(groups: Groups, count: number): (number | undefined)[] {
  const ranks: (number | undefined)[] = Array.from({ length: count });
  let rank = 1;
  for (const group of groups) {
    for (const answer of group) ranks[answer] = rank;
    rank += group.length;
  }
  return ranks;
}

export function groupsOf(ranks: readonly number[] | undefined): Groups {
  const places = [...new Set(ranks ?? [])].toSorted((a, b) => a - b);
  return places.map((place) => ranks!.flatMap((rank, answer) => (rank === place ? [answer] : [])));
}
