/**
 * Gemma 3, its language model: five layers with a window to one that sees everything, each kind
 * with a rotation of its own; norms before and after attention and MLP, that multiply by 1 + weight;
 * norms over each head of queries and keys; embeddings scaled by the root of their width.
 * Source: transformers' models/gemma3/modeling_gemma3.py. Of a model that sees images too
 * (`gemma3`), the language model is read.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { add, gatherRows, gelu, multiply, reshape, rmsNorm } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import { ConfigReader, LIMITS } from "../config-reader.ts";
import type { DecoderConfig, LayerKind } from "../decoder-config.ts";
import { kindsOf } from "../decoder-config.ts";
import type { BlockBuilder, OuterLayersBuilder, ModelFamily } from "../family.ts";
import type { GgufChange } from "../gguf/form.ts";
import { LLAMA_BLOCK, llamaGguf } from "../gguf/llama.ts";
import type { Json } from "../gguf/metadata.ts";
import { headSize } from "../gguf/metadata.ts";
import { readRope } from "../rope.ts";
import {
  EMBEDDING,
  FINAL_NORM,
  llamaLike,
  LLAMA_BUFFERS,
  llamaMlp,
  llamaProjectionShapes,
  readLlamaConfig,
  TINY_LLAMA,
} from "./llama.ts";

const DEFAULTS = {
  vocabularySize: 262_208,
  hiddenSize: 2304,
  intermediateSize: 9216,
  layers: 26,
  heads: 8,
  keyValueHeads: 4,
  headSize: 256,
  maxPositions: 131_072,
  tieEmbeddings: true,
} as const;
const WINDOW = 4096;
/** Every sixth layer sees everything. */
const PATTERN = 6;
const THETA = { full: 1_000_000, sliding: 10_000 } as const;
const QUERY_SCALAR = 256;

const NORMS = {
  beforeAttention: "input_layernorm",
  afterAttention: "post_attention_layernorm",
  beforeMlp: "pre_feedforward_layernorm",
  afterMlp: "post_feedforward_layernorm",
} as const;

/** The language model's config.json: of a model that sees images, what it says of text. */
function textConfig(json: Json): Json {
  if (json["model_type"] !== "gemma3") return json;
  const {
    text_config: _,
    vision_config: __,
    mm_tokens_per_image: ___,
    boi_token_index: ____,
    eoi_token_index: _____,
    image_token_index: ______,
    ...shared
  } = json;
  const text = new ConfigReader(json).record("text_config") ?? {};
  return { ...shared, ...text, model_type: "gemma3_text" };
}

/** What turns layers that see everything, and those with a window. */
function readKinds(json: Json, maxPositions: number): Readonly<Record<string, LayerKind>> {
  const reader = new ConfigReader(json);
  const parameters = reader.record("rope_parameters") ?? {};
  if ("rope_type" in parameters || "rope_theta" in parameters)
    throw new AttuneError("model", "config.json: rope_parameters is wrong", {
      got: preview(parameters),
      expected: "an object of full_attention and sliding_attention",
    });
  const part = (name: string): Json => new ConfigReader(parameters).record(name) ?? {};
  const rope = (own: Json, theta: unknown, otherwise: number): LayerKind["rope"] =>
    readRope({ rope_parameters: own, rope_theta: theta }, { maxPositions, theta: otherwise });
  const full = { ...part("full_attention"), ...reader.record("rope_scaling") };
  if (json["sliding_window"] === null)
    throw new AttuneError("model", "config.json: sliding_window is wrong", {
      got: "null",
      expected: "a whole number",
    });
  return {
    full_attention: {
      name: "full",
      rope: rope(full, json["rope_theta"], THETA.full)!,
    },
    sliding_attention: {
      name: "sliding",
      rope: rope(part("sliding_attention"), json["rope_local_base_freq"], THETA.sliding)!,
      window: reader.integer("sliding_window", WINDOW, LIMITS.positions),
    },
  };
}

function readConfig(given: Json): DecoderConfig {
  const json = textConfig(given);
  const reader = new ConfigReader(json);
  reader.only("hidden_activation", ["gelu_pytorch_tanh"]);
  for (const key of ["final_logit_softcapping", "attn_logit_softcapping"]) reader.only(key, [null]);
  reader.only("use_bidirectional_attention", [false]);
  // llama's reader has one rotation and another activation
  const { hidden_act: _, rope_parameters: __, rope_scaling: ___, ...plain } = json;
  const config = readLlamaConfig(plain, DEFAULTS);
  const kinds = readKinds(json, config.maxPositions);
  const pattern = reader.integer("sliding_window_pattern", PATTERN);
  const types =
    reader.layerTypes(config.layers) ??
    Array.from({ length: config.layers }, (_, layer) =>
      (layer + 1) % pattern === 0 ? "full_attention" : "sliding_attention",
    );
  const biased = reader.boolean("attention_bias", false);
  return {
    ...config,
    modelType: "gemma3_text",
    layerKinds: types.map((type) => kinds[type]!),
    biases: { queryKeyValue: biased, output: biased, mlp: false },
    ...(json === given ? {} : { modulePrefix: "model.language_model." }),
    json,
  };
}

/** Scores are divided by its root. */
const queryScalar = ({ json }: DecoderConfig): number =>
  new ConfigReader(json).number("query_pre_attn_scalar", QUERY_SCALAR);

const norm = (builder: BlockBuilder | OuterLayersBuilder, x: Value, name: string): Value =>
  rmsNorm(x, add(builder.parameter(name), 1), builder.config.normEpsilon);

function block(builder: BlockBuilder, x: Value): Value {
  const { config } = builder;
  const normed = (y: Value, name: string): Value => norm(builder, y, `${name}.weight`);
  const ofHeads = (y: Value, count: number, name: string): Value =>
    normed(reshape(y, [y.shape[0]!, count, config.headSize]), name);
  const before = normed(x, NORMS.beforeAttention);
  const queries = builder.linear(before, "self_attn.q_proj");
  const keys = builder.linear(before, "self_attn.k_proj");
  // attention itself divides by the root of the head size
  const scale = Math.sqrt(config.headSize / queryScalar(config));
  const attended = builder.attention(
    multiply(ofHeads(queries, config.heads, "self_attn.q_norm"), scale),
    ofHeads(keys, config.keyValueHeads, "self_attn.k_norm"),
    builder.linear(before, "self_attn.v_proj"),
  );
  const output = builder.linear(attended, "self_attn.o_proj");
  const middle = add(x, normed(output, NORMS.afterAttention));
  const wide = llamaMlp(builder, normed(middle, NORMS.beforeMlp), (y) => gelu(y, "tanh"));
  return add(middle, normed(wide, NORMS.afterMlp));
}

/** Layers of the 27 billion model, whose scores llama.cpp scales by the width. */
const LARGEST = 62;

type ScalarSizes = Pick<DecoderConfig, "layers" | "hiddenSize" | "heads" | "headSize">;

const ggufScalar = ({ layers, hiddenSize, heads, headSize: size }: ScalarSizes): number =>
  layers === LARGEST ? hiddenSize / heads : size;

/** What llama.cpp has written into itself. */
function refuseOthers(config: DecoderConfig): void {
  const wrong = (expected: string): AttuneError =>
    new AttuneError("model", "llama.cpp would compute this Gemma 3 otherwise", { expected });
  const { layerKinds, biases } = config;
  if (biases.queryKeyValue) throw wrong("attention_bias false");
  if (layerKinds.some(({ window }, i) => (window === undefined) !== ((i + 1) % PATTERN === 0)))
    throw wrong(`every ${PATTERN}th layer without a window`);
  if (queryScalar(config) !== ggufScalar(config))
    throw wrong(`query_pre_attn_scalar ${ggufScalar(config)}`);
  for (const { window, rope } of kindsOf(config)) {
    if (rope!.llama3) throw wrong("no rope_scaling, or a linear one");
    if (window !== undefined && (rope!.theta !== THETA.sliding || rope!.linearFactor !== 1))
      throw wrong(`rope_local_base_freq ${THETA.sliding}, unscaled, for layers with a window`);
  }
}

/** What the file's settings of RoPE and window are about. */
function settingsKind({ layerKinds }: DecoderConfig): LayerKind {
  const sliding = layerKinds.find(({ window }) => window !== undefined);
  const full = layerKinds.find(({ window }) => window === undefined);
  return { ...(full ?? sliding!), ...(sliding ? { window: sliding.window! } : {}) };
}

const NORM_PARTS = [
  ["attn_norm", NORMS.beforeAttention],
  ["post_attention_norm", NORMS.afterAttention],
  ["ffn_norm", NORMS.beforeMlp],
  ["post_ffw_norm", NORMS.afterMlp],
] as const;

const GGUF = llamaGguf({
  architecture: "gemma3",
  block: new Map([...LLAMA_BLOCK, ...NORM_PARTS]),
  changes: new Map<string, GgufChange>(
    [...NORM_PARTS.map(([part]) => part), "attn_q_norm", "attn_k_norm", "output_norm"].map(
      (part) => [part, "plus-one"],
    ),
  ),
  settingTensors: [],
  settingsKind,
  check: refuseOthers,
  activation: { hidden_activation: "gelu_pytorch_tanh" },
  own: (reader) => ({
    rope_local_base_freq: reader.number("rope.freq_base_swa", THETA.sliding),
    sliding_window: reader.integer("attention.sliding_window"),
    sliding_window_pattern: reader.integer("attention.sliding_window_pattern", PATTERN),
    query_pre_attn_scalar: ggufScalar({
      layers: reader.integer("block_count"),
      hiddenSize: reader.integer("embedding_length"),
      heads: reader.integer("attention.head_count"),
      headSize: headSize(reader),
    }),
  }),
});

interface Sizes {
  hidden: number;
  wide: number;
  layers: number;
  window: number;
}

const published = ({ hidden, wide, layers, window }: Sizes): Json => ({
  model_type: "gemma3_text",
  vocab_size: 262_144,
  hidden_size: hidden,
  intermediate_size: wide,
  num_hidden_layers: layers,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  max_position_embeddings: 32_768,
  sliding_window: window,
});

export const gemma3: ModelFamily = {
  ...llamaLike,
  modelType: "gemma3_text",
  otherTypes: ["gemma3"],
  architectures: { language: "Gemma3ForCausalLM", scores: "Gemma3TextForSequenceClassification" },
  prefix: { name: "model.", others: ["", "language_model.model.", "model.language_model."] },
  // a head that is the embedding, as models that see images may have it written out
  harmless: [...LLAMA_BUFFERS, /^language_model\.lm_head\.weight$/],
  neutralNorm: 0,
  peftTargets: ["q_proj", "v_proj"],
  gguf: GGUF,
  tiny: {
    model_type: "gemma3_text",
    ...TINY_LLAMA,
    layer_types: ["sliding_attention", "full_attention"],
    head_dim: 16,
    query_pre_attn_scalar: 16,
    sliding_window: 4,
    rope_scaling: { rope_type: "linear", factor: 8 },
  },
  published: {
    "gemma-3-270m": {
      parameters: 268_098_176,
      json: published({ hidden: 640, wide: 2048, layers: 18, window: 512 }),
    },
    "gemma-3-1b": {
      parameters: 999_885_952,
      json: published({ hidden: 1152, wide: 6912, layers: 26, window: 512 }),
    },
  },
  readConfig,
  blockShapes: (config) => ({
    ...Object.fromEntries(
      Object.values(NORMS).map((name) => [`${name}.weight`, [config.hiddenSize]]),
    ),
    "self_attn.q_norm.weight": [config.headSize],
    "self_attn.k_norm.weight": [config.headSize],
    ...llamaProjectionShapes(config),
  }),
  embed: (builder, tokens) =>
    multiply(
      gatherRows(builder.parameter(EMBEDDING), tokens),
      Math.sqrt(builder.config.hiddenSize),
    ),
  block,
  finalNorm: (builder, x) => norm(builder, x, FINAL_NORM),
};
