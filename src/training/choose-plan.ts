/** Which execution plan computes a model: its whole graph at once, or block by block. */
import { parameterCount } from "../models/model.ts";
import type { Model } from "../models/model.ts";
import { BlockwisePlan } from "../models/plans/blockwise.ts";
import type { ExecutionPlan, Objective, Reading, Recompute } from "../models/plans/plan.ts";
import { WholePlan } from "../models/plans/whole.ts";
import type { TrainableParameters } from "../models/trainable.ts";

/** The options that choose. */
export interface PlanChoice {
  plan: "auto" | "whole" | "block";
  recompute: Recompute;
  /** Tokens of a prompt with one answer, at most. */
  maxLength: number;
}

/** Models below this many parameters run as one graph. */
export const WHOLE_PLAN_LIMIT = 30_000_000;

/** What the plan is to compute. */
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
  const options = {
    model,
    maxLength: Math.max(choice.maxLength * 2 + 1, longestRow),
    ...request,
  };
  return whole
    ? new WholePlan(options)
    : new BlockwisePlan({ ...options, recompute: choice.recompute });
}

/**
 * A plan that is built when it is needed and let go of between the phases of a step, so that phases
 * share memory. The block plan's sessions are built in milliseconds, so letting go of them and of
 * their memory arenas costs nothing beside a phase; a small model's whole graph stays.
 */
export class PlanOnDemand<O extends Objective = Objective> {
  private readonly request: PlanRequest<O>;
  private readonly choice: PlanChoice;
  private current: ExecutionPlan<O> | undefined;

  constructor(request: PlanRequest<O>, choice: PlanChoice) {
    this.request = request;
    this.choice = choice;
  }

  get plan(): ExecutionPlan<O> {
    this.current ??= choosePlan(this.request, this.choice);
    return this.current;
  }

  /** The phase is over. */
  async release(): Promise<void> {
    if (this.current instanceof BlockwisePlan) await this.close();
  }

  async close(): Promise<void> {
    const plan = this.current;
    this.current = undefined;
    await plan?.close();
  }
}
