/**
 * Hugging Face names, shapes and orientation for the tensors of a GGUF file.
 * Source: llama.cpp's gguf-py/gguf/tensor_mapping.py and convert_hf_to_gguf.py, read in both
 * directions: architecture llama (also Mistral's) keeps query and key rows interleaved for its
 * RoPE, gpt2 keeps Conv1D weights transposed.
 */
import { AttuneError, invariant, nearest, preview } from "../../core/errors.ts";
import { gpt2Config, headSize, type Json, llamaConfig, MetadataReader } from "./gguf-config.ts";
import { type GgufHeader, type GgufTensor, showValue } from "./gguf-header.ts";

type Names = ReadonlyMap<string, string>;

interface Architecture {
  /** GGUF's name of a part of a block, and Hugging Face's. */
  readonly block: Names;
  readonly top: Names;
  readonly prefix: string;
  config(reader: MetadataReader, ropeFactors: Float32Array | undefined): Json;
  /** Tensors that hold nothing that the config does not say. */
  readonly ignored: readonly string[];
  /** What was done to a part of a block, and must be undone. */
  readonly changes: ReadonlyMap<string, Change>;
}

/** How the numbers in the file differ from those of the checkpoint. */
export type Change = "transposed" | "interleaved-queries" | "interleaved-keys";

/** Llama 3's frequency factors. */
export const ROPE_FACTORS = "rope_freqs.weight";

const LLAMA_BLOCK: Names = new Map([
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

const LLAMA_TOP: Names = new Map([
  ["token_embd", "model.embed_tokens"],
  ["output_norm", "model.norm"],
  ["output", "lm_head"],
]);

const llamaLike = (modelType: string, changes: ReadonlyMap<string, Change>): Architecture => ({
  block: LLAMA_BLOCK,
  top: LLAMA_TOP,
  prefix: "model.layers.",
  config: (reader, ropeFactors) => llamaConfig(reader, modelType, ropeFactors),
  ignored: [ROPE_FACTORS],
  changes,
});

const GPT2: Architecture = {
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
  prefix: "transformer.h.",
  config: gpt2Config,
  // A copy of the embedding, to which GPT-2's head is always tied.
  ignored: ["output.weight"],
  changes: new Map<string, Change>(
    ["attn_qkv", "attn_output", "ffn_up", "ffn_down"].map((part) => [part, "transposed"]),
  ),
};

const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  [
    "llama",
    llamaLike(
      "llama",
      new Map([
        ["attn_q", "interleaved-queries"],
        ["attn_k", "interleaved-keys"],
      ]),
    ),
  ],
  ["qwen2", llamaLike("qwen2", new Map())],
  ["qwen3", llamaLike("qwen3", new Map())],
  ["gpt2", GPT2],
]);

export interface MappedTensor {
  /** The tensor in the GGUF file. */
  readonly source: GgufTensor;
  /** In the checkpoint's orientation. */
  readonly shape: readonly number[];
  readonly change?: Change;
}

export interface MappedModel {
  readonly config: Json;
  /** Rows of one query or key head, for the interleaved ones. */
  readonly headSize: number;
  /** By Hugging Face name, in the file's order. */
  readonly tensors: ReadonlyMap<string, MappedTensor>;
}

/**
 * A GGUF file's model in Hugging Face's terms.
 * @param ropeFactors numbers of the tensor {@link ROPE_FACTORS}, where the file has it
 * @throws AttuneError `model` for an architecture, a tensor or a setting that attune does not have
 */
export function mapGguf(file: string, header: GgufHeader, ropeFactors?: Float32Array): MappedModel {
  const name = header.metadata.get("general.architecture");
  const architecture = typeof name === "string" ? ARCHITECTURES.get(name) : undefined;
  if (!architecture) {
    const near = typeof name === "string" ? nearest(name, ARCHITECTURES.keys()) : undefined;
    throw new AttuneError("model", "this GGUF architecture is not supported", {
      file,
      got: showValue(name),
      expected: [...ARCHITECTURES.keys()].join(", "),
      ...(near ? { hint: `a ${near} model` } : {}),
    });
  }
  const reader = new MetadataReader(file, header, String(name));
  const config = architecture.config(reader, ropeFactors);
  const size = headSize(reader);
  const tensors = new Map<string, MappedTensor>();
  for (const tensor of header.tensors.values()) {
    if (architecture.ignored.includes(tensor.name)) continue;
    const { target, part } = mapName(file, tensor.name, architecture);
    tensors.set(
      target,
      mapTensor(file, tensor, { change: architecture.changes.get(part), headSize: size }),
    );
  }
  return { config, headSize: size, tensors };
}

/** GGUF's architecture for a `model_type`; undefined where it has none that attune knows. */
export function ggufArchitecture(modelType: string): string | undefined {
  const name = modelType === "mistral" ? "llama" : modelType;
  return ARCHITECTURES.has(name) ? name : undefined;
}

/** The GGUF name of a weight, and what must be done to its numbers. */
export function ggufName(
  architecture: string,
  name: string,
): { name: string; change: Change | undefined } {
  const { block, top, prefix, changes } = ARCHITECTURES.get(architecture)!;
  const [, local, kind] = /^(.+)\.(weight|bias)$/.exec(name)!;
  const inBlock = local!.startsWith(prefix)
    ? /^(\d+)\.(.+)$/.exec(local!.slice(prefix.length))
    : null;
  const wanted = inBlock?.[2] ?? local;
  const part = [...(inBlock ? block : top)].find(([, target]) => target === wanted)?.[0];
  invariant(part !== undefined, `GGUF has no name for the weight ${name}`);
  return {
    name: `${inBlock ? `blk.${inBlock[1]!}.` : ""}${part}.${kind!}`,
    change: inBlock ? changes.get(part) : undefined,
  };
}

function mapName(
  file: string,
  source: string,
  { block, top, prefix }: Architecture,
): { target: string; part: string } {
  const [, layer, part, kind] =
    /^(?:blk\.(0|[1-9]\d{0,5})\.)?([a-z0-9_]+)\.(weight|bias)$/.exec(source) ?? [];
  const target = part === undefined ? undefined : (layer === undefined ? top : block).get(part);
  if (part === undefined || target === undefined) {
    throw new AttuneError("model", "the GGUF file has a tensor that attune does not know", {
      file,
      got: preview(source),
      hint: "the safetensors form of this model",
    });
  }
  return { target: `${layer === undefined ? "" : `${prefix}${layer}.`}${target}.${kind!}`, part };
}

function mapTensor(
  file: string,
  source: GgufTensor,
  { change, headSize: size }: { change: Change | undefined; headSize: number },
): MappedTensor {
  const { shape } = source;
  if (!change || (change === "transposed" && shape.length < 2)) return { source, shape };
  if (change === "transposed" && shape.length === 2)
    return { source, shape: shape.toReversed(), change };
  const rows = shape[0] ?? 0;
  if (
    change !== "transposed" &&
    shape.length <= 2 &&
    size % 2 === 0 &&
    rows > 0 &&
    rows % size === 0
  )
    return { source, shape, change };
  throw new AttuneError("model", `the tensor ${preview(source.name)} has the wrong shape`, {
    file,
    got: `[${shape.join(", ")}]`,
    expected: change === "transposed" ? "a matrix" : `rows for heads of ${size}`,
  });
}

/**
 * Undoes llama.cpp's row order in place: each head's rows [half, 2, columns] become [2, half,
 * columns].
 * @param data numbers of whole heads, row-major
 * @param size rows of a head
 * @param columns numbers of a row
 */
export function deinterleave(data: Float32Array, size: number, columns: number): void {
  const head = new Float32Array(size * columns);
  const half = size / 2;
  for (let start = 0; start < data.length; start += head.length) {
    head.set(data.subarray(start, start + head.length));
    for (let row = 0; row < size; row++) {
      const to = start + ((row & 1) * half + (row >> 1)) * columns;
      data.set(head.subarray(row * columns, (row + 1) * columns), to);
    }
  }
}

/**
 * The opposite of {@link deinterleave}: each head's rows [2, half, columns] become [half, 2,
 * columns].
 */
export function interleave(data: Float32Array, size: number, columns: number): void {
  const head = new Float32Array(size * columns);
  const half = size / 2;
  for (let start = 0; start < data.length; start += head.length) {
    head.set(data.subarray(start, start + head.length));
    for (let row = 0; row < size; row++) {
      const from = ((row & 1) * half + (row >> 1)) * columns;
      data.set(head.subarray(from, from + columns), start + row * columns);
    }
  }
}

/** Rows that are transposed at a time, so that reads and writes both stay in cache. */
const TILE = 32;

/** [rows, columns] to [columns, rows]. */
export function transposeInto(
  data: Float32Array,
  rows: number,
  columns: number,
  out: Float32Array,
): void {
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(top + TILE, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < bottom; row++)
        out[column * rows + row] = data[row * columns + column]!;
    }
  }
}
