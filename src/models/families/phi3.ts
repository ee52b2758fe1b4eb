/**
 * Phi-3 and Phi-4-mini: Llama with one projection for queries, keys and values and one for both
 * halves of the MLP, a rotation of some of each head's dimensions, and LongRoPE.
 * Source: transformers' models/phi3/modeling_phi3.py, modeling_rope_utils.py
 * (`_compute_longrope_parameters`).
 * Differences: 1. short or long factors by the context of a run, not by the batch (context.ts).
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { add, multiply, rmsNorm, silu, slice } from "../../graph/build.ts";
import type { Value } from "../../graph/ir.ts";
import { ConfigReader, LIMITS } from "../config-reader.ts";
import { configForContext } from "../context.ts";
import type { DecoderConfig, LongRope, RopeConfig } from "../decoder-config.ts";
import { equalLayers } from "../decoder-config.ts";
import type { BlockBuilder, ModelFamily, Projection } from "../family.ts";
import type { GgufForm, GgufSetting } from "../gguf/form.ts";
import { LLAMA_TOP, positionsWithinWindow } from "../gguf/llama.ts";
import type { Json, MetadataReader } from "../gguf/metadata.ts";
import { blockCount, headSize, shortest, tokenIds, vocabularySize } from "../gguf/metadata.ts";
import { linear, llamaLike, llamaSizes, readLlamaConfig } from "./llama.ts";

const DEFAULTS = {
  vocabularySize: 32_064,
  hiddenSize: 3072,
  intermediateSize: 8192,
  maxPositions: 4096,
  normEpsilon: 1e-5,
} as const;
const ORIGINAL_POSITIONS = 4096;

function readConfig(json: Json): DecoderConfig {
  const reader = new ConfigReader(json);
  reader.only("attention_bias", [false]);
  // without its RoPE, which llama's reader would refuse
  const { rope_scaling: _, rope_parameters: __, partial_rotary_factor: ___, ...plain } = json;
  const config = readLlamaConfig(plain, DEFAULTS);
  reader.only("head_dim", [config.hiddenSize / config.heads]);
  const window = json["sliding_window"];
  const kind = {
    rope: readRotation(json, config),
    ...(window === undefined || window === null
      ? {}
      : { window: reader.integer("sliding_window", undefined, LIMITS.positions) }),
  };
  const read = { ...config, modelType: "phi3", layerKinds: equalLayers(config.layers, kind), json };
  return configForContext(read, 0);
}

function readRotation(json: Json, { headSize: size, maxPositions }: DecoderConfig): RopeConfig {
  const config = new ConfigReader(json);
  const scaling = config.record("rope_scaling") ?? config.record("rope_parameters") ?? {};
  const reader = new ConfigReader({
    ...scaling,
    rope_theta: scaling["rope_theta"] ?? json["rope_theta"],
    partial_rotary_factor: scaling["partial_rotary_factor"] ?? json["partial_rotary_factor"],
  });
  const share = reader.number("partial_rotary_factor", 1);
  const rotated = Math.floor(size * share);
  if (!(share > 0 && share <= 1) || rotated < 2 || rotated % 2 !== 0)
    throw new AttuneError("model", "config.json: partial_rotary_factor is wrong", {
      got: `${share}, which turns ${rotated} of ${size} dimensions`,
      expected: "a share from 0 to 1 that turns an even number",
    });
  const rope: RopeConfig = {
    theta: reader.number("rope_theta", 10_000),
    linearFactor: 1,
    ...(rotated === size ? {} : { rotated }),
  };
  const kind = scaling["rope_type"] ?? scaling["type"] ?? "default";
  if (kind === "default") return rope;
  if (kind !== "longrope" && kind !== "su" && kind !== "yarn")
    throw new AttuneError("model", "config.json: this kind of rope_scaling is not supported", {
      got: preview(kind),
      expected: "default or longrope",
    });
  const original = config.integer(
    "original_max_position_embeddings",
    ORIGINAL_POSITIONS,
    LIMITS.positions,
  );
  const factor = reader.number("factor", maxPositions / original);
  return {
    ...rope,
    longrope: {
      shortFactors: reader.numbers("short_factor", rotated / 2),
      longFactors: reader.numbers("long_factor", rotated / 2),
      originalMaxPositions: original,
      maxPositions,
      attentionFactor: reader.number("attention_factor", attentionFactor(factor, original)),
      factors: "short",
    },
  };
}

/** Source: LongRoPE, section 3.3, as transformers has it. */
const attentionFactor = (factor: number, original: number): number =>
  factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));

function projections(config: DecoderConfig): Record<string, Projection> {
  const { hiddenSize: hidden, intermediateSize: wide, headSize: size, heads } = config;
  return {
    "self_attn.qkv_proj": linear(hidden, (heads + 2 * config.keyValueHeads) * size),
    "self_attn.o_proj": { ...linear(heads * size, hidden), residual: true },
    "mlp.gate_up_proj": linear(hidden, 2 * wide),
    "mlp.down_proj": { ...linear(wide, hidden), residual: true },
  };
}

function block(builder: BlockBuilder, x: Value): Value {
  const { heads, keyValueHeads, headSize: size, intermediateSize: wide } = builder.config;
  const norm = (y: Value, name: string): Value =>
    rmsNorm(y, builder.parameter(`${name}.weight`), builder.config.normEpsilon);
  const fused = builder.linear(norm(x, "input_layernorm"), "self_attn.qkv_proj");
  const [keys, values] = [heads * size, (heads + keyValueHeads) * size];
  const attended = builder.attention(
    slice(fused, 1, 0, keys),
    slice(fused, 1, keys, values),
    slice(fused, 1, values, values + keyValueHeads * size),
  );
  const middle = add(x, builder.linear(attended, "self_attn.o_proj"));
  const both = builder.linear(norm(middle, "post_attention_layernorm"), "mlp.gate_up_proj");
  const gated = multiply(slice(both, 1, wide, 2 * wide), silu(slice(both, 1, 0, wide)));
  return add(middle, builder.linear(gated, "mlp.down_proj"));
}

const [SHORT, LONG] = ["rope_factors_short.weight", "rope_factors_long.weight"];

const GGUF: GgufForm = {
  architecture: "phi3",
  block: new Map([
    ["attn_norm", "input_layernorm"],
    ["attn_qkv", "self_attn.qkv_proj"],
    ["attn_output", "self_attn.o_proj"],
    ["ffn_norm", "post_attention_layernorm"],
    ["ffn_up", "mlp.gate_up_proj"],
    ["ffn_down", "mlp.down_proj"],
  ]),
  top: LLAMA_TOP,
  changes: new Map(),
  ignored: [],
  settingTensors: [SHORT, LONG],
  readConfig(reader, tensors) {
    const size = headSize(reader);
    const rotated = reader.integer("rope.dimension_count", size);
    const window = reader.value("attention.sliding_window");
    return {
      vocab_size: vocabularySize(reader),
      hidden_size: reader.integer("embedding_length"),
      intermediate_size: reader.integer("feed_forward_length"),
      num_hidden_layers: blockCount(reader),
      num_attention_heads: reader.integer("attention.head_count"),
      num_key_value_heads: reader.integer("attention.head_count_kv"),
      max_position_embeddings: reader.ownContextLength(),
      rms_norm_eps: reader.number("attention.layer_norm_rms_epsilon"),
      rope_theta: reader.number("rope.freq_base", 10_000),
      ...(rotated === size ? {} : { partial_rotary_factor: rotated / size }),
      ...longRopeSettings(reader, tensors),
      // llama.cpp's word for none is 0
      sliding_window: window ? reader.integer("attention.sliding_window") : null,
      hidden_act: "silu",
      tie_word_embeddings: !reader.header.tensors.has("output.weight"),
      ...tokenIds(reader),
    };
  },
  settings(config) {
    const { rope, window = 0 } = config.layerKinds[0]!;
    return {
      context_length: positionsWithinWindow(config),
      "rope.scaling.original_context_length":
        rope!.longrope?.originalMaxPositions ?? config.maxPositions,
      embedding_length: config.hiddenSize,
      feed_forward_length: config.intermediateSize,
      block_count: config.layers,
      "attention.head_count": config.heads,
      "attention.head_count_kv": config.keyValueHeads,
      "attention.layer_norm_rms_epsilon": { float: config.normEpsilon },
      "rope.dimension_count": rope!.rotated ?? config.headSize,
      "rope.freq_base": { float: rope!.theta },
      ...attentionSetting(rope!.longrope),
      "attention.sliding_window": window,
      vocab_size: config.vocabularySize,
    };
  },
  tensors({ layerKinds }): Record<string, Float32Array> {
    const longrope = layerKinds[0]!.rope!.longrope;
    if (!longrope) return {};
    return {
      [LONG!]: Float32Array.from(longrope.longFactors),
      [SHORT!]: Float32Array.from(longrope.shortFactors),
    };
  },
  faithfulPositions: positionsWithinWindow,
};

const attentionSetting = (longrope: LongRope | undefined): Record<string, GgufSetting> =>
  longrope ? { "rope.scaling.attn_factor": { float: longrope.attentionFactor } } : {};

function longRopeSettings(
  reader: MetadataReader,
  tensors: ReadonlyMap<string, Float32Array>,
): Json {
  const [short, long] = [tensors.get(SHORT!), tensors.get(LONG!)];
  if (!short || !long) return {};
  const original = reader.integer("rope.scaling.original_context_length");
  const usual = attentionFactor(reader.ownContextLength() / original, original);
  const factor = reader.number("rope.scaling.attn_factor", usual);
  return {
    original_max_position_embeddings: original,
    rope_scaling: {
      rope_type: "longrope",
      short_factor: Array.from(short, shortest),
      long_factor: Array.from(long, shortest),
      ...(Math.fround(factor) === Math.fround(usual) ? {} : { attention_factor: factor }),
    },
  };
}

const TINY_FACTORS = Array.from({ length: 8 }, (_, i) => 1 + i / 8);

export const phi3: ModelFamily = {
  ...llamaLike,
  modelType: "phi3",
  architectures: { language: "Phi3ForCausalLM", scores: "Phi3ForSequenceClassification" },
  peftTargets: undefined,
  gguf: GGUF,
  tiny: {
    ...llamaSizes("phi3", {
      vocabulary: 61,
      hidden: 64,
      wide: 24,
      layers: 2,
      heads: 2,
      keyValueHeads: 1,
      context: 1024,
    }),
    original_max_position_embeddings: 256,
    partial_rotary_factor: 0.5,
    rope_scaling: {
      type: "longrope",
      short_factor: TINY_FACTORS,
      long_factor: TINY_FACTORS.map((factor) => 2 * factor),
    },
    sliding_window: 4,
  },
  published: {
    "phi-3-mini": {
      parameters: 3_821_079_552,
      json: llamaSizes("phi3", {
        vocabulary: 32_064,
        hidden: 3072,
        wide: 8192,
        layers: 32,
        heads: 32,
        keyValueHeads: 32,
        context: 4096,
      }),
    },
    "phi-4-mini": {
      parameters: 3_836_021_760,
      json: {
        ...llamaSizes("phi3", {
          vocabulary: 200_064,
          hidden: 3072,
          wide: 8192,
          layers: 32,
          heads: 24,
          keyValueHeads: 8,
          context: 4096,
          tied: true,
        }),
        partial_rotary_factor: 0.75,
      },
    },
  },
  readConfig,
  blockShapes: (config) => ({
    "input_layernorm.weight": [config.hiddenSize],
    "post_attention_layernorm.weight": [config.hiddenSize],
    ...Object.fromEntries(
      Object.entries(projections(config)).map(([name, { inputs, outputs }]) => [
        `${name}.weight`,
        [outputs, inputs],
      ]),
    ),
  }),
  projections,
  joined: [],
  block,
};
