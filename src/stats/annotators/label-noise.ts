/**
 * How noisy labels are, from how often two annotators agree on one item, and the ceiling that this
 * sets on the accuracy that anything can show on such labels.
 *
 * Two annotators who judge by themselves agree with probability A = E[q² + (1 - q)²], q the share of
 * people who would say so of the item. Were all items equally hard and each right with probability
 * a, A = a² + (1 - a)², so a = (1 + sqrt(2A - 1)) / 2. Items that are unequally hard leave less:
 * the best that can be shown is E[max(q, 1 - q)], which lies between A (a part is certain, the rest
 * a coin's throw) and that a, by Jensen's inequality. So a is the ceiling, and A can be reached.
 */
import type { ItemLabels } from "../agreement.ts";
import { agreementInterval } from "../agreement-intervals.ts";
import type { Labels } from "../clusters.ts";
import type { Interval } from "../intervals.ts";

export interface LabelNoise {
  /** P(two annotators agree). */
  agreement: Interval;
  /** No model can be right on more of such labels, one vote each; also how often one vote is. */
  ceiling: Interval;
  /** 1 - ceiling: at least so many votes are against what most would say. */
  noise: Interval;
}

/** Why agreement does not tell how noisy labels are. */
const LESS_THAN_CHANCE = "annotators agree less often than by chance, so they do not judge alike";

/** Of two classes that mean nothing by themselves, such as the two answers of a pair. */
export function labelNoise(
  items: readonly ItemLabels[],
  options: { clusters?: Labels | undefined; confidence?: number } = {},
): LabelNoise {
  const agreement = agreementInterval(items, options);
  const { estimate, low, high, n, noClaim } = agreement;
  // who judge by themselves agree on half of two classes at least
  const reason = noClaim ?? (high <= 0.5 ? LESS_THAN_CHANCE : undefined);
  const none = reason === undefined ? {} : { noClaim: reason };
  const ceiling = {
    estimate: accuracyOfOne(estimate),
    low: accuracyOfOne(low),
    high: reason === undefined ? accuracyOfOne(high) : 1,
    n,
    ...none,
  };
  return {
    agreement,
    ceiling,
    noise: {
      estimate: 1 - ceiling.estimate,
      low: 1 - ceiling.high,
      high: 1 - ceiling.low,
      n,
      ...none,
    },
  };
}

/** How often one is right where two agree so often; half where they agree by chance or less. */
export const accuracyOfOne = (agreement: number): number =>
  (1 + Math.sqrt(Math.max(0, 2 * agreement - 1))) / 2;
