/** What is known of each annotator: agreement, accuracy, leanings, and whether he is flagged. */
import type { Interval } from "../../stats/intervals.ts";
import { meanInterval, shareInterval } from "../../stats/intervals.ts";
import type { Anomaly } from "../../stats/annotators/anomaly.ts";
import type { Aggregated } from "./aggregate.ts";
import type { PairVote, Votes } from "./votes.ts";
import { UNNAMED } from "./votes.ts";

export interface AnnotatorProfile {
  name: string;
  votes: number;
  ties: number;
  /** How often another annotator of the same pair says the same, ties left out. */
  agreement: Interval;
  /** By Dawid and Skene's model, of votes that are no ties. */
  accuracy: Interval;
  /** Share of votes for the left, less a half; of votes whose side is known. */
  side: Interval;
  /**
   * How much more often he chooses the longer answer than the others do of the same pairs; of votes
   * where the lengths differ.
   */
  length: Interval;
  anomaly: Anomaly;
}

const HALF = [-0.5, 0.5] as const;
const WHOLE = [-1, 1] as const;

export function profilesOf(
  { annotators, pairs, votes }: Votes,
  { anomalies, model }: Aggregated,
  confidence: number,
): AnnotatorProfile[] {
  const byPair: PairVote[][] = pairs.map(() => []);
  const byAnnotator: PairVote[][] = annotators.map(() => []);
  for (const vote of votes) {
    byAnnotator[vote.annotator]!.push(vote);
    if (vote.outcome !== 0.5) byPair[vote.pair]!.push(vote);
  }
  return annotators.flatMap((name, j): AnnotatorProfile[] => {
    if (name.startsWith(UNNAMED)) return [];
    const own = byAnnotator[j]!;
    const decided = own.filter(({ outcome }) => outcome !== 0.5);
    const compared = decided.flatMap((vote) => {
      const others = byPair[vote.pair]!.filter(({ annotator }) => annotator !== j);
      if (others.length === 0) return [];
      const first = others.reduce((sum, { outcome }) => sum + outcome, 0) / others.length;
      return [{ vote, first, cluster: pairs[vote.pair]!.cluster }];
    });
    const sided = decided.filter(({ firstLeft }) => firstLeft !== undefined);
    const unequal = compared.filter(({ vote }) => pairs[vote.pair]!.longer !== 0);
    return [
      {
        name,
        votes: own.length,
        ties: own.length - decided.length,
        agreement: shareInterval(
          compared.map(({ vote, first }) => (vote.outcome === 1 ? first : 1 - first)),
          { confidence, clusters: compared.map(({ cluster }) => cluster) },
        ),
        accuracy: model.accuracies[j]!,
        side: meanInterval(
          sided.map(({ outcome, firstLeft }) => ((outcome === 1) === firstLeft ? 0.5 : -0.5)),
          { confidence, range: HALF },
        ),
        length: meanInterval(
          unequal.map(({ vote, first }) => {
            const sign = pairs[vote.pair]!.longer > 0 ? 1 : -1;
            return sign * (vote.outcome - first);
          }),
          { confidence, range: WHOLE },
        ),
        anomaly: anomalies[j]!,
      },
    ];
  });
}
