/** What the block-wise plan may be asked for, and how many rows its head reads at once. */
import type { PlanOptions } from "./common.ts";
import type { Objective, Recompute } from "./plan.ts";

export interface BlockwiseOptions<O extends Objective = Objective> extends PlanOptions<O> {
  /** What of a block's forward its backward computes again instead of keeping it. Default all. */
  recompute?: Recompute;
  /** Most rows of logits that are in memory at once. */
  headRows?: number;
}

/**
 * Of logits at once. A head that is trained adds to all of its gradient once a chunk, which few
 * large chunks do less often.
 */
const HEAD_BYTES = { frozen: 32 * 2 ** 20, trained: 128 * 2 ** 20 };

/** Rows of logits that are in memory at once where the options say nothing. */
export function defaultHeadRows({
  model: { family, config },
  trainable,
}: BlockwiseOptions): number {
  const bytes = trainable?.has(family.headWeight(config)) ? HEAD_BYTES.trained : HEAD_BYTES.frozen;
  return Math.max(16, Math.floor(bytes / (4 * config.vocabularySize)));
}
