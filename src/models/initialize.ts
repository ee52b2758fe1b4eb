/**
 * A new model with random weights, to be trained from scratch. Source: GPT-2's initialisation
 * (Radford et al. 2019).
 */
import { Random } from "../core/random.ts";
import { elementCount, float32 } from "../core/tensor.ts";
import type { Model } from "./model.ts";
import { projectionsByWeight, weightShapes } from "./model.ts";
import { readModelConfig } from "./registry.ts";

const DEVIATION = 0.02;

/**
 * Matrices from N(0, 0.02), those that write into the residual stream scaled by 1 / sqrt(2 layers);
 * norms as they change nothing, biases 0.
 */
export function initializeModel(json: Readonly<Record<string, unknown>>, seed: number): Model {
  const { family, config } = readModelConfig(json);
  const projections = projectionsByWeight(family, config);
  const weights: Model["weights"] = new Map();
  for (const [name, shape] of Object.entries(weightShapes(family, config))) {
    const data = new Float32Array(elementCount(shape));
    if (shape.length > 1)
      Random.for(seed, name).fillNormal(
        data,
        projections.get(name)?.residual ? DEVIATION / Math.sqrt(2 * config.layers) : DEVIATION,
      );
    else if (!name.endsWith(".bias")) data.fill(family.neutralNorm);
    weights.set(name, float32(shape, data));
  }
  return { family, config, weights };
}

/** A copy that shares nothing with the original but weights in 8 bits, which nothing changes. */
export function cloneModel(model: Model): Model {
  const weights: Model["weights"] = new Map();
  for (const [name, weight] of model.weights)
    weights.set(name, { ...weight, data: weight.data.slice() } as typeof weight);
  return {
    family: model.family,
    config: model.config,
    weights,
    ...(model.int8 ? { int8: model.int8 } : {}),
  };
}
