/**
 * Hugging Face names and config.json for the weights of a GGUF file.
 * Source: llama.cpp's convert_hf_to_gguf.py and gguf-py/gguf/constants.py, read backwards.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { GgufHeader, GgufValue } from "./gguf.ts";

type Json = Record<string, unknown>;

interface Architecture {
  /** GGUF block part -> Hugging Face block part. */
  block: Readonly<Record<string, string>>;
  top: Readonly<Record<string, string>>;
  prefix: (layer: string) => string;
  config: (get: (key: string) => GgufValue | undefined, header: GgufHeader) => Json;
  /** Query and key rows were interleaved for llama.cpp's RoPE and must be put back. */
  interleaved: boolean;
  /** Projections are stored transposed with respect to the checkpoint. */
  transposed: readonly string[];
}

const LLAMA_BLOCK = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

function llamaConfig(modelType: string) {
  return (get: (key: string) => GgufValue | undefined, header: GgufHeader): Json => {
    const heads = Number(get("attention.head_count"));
    const theta = get("rope.freq_base");
    return {
      model_type: modelType,
      vocab_size: header.tensors.get("token_embd.weight")?.shape[0],
      hidden_size: Number(get("embedding_length")),
      num_hidden_layers: Number(get("block_count")),
      num_attention_heads: heads,
      num_key_value_heads: Number(get("attention.head_count_kv") ?? heads),
      ...(get("attention.key_length") === undefined ? {} : { head_dim: Number(get("attention.key_length")) }),
      intermediate_size: Number(get("feed_forward_length")),
      max_position_embeddings: Number(get("context_length") ?? 2048),
      rms_norm_eps: roundFloat32(Number(get("attention.layer_norm_rms_epsilon") ?? 1e-6)),
      rope_theta: theta === undefined ? 10_000 : roundFloat32(Number(theta)),
      tie_word_embeddings: !header.tensors.has("output.weight"),
      attention_bias: modelType !== "qwen2" && header.tensors.has("blk.0.attn_q.bias"),
      hidden_act: "silu",
    };
  };
}

/** The shortest decimal that a float32 stands for: 1e-5 rather than 0.0000099999997. */
function roundFloat32(value: number): number {
  return Number(value.toPrecision(7));
}

const LLAMA_TOP = { token_embd: "model.embed_tokens", output_norm: "model.norm", output: "lm_head" };
const llamaLike = (modelType: string, interleaved: boolean): Architecture => ({
  block: LLAMA_BLOCK,
  top: LLAMA_TOP,
  prefix: (layer) => `model.layers.${layer}.`,
  config: llamaConfig(modelType),
  interleaved,
  transposed: [],
});

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama: llamaLike("llama", true),
  qwen2: llamaLike("qwen2", false),
  qwen3: llamaLike("qwen3", false),
  gpt2: {
    block: { attn_norm: "ln_1", attn_qkv: "attn.c_attn", attn_output: "attn.c_proj", ffn_norm: "ln_2", ffn_up: "mlp.c_fc", ffn_down: "mlp.c_proj" },
    top: { token_embd: "transformer.wte", position_embd: "transformer.wpe", output_norm: "transformer.ln_f", output: "lm_head" },
    prefix: (layer) => `transformer.h.${layer}.`,
    config: (get, header) => ({
      model_type: "gpt2",
      vocab_size: header.tensors.get("token_embd.weight")?.shape[0],
      n_embd: Number(get("embedding_length")),
      n_layer: Number(get("block_count")),
      n_head: Number(get("attention.head_count")),
      n_inner: Number(get("feed_forward_length")),
      n_positions: Number(get("context_length")),
      layer_norm_epsilon: roundFloat32(Number(get("attention.layer_norm_epsilon") ?? 1e-5)),
      tie_word_embeddings: true,
      activation_function: "gelu_new",
    }),
    interleaved: false,
    transposed: ["attn_qkv", "attn_output", "ffn_up", "ffn_down"],
  },
};

export interface MappedTensor {
  /** Name in the GGUF file. */
  readonly source: string;
  readonly shape: readonly number[];
  /** What must be done to the numbers. */
  readonly change: "none" | "transpose" | "interleaved-queries" | "interleaved-keys";
}

export interface MappedModel {
  readonly config: Json;
  readonly tensors: ReadonlyMap<string, MappedTensor>;
}

/** Names and config of a GGUF file's model in Hugging Face's terms. */
export function mapGguf(file: string, header: GgufHeader): MappedModel {
  const name = header.metadata.get("general.architecture");
  const architecture = typeof name === "string" && Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (!architecture) {
    throw new AttuneError("model", "this GGUF architecture is not supported", { file, got: preview(String(name)), expected: Object.keys(ARCHITECTURES).join(", ") });
  }
  const get = (key: string): GgufValue | undefined => header.metadata.get(`${String(name)}.${key}`);
  const config = { ...architecture.config(get, header), ...ropeScaling(file, get, header) };
  const tensors = new Map<string, MappedTensor>();
  for (const [source, { shape }] of header.tensors) {
    if (source === "rope_freqs.weight") continue;
    // GPT-2 files repeat the tied embedding as the output.
    if (name === "gpt2" && source === "output.weight") continue;
    const [target, part] = mapName(file, source, architecture);
    tensors.set(target, mapTensor(source, shape, part, architecture));
  }
  return { config, tensors };
}

function mapName(file: string, source: string, architecture: Architecture): [target: string, part: string] {
  const block = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(source);
  const top = /^(\w+)\.(weight|bias)$/.exec(source);
  const part = block?.[2] ?? top?.[1] ?? "";
  const target = block ? architecture.block[part] : architecture.top[part];
  if (!target) throw new AttuneError("model", `the GGUF file has a tensor that attune does not know`, { file, got: preview(source) });
  return block ? [`${architecture.prefix(block[1]!)}${target}.${block[3]!}`, part] : [`${target}.${top![2]!}`, part];
}

function mapTensor(source: string, shape: readonly number[], part: string, { transposed, interleaved }: Architecture): MappedTensor {
  if (transposed.includes(part) && shape.length === 2) return { source, shape: shape.toReversed(), change: "transpose" };
  if (interleaved && part === "attn_q") return { source, shape, change: "interleaved-queries" };
  if (interleaved && part === "attn_k") return { source, shape, change: "interleaved-keys" };
  return { source, shape, change: "none" };
}

/** Llama 3.1's scaling is stored as a tensor of factors; its parameters are the published ones for those files. */
function ropeScaling(file: string, get: (key: string) => GgufValue | undefined, header: GgufHeader): Json {
  const kind = get("rope.scaling.type");
  if (kind === "linear") return { rope_scaling: { rope_type: "linear", factor: Number(get("rope.scaling.factor")) } };
  if (kind !== undefined && kind !== "none") {
    throw new AttuneError("model", "this kind of rope scaling is not supported in GGUF files", { file, got: preview(String(kind)), expected: "none, linear, or Llama 3's factors", hint: "the safetensors form of this model" });
  }
  if (!header.tensors.has("rope_freqs.weight")) return {};
  throw new AttuneError("model", "the file scales RoPE by a table of factors (Llama 3.1 and later)", { file, hint: "the safetensors form of this model" });
}

/** Undoes llama.cpp's row order: [heads, half, 2, in] back to [heads, 2, half, in]. */
export function deinterleave(data: Float32Array, heads: number, rows: number): Float32Array {
  const columns = data.length / rows;
  const half = rows / heads / 2;
  const result = new Float32Array(data.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (let part = 0; part < 2; part++) {
        const from = (head * 2 * half + 2 * i + part) * columns;
        result.set(data.subarray(from, from + columns), (head * 2 * half + part * half + i) * columns);
      }
    }
  }
  return result;
}

/** [rows, columns] to [columns, rows]. */
export function transposeMatrix(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) result[column * rows + row] = data[row * columns + column]!;
  return result;
}
