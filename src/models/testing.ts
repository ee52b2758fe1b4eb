/** Tiny random models for tests: every weight non-trivial, so that a wrong one shows. */
import { Random } from "../core/random.ts";
import { elementCount, float32, int64, zeros } from "../core/tensor.ts";
import type { Model } from "./model.ts";
import { weightShapes } from "./model.ts";
import type { TokenBatch } from "./plans/plan.ts";
import { FAMILIES, readModelConfig } from "./registry.ts";

/** Configurations of a few thousand parameters by family. */
export const TINY_CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> =
  Object.fromEntries(FAMILIES.map(({ modelType, tiny }) => [modelType, tiny]));

/** Such a configuration with heads of 16 or more, which ONNX Runtime's cached attention wants. */
export const decodableConfig = (type: string): Readonly<Record<string, unknown>> => ({
  ...TINY_CONFIGS[type]!,
  hidden_size: 64,
  n_embd: 64,
  ...("head_dim" in TINY_CONFIGS[type]! ? { head_dim: 16 } : {}),
});

/** A model with random weights; norm weights lie around what changes nothing. */
export function randomModel(
  json: Readonly<Record<string, unknown>>,
  seed = 0,
  deviation?: number,
): Model {
  const { family, config } = readModelConfig(json);
  const spread = deviation ?? 1.2 / Math.sqrt(config.hiddenSize);
  const weights: Model["weights"] = new Map();
  for (const [name, shape] of Object.entries(weightShapes(family, config))) {
    const random = Random.for(seed, name);
    const isNorm = shape.length === 1 && name.endsWith(".weight");
    const data = new Float32Array(elementCount(shape));
    random.fillNormal(data, isNorm ? 0.1 : spread, isNorm ? family.neutralNorm : 0);
    weights.set(name, float32(shape, data));
  }
  return { family, config, weights };
}

/**
 * A causal batch [rows, length] of random tokens, read at every row but the last of each sequence.
 */
export function randomBatch(model: Model, rows: number, length: number, seed = 0): TokenBatch {
  const random = Random.for(seed, "batch");
  const tokens = Array.from({ length: rows * length }, () =>
    random.integer(model.config.vocabularySize),
  );
  const bias = zeros("float32", [rows, 1, length, length]);
  for (let row = 0; row < rows; row++) {
    for (let query = 0; query < length; query++) {
      for (let key = 0; key < length; key++) {
        if (key > query) bias.data[(row * length + query) * length + key] = -1e9;
      }
    }
  }
  const selected = tokens.map((_, index) => index).filter((index) => index % length !== length - 1);
  return {
    tokens: int64([rows, length], tokens),
    positions: int64(
      [rows, length],
      tokens.map((_, index) => index % length),
    ),
    bias,
    selected: int64([selected.length], selected),
    targets: int64(
      [selected.length],
      selected.map((index) => tokens[index + 1]!),
    ),
  };
}
