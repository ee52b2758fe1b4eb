/**
 * A model as a GGUF file with its tokenizer and chat template, for llama.cpp and what is built on it.
 * Source: llama.cpp's convert_hf_to_gguf.py: matrices in the chosen width, vectors always in float32.
 */
import { basename, join } from "node:path";
import { AttuneError, invariant } from "../../core/errors.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { DecoderConfig } from "../family.ts";
import { weightNumbers } from "../load.ts";
import type { Model } from "../model.ts";
import type { WeightDType } from "../weights/dtypes.ts";
import { llama3Factors } from "../weights/gguf-config.ts";
import { ggufArchitecture, ggufName, interleave, ROPE_FACTORS, transposeInto } from "../weights/gguf-names.ts";
import { ggufVocabulary } from "./gguf-vocabulary.ts";
import { writeGguf, type GgufTensorToWrite, type TypedValue } from "./gguf-writer.ts";

/** `general.file_type`, llama.cpp's number for what most tensors are. */
const FILE_TYPES: Readonly<Record<WeightDType, number>> = { F32: 0, F16: 1, BF16: 32 };

/**
 * Writes model.gguf.
 * @param model without an adapter of its own: merge it first
 * @throws AttuneError `model` for a model or tokenizer that GGUF cannot hold, `disk`
 */
export async function exportGguf(model: Model, tokenizer: Tokenizer, folder: string, dtype: WeightDType = "F32"): Promise<void> {
  invariant(!model.adapter && !model.scoreHead, "this kind of model has no GGUF form");
  const { config } = model;
  const architecture = ggufArchitecture(config.modelType);
  if (architecture === undefined) throw new AttuneError("model", "GGUF has no architecture for this family", { got: config.modelType });
  const name = basename(model.source ?? "model");
  const metadata = new Map<string, TypedValue>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.type", { type: "string", value: "model" }],
    ["general.name", { type: "string", value: name }],
    ["general.file_type", { type: "uint32", value: FILE_TYPES[dtype] }],
    ["general.quantization_version", { type: "uint32", value: 2 }],
    ...(architecture === "gpt2" ? gpt2Metadata(config) : llamaMetadata(config, architecture)),
    ...[...ggufVocabulary(tokenizer, config.vocabularySize)].map(([key, value]): [string, TypedValue] => [`tokenizer.${key}`, value]),
  ]);
  await writeGguf(join(folder, "model.gguf"), metadata, tensorsOf(model, architecture, dtype));
}

/** Entries by architecture; whole numbers are uint32, the others float32 or text. */
function entries(architecture: string, values: Readonly<Record<string, number | string | { float: number }>>): [string, TypedValue][] {
  return Object.entries(values).map(([key, value]) => [
    `${architecture}.${key}`,
    typeof value === "string" ? { type: "string", value } : typeof value === "number" ? { type: "uint32", value } : { type: "float32", value: value.float },
  ]);
}

function gpt2Metadata(config: DecoderConfig): [string, TypedValue][] {
  if (!config.tieEmbeddings) throw new AttuneError("model", "a GPT-2 with a head of its own has no GGUF form", { expected: "tie_word_embeddings true" });
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
  return entries(architecture, {
    block_count: config.layers,
    context_length: config.maxPositions,
    embedding_length: config.hiddenSize,
    feed_forward_length: config.intermediateSize,
    "attention.head_count": config.heads,
    "attention.head_count_kv": config.keyValueHeads,
    "attention.layer_norm_rms_epsilon": { float: config.normEpsilon },
    "attention.key_length": headSize,
    "attention.value_length": headSize,
    "rope.dimension_count": headSize,
    "rope.freq_base": { float: rope.theta },
    ...(rope.linearFactor === 1 ? {} : { "rope.scaling.type": "linear", "rope.scaling.factor": { float: rope.linearFactor } }),
    ...(slidingWindow === undefined ? {} : { "attention.sliding_window": slidingWindow }),
    vocab_size: config.vocabularySize,
  });
}

function tensorsOf(model: Model, architecture: string, dtype: WeightDType): GgufTensorToWrite[] {
  const { config } = model;
  const tensors = [...model.weights].map(([original, weight]): GgufTensorToWrite => {
    const { name, change } = ggufName(architecture, original);
    const turned = change === "transposed" && weight.shape.length === 2;
    return {
      name,
      shape: turned ? weight.shape.toReversed() : weight.shape,
      dtype: weight.shape.length > 1 ? dtype : "F32",
      data: () => changed(weightNumbers(weight), weight.shape, change, config.headSize),
    };
  });
  const { rope, headSize } = config;
  if (!rope?.llama3) return tensors;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = rope.llama3;
  const scaling = { factor, low_freq_factor: lowFrequencyFactor, high_freq_factor: highFrequencyFactor, original_max_position_embeddings: originalMaxPositions };
  const factors = Float32Array.from(llama3Factors(scaling, rope.theta, headSize / 2));
  return [{ name: ROPE_FACTORS, shape: [headSize / 2], dtype: "F32", data: () => factors }, ...tensors];
}

/** The numbers as GGUF orders them; the model's own stay as they are. */
function changed(data: Float32Array, shape: readonly number[], change: ReturnType<typeof ggufName>["change"], headSize: number): Float32Array {
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
