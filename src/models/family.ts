/**
 * What a model family must say, all of it in one record: how its config.json reads, which weights
 * it has, how its embedding, its blocks and its end are computed, and how other programs name it.
 * Weight names are those of Hugging Face checkpoints, so loading renames nothing.
 */
import type { Graph, Value } from "../graph/ir.ts";
import type { DecoderConfig, LayerKind } from "./decoder-config.ts";
import type { GgufForm } from "./gguf/form.ts";

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** How the matrix W of y = x W is kept. */
export interface Orientation {
  inputs: number;
  outputs: number;
  /** GPT-2's Conv1D keeps [in, out]; a torch Linear [out, in]. */
  transposed: boolean;
}

/** A projection that adapters may attach to: y = x W (+ b). */
export interface Projection extends Orientation {
  /** Its result is added to the hidden states, so that its initial values shrink with depth. */
  residual: boolean;
}

/** What the code of a block may use. Names are local to the block, without its prefix. */
export interface BlockBuilder {
  readonly graph: Graph;
  readonly config: DecoderConfig;
  parameter(name: string): Value;
  /** A projection with its bias and, where one is attached, its adapter: x [N, in] -> [N, out]. */
  linear(x: Value, name: string): Value;
  /**
   * Causal attention: query [N, H*D] or [N, H, D], key and value likewise with K heads -> [N, H*D].
   * Applies the rotation and the window of the layer's kind.
   */
  attention(query: Value, key: Value, value: Value): Value;
}

/**
 * What the layers outside the blocks, embedding and final norm, are built with; names are whole.
 */
export interface OuterLayersBuilder {
  readonly graph: Graph;
  readonly config: DecoderConfig;
  parameter(name: string): Value;
}

type Json = Readonly<Record<string, unknown>>;

export interface PublishedModel {
  /** As the model's card or checkpoint counts them; tests hold the shapes to it. */
  readonly parameters: number;
  /** What of its config.json sets the size. */
  readonly json: Json;
}

export interface ModelFamily {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Other model types whose language model this is, such as a model that sees images too. */
  readonly otherTypes?: readonly string[];
  /**
   * transformers' classes, which a written config.json names: of the language model, and of scores,
   * where it has one.
   */
  readonly architectures: { readonly language: string; readonly scores: string | undefined };
  /** @throws AttuneError `model` for a setting that is wrong or that attune does not have */
  readConfig(json: Json): DecoderConfig;
  /** Shapes of the weights before the blocks, of one block (local names), and after the blocks. */
  embeddingShapes(config: DecoderConfig): Shapes;
  blockShapes(config: DecoderConfig): Shapes;
  finalShapes(config: DecoderConfig): Shapes;
  /** Prefix of the weights of block `layer`. */
  blockPrefix(layer: number): string;
  /** Projections by local name, without `.weight`. */
  projections(config: DecoderConfig): Readonly<Record<string, Projection>>;
  /** Projections of one input that may be computed as one product, in order. */
  readonly joined?: readonly (readonly string[])[];
  /** Names that the head's weight [V, d] may have: its own, or the embedding where tied. */
  headWeight(config: DecoderConfig): string;
  /** What a norm's weight is where it changes nothing: 0 where norms multiply by 1 + weight. */
  readonly neutralNorm: 0 | 1;
  /** The base model's name before its weights, and what checkpoints may have in its place. */
  readonly prefix: { readonly name: string; readonly others: readonly string[] };
  /**
   * Tensors that older checkpoints hold and that say nothing that is not computed anyway: buffers.
   */
  readonly harmless?: readonly RegExp[];
  /**
   * Modules that peft adapts where adapter_config.json names none; undefined: it must name them.
   */
  readonly peftTargets: readonly string[] | undefined;
  /** llama.cpp's form of the family; undefined where it has none that attune writes. */
  readonly gguf: GgufForm | undefined;
  /**
   * config.json of a model of a few thousand parameters, for the tests that run over all families.
   */
  readonly tiny: Json;
  /** Published models by short name, for planning. */
  readonly published: Readonly<Record<string, PublishedModel>>;
  /** tokens and positions int64 [N] -> [N, d] */
  embed(builder: OuterLayersBuilder, tokens: Value, positions: Value): Value;
  /** x [N, d] -> [N, d] */
  block(builder: BlockBuilder, x: Value, layer: LayerKind): Value;
  /** x [N, d] -> [N, d] */
  finalNorm(builder: OuterLayersBuilder, x: Value): Value;
}
