/**
 * KTO: desirable answers lambda_D (1 - sigma(beta (lr - z0))), undesirable ones lambda_U (1 -
 * sigma(beta (z0 - lr))).
 * Source: Ethayarajh et al. 2024, equation 8; TRL's kto_trainer.py. z0, the mean log-ratio of
 * mismatched answers clamped at 0, is estimated without gradient and arrives as an input.
 */
import { z } from "zod";
import type { ConfigOf } from "../config/config.ts";
import { field } from "../config/config.ts";
import { add, fill, multiply, scatterAddRows, sigmoid, subtract, sumAll } from "../graph/build.ts";
import { defineObjective } from "../models/plans/plan.ts";
import { mean } from "../stats/intervals.ts";
import { saturate } from "./bounds.ts";

const answerWeight = z.number().positive();

/** What the loss reads, as options of the trainer. */
export const ktoHyperparameters = {
  beta: field({
    type: z.number().positive(),
    default: 0.1,
    source: "KTO (Ethayarajh et al. 2024), section 4.2; trl KTOConfig.beta",
    description: "strength of the pull towards the reference",
    group: "Method",
  }),
  desirableWeight: field({
    type: answerWeight,
    default: 1,
    source: "trl KTOConfig.desirable_weight",
    description: "lambda_D, weight of desirable answers",
    group: "Method",
  }),
  undesirableWeight: field({
    type: answerWeight,
    default: 1,
    source: "trl KTOConfig.undesirable_weight",
    description: "lambda_U, weight of undesirable answers",
    group: "Method",
  }),
};

/** Values of these: all above 0. */
export type KtoHyperparameters = ConfigOf<typeof ktoHyperparameters>;

/**
 * Inputs, beside the read log-probabilities [S]: `sequence` int64 [S]; `reference`, `label` (1
 * desirable, -1 undesirable) and `scale` float32 [sequences]; `z0` float32 []. Results: `logps`,
 * `losses` [sequences].
 */
export function ktoObjective({ beta, desirableWeight, undesirableWeight }: KtoHyperparameters) {
  const sequences = ["sequences"] as const;
  return defineObjective({
    name: "kto",
    reads: "tokens",
    inputs: {
      sequence: { dtype: "int64", shape: ["selected"] },
      reference: { dtype: "float32", shape: sequences },
      label: { dtype: "float32", shape: sequences },
      scale: { dtype: "float32", shape: sequences },
      z0: { dtype: "float32", shape: [] },
    },
    build(readout, inputs) {
      const logps = scatterAddRows(fill(readout.graph, sequences, 0), inputs.sequence, readout);
      const advantage = multiply(
        subtract(subtract(saturate(logps), saturate(inputs.reference)), saturate(inputs.z0)),
        inputs.label,
      );
      // Half the sum for label 1, half the difference for -1: both weights without a branch.
      const weight = add(
        multiply(inputs.label, (desirableWeight - undesirableWeight) / 2),
        (desirableWeight + undesirableWeight) / 2,
      );
      const losses = multiply(subtract(1, sigmoid(multiply(advantage, beta))), weight);
      return { loss: sumAll(multiply(losses, inputs.scale)), metrics: { logps, losses } };
    },
  });
}

/**
 * z0 of a batch: the mean log-ratio of its answers read after another row's prompt, and 0 where
 * that is negative.
 * @param logRatios log pi(y') - log pi_ref(y') of each mismatched answer, nats
 */
export function ktoReferencePoint(logRatios: readonly number[]): number {
  return Math.max(0, mean(logRatios));
}

/** With the names and types of its inputs and metrics. */
export type KtoObjective = ReturnType<typeof ktoObjective>;
