/** Supervised fine-tuning: the weighted negative log-likelihood of target tokens. */
import { multiply, sumAll } from "../graph/build.ts";
import { defineObjective } from "../models/plans/plan.ts";

/**
 * loss = sum_t slope_t log p_t, where the caller gives slope_t = -1 / (supervised tokens of the
 * whole optimiser step): micro-batches of any size then add up to the token mean. Linear, so the
 * head is computed once.
 */
export const sftObjective = defineObjective({
  name: "sft",
  reads: "tokens",
  inputs: { slope: { dtype: "float32", shape: ["selected"] } },
  build: (readout, inputs) => ({ loss: sumAll(multiply(readout, inputs.slope)), metrics: {} }),
  linearIn: "slope",
});

/** With the names and types of its inputs and metrics. */
export type SftObjective = typeof sftObjective;
