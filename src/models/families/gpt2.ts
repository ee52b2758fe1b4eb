/**
 * GPT-2: learned positions, layer norms with biases, one fused query-key-value projection, GELU
 * (tanh form).
 * Source: transformers' models/gpt2/modeling_gpt2.py; weights keep Conv1D's [in, out].
 */
import { add, gatherRows, gelu, layerNorm, slice } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import { AttuneError } from "../../core/errors.ts";
import { ConfigReader, LIMITS } from "../config-reader.ts";
import type { DecoderConfig } from "../decoder-config.ts";
import { equalLayers } from "../decoder-config.ts";
import type { BlockBuilder, OuterLayersBuilder, ModelFamily, Projection } from "../family.ts";
import type { GgufChange, GgufForm } from "../gguf/form.ts";
import { blockCount, tokenIds, vocabularySize } from "../gguf/metadata.ts";

const TOKENS = "transformer.wte.weight";
const POSITIONS = "transformer.wpe.weight";

/** Names of other families that transformers' GPT2Config takes for its own. */
const ALIASES: Readonly<Record<string, string>> = {
  hidden_size: "n_embd",
  max_position_embeddings: "n_positions",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};

function readGpt2Config(json: Readonly<Record<string, unknown>>): DecoderConfig {
  const aliased = Object.entries(ALIASES).flatMap(([alias, key]) =>
    json[key] === undefined && json[alias] !== undefined ? [[key, json[alias]]] : [],
  );
  const config = new ConfigReader({ ...json, ...Object.fromEntries(aliased) });
  config.only("activation_function", ["gelu_new", "gelu_pytorch_tanh"]);
  config.only("scale_attn_weights", [true]);
  config.only("scale_attn_by_inverse_layer_idx", [false]);
  config.only("add_cross_attention", [false]);
  const hiddenSize = config.integer("n_embd", 768);
  const heads = config.integer("n_head", 12);
  const layers = config.integer("n_layer", 12, LIMITS.layers);
  return {
    modelType: "gpt2",
    vocabularySize: config.integer("vocab_size", 50_257, LIMITS.vocabulary),
    hiddenSize,
    layers,
    heads,
    keyValueHeads: heads,
    headSize: hiddenSize / heads,
    intermediateSize: config.integer("n_inner", 4 * hiddenSize),
    maxPositions: config.integer("n_positions", 1024, LIMITS.positions),
    normEpsilon: config.number("layer_norm_epsilon", 1e-5),
    tieEmbeddings: config.boolean("tie_word_embeddings", true),
    layerKinds: equalLayers(layers, {}),
    biases: { queryKeyValue: true, output: true, mlp: true },
    json,
  };
}

function projections(config: DecoderConfig): Record<string, Projection> {
  const { hiddenSize: hidden, intermediateSize: wide } = config;
  const projection = (inputs: number, outputs: number, residual: boolean): Projection => ({
    inputs,
    outputs,
    transposed: true,
    residual,
  });
  return {
    "attn.c_attn": projection(hidden, 3 * hidden, false),
    "attn.c_proj": projection(hidden, hidden, true),
    "mlp.c_fc": projection(hidden, wide, false),
    "mlp.c_proj": projection(wide, hidden, true),
  };
}

function norm(builder: BlockBuilder | OuterLayersBuilder, x: Value, name: string): Value {
  return layerNorm(
    x,
    builder.parameter(`${name}.weight`),
    builder.parameter(`${name}.bias`),
    builder.config.normEpsilon,
  );
}

const GGUF: GgufForm = {
  architecture: "gpt2",
  block: new Map([
    ["attn_norm", "ln_1"],
    ["attn_qkv", "attn.c_attn"],
    ["attn_output", "attn.c_proj"],
    ["ffn_norm", "ln_2"],
    ["ffn_up", "mlp.c_fc"],
    ["ffn_down", "mlp.c_proj"],
  ]),
  top: new Map([
    ["token_embd", "transformer.wte"],
    ["position_embd", "transformer.wpe"],
    ["output_norm", "transformer.ln_f"],
  ]),
  changes: new Map<string, GgufChange>(
    ["attn_qkv", "attn_output", "ffn_up", "ffn_down"].map((part) => [part, "transposed"]),
  ),
  // A copy of the embedding, to which GPT-2's head is always tied.
  ignored: ["output.weight"],
  settingTensors: [],
  readConfig: (reader) => ({
    vocab_size: vocabularySize(reader),
    n_positions: reader.integer("context_length"),
    n_embd: reader.integer("embedding_length"),
    n_layer: blockCount(reader),
    n_head: reader.integer("attention.head_count"),
    n_inner: reader.integer("feed_forward_length"),
    layer_norm_epsilon: reader.number("attention.layer_norm_epsilon"),
    activation_function: "gelu_new",
    tie_word_embeddings: true,
    ...tokenIds(reader),
  }),
  settings(config) {
    if (!config.tieEmbeddings)
      throw new AttuneError("model", "a GPT-2 with a head of its own has no GGUF form", {
        expected: "tie_word_embeddings true",
      });
    return {
      block_count: config.layers,
      context_length: config.maxPositions,
      embedding_length: config.hiddenSize,
      feed_forward_length: config.intermediateSize,
      "attention.head_count": config.heads,
      "attention.layer_norm_epsilon": { float: config.normEpsilon },
    };
  },
  tensors: () => ({}),
};

export const gpt2: ModelFamily = {
  modelType: "gpt2",
  architectures: { language: "GPT2LMHeadModel", scores: "GPT2ForSequenceClassification" },
  prefix: { name: "transformer.", others: [""] },
  neutralNorm: 1,
  peftTargets: ["c_attn"],
  gguf: GGUF,
  tiny: {
    model_type: "gpt2",
    vocab_size: 61,
    n_embd: 16,
    n_layer: 2,
    n_head: 4,
    n_positions: 64,
    activation_function: "gelu_new",
  },
  published: {
    gpt2: {
      parameters: 124_439_808,
      json: { model_type: "gpt2", activation_function: "gelu_new" },
    },
  },
  // the causal mask, and the number that stands for minus infinity in it
  harmless: [/^(transformer\.)?h\.\d+\.attn\.(masked_)?bias$/],
  readConfig: readGpt2Config,
  embeddingShapes: (config) => ({
    [TOKENS]: [config.vocabularySize, config.hiddenSize],
    [POSITIONS]: [config.maxPositions, config.hiddenSize],
  }),
  blockShapes(config) {
    const shapes: Record<string, readonly number[]> = {};
    for (const name of ["ln_1", "ln_2"]) {
      shapes[`${name}.weight`] = [config.hiddenSize];
      shapes[`${name}.bias`] = [config.hiddenSize];
    }
    for (const [name, { inputs, outputs }] of Object.entries(projections(config))) {
      shapes[`${name}.weight`] = [inputs, outputs];
      shapes[`${name}.bias`] = [outputs];
    }
    return shapes;
  },
  finalShapes: (config) => ({
    "transformer.ln_f.weight": [config.hiddenSize],
    "transformer.ln_f.bias": [config.hiddenSize],
    ...(config.tieEmbeddings
      ? {}
      : { "lm_head.weight": [config.vocabularySize, config.hiddenSize] }),
  }),
  blockPrefix: (layer) => `transformer.h.${layer}.`,
  projections,
  headWeight: (config) => (config.tieEmbeddings ? TOKENS : "lm_head.weight"),
  embed: (builder, tokens, positions) =>
    add(
      gatherRows(builder.parameter(TOKENS), tokens),
      gatherRows(builder.parameter(POSITIONS), positions),
    ),
  block(builder, x) {
    const size = builder.config.hiddenSize;
    const fused = builder.linear(norm(builder, x, "ln_1"), "attn.c_attn");
    const attended = builder.attention(
      slice(fused, 1, 0, size),
      slice(fused, 1, size, 2 * size),
      slice(fused, 1, 2 * size, 3 * size),
    );
    const middle = add(x, builder.linear(attended, "attn.c_proj"));
    const wide = gelu(builder.linear(norm(builder, middle, "ln_2"), "mlp.c_fc"), "tanh");
    return add(middle, builder.linear(wide, "mlp.c_proj"));
  },
  finalNorm: (builder, x) => norm(builder, x, "transformer.ln_f"),
};
