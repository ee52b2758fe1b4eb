/**
 * Llama: Llama 2 and 3.x, TinyLlama, SmolLM and SmolLM2. RMS norms, rotary positions, grouped-query
 * attention, SwiGLU.
 * Source: transformers' models/llama/modeling_llama.py. The other families of this kind reuse it
 * and say what differs.
 */
import { add, gatherRows, multiply, rmsNorm, silu } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import { ConfigReader, LIMITS } from "../config-reader.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import { equalLayers } from "../decoder-config.ts";
import type { BlockBuilder, ModelFamily, Projection, Shapes } from "../family.ts";
import { readRope } from "../rope.ts";
import { INTERLEAVED, llamaGguf } from "../gguf/llama.ts";
import type { Json, MetadataReader } from "../gguf/metadata.ts";

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
  /** Absent: 4096. */
  hiddenSize?: number;
  intermediateSize: number;
  /** Absent: 32, of layers and of heads. */
  layers?: number;
  heads?: number;
  /** Absent: as many as heads. */
  keyValueHeads?: number;
  /** Absent: the hidden size over the heads. */
  headSize?: number;
  maxPositions: number;
  /** Absent: 1e-6. */
  normEpsilon?: number;
  /** Absent: false. */
  tieEmbeddings?: boolean;
  /** Of RoPE. Absent: 10,000. */
  theta?: number;
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
  const hiddenSize = config.integer("hidden_size", defaults.hiddenSize ?? 4096);
  const heads = config.integer("num_attention_heads", defaults.heads ?? 32);
  const maxPositions = config.integer(
    "max_position_embeddings",
    defaults.maxPositions,
    LIMITS.positions,
  );
  const layers = config.integer("num_hidden_layers", defaults.layers ?? 32, LIMITS.layers);
  return {
    modelType: "llama",
    vocabularySize: config.integer("vocab_size", defaults.vocabularySize, LIMITS.vocabulary),
    hiddenSize,
    layers,
    heads,
    keyValueHeads: config.integer(
      "num_key_value_heads",
      json["num_key_value_heads"] === null ? heads : (defaults.keyValueHeads ?? heads),
    ),
    headSize: config.integer("head_dim", defaults.headSize ?? hiddenSize / heads),
    intermediateSize: config.integer("intermediate_size", defaults.intermediateSize),
    maxPositions,
    normEpsilon: config.number("rms_norm_eps", defaults.normEpsilon ?? 1e-6),
    tieEmbeddings: config.boolean("tie_word_embeddings", defaults.tieEmbeddings ?? false),
    layerKinds: equalLayers(layers, {
      rope: readRope(json, { maxPositions, theta: defaults.theta }),
    }),
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

/** A torch Linear. */
export const linear = (inputs: number, outputs: number): Projection => ({
  inputs,
  outputs,
  transposed: false,
  residual: false,
});

export function llamaProjections(config: DecoderConfig): Record<string, Projection> {
  const { hiddenSize: hidden, intermediateSize: wide } = config;
  const queries = config.heads * config.headSize;
  const keys = config.keyValueHeads * config.headSize;
  return {
    "self_attn.q_proj": linear(hidden, queries),
    "self_attn.k_proj": linear(hidden, keys),
    "self_attn.v_proj": linear(hidden, keys),
    "self_attn.o_proj": { ...linear(queries, hidden), residual: true },
    "mlp.gate_proj": linear(hidden, wide),
    "mlp.up_proj": linear(hidden, wide),
    "mlp.down_proj": { ...linear(wide, hidden), residual: true },
  };
}

function hasBias(config: DecoderConfig, name: string): boolean {
  if (name.startsWith("mlp.")) return config.biases.mlp;
  return name === "self_attn.o_proj" ? config.biases.output : config.biases.queryKeyValue;
}

/** Of the projections of a block, with their biases. */
export function llamaProjectionShapes(config: DecoderConfig): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, { inputs, outputs }] of Object.entries(llamaProjections(config))) {
    shapes[`${name}.weight`] = [outputs, inputs];
    if (hasBias(config, name)) shapes[`${name}.bias`] = [outputs];
  }
  return shapes;
}

export const llamaBlockShapes = (config: DecoderConfig): Record<string, readonly number[]> => ({
  "input_layernorm.weight": [config.hiddenSize],
  "post_attention_layernorm.weight": [config.hiddenSize],
  ...llamaProjectionShapes(config),
});

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
  return add(middle, llamaMlp(builder, wide));
}

/** SwiGLU: x [N, d] -> [N, d]. */
export function llamaMlp(
  builder: BlockBuilder,
  x: Value,
  activation: (x: Value) => Value = silu,
): Value {
  const gated = multiply(
    activation(builder.linear(x, "mlp.gate_proj")),
    builder.linear(x, "mlp.up_proj"),
  );
  return builder.linear(gated, "mlp.down_proj");
}

/**
 * Frequencies of RoPE, which config.json gives; transformers before 4.32 wrote them out in each
 * block.
 */
export const LLAMA_BUFFERS = [/^(model\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/];

const same = (x: Value): Value => x;

/** Biases have tensors, and config.json a word for each kind. */
export const llamaBiases = ({ header: { tensors } }: MetadataReader): Json => ({
  attention_bias: tensors.has("blk.0.attn_q.bias"),
  mlp_bias: tensors.has("blk.0.ffn_gate.bias"),
});

/** What sets the size of a published model. */
export interface LlamaSizes {
  vocabulary: number;
  hidden: number;
  wide: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  context: number;
  tied?: boolean;
}

/** config.json of a published model. */
export const llamaSizes = (type: string, sizes: LlamaSizes): Json => ({
  model_type: type,
  vocab_size: sizes.vocabulary,
  hidden_size: sizes.hidden,
  intermediate_size: sizes.wide,
  num_hidden_layers: sizes.layers,
  num_attention_heads: sizes.heads,
  num_key_value_heads: sizes.keyValueHeads,
  max_position_embeddings: sizes.context,
  tie_word_embeddings: sizes.tied ?? false,
});

/** Sizes of the tiny models of this kind. */
export const TINY_LLAMA = {
  vocab_size: 61,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 64,
} as const;

const smollm2 = (sizes: Omit<LlamaSizes, "vocabulary" | "context" | "tied">): Json =>
  llamaSizes("llama", { vocabulary: 49_152, context: 8192, tied: true, ...sizes });

const PUBLISHED: ModelFamily["published"] = {
  "smollm2-135m": {
    parameters: 134_515_008,
    json: smollm2({ hidden: 576, wide: 1536, layers: 30, heads: 9, keyValueHeads: 3 }),
  },
  "smollm2-360m": {
    parameters: 361_821_120,
    json: smollm2({ hidden: 960, wide: 2560, layers: 32, heads: 15, keyValueHeads: 5 }),
  },
  "smollm2-1.7b": {
    parameters: 1_711_376_384,
    json: smollm2({ hidden: 2048, wide: 8192, layers: 24, heads: 32, keyValueHeads: 32 }),
  },
  "tinyllama-1.1b": {
    parameters: 1_100_048_384,
    json: llamaSizes("llama", {
      vocabulary: 32_000,
      hidden: 2048,
      wide: 5632,
      layers: 22,
      heads: 32,
      keyValueHeads: 4,
      context: 2048,
    }),
  },
  "llama-8b": {
    parameters: 8_030_261_248,
    json: llamaSizes("llama", {
      vocabulary: 128_256,
      hidden: 4096,
      wide: 14_336,
      layers: 32,
      heads: 32,
      keyValueHeads: 8,
      context: 8192,
    }),
  },
  "llama-70b": {
    parameters: 70_553_706_496,
    json: llamaSizes("llama", {
      vocabulary: 128_256,
      hidden: 8192,
      wide: 28_672,
      layers: 80,
      heads: 64,
      keyValueHeads: 8,
      context: 8192,
    }),
  },
};

/** What families of this kind share; each says for itself what other programs call it. */
export const llamaLike = {
  prefix: { name: "model.", others: [""] },
  harmless: LLAMA_BUFFERS,
  neutralNorm: 1,
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
} satisfies Partial<ModelFamily>;

export const llama: ModelFamily = {
  ...llamaLike,
  modelType: "llama",
  architectures: { language: "LlamaForCausalLM", scores: "LlamaForSequenceClassification" },
  peftTargets: ["q_proj", "v_proj"],
  gguf: llamaGguf({
    architecture: "llama",
    // with a window it is a mistral
    fits: (reader) => reader.value("attention.sliding_window") === undefined,
    changes: INTERLEAVED,
    own: llamaBiases,
  }),
  tiny: { model_type: "llama", ...TINY_LLAMA, rms_norm_eps: 1e-5, tie_word_embeddings: true },
  published: PUBLISHED,
  readConfig: readOwnLlamaConfig,
};
