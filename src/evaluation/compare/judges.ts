/** Who judges in a comparison, and how pairs of answers are put to them: blind, sides by the seed. */
import { Random } from "../../core/random.ts";
import type { ComparedAnswers, Judge, PairJudgement } from "../../training/rollout/judge.ts";
import { isRefused, judgeOrders } from "../../training/rollout/judge.ts";

/**
 * What a judge is: a program that knows what is right, a reward model, a language model with a
 * constitution or a rubric, a function of the user's, votes of people.
 */
export type JudgeKind = "gold" | "reward" | "critic" | "function" | "votes";

/** A judge with what a reader must know of it. */
export interface ComparisonJudge {
  judge: Judge;
  kind: JudgeKind;
  /** Unique among the judges of a comparison. */
  name: string;
  /** Whether one of the models was trained to please it. */
  optimised?: boolean;
  /**
   * Scores each answer by itself: the order cannot matter, and it is asked once a pair. Default
   * false.
   */
  symmetric?: boolean;
}

/** Two answers to one prompt; the judge does not learn which is whose. */
export interface BlindPair extends ComparedAnswers {
  /** Names the pair for the draw of sides. */
  id: string;
}

/**
 * Asks about each pair, in both orders unless the judge is symmetric. Which of the two is shown
 * first in the first question is drawn from the seed.
 * @returns one judgement a pair, of its `first`; an abort ends it early and leaves pairs out
 * @throws AttuneError where the judge fails or hangs
 */
export async function askBlind(
  { judge, symmetric = false }: ComparisonJudge,
  pairs: readonly BlindPair[],
  {
    seed,
    signal,
    onPair,
  }: { seed: number; signal?: AbortSignal | undefined; onPair?: (() => void) | undefined },
): Promise<PairJudgement[]> {
  const swapped = pairs.map(({ id }) => Random.for(seed, "side", id).chance(0.5));
  const shown = pairs.map((pair, i) =>
    swapped[i] ? { ...pair, first: pair.second, second: pair.first } : pair,
  );
  const judgements = await judgeOrders(judge, shown, {
    orders: symmetric ? 1 : 2,
    signal,
    onPair,
  });
  return judgements.map((judgement, i) =>
    judgement === undefined || isRefused(judgement) || !swapped[i]
      ? judgement
      : [1 - judgement[1], 1 - judgement[0]],
  );
}
