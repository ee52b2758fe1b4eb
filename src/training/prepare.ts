/** What every trainer does first: read the model, attach an adapter or open all weights, choose the plan. */
import type { Adapter } from "../models/adapter.ts";
import { createAdapter, resolveTargets } from "../models/adapter.ts";
import type { Model } from "../models/model.ts";
import { parameterCount, SCORE_HEAD } from "../models/model.ts";
import { BlockwisePlan } from "../models/plans/blockwise.ts";
import type { ExecutionPlan, Objective, Reading } from "../models/plans/plan.ts";
import { WholePlan } from "../models/plans/whole.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import { makeTrainable } from "../models/trainable.ts";

export interface AdapterOptions {
  adapter: "lora" | "none";
  lora: { rank: number; alpha: number; rslora: boolean; targets: readonly string[] };
  seed: number;
}

/** Attaches a fresh adapter where one is wanted, and makes the right weights trainable (the score head always). */
export function openForTraining(model: Model, options: AdapterOptions): TrainableParameters {
  const names: string[] = [];
  if (options.adapter === "lora") {
    const targets = resolveTargets(model.family, model.config, options.lora.targets);
    const adapter: Adapter = createAdapter(model.family, model.config, { rank: options.lora.rank, alpha: options.lora.alpha, rsLora: options.lora.rslora, targets }, options.seed);
    model.adapter = adapter;
    names.push(...adapter.weights.keys());
  } else {
    names.push(...model.weights.keys());
  }
  if (model.scoreHead) names.push(SCORE_HEAD);
  return makeTrainable(model, names);
}

export interface PlanChoice {
  plan: "auto" | "whole" | "block";
  recompute: boolean;
  maxLength: number;
}

/** Models below this many parameters run as one graph. */
export const WHOLE_PLAN_LIMIT = 30_000_000;

export interface PlanRequest {
  model: Model;
  reads: Reading;
  objective?: Objective;
  trainable?: TrainableParameters;
  statistics?: boolean;
}

export function choosePlan({ model, ...request }: PlanRequest, choice: PlanChoice): ExecutionPlan {
  const whole = choice.plan === "whole" || (choice.plan === "auto" && parameterCount(model.family, model.config) < WHOLE_PLAN_LIMIT);
  const options = { model, maxLength: choice.maxLength * 2 + 1, ...request };
  return whole ? new WholePlan(options) : new BlockwisePlan({ ...options, recompute: choice.recompute });
}
