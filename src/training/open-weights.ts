/**
 * Opens a model for training: with a low-rank adapter over frozen weights, or all weights. The model
 * that it starts from stays as it was.
 */
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import type { Adapter } from "../models/adapter.ts";
import { createAdapter, requireTrainable, resolveTargets } from "../models/adapter.ts";
import { cloneModel } from "../models/initialize.ts";
import { applyAdapter } from "../models/merge-adapter.ts";
import type { Model } from "../models/model.ts";
import { SCORE_HEAD, shareBase } from "../models/model.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import { makeTrainable } from "../models/trainable.ts";

export interface AdapterOptions {
  /** Train a low-rank adapter over frozen weights, or all weights. */
  adapter: "lora" | "none";
  lora: { rank: number; alpha: number; rslora: boolean; targets: readonly string[] };
}

export interface OpenOptions extends AdapterOptions {
  /** Of a fresh adapter's random numbers. */
  adapterSeed: number;
  /** Nobody reads the model that it starts from afterwards: its trained weights are let go. */
  takesModel?: boolean | undefined;
}

/** A model for training, and what of it is moved. */
export interface OpenedWeights {
  model: Model;
  trainable: TrainableParameters;
}

/**
 * Opens a model for training, and leaves the one that it starts from as it was. With an adapter,
 * training goes on with a copy of the one that the model has, or with a fresh one, which changes
 * nothing at the start; frozen weights are shared. Without, all weights are copied, an adapter
 * merged into them. A score head is trained in both cases.
 * @throws AttuneError `config` for weights that cannot be trained
 */
export function openWeights(
  start: Model,
  { adapterSeed, takesModel = false, ...options }: OpenOptions,
): OpenedWeights {
  const model =
    options.adapter === "lora" ? withAdapter(start, options.lora, adapterSeed) : allWeights(start);
  const names = options.adapter === "lora" ? model.adapter!.weights.keys() : model.weights.keys();
  const head = start.scoreHead;
  if (head) model.scoreHead = head;
  const trainable = makeTrainable(model, [...names, ...(head ? [SCORE_HEAD] : [])]);
  if (takesModel) for (const name of trainable.byName.keys()) start.weights.delete(name);
  return { model, trainable };
}

function withAdapter(start: Model, lora: AdapterOptions["lora"], adapterSeed: number): Model {
  const model = shareBase(start);
  if (start.adapter) {
    requireTrainable(start.adapter, start.source);
    return { ...model, adapter: copyAdapter(start.adapter) };
  }
  const { rank, alpha, rslora: rsLora } = lora;
  const targets = resolveTargets(model.family, model.config, lora.targets);
  const config = { rank, alpha, rsLora, targets };
  return { ...model, adapter: createAdapter(model.family, model.config, config, adapterSeed) };
}

/** makeTrainable copies the tensors, so those of a model without an adapter may be shared. */
function allWeights(start: Model): Model {
  if (start.int8)
    throw new AttuneError(
      "config",
      "the model's projections are kept in int8, which cannot be trained",
      { expected: "precision float32 with adapter none" },
    );
  for (const [name, { dtype }] of start.weights)
    if (dtype !== "float32")
      throw new AttuneError("config", `${name} is kept in ${dtype}, which cannot be trained`, {
        expected: "precision float32 with adapter none",
      });
  if (!start.adapter) return shareBase(start);
  const source = start.source === undefined ? {} : { source: start.source };
  const model = { ...cloneModel(start), ...source };
  applyAdapter(model, start.adapter, 1);
  return model;
}

/** An adapter with weights of its own. */
export function copyAdapter({ weights, ...adapter }: Adapter): Adapter {
  const copied = [...weights].map(([name, { shape, data }]): [string, HostTensor<"float32">] => [
    name,
    float32(shape, data.slice()),
  ]);
  return { ...adapter, weights: new Map(copied) };
}
