/**
 * Which answers a method learns from, by their scores. Answers to one prompt stand together. Plain
 * numbers.
 *
 * Source: Guo et al. 2024 (online DPO: two answers, the better and the worse); Touvron et al. 2023
 * (Llama 2), section 3.2.3, and Dong et al. 2023 (RAFT) for the best answer. Difference: where all
 * answers to a prompt have the same score none is chosen, since the scores say nothing about them;
 * TRL's online DPO takes the first for the better one.
 */

/** Two answers by their index; p is the probability that chosen is the better one. */
export interface AnswerPair {
  chosen: number;
  rejected: number;
  p: number;
}

/**
 * The best and the worst answer to each prompt; none where all are equal. Of equal ones the first
 * counts.
 */
export function extremePairs(scores: readonly number[], samples: number): AnswerPair[] {
  return Array.from({ length: scores.length / samples }, (_, group) => {
    const members = Array.from({ length: samples }, (_, i) => group * samples + i);
    const chosen = members.reduce((best, member) =>
      scores[member]! > scores[best]! ? member : best,
    );
    const rejected = members.reduce((worst, member) =>
      scores[member]! < scores[worst]! ? member : worst,
    );
    return { chosen, rejected, p: 1 };
  }).filter(({ chosen, rejected }) => scores[chosen]! > scores[rejected]!);
}

/** Ways to choose the answers that are imitated; see {@link KeepRule}. */
export const KEEP_RULES = ["best", "share", "threshold"] as const;

/** Which answers are kept. */
export interface KeepRule {
  /** The best to each prompt, the best share of all, or all at or above a threshold. */
  keep: (typeof KEEP_RULES)[number];
  samples: number;
  share: number;
  threshold: number;
}

/** Indices of the answers to imitate, in order. Of equal ones the first counts as better. */
export function chooseAnswers(
  scores: readonly number[],
  { keep, samples, share, threshold }: KeepRule,
): number[] {
  const indices = scores.map((_, index) => index);
  switch (keep) {
    case "best":
      return extremePairs(scores, samples).map(({ chosen }) => chosen);
    case "share":
      return indices
        .toSorted((a, b) => scores[b]! - scores[a]! || a - b)
        .slice(0, Math.max(1, Math.round(share * scores.length)))
        .toSorted((a, b) => a - b);
    case "threshold":
      return indices.filter((index) => scores[index]! >= threshold);
  }
}
