/**
 * Llama: Llama 2 and 3.x, TinyLlama, SmolLM and SmolLM2. RMS norms, rotary positions, grouped-query
 * attention, SwiGLU.
 * Source: transformers' models/llama/modeling_llama.py. The other families of this kind reuse it
 * and say what differs.
 */
import { add, gatherRows, multiply, rmsNorm, silu } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import type { BlockBuilder, DecoderConfig, ModelFamily, Projection, Shapes } from "../family.ts";
import { ConfigReader, LIMITS } from "../family.ts";
import { readRope } from "../rope.ts";

export const EMBEDDING = "model.embed_tokens.weight";
export const HEAD = "lm_head.weight";
export const FINAL_NORM = "model.norm.weight";

/**
 * What transformers' configuration class of a Llama-like family has where config.json lacks a key.
 * A key that is null is not lacking: `num_key_value_heads: null` means as many as heads in every
 * family.
 */
export interface LlamaDefaults {
  vocabularySize: number;
  intermediateSize: number;
  /** Absent: as many as heads. */
  keyValueHeads?: number;
  /** Absent: the hidden size over the heads. */
  headSize?: number;
  maxPositions: number;
}

const LLAMA_DEFAULTS: LlamaDefaults = {
  vocabularySize: 32_000,
  intermediateSize: 11_008,
  maxPositions: 2048,
};

/**
 * Reads the fields that all Llama-like families share; none of them has biases but by its own word.
 */
export function readLlamaConfig(
  json: Readonly<Record<string, unknown>>,
  defaults: LlamaDefaults,
): DecoderConfig {
  const config = new ConfigReader(json);
  config.only("hidden_act", ["silu"]);
  const hiddenSize = config.integer("hidden_size", 4096);
  const heads = config.integer("num_attention_heads", 32);
  const maxPositions = config.integer(
    "max_position_embeddings",
    defaults.maxPositions,
    LIMITS.positions,
  );
  return {
    modelType: "llama",
    vocabularySize: config.integer("vocab_size", defaults.vocabularySize, LIMITS.vocabulary),
    hiddenSize,
    layers: config.integer("num_hidden_layers", 32, LIMITS.layers),
    heads,
    keyValueHeads: config.integer(
      "num_key_value_heads",
      json["num_key_value_heads"] === null ? heads : (defaults.keyValueHeads ?? heads),
    ),
    headSize: config.integer("head_dim", defaults.headSize ?? hiddenSize / heads),
    intermediateSize: config.integer("intermediate_size", defaults.intermediateSize),
    maxPositions,
    normEpsilon: config.number("rms_norm_eps", 1e-6),
    tieEmbeddings: config.boolean("tie_word_embeddings", false),
    rope: readRope(json, maxPositions),
    biases: { queryKeyValue: false, output: false, mlp: false },
    json,
  };
}

function readOwnLlamaConfig(json: Readonly<Record<string, unknown>>): DecoderConfig {
  const config = new ConfigReader(json);
  const attention = config.boolean("attention_bias", false);
  return {
    ...readLlamaConfig(json, LLAMA_DEFAULTS),
    biases: { queryKeyValue: attention, output: attention, mlp: config.boolean("mlp_bias", false) },
  };
}

export function llamaProjections(config: DecoderConfig): Record<string, Projection> {
  const { hiddenSize: hidden, intermediateSize: wide } = config;
  const queries = config.heads * config.headSize;
  const keys = config.keyValueHeads * config.headSize;
  const projection = (inputs: number, outputs: number): Projection => ({
    inputs,
    outputs,
    transposed: false,
  });
  return {
    "self_attn.q_proj": projection(hidden, queries),
    "self_attn.k_proj": projection(hidden, keys),
    "self_attn.v_proj": projection(hidden, keys),
    "self_attn.o_proj": projection(queries, hidden),
    "mlp.gate_proj": projection(hidden, wide),
    "mlp.up_proj": projection(hidden, wide),
    "mlp.down_proj": projection(wide, hidden),
  };
}

function hasBias(config: DecoderConfig, name: string): boolean {
  if (name.startsWith("mlp.")) return config.biases.mlp;
  return name === "self_attn.o_proj" ? config.biases.output : config.biases.queryKeyValue;
}

export function llamaBlockShapes(config: DecoderConfig): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {
    "input_layernorm.weight": [config.hiddenSize],
    "post_attention_layernorm.weight": [config.hiddenSize],
  };
  for (const [name, { inputs, outputs }] of Object.entries(llamaProjections(config))) {
    shapes[`${name}.weight`] = [outputs, inputs];
    if (hasBias(config, name)) shapes[`${name}.bias`] = [outputs];
  }
  return shapes;
}

/** What a family may do to queries and keys between their projection and attention. */
export interface HeadChanges {
  queries?: (queries: Value) => Value;
  keys?: (keys: Value) => Value;
}

/** Attention and SwiGLU, each behind an RMS norm and around a residual: x [N, d] -> [N, d]. */
export function llamaBlock(
  builder: BlockBuilder,
  x: Value,
  { queries = same, keys = same }: HeadChanges = {},
): Value {
  const { normEpsilon } = builder.config;
  const normed = rmsNorm(x, builder.parameter("input_layernorm.weight"), normEpsilon);
  const attended = builder.attention(
    queries(builder.linear(normed, "self_attn.q_proj")),
    keys(builder.linear(normed, "self_attn.k_proj")),
    builder.linear(normed, "self_attn.v_proj"),
  );
  const middle = add(x, builder.linear(attended, "self_attn.o_proj"));
  const wide = rmsNorm(middle, builder.parameter("post_attention_layernorm.weight"), normEpsilon);
  const gated = multiply(
    silu(builder.linear(wide, "mlp.gate_proj")),
    builder.linear(wide, "mlp.up_proj"),
  );
  return add(middle, builder.linear(gated, "mlp.down_proj"));
}

/**
 * Frequencies of RoPE, which config.json gives; transformers before 4.32 wrote them out in each
 * block.
 */
export const LLAMA_BUFFERS = [/^(model\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/];

const same = (x: Value): Value => x;

export const llama: ModelFamily = {
  modelType: "llama",
  optionalPrefix: "model.",
  harmless: LLAMA_BUFFERS,
  readConfig: readOwnLlamaConfig,
  embeddingShapes: (config): Shapes => ({
    [EMBEDDING]: [config.vocabularySize, config.hiddenSize],
  }),
  blockShapes: llamaBlockShapes,
  finalShapes: (config): Shapes => ({
    [FINAL_NORM]: [config.hiddenSize],
    ...(config.tieEmbeddings ? {} : { [HEAD]: [config.vocabularySize, config.hiddenSize] }),
  }),
  blockPrefix: (layer) => `model.layers.${layer}.`,
  projections: llamaProjections,
  joined: [["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]],
  headWeight: (config) => (config.tieEmbeddings ? EMBEDDING : HEAD),
  embed: (builder, tokens) => gatherRows(builder.parameter(EMBEDDING), tokens),
  block: (builder, x) => llamaBlock(builder, x),
  finalNorm: (builder, x) => rmsNorm(x, builder.parameter(FINAL_NORM), builder.config.normEpsilon),
};
