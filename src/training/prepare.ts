/**
 * What every trainer does first: read the model, attach an adapter or open all weights, choose the
 * plan.
 */
import { AttuneError } from "../core/errors.ts";
import type { Adapter } from "../models/adapter.ts";
import { createAdapter, requireTrainable, resolveTargets } from "../models/adapter.ts";
import type { Model } from "../models/model.ts";
import { parameterCount, SCORE_HEAD } from "../models/model.ts";
import { BlockwisePlan } from "../models/plans/blockwise.ts";
import type { ExecutionPlan, Objective, Reading, Recompute } from "../models/plans/plan.ts";
import { WholePlan } from "../models/plans/whole.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import { makeTrainable } from "../models/trainable.ts";

export interface AdapterOptions {
  adapter: "lora" | "none";
  lora: { rank: number; alpha: number; rslora: boolean; targets: readonly string[] };
  seed: number;
}

/**
 * Makes the right weights trainable (the score head always). Where an adapter is wanted, training
 * goes on with the one that the model has, else with a fresh one.
 * @throws AttuneError `config` where all weights are to be trained and an adapter lies over them
 */
export function openForTraining(model: Model, options: AdapterOptions): TrainableParameters {
  const names: string[] = [];
  if (options.adapter === "lora") {
    model.adapter ??= freshAdapter(model, options);
    requireTrainable(model.adapter, model.source);
    names.push(...model.adapter.weights.keys());
  } else {
    if (model.adapter)
      throw new AttuneError(
        "config",
        "the model has an adapter, so not all of what it computes could be trained",
        {
          expected: "adapter lora, or the adapter merged into the weights",
          hint: "openModel(path, { merge: true })",
        },
      );
    refuseInt8(model);
    names.push(...model.weights.keys());
  }
  if (model.scoreHead) names.push(SCORE_HEAD);
  return makeTrainable(model, names);
}

/** @throws AttuneError `config` where weights in 8 bits would be trained */
export function refuseInt8({ int8 }: Model): void {
  if (int8)
    throw new AttuneError(
      "config",
      "the model's projections are kept in int8, which cannot be trained",
      { expected: "precision float32 with adapter none" },
    );
}

function freshAdapter({ family, config }: Model, { lora, seed }: AdapterOptions): Adapter {
  const targets = resolveTargets(family, config, lora.targets);
  return createAdapter(
    family,
    config,
    { rank: lora.rank, alpha: lora.alpha, rsLora: lora.rslora, targets },
    seed,
  );
}

export interface PlanChoice {
  plan: "auto" | "whole" | "block";
  recompute: Recompute;
  maxLength: number;
}

/** Models below this many parameters run as one graph. */
export const WHOLE_PLAN_LIMIT = 30_000_000;

export interface PlanRequest<O extends Objective = Objective> {
  model: Model;
  reads: Reading;
  objective?: O;
  trainable?: TrainableParameters;
  statistics?: boolean;
  /** Of the softmax that log-probabilities are read from. Default 1. */
  temperature?: number;
  /** Tokens of the longest row, where it may hold more than a prompt and two answers. */
  longestRow?: number;
}

export function choosePlan<O extends Objective>(
  { model, longestRow = 0, ...request }: PlanRequest<O>,
  choice: PlanChoice,
): ExecutionPlan<O> {
  const whole =
    choice.plan === "whole" ||
    (choice.plan === "auto" && parameterCount(model.family, model.config) < WHOLE_PLAN_LIMIT);
  const options = { model, maxLength: Math.max(choice.maxLength * 2 + 1, longestRow), ...request };
  return whole
    ? new WholePlan(options)
    : new BlockwisePlan({ ...options, recompute: choice.recompute });
}
