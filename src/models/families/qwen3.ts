/**
 * Qwen3: Llama with an RMS norm over each head of queries and keys, and a head size of its own.
 * Source: transformers' models/qwen3/modeling_qwen3.py. Its partial sliding window (use_sliding_window) is refused.
 */
import { add, multiply, reshape, rmsNorm, silu } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import type { BlockBuilder, ModelFamily } from "../family.ts";
import { ConfigReader } from "../family.ts";
import { llama, llamaBlockShapes, readLlamaConfig } from "./llama.ts";

/** [N, heads * D] -> [N, heads, D], normalised over D. */
function headNorm(builder: BlockBuilder, x: Value, heads: number, weight: string): Value {
  const { headSize, normEpsilon } = builder.config;
  return rmsNorm(reshape(x, [x.shape[0]!, heads, headSize]), builder.parameter(weight), normEpsilon);
}

export const qwen3: ModelFamily = {
  ...llama,
  modelType: "qwen3",
  readConfig(json) {
    const config = new ConfigReader(json);
    config.only("use_sliding_window", [false]);
    return { ...readLlamaConfig(json), headSize: config.integer("head_dim", 128), modelType: "qwen3" };
  },
  blockShapes: (config) => ({
    ...llamaBlockShapes(config),
    "self_attn.q_norm.weight": [config.headSize],
    "self_attn.k_norm.weight": [config.headSize],
  }),
  block(builder, x) {
    const { normEpsilon, heads, keyValueHeads } = builder.config;
    const normed = rmsNorm(x, builder.parameter("input_layernorm.weight"), normEpsilon);
    const attended = builder.attention(
      headNorm(builder, builder.linear(normed, "self_attn.q_proj"), heads, "self_attn.q_norm.weight"),
      headNorm(builder, builder.linear(normed, "self_attn.k_proj"), keyValueHeads, "self_attn.k_norm.weight"),
      builder.linear(normed, "self_attn.v_proj"),
    );
    const middle = add(x, builder.linear(attended, "self_attn.o_proj"));
    const wide = rmsNorm(middle, builder.parameter("post_attention_layernorm.weight"), normEpsilon);
    const gated = multiply(silu(builder.linear(wide, "mlp.gate_proj")), builder.linear(wide, "mlp.up_proj"));
    return add(middle, builder.linear(gated, "mlp.down_proj"));
  },
};
