/**
 * A model in memory: its family, its numbers, its weights, and the adapter and score head that may
 * be attached.
 */
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { elementCount } from "../core/tensor.ts";
import type { Adapter } from "./adapter.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type { ModelFamily, Projection, Shapes } from "./family.ts";
import type { Int8Weights } from "./int8.ts";

/** Name of the score head's weight [1, d], as in transformers' sequence classification models. */
export const SCORE_HEAD = "score.weight";

/** A decoder-only language model in memory. Programs hand it on as it is. */
export interface Model {
  /** How weights are named and what is computed with them. */
  readonly family: ModelFamily;
  /** Sizes and settings, read from config.json or GGUF. */
  readonly config: DecoderConfig;
  /** Float32 or float16 by Hugging Face name; frozen unless a trainer says otherwise. */
  readonly weights: Map<string, HostTensor<"float32"> | HostTensor<"float16">>;
  /**
   * Projections of the blocks in 8 bits, by the names that int8.ts gives; `weights` does not have
   * them then.
   */
  int8?: Int8Weights;
  /** Low-rank matrices that are added to projections. */
  adapter?: Adapter;
  /** Where it was read from, as an adapter records its base. */
  source?: string;
  /** Weight [1, d] of a scalar head: a reward or a value model. */
  scoreHead?: HostTensor<"float32">;
}

/** Shapes of all weights by whole name, without score head and adapter. */
export function weightShapes(family: ModelFamily, config: DecoderConfig): Shapes {
  const shapes: Record<string, readonly number[]> = { ...family.embeddingShapes(config) };
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = family.blockPrefix(layer);
    for (const [name, shape] of Object.entries(family.blockShapes(config)))
      shapes[prefix + name] = shape;
  }
  return { ...shapes, ...family.finalShapes(config) };
}

/** Whole names of the projections' weights, with what they are. */
export function projectionsByWeight(
  family: ModelFamily,
  config: DecoderConfig,
): Map<string, Projection> {
  const local = Object.entries(family.projections(config));
  const layers = Array.from({ length: config.layers }, (_, layer) => family.blockPrefix(layer));
  return new Map(
    layers.flatMap((prefix) =>
      local.map(([name, projection]): [string, Projection] => [
        `${prefix}${name}.weight`,
        projection,
      ]),
    ),
  );
}

/** Number of parameters, without score head and adapter. */
export function parameterCount(family: ModelFamily, config: DecoderConfig): number {
  return Object.values(weightShapes(family, config)).reduce(
    (total, shape) => total + elementCount(shape),
    0,
  );
}

/** A model of its own over the same weight tensors, without adapter and head. */
export function shareBase(model: Model): Model {
  return {
    family: model.family,
    config: model.config,
    weights: new Map(model.weights),
    ...(model.int8 ? { int8: model.int8 } : {}),
    ...(model.source === undefined ? {} : { source: model.source }),
  };
}

export function weightOf(model: Model, name: string): HostTensor {
  const weight =
    name === SCORE_HEAD
      ? model.scoreHead
      : (model.weights.get(name) ??
        model.adapter?.weights.get(name) ??
        model.adapter?.scales?.get(name) ??
        model.int8?.get(name));
  if (!weight) throw new AttuneError("internal", `the model has no weight named ${name}`);
  return weight;
}

/** Bits of a float16's exponent; all set for infinities and NaN. */
const HALF_EXPONENT = 0x7c00;

/** The first weight with a value that is NaN or infinite, adapter and score head included. */
export function nonFiniteWeight({ weights, adapter, scoreHead }: Model): string | undefined {
  const all: [string, HostTensor<"float32"> | HostTensor<"float16">][] = [
    ...weights,
    ...(adapter?.weights ?? []),
    ...(scoreHead ? [[SCORE_HEAD, scoreHead] as [string, HostTensor<"float32">]] : []),
  ];
  const isFinite = (tensor: HostTensor<"float32"> | HostTensor<"float16">): boolean =>
    tensor.dtype === "float32"
      ? tensor.data.every(Number.isFinite)
      : tensor.data.every((bits) => (bits & HALF_EXPONENT) !== HALF_EXPONENT);
  return all.find(([, tensor]) => !isFinite(tensor))?.[0];
}
