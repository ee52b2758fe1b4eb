/**
 * The Bradley-Terry reward loss: -p log sigma(d) - (1 - p) log sigma(-d) with d = r_c - r_r - m,
 * plus c (r_c + r_r)^2 to keep rewards centred.
 *
 * Source: Bradley and Terry 1952; Ouyang et al. 2022 section 3.5 (all pairs of a prompt in one
 * batch element); margin: Touvron et al. 2023 section 3.2.2; centring: Eisenstein et al. 2023, as
 * in TRL's reward_trainer.py. Difference: soft labels p. With p < 1 the margin shifts the
 * difference in favour of the chosen answer only.
 */
import { z } from "zod";
import type { ConfigOf } from "../config/config.ts";
import { field } from "../config/config.ts";
import {
  add,
  gatherRows,
  logSigmoid,
  multiply,
  negate,
  square,
  subtract,
  sumAll,
} from "../graph/build.ts";
import { defineObjective } from "../models/plans/plan.ts";
import { saturate } from "./bounds.ts";

/** What the loss reads, as options of the trainer. */
export const rewardHyperparameters = {
  /** c; 0 turns centring off. */
  centerCoefficient: field({
    type: z.number().min(0),
    default: 0.01,
    source: "trl RewardConfig.center_rewards_coefficient, recommended value",
    description: "pull of the rewards' sum towards 0",
    group: "Method",
  }),
};

/** Values of these: 0 or more. */
export type RewardHyperparameters = ConfigOf<typeof rewardHyperparameters>;

/**
 * Inputs, beside one score per sequence [S]: `chosen` and `rejected` int64 [pairs], rows of the
 * scores, so that an answer that is part of several pairs is scored once; `p`, `margin` and `scale`
 * float32 [pairs].
 */
export function rewardObjective({ centerCoefficient }: RewardHyperparameters) {
  const pairs = ["pairs"] as const;
  return defineObjective({
    name: "bradley-terry",
    reads: "scores",
    inputs: {
      chosen: { dtype: "int64", shape: pairs },
      rejected: { dtype: "int64", shape: pairs },
      p: { dtype: "float32", shape: pairs },
      margin: { dtype: "float32", shape: pairs },
      scale: { dtype: "float32", shape: pairs },
    },
    build(readout, inputs) {
      const [chosen, rejected] = [
        gatherRows(readout, inputs.chosen),
        gatherRows(readout, inputs.rejected),
      ];
      const [c, r] = [saturate(chosen), saturate(rejected)];
      const difference = subtract(subtract(c, r), saturate(inputs.margin));
      const p = inputs.p;
      const likelihood = negate(
        add(
          multiply(p, logSigmoid(difference)),
          multiply(subtract(1, p), logSigmoid(negate(difference))),
        ),
      );
      const losses =
        centerCoefficient === 0
          ? likelihood
          : add(likelihood, multiply(square(add(c, r)), centerCoefficient));
      return {
        loss: sumAll(multiply(losses, inputs.scale)),
        metrics: { losses, chosen, rejected },
      };
    },
  });
}

/** With the names and types of its inputs and metrics. */
export type RewardObjective = ReturnType<typeof rewardObjective>;
