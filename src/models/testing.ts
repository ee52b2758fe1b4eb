/** Tiny random models for tests: every weight non-trivial, so that a wrong one shows. */
import { Random } from "../core/random.ts";
import { elementCount, float32, int64, zeros } from "../core/tensor.ts";
import type { Model } from "./model.ts";
import { weightShapes } from "./model.ts";
import type { TokenBatch } from "./plans/plan.ts";
import { readModelConfig } from "./registry.ts";

/** Configurations of a few thousand parameters by family. */
export const TINY_CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: {
    model_type: "llama",
    vocab_size: 61,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
  },
  mistral: {
    model_type: "mistral",
    vocab_size: 61,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-5,
    sliding_window: 4,
  },
  qwen2: {
    model_type: "qwen2",
    vocab_size: 61,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 64,
    tie_word_embeddings: true,
  },
  qwen3: {
    model_type: "qwen3",
    vocab_size: 61,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    intermediate_size: 24,
    max_position_embeddings: 64,
  },
  gpt2: {
    model_type: "gpt2",
    vocab_size: 61,
    n_embd: 16,
    n_layer: 2,
    n_head: 4,
    n_positions: 64,
    activation_function: "gelu_new",
  },
};

/** A model with random weights; norm weights lie around 1. */
export function randomModel(
  json: Readonly<Record<string, unknown>>,
  seed = 0,
  deviation = 0.3,
): Model {
  const { family, config } = readModelConfig(json);
  const weights: Model["weights"] = new Map();
  for (const [name, shape] of Object.entries(weightShapes(family, config))) {
    const random = Random.for(seed, name);
    const isNorm = /(norm|ln_\w)\.weight$/.test(name);
    weights.set(
      name,
      float32(
        shape,
        random.fillNormal(
          new Float32Array(elementCount(shape)),
          isNorm ? 0.1 : deviation,
          isNorm ? 1 : 0,
        ),
      ),
    );
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
  const window = model.config.slidingWindow ?? length;
  for (let row = 0; row < rows; row++) {
    for (let query = 0; query < length; query++) {
      for (let key = 0; key < length; key++) {
        if (key > query || query - key >= window)
          bias.data[(row * length + query) * length + key] = -1e9;
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
