/**
 * A KL term in the loss of a policy (GRPO, REINFORCE++ with a group baseline).
 *
 * Source: Shao et al. 2024 (GRPO), equation 4; TRL's grpo_trainer.py with use_bias_correction_kl.
 */
import { add, exp, multiply, negate, square, subtract } from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import { clamp } from "./bounds.ts";

/** A KL term in the loss. */
export interface LossKl {
  /** beta > 0 */
  coef: number;
  estimator: "k2" | "k3";
  /** Multiply by the ratio: without it k3's gradient is not that of the KL (arXiv 2512.21852). */
  correction: boolean;
}

/** beta k2 or k3 of each token, d = log pi - log pi_ref. */
export function klTerm(
  logp: Value,
  reference: Value,
  ratio: Value,
  { coef, estimator, correction }: LossKl,
  limit: number,
): Value {
  const d = clamp(subtract(logp, reference), -limit, limit);
  const divergence =
    estimator === "k2" ? multiply(square(d), 0.5) : add(subtract(exp(negate(d)), 1), d);
  return multiply(correction ? multiply(divergence, ratio) : divergence, coef);
}
