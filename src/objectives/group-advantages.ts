/**
 * Advantages of answers from the rewards of other answers, without a critic. Plain numbers.
 *
 * Source: Ahmadian et al. 2024 (leave-one-out); Shao et al. 2024 (GRPO); Liu et al. 2025 (Dr. GRPO:
 * no division by the group's deviation); Hu et al. 2025 (REINFORCE++-baseline: the group's mean);
 * TRL's rloo_trainer.py and grpo_trainer.py.
 */
import { mean, variance } from "../stats/intervals.ts";

/** Scores of the answers to one prompt, answers to one prompt standing together. */
function groupsOf(scores: readonly number[], size: number): number[][] {
  return Array.from({ length: scores.length / size }, (_, group) =>
    scores.slice(group * size, (group + 1) * size),
  );
}

/**
 * A_i = r_i - mean of the group's other rewards; exactly 0 where all are equal.
 * @param size answers to a prompt, 2 or more
 */
export function leaveOneOut(scores: readonly number[], size: number): number[] {
  return groupsOf(scores, size).flatMap((group) => {
    if (isUninformative(group)) return group.map(() => 0);
    const total = group.reduce((sum, score) => sum + score, 0);
    return group.map((score) => score - (total - score) / (size - 1));
  });
}

/** By whose deviation {@link groupRelative} divides: the group's, the batch's, or none. */
export const ADVANTAGE_SCALES = ["group", "batch", "none"] as const;

/** Added to the deviation, as TRL does. */
const EPSILON = 1e-4;

/**
 * A_i = (r_i - mean of the group) / (deviation + 1e-4), the deviation being the group's, the
 * batch's, or left out. Deviations with Bessel's correction. A group of equal rewards has
 * advantages of exactly 0.
 */
export function groupRelative(
  scores: readonly number[],
  size: number,
  scale: (typeof ADVANTAGE_SCALES)[number],
): number[] {
  const ofBatch = scale === "batch" ? Math.sqrt(variance(scores)) : 0;
  return groupsOf(scores, size).flatMap((group) => {
    if (isUninformative(group)) return group.map(() => 0);
    const centre = mean(group);
    const divisor =
      scale === "none" ? 1 : (scale === "group" ? Math.sqrt(variance(group)) : ofBatch) + EPSILON;
    return group.map((score) => (score - centre) / divisor);
  });
}

/** r_i less the mean of its group. @param size answers to a prompt */
export const groupCentred = (scores: readonly number[], size: number): number[] =>
  groupRelative(scores, size, "none");

/** (A_i - mean) / (deviation + 1e-4) over all answers. */
export const standardise = (advantages: readonly number[]): number[] =>
  groupRelative(advantages, advantages.length, "group");

/** Whether every answer has the same reward, so that nothing can be learned from the group. */
export const isUninformative = (group: readonly number[]): boolean =>
  group.every((score) => score === group[0]);

/**
 * Share of groups whose answers all have the same reward, 0 to 1.
 * @param size answers to a prompt
 */
export function shareOfUninformative(scores: readonly number[], size: number): number {
  const groups = groupsOf(scores, size);
  return groups.filter(isUninformative).length / groups.length;
}

/** Means over the tokens of a minibatch; see {@link tokenWeight}. */
export const AGGREGATIONS = ["dapo", "grpo", "dr_grpo"] as const;

/**
 * Weight of one token's loss. grpo: the mean over answers of the means over their tokens (favours
 * short good and long bad answers); dapo: the mean over all tokens (TRL's bnpo is the same here,
 * where accumulation is normalised by all tokens); dr_grpo: the sum over the number of answers and
 * the longest length allowed, which has no bias of length.
 * @param sizes tokens of the answer; answers and tokens of the minibatch; the longest answer
 * allowed, in tokens
 */
export function tokenWeight(
  aggregation: (typeof AGGREGATIONS)[number],
  {
    length,
    answers,
    tokens,
    longest,
  }: { length: number; answers: number; tokens: number; longest: number },
): number {
  if (aggregation === "grpo") return 1 / (answers * length);
  return aggregation === "dapo" ? 1 / tokens : 1 / (answers * longest);
}
