/**
 * The parameters that a run trains, in one flat buffer: the optimiser, clipping and checkpoints
 * then work on a few large arrays instead of hundreds of small ones, and each parameter is a view
 * into them.
 */
import type { HostTensor } from "../core/tensor.ts";
import { elementCount, float32 } from "../core/tensor.ts";
import { invariant } from "../core/errors.ts";
import type { Model } from "./model.ts";
import { SCORE_HEAD, parameterCount } from "./model.ts";

export interface TrainableParameter {
  readonly name: string;
  readonly value: HostTensor<"float32">;
  readonly gradient: HostTensor<"float32">;
}

export class TrainableParameters {
  readonly values: Float32Array;
  readonly gradients: Float32Array;
  readonly byName: ReadonlyMap<string, TrainableParameter>;
  /** Elements before this index are subject to weight decay: matrices come first, vectors after. */
  readonly decayed: number;

  /**
   * Copies the tensors into one buffer; norms and biases (vectors) are kept out of weight decay, as
   * transformers does.
   */
  constructor(tensors: ReadonlyMap<string, HostTensor<"float32">>) {
    const ordered = inFlatOrder(tensors);
    const size = ordered.reduce((total, [, tensor]) => total + elementCount(tensor.shape), 0);
    this.values = new Float32Array(size);
    this.gradients = new Float32Array(size);
    const byName = new Map<string, TrainableParameter>();
    let offset = 0;
    let decayed = 0;
    for (const [name, tensor] of ordered) {
      const end = offset + tensor.data.length;
      this.values.set(tensor.data, offset);
      byName.set(name, {
        name,
        value: float32(tensor.shape, this.values.subarray(offset, end)),
        gradient: float32(tensor.shape, this.gradients.subarray(offset, end)),
      });
      offset = end;
      if (tensor.shape.length > 1) decayed = end;
    }
    this.byName = byName;
    this.decayed = decayed;
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  get(name: string): TrainableParameter {
    const parameter = this.byName.get(name);
    invariant(parameter, `${name} is not trainable`);
    return parameter;
  }
}

/** The order in which a buffer holds them: matrices, then vectors. */
export function inFlatOrder<T extends HostTensor>(tensors: ReadonlyMap<string, T>): [string, T][] {
  const isMatrix = ([, { shape }]: [string, T]): boolean => shape.length > 1;
  const entries = [...tensors];
  return [...entries.filter(isMatrix), ...entries.filter((entry) => !isMatrix(entry))];
}

/**
 * Parameters of the whole model: its weights, and what is trained beside them (an adapter, a head).
 */
export function totalParameters(
  { family, config, weights }: Model,
  { byName }: TrainableParameters,
): number {
  return [...byName.values()].reduce(
    (total, { name, value }) => (weights.has(name) ? total : total + value.data.length),
    parameterCount(family, config),
  );
}

/** Trains the given weights of a model; from then on the model reads the trained values. */
export function makeTrainable(model: Model, names: Iterable<string>): TrainableParameters {
  const tensors = new Map<string, HostTensor<"float32">>();
  for (const name of names) {
    const tensor =
      name === SCORE_HEAD
        ? model.scoreHead
        : (model.adapter?.weights.get(name) ?? model.weights.get(name));
    invariant(tensor?.dtype === "float32", `${name} must be float32 to be trained`);
    tensors.set(name, tensor as HostTensor<"float32">);
  }
  const trainable = new TrainableParameters(tensors);
  for (const [name, { value }] of trainable.byName) {
    if (name === SCORE_HEAD) model.scoreHead = value;
    else if (model.adapter?.weights.has(name)) model.adapter.weights.set(name, value);
    else model.weights.set(name, value);
  }
  return trainable;
}
