/** The numbers of a decoder-only transformer, as a family reads them from config.json. */

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
  /** Dimensions of a head that turn, its first ones; absent where all do. */
  rotated?: number;
  /** Factors of each wavelength, for short texts and for long ones; absent for plain RoPE. */
  longrope?: LongRope;
}

/** Source: LongRoPE (Ding et al. 2024). */
export interface LongRope {
  /** What each of the rotated / 2 wavelengths is multiplied by. */
  shortFactors: readonly number[];
  longFactors: readonly number[];
  /** Longest text that the short factors serve, tokens. */
  originalMaxPositions: number;
  /** Longest text that the long factors serve, tokens. */
  maxPositions: number;
  /** What cosines and sines are multiplied by. */
  attentionFactor: number;
  /** Which of the two a run computes with; see context.ts. */
  factors: "short" | "long";
}

/**
 * What differs between the layers of one model: which keys a token sees, and how positions enter.
 * Layers of one kind share a session of the block plan.
 */
export interface LayerKind {
  /** Unlike that of the model's other kinds. */
  readonly name: string;
  /** Absent where positions turn nothing: learned positions, or none. */
  readonly rope?: RopeConfig;
  /** Keys further back than this are not seen, tokens; absent for full attention. */
  readonly window?: number;
}

/** Under plain names; `json` keeps the config.json that the numbers came from. */
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
  /** The kind of each layer, first to last. */
  layerKinds: readonly LayerKind[];
  /**
   * Biases on query, key and value projections (qwen2), on the output projection and the MLP (some
   * llamas).
   */
  biases: { queryKeyValue: boolean; output: boolean; mlp: boolean };
  /**
   * What torch has in place of the family's prefix, where the files are of a larger model around
   * this one.
   */
  modulePrefix?: string;
  json: Readonly<Record<string, unknown>>;
}

/** Layers that are all alike. */
export function equalLayers(layers: number, kind: Omit<LayerKind, "name">): readonly LayerKind[] {
  const named = { name: "layer", ...kind };
  return Array.from({ length: layers }, () => named);
}

/** The kinds that a model has, in the order in which its layers have them first. */
export const kindsOf = ({ layerKinds }: Pick<DecoderConfig, "layerKinds">): LayerKind[] => [
  ...new Map(layerKinds.map((kind) => [kind.name, kind])).values(),
];

/** The shortest window of a model's layers, tokens; undefined where all see everything. */
export function shortestWindow(config: Pick<DecoderConfig, "layerKinds">): number | undefined {
  const windows = kindsOf(config).flatMap(({ window }) => (window === undefined ? [] : [window]));
  return windows.length > 0 ? Math.min(...windows) : undefined;
}
