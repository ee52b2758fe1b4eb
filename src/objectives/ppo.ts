/**
 * The two losses of PPO: the clipped surrogate of the policy and the clipped squared error of the critic.
 *
 * Source: Schulman et al. 2017, equation 7; value clipping as in OpenAI's baselines and TRL's ppo_trainer.py; dual clip:
 * Ye et al. 2020, equation 5 (verl's form).
 * Differences: 1. the log-ratio is kept within a limit, so that one token cannot overflow the ratio (outside it has no
 * slope); 2. actor and critic are two networks with an optimiser each, so there is no
 * weight between the losses.
 */
import { add, exp, greater, maximum, minimum, multiply, negate, square, subtract, sumAll, where } from "../graph/build.ts";
import type { Value } from "../graph/ir.ts";
import type { Objective } from "../models/plans/plan.ts";

export interface PolicyHyperparameters {
  /** epsilon: the ratio has no further effect outside 1 +- epsilon. */
  clipRange: number;
  /** c: with a negative advantage the loss is at most -c A; 0 turns dual clip off. */
  dualClip: number;
  /** Limit of |log pi - log pi_old|. */
  logRatioLimit: number;
}

const clamp = (x: Value, low: number, high: number): Value => minimum(maximum(x, low), high);
const plainClamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));

const TOKENS = ["selected"] as const;

/**
 * Inputs, beside the read log-probabilities [S]: `oldLogps`, `advantages` and `weight` float32 [S], weight being
 * 1 / (tokens of the minibatch), so that micro-batches add up to the token mean. Results: `losses` [S].
 */
export function policyObjective({ clipRange, dualClip, logRatioLimit }: PolicyHyperparameters): Objective {
  return {
    name: "ppo-policy",
    reads: "tokens",
    inputs: {
      oldLogps: { dtype: "float32", shape: TOKENS },
      advantages: { dtype: "float32", shape: TOKENS },
      weight: { dtype: "float32", shape: TOKENS },
    },
    build(readout, inputs) {
      const ratio = exp(clamp(subtract(readout, inputs["oldLogps"]!), -logRatioLimit, logRatioLimit));
      const gain = negate(inputs["advantages"]!);
      const clipped = maximum(multiply(gain, ratio), multiply(gain, clamp(ratio, 1 - clipRange, 1 + clipRange)));
      const losses = dualClip === 0 ? clipped : where(greater(gain, 0), minimum(clipped, multiply(gain, dualClip)), clipped);
      return { loss: sumAll(multiply(losses, inputs["weight"]!)), metrics: { losses } };
    },
  };
}

export interface PolicyTerms {
  logp: number;
  oldLogp: number;
  advantage: number;
}

export interface PlainPolicyLoss {
  loss: number;
  ratio: number;
  /** Whether the clipped term was the larger loss. */
  clipped: boolean;
}

/** The plain-number twin, for one token. */
export function plainPolicyLoss({ logp, oldLogp, advantage }: PolicyTerms, { clipRange, dualClip, logRatioLimit }: PolicyHyperparameters): PlainPolicyLoss {
  const ratio = Math.exp(plainClamp(logp - oldLogp, -logRatioLimit, logRatioLimit));
  const [free, limited] = [-advantage * ratio, -advantage * plainClamp(ratio, 1 - clipRange, 1 + clipRange)];
  const loss = Math.max(free, limited);
  return { loss: dualClip !== 0 && advantage < 0 ? Math.min(loss, -advantage * dualClip) : loss, ratio, clipped: limited > free };
}

export interface ValueHyperparameters {
  /** A value may move this far from the one of the roll-out before the error is counted without the move; 0 for no limit. */
  clipRangeValue: number;
}

/**
 * Inputs, beside the read values [S]: `oldValues`, `returns` and `weight` float32 [S]. Results: `losses` [S].
 * loss = weight / 2 * max((V - R)^2, (V_clip - R)^2), V_clip = V_old + clip(V - V_old, +-range).
 */
export function valueObjective({ clipRangeValue: range }: ValueHyperparameters): Objective {
  return {
    name: "ppo-value",
    reads: "scores",
    inputs: {
      oldValues: { dtype: "float32", shape: TOKENS },
      returns: { dtype: "float32", shape: TOKENS },
      weight: { dtype: "float32", shape: TOKENS },
    },
    build(readout, inputs) {
      const [old, returns] = [inputs["oldValues"]!, inputs["returns"]!];
      const free = square(subtract(readout, returns));
      const near = range === 0 ? readout : add(old, clamp(subtract(readout, old), -range, range));
      const losses = multiply(range === 0 ? free : maximum(free, square(subtract(near, returns))), 0.5);
      return { loss: sumAll(multiply(losses, inputs["weight"]!)), metrics: { losses } };
    },
  };
}

/** The plain-number twin, for one token. */
export function plainValueLoss(token: { value: number; oldValue: number; target: number }, { clipRangeValue: range }: ValueHyperparameters): { loss: number; clipped: boolean } {
  const free = (token.value - token.target) ** 2;
  if (range === 0) return { loss: 0.5 * free, clipped: false };
  const limited = (token.oldValue + plainClamp(token.value - token.oldValue, -range, range) - token.target) ** 2;
  return { loss: 0.5 * Math.max(free, limited), clipped: limited > free };
}
