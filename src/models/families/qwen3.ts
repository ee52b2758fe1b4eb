/**
 * Qwen3: Llama with an RMS norm over each head of queries and keys, and a head size of its own.
 * Source: transformers' models/qwen3/modeling_qwen3.py. Its partial sliding window
 * (use_sliding_window) is refused.
 */
import { reshape, rmsNorm } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import { ConfigReader } from "../config-reader.ts";
import type { BlockBuilder, ModelFamily } from "../family.ts";
import { llamaGguf } from "../gguf/llama.ts";
import { llamaLike, llamaBlock, llamaBlockShapes, readLlamaConfig, TINY_LLAMA } from "./llama.ts";
import { QWEN_DEFAULTS, refuseWindows } from "./qwen2.ts";

/** [N, heads * D] -> [N, heads, D], normalised over D. */
function headNorm(builder: BlockBuilder, x: Value, heads: number, weight: string): Value {
  const { headSize, normEpsilon } = builder.config;
  return rmsNorm(
    reshape(x, [x.shape[0]!, heads, headSize]),
    builder.parameter(weight),
    normEpsilon,
  );
}

export const qwen3: ModelFamily = {
  ...llamaLike,
  modelType: "qwen3",
  architectures: { language: "Qwen3ForCausalLM", scores: "Qwen3ForSequenceClassification" },
  peftTargets: ["q_proj", "v_proj"],
  gguf: llamaGguf({
    architecture: "qwen3",
    own: ({ header }) => ({ attention_bias: header.tensors.has("blk.0.attn_q.bias") }),
  }),
  tiny: { model_type: "qwen3", ...TINY_LLAMA, head_dim: 8 },
  published: {},
  readConfig(json) {
    refuseWindows(json);
    const biased = new ConfigReader(json).boolean("attention_bias", false);
    return {
      ...readLlamaConfig(json, { ...QWEN_DEFAULTS, headSize: 128 }),
      modelType: "qwen3",
      biases: { queryKeyValue: biased, output: biased, mlp: false },
    };
  },
  blockShapes: (config) => ({
    ...llamaBlockShapes(config),
    "self_attn.q_norm.weight": [config.headSize],
    "self_attn.k_norm.weight": [config.headSize],
  }),
  block: (builder, x) =>
    llamaBlock(builder, x, {
      queries: (queries) =>
        headNorm(builder, queries, builder.config.heads, "self_attn.q_norm.weight"),
      keys: (keys) =>
        headNorm(builder, keys, builder.config.keyValueHeads, "self_attn.k_norm.weight"),
    }),
};
