/**
 * A model as a GGUF file with its tokenizer and chat template, for llama.cpp and what is built on
 * it.
 * Source: llama.cpp's convert_hf_to_gguf.py: matrices in the chosen width, vectors always in
 * float32.
 */
import { basename, join } from "node:path";
import { AttuneError, invariant } from "../../core/errors.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { configForContext } from "../context.ts";
import { weightNumbers } from "../load.ts";
import type { Model } from "../model.ts";
import type { QuantName } from "../weights/gguf-quantize.ts";
import type { GgufChange, GgufForm, GgufSetting } from "../gguf/form.ts";
import { OWN_CONTEXT_LENGTH } from "../gguf/metadata.ts";
import { ggufName } from "../weights/gguf-names.ts";
import { interleave, transposeInto } from "../weights/gguf-orders.ts";
import { BLOCK } from "../weights/gguf-quantize.ts";
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
  const { family } = model;
  const config = configForContext(model.config, Infinity);
  const { gguf: form } = family;
  if (!form)
    throw new AttuneError("model", "GGUF has no architecture for this family", {
      got: family.modelType,
    });
  const positions = form.faithfulPositions?.(config) ?? config.maxPositions;
  const name = basename(model.source ?? "model");
  const metadata = new Map<string, TypedValue>([
    ["general.architecture", { type: "string", value: form.architecture }],
    ["general.type", { type: "string", value: "model" }],
    ["general.name", { type: "string", value: name }],
    ["general.file_type", { type: "uint32", value: FILE_TYPES[dtype] }],
    ["general.quantization_version", { type: "uint32", value: 2 }],
    ...(positions < config.maxPositions
      ? [[OWN_CONTEXT_LENGTH, { type: "uint32", value: config.maxPositions }] as const]
      : []),
    ...settings(form.architecture, form.settings(config)),
    ...[...ggufVocabulary(tokenizer, config.vocabularySize)].map(
      ([key, value]): [string, TypedValue] => [`tokenizer.${key}`, value],
    ),
  ]);
  const tensors = tensorsOf({ ...model, config }, form, dtype);
  await writeGguf(join(folder, "model.gguf"), metadata, tensors);
  return {
    formats: countFormats(tensors),
    unquantised: isQuant(dtype)
      ? tensors
          .filter((tensor) => tensor.dtype === "F16")
          .map((tensor) => ({ name: tensor.name, row: tensor.shape.at(-1)! }))
      : [],
    ...(positions < config.maxPositions
      ? { window: { length: positions, positions: config.maxPositions } }
      : {}),
  };
}

function countFormats(tensors: readonly GgufTensorToWrite[]): GgufReport["formats"] {
  const counts: Partial<Record<GgufDType, number>> = {};
  for (const { dtype } of tensors) counts[dtype] = (counts[dtype] ?? 0) + 1;
  return counts;
}

const isQuant = (dtype: GgufDType): dtype is QuantName => dtype.startsWith("Q");

/** Settings with the architecture before their keys. */
const settings = (
  architecture: string,
  values: Readonly<Record<string, GgufSetting>>,
): [string, TypedValue][] =>
  Object.entries(values).map(([key, value]) => [`${architecture}.${key}`, typed(value)]);

function typed(value: GgufSetting): TypedValue {
  if (typeof value === "string") return { type: "string", value };
  if (typeof value === "number") return { type: "uint32", value };
  return { type: "float32", value: value.float };
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

function tensorsOf(model: Model, form: GgufForm, dtype: GgufDType): GgufTensorToWrite[] {
  const { config, family } = model;
  const tensors = [...model.weights].map(([original, weight]): GgufTensorToWrite => {
    const { name, change } = ggufName(family, form, original);
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
  const tables = Object.entries(form.tensors(config)).map(([name, numbers]): GgufTensorToWrite => ({
    name,
    shape: [numbers.length],
    dtype: "F32",
    data: () => numbers,
  }));
  return [...tables, ...tensors];
}

/** The numbers as GGUF orders them; the model's own stay as they are. */
function changed(
  data: Float32Array,
  shape: readonly number[],
  change: GgufChange | undefined,
  headSize: number,
): Float32Array {
  if (change === undefined) return data;
  if (change === "plus-one") return data.map((x) => x + 1);
  if (change === "transposed") {
    if (shape.length < 2) return data;
    const out = new Float32Array(data.length);
    transposeInto(data, shape[0]!, shape[1]!, out);
    return out;
  }
  const out = data.slice();
  interleave(out, headSize, shape[1] ?? 1);
  return out;
}
