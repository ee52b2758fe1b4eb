/**
 * What llama.cpp makes of a family: the names of its weights and settings in a GGUF file, and what
 * becomes of their numbers, for reading and for writing.
 * Source: llama.cpp's gguf-py/gguf/tensor_mapping.py and convert_hf_to_gguf.py.
 */
import type { DecoderConfig } from "../decoder-config.ts";
import type { Json, MetadataReader } from "./metadata.ts";

/** GGUF's name of a part of a model, and Hugging Face's. */
export type GgufNames = ReadonlyMap<string, string>;

/**
 * How the numbers in the file differ from those of the checkpoint: matrices that are transposed,
 * rows of heads in the order of another rotation, norms that hold 1 + weight.
 */
export type GgufChange = "transposed" | "interleaved" | "plus-one";

/** Whole numbers are uint32 in the file, the others float32 or text. */
export type GgufSetting = number | string | { readonly float: number };

export interface GgufForm {
  /** `general.architecture`. Families may share one. */
  readonly architecture: string;
  /** Whether a file of this architecture is of this family; absent where all are. */
  readonly fits?: (reader: MetadataReader) => boolean;
  /** Parts of a block (`blk.0.NAME.weight`), and those outside of the blocks. */
  readonly block: GgufNames;
  readonly top: GgufNames;
  /** What was done to a part, by GGUF's name, and must be undone. */
  readonly changes: ReadonlyMap<string, GgufChange>;
  /** Tensors that hold nothing that the others do not say. */
  readonly ignored: readonly string[];
  /** Tensors that stand for settings of config.json: tables of frequencies. */
  readonly settingTensors: readonly string[];
  /**
   * config.json of a file, without `model_type` and `architectures`.
   * @param tensors numbers of the setting tensors that the file has
   * @throws AttuneError `model` for a setting that attune does not have
   */
  readConfig(reader: MetadataReader, tensors: ReadonlyMap<string, Float32Array>): Json;
  /**
   * Settings by key, without the architecture before it.
   * @throws AttuneError `model` for a model that llama.cpp would compute otherwise
   */
  settings(config: DecoderConfig): Readonly<Record<string, GgufSetting>>;
  /** Numbers of the setting tensors that this model needs, by name. */
  tensors(config: DecoderConfig): Readonly<Record<string, Float32Array>>;
  /** Positions over which llama.cpp computes what the model does; absent where over all. */
  faithfulPositions?(config: DecoderConfig): number;
}
