/**
 * A model as a GGUF file with its tokenizer and chat template, for llama.cpp and what is built on
 * it.
 * Source: llama.cpp's convert_hf_to_gguf.py: matrices in the chosen width, vectors always in
 * float32.
 */
import { basename, join } from "node:path";
import { AttuneError, invariant } from "../../core/errors.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { DecoderConfig } from "../family.ts";
import { weightNumbers } from "../load.ts";
import type { Model } from "../model.ts";
import type { QuantName } from "../weights/gguf-quantize.ts";
import { BLOCK } from "../weights/gguf-quantize.ts";
import { llama3Factors, OWN_CONTEXT_LENGTH } from "../weights/gguf-config.ts";
import {
  ggufArchitecture,
  ggufName,
  interleave,
  ROPE_FACTORS,
  transposeInto,
} from "../weights/gguf-names.ts";
import { ggufVocabulary } from "./gguf-vocabulary.ts";
import {
  type GgufDType,
  writeGguf,
  type GgufTensorToWrite,
  type TypedValue,
} from "./gguf-writer.ts";

/** `general.file_type`, llama.cpp's number for what most tensors are. */
const FILE_TYPES: Readonly<Record<GgufDType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q8_0: 7,
  BF16: 32,
};

/** What is worth knowing about a written file. */
export interface GgufReport {
  /** How many tensors are in each format. */
  formats: Readonly<Partial<Record<GgufDType, number>>>;
  /**
   * Matrices that cannot be made of blocks of 32 and stay in float16, with the length of their
   * rows.
   */
  unquantised: readonly { name: string; row: number }[];
  /** Tokens after which llama.cpp would see keys that the model does not, where there are such. */
  window?: { length: number; positions: number };
}

/**
 * Writes model.gguf.
 * @param model without an adapter of its own: merge it first
 * @param dtype of matrices; in four bits the embedding and the head have eight, as llama.cpp keeps
 * them finer too
 * @throws AttuneError `model` for a model or tokenizer that GGUF cannot hold, `disk`
 */
export async function exportGguf(
  model: Model,
  tokenizer: Tokenizer,
  folder: string,
  dtype: GgufDType = "F32",
): Promise<GgufReport> {
  invariant(!model.adapter && !model.scoreHead, "this kind of model has no GGUF form");
  const { config } = model;
  const architecture = ggufArchitecture(config.modelType);
  if (architecture === undefined)
    throw new AttuneError("model", "GGUF has no architecture for this family", {
      got: config.modelType,
    });
  const name = basename(model.source ?? "model");
  const metadata = new Map<string, TypedValue>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.type", { type: "string", value: "model" }],
    ["general.name", { type: "string", value: name }],
    ["general.file_type", { type: "uint32", value: FILE_TYPES[dtype] }],
    ["general.quantization_version", { type: "uint32", value: 2 }],
    ...(architecture === "gpt2" ? gpt2Metadata(config) : llamaMetadata(config, architecture)),
    ...[...ggufVocabulary(tokenizer, config.vocabularySize)].map(
      ([key, value]): [string, TypedValue] => [`tokenizer.${key}`, value],
    ),
  ]);
  const tensors = tensorsOf(model, architecture, dtype);
  await writeGguf(join(folder, "model.gguf"), metadata, tensors);
  const length = seenPositions(config);
  return {
    formats: countFormats(tensors),
    unquantised: isQuant(dtype)
      ? tensors
          .filter((tensor) => tensor.dtype === "F16")
          .map((tensor) => ({ name: tensor.name, row: tensor.shape.at(-1)! }))
      : [],
    ...(length < config.maxPositions ? { window: { length, positions: config.maxPositions } } : {}),
  };
}

function countFormats(tensors: readonly GgufTensorToWrite[]): GgufReport["formats"] {
  const counts: Partial<Record<GgufDType, number>> = {};
  for (const { dtype } of tensors) counts[dtype] = (counts[dtype] ?? 0) + 1;
  return counts;
}

/**
 * Positions over which attention to everything is what the model does: llama.cpp has no window for
 * this architecture.
 */
const seenPositions = ({ maxPositions, slidingWindow = maxPositions }: DecoderConfig): number =>
  Math.min(maxPositions, slidingWindow);

const isQuant = (dtype: GgufDType): dtype is QuantName => dtype.startsWith("Q");

/** Entries by architecture; whole numbers are uint32, the others float32 or text. */
function entries(
  architecture: string,
  values: Readonly<Record<string, number | string | { float: number }>>,
): [string, TypedValue][] {
  return Object.entries(values).map(([key, value]) => [
    `${architecture}.${key}`,
    typeof value === "string"
      ? { type: "string", value }
      : typeof value === "number"
        ? { type: "uint32", value }
        : { type: "float32", value: value.float },
  ]);
}

function gpt2Metadata(config: DecoderConfig): [string, TypedValue][] {
  if (!config.tieEmbeddings)
    throw new AttuneError("model", "a GPT-2 with a head of its own has no GGUF form", {
      expected: "tie_word_embeddings true",
    });
  return entries("gpt2", {
    block_count: config.layers,
    context_length: config.maxPositions,
    embedding_length: config.hiddenSize,
    feed_forward_length: config.intermediateSize,
    "attention.head_count": config.heads,
    "attention.layer_norm_epsilon": { float: config.normEpsilon },
  });
}

function llamaMetadata(config: DecoderConfig, architecture: string): [string, TypedValue][] {
  const { rope, slidingWindow, headSize } = config;
  invariant(rope, "a Llama has rotary positions");
  const positions = seenPositions(config);
  const own: [string, TypedValue][] =
    positions < config.maxPositions
      ? [[OWN_CONTEXT_LENGTH, { type: "uint32", value: config.maxPositions }]]
      : [];
  return own.concat(
    entries(architecture, {
      block_count: config.layers,
      context_length: positions,
      embedding_length: config.hiddenSize,
      feed_forward_length: config.intermediateSize,
      "attention.head_count": config.heads,
      "attention.head_count_kv": config.keyValueHeads,
      "attention.layer_norm_rms_epsilon": { float: config.normEpsilon },
      "attention.key_length": headSize,
      "attention.value_length": headSize,
      "rope.dimension_count": headSize,
      "rope.freq_base": { float: rope.theta },
      ...(rope.linearFactor === 1
        ? {}
        : { "rope.scaling.type": "linear", "rope.scaling.factor": { float: rope.linearFactor } }),
      ...(slidingWindow === undefined ? {} : { "attention.sliding_window": slidingWindow }),
      vocab_size: config.vocabularySize,
    }),
  );
}

/** Embedding and head. */
const ENDS: readonly string[] = ["token_embd.weight", "output.weight"];
/** llama.cpp adds positions in float32. */
const POSITIONS = "position_embd.weight";

/** What a tensor is written in. */
function formatOf(name: string, shape: readonly number[], dtype: GgufDType): GgufDType {
  if (shape.length === 1) return "F32";
  if (!isQuant(dtype)) return dtype;
  if (name === POSITIONS) return "F32";
  if (shape.at(-1)! % BLOCK !== 0) return "F16";
  return ENDS.includes(name) ? "Q8_0" : dtype;
}

function tensorsOf(model: Model, architecture: string, dtype: GgufDType): GgufTensorToWrite[] {
  const { config } = model;
  const tensors = [...model.weights].map(([original, weight]): GgufTensorToWrite => {
    const { name, change } = ggufName(architecture, original);
    const shape =
      change === "transposed" && weight.shape.length === 2
        ? weight.shape.toReversed()
        : weight.shape;
    return {
      name,
      shape,
      dtype: formatOf(name, shape, dtype),
      data: () => changed(weightNumbers(weight), weight.shape, change, config.headSize),
    };
  });
  const { rope, headSize } = config;
  if (!rope?.llama3) return tensors;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = rope.llama3;
  const scaling = {
    factor,
    low_freq_factor: lowFrequencyFactor,
    high_freq_factor: highFrequencyFactor,
    original_max_position_embeddings: originalMaxPositions,
  };
  const factors = Float32Array.from(llama3Factors(scaling, rope.theta, headSize / 2));
  return [
    { name: ROPE_FACTORS, shape: [headSize / 2], dtype: "F32", data: () => factors },
    ...tensors,
  ];
}

/** The numbers as GGUF orders them; the model's own stay as they are. */
function changed(
  data: Float32Array,
  shape: readonly number[],
  change: ReturnType<typeof ggufName>["change"],
  headSize: number,
): Float32Array {
  if (change === "transposed") {
    if (shape.length < 2) return data;
    const out = new Float32Array(data.length);
    transposeInto(data, shape[0]!, shape[1]!, out);
    return out;
  }
  if (change === undefined) return data;
  const out = data.slice();
  interleave(out, headSize, shape[1] ?? 1);
  return out;
}
