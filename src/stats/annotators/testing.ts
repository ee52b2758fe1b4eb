/** Votes of annotators whose accuracies are known, for tests. */
import { Random } from "../../core/random.ts";
import type { CrowdVote } from "./crowd.ts";
import type { ShownVote } from "./crowd-model.ts";

export interface DrawnCrowd {
  votes: CrowdVote[];
  truth: number[];
  accuracies: number[];
  items: number;
  gold: Map<number, number>;
}

/** Items of two classes, each judged by so many of the annotators, who are right by chance. */
export function drawCrowd(
  seed: number,
  {
    annotators,
    votesEach,
    overlap,
    accuracy: [low, high],
    goldShare = 0,
  }: {
    annotators: number;
    votesEach: number;
    overlap: number;
    accuracy: readonly [number, number];
    goldShare?: number;
  },
): DrawnCrowd {
  const random = Random.for(seed, "crowd");
  const accuracies = Array.from(
    { length: annotators },
    () => low + (high - low) * random.uniform(),
  );
  const everybody = accuracies.map((_, j) => j);
  const items = Math.round((annotators * votesEach) / overlap);
  const votes: CrowdVote[] = [];
  const truth = Array.from({ length: items }, (_, item) => {
    const right = random.integer(2);
    for (const annotator of random.sample(everybody, overlap))
      votes.push({
        item,
        annotator,
        label: random.chance(accuracies[annotator]!) ? right : 1 - right,
      });
    return right;
  });
  const known = Math.round(goldShare * items);
  const gold = new Map(truth.slice(0, known).map((label, item) => [item, label]));
  return { votes, truth, accuracies, items, gold };
}

export const PLANTED = ["random", "contrary", "left", "longer"] as const;
export type Planted = (typeof PLANTED)[number];

/**
 * Pairs of answers judged by ordinary annotators, each with an accuracy and leanings of his own to
 * longer answers and to a side, and by planted ones, who are true to their kind in 95 of 100 votes.
 */
export function drawShownVotes(
  seed: number,
  {
    annotators,
    votesEach,
    overlap,
    accuracy: [low, high],
    planted,
  }: {
    annotators: number;
    votesEach: number;
    overlap: number;
    accuracy: readonly [number, number];
    /** By number of the annotator. */
    planted: Readonly<Record<number, Planted>>;
  },
): { votes: ShownVote[]; items: number } {
  const random = Random.for(seed, "shown votes");
  const people = Array.from({ length: annotators }, () => ({
    right: low + (high - low) * random.uniform(),
    longer: 0.3 + 0.3 * random.normal(),
    left: 0.15 * random.normal(),
  }));
  const items = Math.round((annotators * votesEach) / overlap);
  const votes: ShownVote[] = [];
  for (let item = 0; item < items; item++) {
    const truth = random.integer(2);
    const longer = random.chance(0.9) ? (random.chance(0.6) === (truth === 0) ? 1 : -1) : 0;
    const who = random.sample([...people.keys()], overlap);
    for (const annotator of who) {
      const firstLeft = random.chance(0.5);
      const { right, longer: toLonger, left } = people[annotator]!;
      const odds =
        Math.log(right / (1 - right)) * (truth === 0 ? 1 : -1) +
        toLonger * longer +
        left * (firstLeft ? 1 : -1);
      const first = {
        ordinary: 1 / (1 + Math.exp(-odds)),
        random: 0.5,
        contrary: truth === 0 ? 0.25 : 0.75,
        left: firstLeft ? 0.95 : 0.05,
        longer: 0.5 + 0.45 * longer,
      }[planted[annotator] ?? "ordinary"];
      votes.push({ item, annotator, label: random.chance(first) ? 0 : 1, firstLeft, longer });
    }
  }
  return { votes, items };
}
