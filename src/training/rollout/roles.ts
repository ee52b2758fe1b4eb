/**
 * The four roles of PPO: actor, reference, reward and critic. As adapters and heads over one set of
 * base weights (the default), or as separate models that are trained whole.
 *
 * One base: models are views. They share the tensors of the weights, and each has its own adapter
 * and head, so four roles cost one base. The reference is the model that was given: without an
 * adapter it is the actor with its adapter off; where the policy starts from an adapter (an SFT
 * run's), that adapter is kept frozen for the reference, and the actor goes on from a copy of it.
 * Switching the adapter off would give the raw base instead (TRL's trap; frameworks that fall into
 * it report KL from the wrong model).
 *
 * Source: LLaMA-Factory's reward_model_type lora; Ouyang et al. 2022, appendix C.4 for the critic's
 * start.
 */
import { AttuneError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { float32 } from "../../core/tensor.ts";
import type { Adapter } from "../../models/adapter.ts";
import {
  applyAdapter,
  createAdapter,
  requireTrainable,
  resolveTargets,
} from "../../models/adapter.ts";
import { cloneModel } from "../../models/initialize.ts";
import type { Model } from "../../models/model.ts";
import { SCORE_HEAD, shareBase } from "../../models/model.ts";
import type { TrainableParameters } from "../../models/trainable.ts";
import { makeTrainable } from "../../models/trainable.ts";
import type { AdapterOptions } from "../prepare.ts";
import { refuseInt8 } from "../prepare.ts";

export function copyAdapter({ weights, ...adapter }: Adapter): Adapter {
  return {
    ...adapter,
    weights: new Map(
      [...weights].map(([name, { shape, data }]) => [name, float32(shape, data.slice())]),
    ),
  };
}

/** A role that is trained: its model, and the parameters that its optimiser moves. */
export interface TrainedRole {
  model: Model;
  trainable: TrainableParameters;
}

/**
 * Opens a role for training without touching the model that it starts from.
 * @param name names the stream of a fresh adapter's random numbers
 */
function openRole(
  start: Model,
  name: string,
  options: AdapterOptions,
  head?: HostTensor<"float32">,
): TrainedRole {
  const model = options.adapter === "lora" ? adaptedCopy(start, name, options) : wholeCopy(start);
  if (head) model.scoreHead = head;
  const names = options.adapter === "lora" ? model.adapter!.weights.keys() : model.weights.keys();
  return { model, trainable: makeTrainable(model, [...names, ...(head ? [SCORE_HEAD] : [])]) };
}

/**
 * Goes on from a copy of the model's own adapter, or from a fresh one, which changes nothing at the
 * start.
 */
function adaptedCopy(start: Model, name: string, { lora, seed }: AdapterOptions): Model {
  const model = shareBase(start);
  if (start.adapter) {
    requireTrainable(start.adapter, start.source);
    return { ...model, adapter: copyAdapter(start.adapter) };
  }
  const targets = resolveTargets(model.family, model.config, lora.targets);
  const config = { rank: lora.rank, alpha: lora.alpha, rsLora: lora.rslora, targets };
  return {
    ...model,
    adapter: createAdapter(model.family, model.config, config, Random.for(seed, name).bits()),
  };
}

/**
 * Everything is trained: makeTrainable copies the tensors, and an adapter has to be part of them.
 */
function wholeCopy(start: Model): Model {
  refuseInt8(start);
  for (const [name, { dtype }] of start.weights) {
    if (dtype !== "float32")
      throw new AttuneError("config", `${name} is kept in ${dtype}, which cannot be trained`, {
        expected: "precision float32 with adapter none",
      });
  }
  if (!start.adapter) return shareBase(start);
  const model = {
    ...cloneModel(start),
    ...(start.source === undefined ? {} : { source: start.source }),
  };
  applyAdapter(model, start.adapter, 1);
  return model;
}

export function openActor(policy: Model, options: AdapterOptions): TrainedRole {
  const { scoreHead: _, ...start } = policy;
  return openRole(start, "actor", options);
}

export interface CriticStart {
  model: Model;
  /** A critic that starts as a reward model predicts scale * score + offset. */
  scale: number;
}

/**
 * The critic: a value head over the reward model's network or the policy's. The head starts as the
 * reward model's, in units of normalised rewards, or as 0 over the policy (as in Ziegler et al.
 * 2019).
 */
export function openCritic({ model, scale }: CriticStart, options: AdapterOptions): TrainedRole {
  const size = model.config.hiddenSize;
  const head = float32(
    [1, size],
    model.scoreHead ? model.scoreHead.data.map((weight) => weight * scale) : new Float32Array(size),
  );
  return openRole(model, "critic", options, head);
}

/** Whether two models lie over the same tensors in memory. */
export function sharesBase(a: Model, b: Model): boolean {
  const tensors = ({ weights, int8 }: Model): [string, HostTensor][] => [
    ...weights,
    ...(int8 ?? []),
  ];
  const others = new Map(tensors(b));
  return tensors(a).every(([name, { data }]) => others.get(name)?.data === data);
}
