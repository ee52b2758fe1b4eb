/**
 * GPT-2: learned positions, layer norms with biases, one fused query-key-value projection, GELU
 * (tanh form).
 * Source: transformers' models/gpt2/modeling_gpt2.py; weights keep Conv1D's [in, out].
 */
import { add, gatherRows, gelu, layerNorm, slice } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import type {
  BlockBuilder,
  DecoderConfig,
  EndBuilder,
  ModelFamily,
  Projection,
} from "../family.ts";
import { ConfigReader, LIMITS } from "../family.ts";

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
  return {
    modelType: "gpt2",
    vocabularySize: config.integer("vocab_size", 50_257, LIMITS.vocabulary),
    hiddenSize,
    layers: config.integer("n_layer", 12, LIMITS.layers),
    heads,
    keyValueHeads: heads,
    headSize: hiddenSize / heads,
    intermediateSize: config.integer("n_inner", 4 * hiddenSize),
    maxPositions: config.integer("n_positions", 1024, LIMITS.positions),
    normEpsilon: config.number("layer_norm_epsilon", 1e-5),
    tieEmbeddings: config.boolean("tie_word_embeddings", true),
    biases: { queryKeyValue: true, output: true, mlp: true },
    json,
  };
}

function projections(config: DecoderConfig): Record<string, Projection> {
  const { hiddenSize: hidden, intermediateSize: wide } = config;
  const projection = (inputs: number, outputs: number): Projection => ({
    inputs,
    outputs,
    transposed: true,
  });
  return {
    "attn.c_attn": projection(hidden, 3 * hidden),
    "attn.c_proj": projection(hidden, hidden),
    "mlp.c_fc": projection(hidden, wide),
    "mlp.c_proj": projection(wide, hidden),
  };
}

function norm(builder: BlockBuilder | EndBuilder, x: Value, name: string): Value {
  return layerNorm(
    x,
    builder.parameter(`${name}.weight`),
    builder.parameter(`${name}.bias`),
    builder.config.normEpsilon,
  );
}

export const gpt2: ModelFamily = {
  modelType: "gpt2",
  optionalPrefix: "transformer.",
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
