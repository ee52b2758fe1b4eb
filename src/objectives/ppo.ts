/**
 * The clipped surrogate of the policy, token by token, and the clipped squared error of PPO's
 * critic. GRPO and REINFORCE++ use the same surrogate with other advantages; a higher upper clip
 * (DAPO) and a KL term in the loss are theirs.
 *
 * Source: Schulman et al. 2017, equation 7; value clipping as in OpenAI's baselines and TRL's
 * ppo_trainer.py; dual clip: Ye et al. 2020, equation 5 (verl's form; TRL's delta); clip-higher: Yu
 * et al. 2025 (DAPO), section 3.1; the KL term: Shao et al. 2024 (GRPO), equation 4, and TRL's
 * grpo_trainer.py with use_bias_correction_kl.
 * Differences:
 * 1. the log-ratio is kept within a limit, so that one token cannot overflow the ratio (outside it
 *    has no slope);
 * 2. actor and critic are two networks with an optimiser each, so there is no weight between the
 *    losses.
 */
import { z } from "zod";
import type { ConfigOf, ConfigProblem } from "../config/config.ts";
import { field } from "../config/config.ts";
import {
  add,
  exp,
  greater,
  maximum,
  minimum,
  multiply,
  negate,
  square,
  subtract,
  sumAll,
  where,
} from "../graph/build.ts";
import { defineObjective } from "../models/plans/plan.ts";
import type { LossKl } from "./loss-kl.ts";
import { klTerm } from "./loss-kl.ts";
import { LARGEST_LOG_RATIO, clamp, saturate } from "./bounds.ts";

/** What the surrogate of a ratio reads, of tokens or of whole answers, as options of trainers. */
export const ratioHyperparameters = {
  /** epsilon: the ratio has no further effect outside 1 +- epsilon. */
  clipRange: field({
    type: z.number().positive(),
    default: 0.2,
    source: "trl PPOConfig.cliprange, GRPOConfig.epsilon",
    description: "epsilon of the policy's ratio",
    group: "Method",
  }),
  /** Limit of |log pi - log pi_old|. */
  logRatioLimit: field({
    type: z.number().positive().max(LARGEST_LOG_RATIO),
    default: 20,
    source: "exp(20) is far from float32's limit",
    description: "log-ratios are kept within this",
    group: "Method",
    unit: "nats",
  }),
};

/** What the surrogate of tokens reads beside these. */
export const tokenHyperparameters = {
  clipRangeHigh: field({
    type: z.number().min(0),
    default: 0,
    source: "trl GRPOConfig.epsilon_high; DAPO (Yu et al. 2025) uses 0.28",
    description: "upper epsilon of the ratio; 0 for the same as clipRange",
    group: "Method",
  }),
  /** c: with a negative advantage the loss is at most -c A. */
  dualClip: field({
    type: z.number().min(0),
    default: 0,
    source: "off; trl GRPOConfig.delta; Ye et al. 2020; verl uses 3",
    description: "largest ratio of bad tokens that counts; 0 for no limit",
    group: "Method",
  }),
};

/** What {@link policyObjective} is made of. */
export interface PolicyHyperparameters extends ConfigOf<typeof ratioHyperparameters> {
  readonly dualClip: number;
  /** 0 or left out for the same as below. */
  readonly clipRangeHigh?: number;
  /** Left out for none. */
  readonly lossKl?: LossKl | undefined;
}

/** Which numbers of the surrogate do not go together; undefined where all do. */
export function checkClipping({
  clipRange,
  clipRangeHigh = 0,
  dualClip,
}: PolicyHyperparameters): ConfigProblem | undefined {
  if (dualClip > 0 && dualClip <= 1)
    return {
      option: "dualClip",
      what: "it would clip tokens that have not moved",
      expected: "0, or more than 1",
    };
  if (clipRangeHigh > 0 && clipRangeHigh < clipRange)
    return {
      option: "clipRangeHigh",
      what: "is below clipRange",
      expected: `0, or at least ${clipRange}`,
    };
  return undefined;
}

const TOKENS = ["selected"] as const;

/**
 * Inputs, beside the read log-probabilities [S]: `oldLogps`, `advantages`, `weight` and, read by
 * the KL term alone, `reference` float32 [S]. The weights say what mean is taken: 1 / (tokens of
 * the minibatch) for the mean over tokens, so that micro-batches add up to it. Results: `losses`
 * [S], the KL term left out. Terms: `ratio`, and whether the clipped term was the larger loss,
 * `clipped` [S].
 */
export function policyObjective({
  clipRange,
  clipRangeHigh,
  dualClip,
  logRatioLimit,
  lossKl,
}: PolicyHyperparameters) {
  return defineObjective({
    name: "ppo-policy",
    reads: "tokens",
    inputs: {
      oldLogps: { dtype: "float32", shape: TOKENS },
      advantages: { dtype: "float32", shape: TOKENS },
      weight: { dtype: "float32", shape: TOKENS },
      reference: { dtype: "float32", shape: TOKENS },
    },
    build(readout, inputs) {
      const ratio = exp(clamp(subtract(readout, inputs.oldLogps), -logRatioLimit, logRatioLimit));
      const gain = negate(saturate(inputs.advantages));
      const free = multiply(gain, ratio);
      const limited = multiply(gain, clamp(ratio, 1 - clipRange, 1 + (clipRangeHigh || clipRange)));
      const clipped = maximum(free, limited);
      const losses =
        dualClip === 0
          ? clipped
          : where(greater(gain, 0), minimum(clipped, multiply(gain, dualClip)), clipped);
      const whole = lossKl
        ? add(losses, klTerm(readout, inputs.reference, ratio, lossKl, logRatioLimit))
        : losses;
      return {
        loss: sumAll(multiply(whole, inputs.weight)),
        metrics: { losses },
        terms: { ratio, clipped: greater(limited, free) },
      };
    },
  });
}

/** What the critic's loss reads, as options of the trainer. */
export const valueHyperparameters = {
  clipRangeValue: field({
    type: z.number().min(0),
    default: 0.2,
    source: "trl PPOConfig.cliprange_value",
    description:
      "how far a value may move before its error is counted without the move; 0 for no limit",
    group: "Method",
  }),
};

/** Values of these: 0 or more. */
export type ValueHyperparameters = ConfigOf<typeof valueHyperparameters>;

/**
 * Inputs, beside the read values [S]: `oldValues`, `returns` and `weight` float32 [S]. Results:
 * `losses` [S]. Terms: whether the limited error was the larger, `clipped` [S].
 *
 * loss = weight / 2 * max((V - R)^2, (V_clip - R)^2), V_clip = V_old + clip(V - V_old, +-range).
 */
export function valueObjective({ clipRangeValue: range }: ValueHyperparameters) {
  return defineObjective({
    name: "ppo-value",
    reads: "scores",
    inputs: {
      oldValues: { dtype: "float32", shape: TOKENS },
      returns: { dtype: "float32", shape: TOKENS },
      weight: { dtype: "float32", shape: TOKENS },
    },
    build(readout, inputs) {
      const [value, old, returns] = [
        saturate(readout),
        saturate(inputs.oldValues),
        saturate(inputs.returns),
      ];
      const free = square(subtract(value, returns));
      const limited =
        range === 0
          ? free
          : square(subtract(add(old, clamp(subtract(value, old), -range, range)), returns));
      const losses = multiply(range === 0 ? free : maximum(free, limited), 0.5);
      return {
        loss: sumAll(multiply(losses, inputs.weight)),
        metrics: { losses },
        terms: { clipped: greater(limited, free) },
      };
    },
  });
}

/** With the names and types of its inputs, metrics and terms. */
export type PolicyObjective = ReturnType<typeof policyObjective>;

/** With the names and types of its inputs, metrics and terms. */
export type ValueObjective = ReturnType<typeof valueObjective>;
