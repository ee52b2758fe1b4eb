/**
 * What a model family must say: how its config.json reads, which weights it has, and how its
 * embedding, its blocks and its end are computed. Weight names are those of Hugging Face
 * checkpoints, so loading renames nothing.
 */
import { AttuneError, preview } from "../core/errors.ts";
import type { Graph, Value } from "../graph/ir.ts";

export interface RopeConfig {
  theta: number;
  /** Llama 3.1 scaling; absent for plain RoPE. */
  llama3?: {
    factor: number;
    lowFrequencyFactor: number;
    highFrequencyFactor: number;
    originalMaxPositions: number;
  };
  /** Linear position interpolation; 1 for none. */
  linearFactor: number;
}

/**
 * The numbers of a decoder-only transformer, under plain names; `json` keeps the config.json it
 * came from.
 */
export interface DecoderConfig {
  modelType: string;
  vocabularySize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
  intermediateSize: number;
  maxPositions: number;
  normEpsilon: number;
  tieEmbeddings: boolean;
  /** Absent for learned positions. */
  rope?: RopeConfig;
  /** Keys further back than this are not seen; absent for full attention. */
  slidingWindow?: number;
  /**
   * Biases on query, key and value projections (qwen2), on the output projection and the MLP (some
   * llamas).
   */
  biases: { queryKeyValue: boolean; output: boolean; mlp: boolean };
  json: Readonly<Record<string, unknown>>;
}

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** A projection that adapters may attach to: y = x W (+ b). */
export interface Projection {
  inputs: number;
  outputs: number;
  /** GPT-2's Conv1D keeps [in, out]; a torch Linear [out, in]. */
  transposed: boolean;
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
   * Applies RoPE.
   */
  attention(query: Value, key: Value, value: Value): Value;
}

/** What the code of the embedding and of the final norm may use. Names are whole. */
export interface EndBuilder {
  readonly graph: Graph;
  readonly config: DecoderConfig;
  parameter(name: string): Value;
}

export interface ModelFamily {
  readonly modelType: string;
  readConfig(json: Readonly<Record<string, unknown>>): DecoderConfig;
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
  /** Prefixes before which some checkpoints leave out the base model's name. */
  readonly optionalPrefix: string;
  /**
   * Tensors that older checkpoints hold and that say nothing that is not computed anyway: buffers.
   */
  readonly harmless?: readonly RegExp[];
  /** tokens and positions int64 [N] -> [N, d] */
  embed(builder: EndBuilder, tokens: Value, positions: Value): Value;
  /** x [N, d] -> [N, d] */
  block(builder: BlockBuilder, x: Value): Value;
  /** x [N, d] -> [N, d] */
  finalNorm(builder: EndBuilder, x: Value): Value;
}

/**
 * Largest sizes that a config.json may name: some twenty times those of the largest models there
 * are, and small enough that a hostile file cannot ask for tables or lists without end, or for
 * products beyond exact whole numbers.
 */
export const LIMITS = {
  width: 2 ** 20,
  vocabulary: 2 ** 23,
  layers: 4096,
  positions: 2 ** 28,
} as const;

/** Reads typed fields of a config.json; every complaint names the key. */
export class ConfigReader {
  private readonly json: Readonly<Record<string, unknown>>;

  constructor(json: Readonly<Record<string, unknown>>) {
    this.json = json;
  }

  /** From 1 to `most`. */
  integer(key: string, fallback?: number, most: number = LIMITS.width): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value <= most)
      return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: `a whole number from 1 to ${most}`,
    });
  }

  number(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: "a number",
    });
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    if (typeof value === "boolean") return value;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: "true or false",
    });
  }

  /** Refuses settings that change the computation and that attune does not have. */
  only(key: string, allowed: readonly unknown[]): void {
    const value = this.json[key];
    if (value === undefined || value === null || allowed.includes(value)) return;
    throw new AttuneError("model", `config.json: ${key} is not supported`, {
      got: preview(value),
      expected: allowed.map((item) => preview(item)).join(" or "),
    });
  }

  record(key: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.json[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new AttuneError("model", `config.json: ${key} is wrong`, {
      got: preview(value),
      expected: "an object",
    });
  }
}
