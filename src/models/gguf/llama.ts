/**
 * The GGUF form that Llama-like families share; each says what differs.
 * Source: llama.cpp's convert_hf_to_gguf.py and gguf-py/gguf/constants.py.
 */
import { AttuneError, invariant } from "../../core/errors.ts";
import type { DecoderConfig, LayerKind, RopeConfig } from "../decoder-config.ts";
import type { GgufForm, GgufNames, GgufSetting } from "./form.ts";
import { showValue } from "./header.ts";
import { llama3Factors, llama3Scaling } from "./llama3.ts";
import type { Json, MetadataReader } from "./metadata.ts";
import { blockCount, headSize, tokenIds, vocabularySize } from "./metadata.ts";

/** Llama 3's frequency factors. */
export const ROPE_FACTORS = "rope_freqs.weight";

export const LLAMA_BLOCK: GgufNames = new Map([
  ["attn_norm", "input_layernorm"],
  ["attn_q", "self_attn.q_proj"],
  ["attn_k", "self_attn.k_proj"],
  ["attn_v", "self_attn.v_proj"],
  ["attn_output", "self_attn.o_proj"],
  ["attn_q_norm", "self_attn.q_norm"],
  ["attn_k_norm", "self_attn.k_norm"],
  ["ffn_norm", "post_attention_layernorm"],
  ["ffn_gate", "mlp.gate_proj"],
  ["ffn_up", "mlp.up_proj"],
  ["ffn_down", "mlp.down_proj"],
]);

export const LLAMA_TOP: GgufNames = new Map([
  ["token_embd", "model.embed_tokens"],
  ["output_norm", "model.norm"],
  ["output", "lm_head"],
]);

/** llama.cpp's own rotation turns neighbours, so that a head's two halves are interleaved. */
export const INTERLEAVED: GgufForm["changes"] = new Map([
  ["attn_q", "interleaved"],
  ["attn_k", "interleaved"],
]);

export interface LlamaGguf
  extends Pick<GgufForm, "architecture">, Partial<Omit<GgufForm, "architecture" | "readConfig">> {
  /** Settings of config.json that only this family has. */
  own?: (reader: MetadataReader) => Json;
  /** @throws AttuneError `model` for a model that llama.cpp would compute otherwise */
  check?: (config: DecoderConfig) => void;
  /** The kind of layers that settings of RoPE and window are about. Default: the first. */
  settingsKind?: (config: DecoderConfig) => LayerKind;
  /** What config.json calls the activation. Default: SiLU. */
  activation?: Json;
  /** Default: the context length. */
  maxPositions?: (reader: MetadataReader) => number;
}

export function llamaGguf({
  own,
  check,
  settingsKind = ({ layerKinds }) => layerKinds[0]!,
  activation = { hidden_act: "silu" },
  maxPositions,
  ...form
}: LlamaGguf): GgufForm {
  return {
    block: LLAMA_BLOCK,
    top: LLAMA_TOP,
    changes: new Map(),
    ignored: [],
    settingTensors: [ROPE_FACTORS],
    readConfig: (reader, tensors) => ({
      ...llamaSizes(reader, maxPositions),
      ...ropeScaling(reader, tensors.get(ROPE_FACTORS)),
      ...own?.(reader),
      ...activation,
      tie_word_embeddings: !reader.header.tensors.has("output.weight"),
      ...tokenIds(reader),
    }),
    settings(config) {
      check?.(config);
      return llamaSettings(config, settingsKind(config), form.faithfulPositions?.(config));
    },
    tensors: (config) => llama3Table(settingsKind(config).rope, config.headSize),
    ...form,
  };
}

/** The sizes of config.json. */
function llamaSizes(reader: MetadataReader, maxPositions = contextLength): Json {
  const heads = reader.integer("attention.head_count");
  const size = headSize(reader);
  refuseOtherComputations(reader, size);
  return {
    vocab_size: vocabularySize(reader),
    hidden_size: reader.integer("embedding_length"),
    intermediate_size: reader.integer("feed_forward_length"),
    num_hidden_layers: blockCount(reader),
    num_attention_heads: heads,
    num_key_value_heads: reader.integer("attention.head_count_kv", heads),
    head_dim: size,
    max_position_embeddings: maxPositions(reader),
    rms_norm_eps: reader.number("attention.layer_norm_rms_epsilon"),
    rope_theta: reader.number("rope.freq_base", 10_000),
  };
}

const contextLength = (reader: MetadataReader): number => reader.integer("context_length");

/** Settings that change what a Llama computes and that attune does not have. */
function refuseOtherComputations(reader: MetadataReader, size: number): void {
  const experts = reader.value("expert_count") ?? 0;
  if (experts !== 0)
    throw new AttuneError("model", "mixtures of experts are not supported", {
      file: reader.file,
      got: `${showValue(experts)} experts`,
      expected: "a dense model",
    });
  const values = reader.integer("attention.value_length", size);
  const rotary = reader.integer("rope.dimension_count", size);
  if (values === size && rotary === size) return;
  throw new AttuneError("model", "this kind of attention is not supported", {
    file: reader.file,
    got: `keys of ${size}, values of ${values}, RoPE over ${rotary}`,
    expected: "the same size for all three",
  });
}

function ropeScaling(reader: MetadataReader, factors: Float32Array | undefined): Json {
  const kind = reader.value("rope.scaling.type") ?? "none";
  if (kind !== "none") {
    const original = reader.value("rope.scaling.original_context_length");
    return {
      rope_scaling: {
        rope_type: typeof kind === "string" ? kind : showValue(kind),
        factor: reader.number("rope.scaling.factor"),
        ...(original === undefined
          ? {}
          : {
              original_max_position_embeddings: reader.integer(
                "rope.scaling.original_context_length",
              ),
            }),
      },
    };
  }
  if (!factors || factors.every((factor) => factor === 1)) return {};
  return { rope_scaling: { rope_type: "llama3", ...llama3Scaling(reader, factors) } };
}

function llamaSettings(
  config: DecoderConfig,
  { rope, window }: LayerKind,
  positions = config.maxPositions,
): Record<string, GgufSetting> {
  const { headSize: size } = config;
  invariant(rope, "a Llama has rotary positions");
  return {
    block_count: config.layers,
    context_length: positions,
    embedding_length: config.hiddenSize,
    feed_forward_length: config.intermediateSize,
    "attention.head_count": config.heads,
    "attention.head_count_kv": config.keyValueHeads,
    "attention.layer_norm_rms_epsilon": { float: config.normEpsilon },
    "attention.key_length": size,
    "attention.value_length": size,
    "rope.dimension_count": size,
    "rope.freq_base": { float: rope.theta },
    ...(rope.linearFactor === 1
      ? {}
      : { "rope.scaling.type": "linear", "rope.scaling.factor": { float: rope.linearFactor } }),
    ...(window === undefined ? {} : { "attention.sliding_window": window }),
    vocab_size: config.vocabularySize,
  };
}

function llama3Table(rope: RopeConfig | undefined, size: number): Record<string, Float32Array> {
  if (!rope?.llama3) return {};
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = rope.llama3;
  const scaling = {
    factor,
    low_freq_factor: lowFrequencyFactor,
    high_freq_factor: highFrequencyFactor,
    original_max_position_embeddings: originalMaxPositions,
  };
  return { [ROPE_FACTORS]: Float32Array.from(llama3Factors(scaling, rope.theta, size / 2)) };
}

/**
 * llama.cpp has no window for this architecture: beyond it, it would see keys that the model does
 * not.
 */
export const positionsWithinWindow = ({ maxPositions, layerKinds }: DecoderConfig): number =>
  Math.min(maxPositions, ...layerKinds.map(({ window = maxPositions }) => window));
