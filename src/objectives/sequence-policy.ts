/**
 * The clipped surrogate with one ratio for a whole answer: what RLOO optimises.
 *
 * Source: Ahmadian et al. 2024 (RLOO), with the ratio and the clipping of TRL's rloo_trainer.py.
 * Difference: 1. the answer's log-ratio is kept within a limit, as in PPO.
 */
import {
  exp,
  fill,
  greater,
  maximum,
  multiply,
  negate,
  scatterAddRows,
  subtract,
  sumAll,
} from "../graph/build.ts";
import { defineObjective } from "../models/plans/plan.ts";
import type { ConfigOf } from "../config/config.ts";
import { clamp, saturate } from "./bounds.ts";
import type { ratioHyperparameters } from "./ppo.ts";

/** epsilon and the limit of log-ratios, here of an answer's probabilities. */
export type SequencePolicyHyperparameters = ConfigOf<typeof ratioHyperparameters>;

const ANSWERS = ["answers"] as const;

/**
 * Inputs, beside the read log-probabilities [S]: `oldLogps` float32 [S], `sequence` int64 [S], the
 * answer of each token; `advantages` and `weight` float32 [answers], weight being 1 / (answers of
 * the minibatch). Results: `losses` [answers]. Terms: `ratio` and whether the clipped term was the
 * larger loss, `clipped` [answers].
 */
export function sequencePolicyObjective({
  clipRange,
  logRatioLimit,
}: SequencePolicyHyperparameters) {
  return defineObjective({
    name: "rloo-policy",
    reads: "tokens",
    inputs: {
      oldLogps: { dtype: "float32", shape: ["selected"] },
      sequence: { dtype: "int64", shape: ["selected"] },
      advantages: { dtype: "float32", shape: ANSWERS },
      weight: { dtype: "float32", shape: ANSWERS },
    },
    build(readout, inputs) {
      const moved = scatterAddRows(
        fill(readout.graph, ANSWERS, 0),
        inputs.sequence,
        subtract(readout, inputs.oldLogps),
      );
      const ratio = exp(clamp(moved, -logRatioLimit, logRatioLimit));
      const gain = negate(saturate(inputs.advantages));
      const free = multiply(gain, ratio);
      const limited = multiply(gain, clamp(ratio, 1 - clipRange, 1 + clipRange));
      const losses = maximum(free, limited);
      return {
        loss: sumAll(multiply(losses, inputs.weight)),
        metrics: { losses },
        terms: { ratio, clipped: greater(limited, free) },
      };
    },
  });
}

/** With the names and types of its inputs, metrics and terms. */
export type SequencePolicyObjective = ReturnType<typeof sequencePolicyObjective>;
