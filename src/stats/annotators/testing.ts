/** Votes of annotators whose accuracies are known, for tests. */
import { Random } from "../../core/random.ts";
import type { CrowdVote } from "./crowd.ts";

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
