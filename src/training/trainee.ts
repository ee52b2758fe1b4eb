/**
 * A network that is trained by a method with several of them: its parameters, its optimiser and a
 * plan that is built when needed and let go between phases, so that phases share memory.
 */
import type { ExecutionPlan, Objective, Reading, StepResult } from "../models/plans/plan.ts";
import { BlockwisePlan } from "../models/plans/blockwise.ts";
import type { Model } from "../models/model.ts";
import { nonFiniteWeight } from "../models/model.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import {
  clipFactor,
  createAdamW,
  createGradientNorm,
  findNonFinite,
  nonFiniteError,
  nonFiniteValue,
} from "../optim/optimizer.ts";
import type { GradientNorm } from "../optim/optimizer.ts";
import type { MicroBatch } from "./loop.ts";
import type { PlanChoice, PlanRequest } from "./prepare.ts";
import { choosePlan } from "./prepare.ts";
import type { TrainedRole } from "./rollout/roles.ts";

/**
 * A plan for one phase at a time. The block plan's sessions are built in milliseconds, so letting
 * go of them (and of their memory arenas) costs nothing beside a phase; a small model's whole graph
 * stays.
 */
export class PhasePlan<O extends Objective = Objective> {
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

export interface TraineeOptions<O extends Objective> {
  objective: O;
  reads: Reading;
  statistics?: boolean;
  temperature?: number;
  choice: PlanChoice;
  optimizer: {
    adamBeta1: number;
    adamBeta2: number;
    adamEpsilon: number;
    weightDecay: number;
    maxGradNorm: number;
  };
}

export class Trainee<O extends Objective = Objective> {
  readonly name: string;
  readonly role: TrainedRole;
  readonly phase: PhasePlan<O>;
  readonly optimizer: Optimizer;
  private readonly norm: GradientNorm;
  private readonly maxGradNorm: number;

  private constructor(
    name: string,
    role: TrainedRole,
    parts: { phase: PhasePlan<O>; optimizer: Optimizer; norm: GradientNorm; maxGradNorm: number },
  ) {
    this.name = name;
    this.role = role;
    this.phase = parts.phase;
    this.optimizer = parts.optimizer;
    this.norm = parts.norm;
    this.maxGradNorm = parts.maxGradNorm;
  }

  static async create<O extends Objective>(
    name: string,
    role: TrainedRole,
    { choice, optimizer: hyper, ...request }: TraineeOptions<O>,
  ): Promise<Trainee<O>> {
    const phase = new PhasePlan(
      { model: role.model, trainable: role.trainable, ...request },
      choice,
    );
    const optimizer = await createAdamW(role.trainable, {
      beta1: hyper.adamBeta1,
      beta2: hyper.adamBeta2,
      epsilon: hyper.adamEpsilon,
      weightDecay: hyper.weightDecay,
    });
    return new Trainee(name, role, {
      phase,
      optimizer,
      norm: await createGradientNorm(role.trainable),
      maxGradNorm: hyper.maxGradNorm,
    });
  }

  get model(): Model {
    return this.role.model;
  }

  /**
   * Loss and gradients of one minibatch, in micro-batches that add up to it. Gradients start from
   * 0.
   */
  async gradients(batches: readonly MicroBatch<O>[]): Promise<StepResult<O>[]> {
    this.role.trainable.gradients.fill(0);
    const results: StepResult<O>[] = [];
    for (const { batch, inputs } of batches)
      results.push(await this.phase.plan.step(batch, inputs));
    return results;
  }

  /**
   * One step of the optimiser with the gradients that are there.
   * @param step number of the roll-out, for the message where something is not finite
   * @returns the norm of the gradients before clipping
   */
  async update(
    learningRate: number,
    { step, loss }: { step: number; loss: number },
  ): Promise<number> {
    const { trainable } = this.role;
    const norm = await this.norm.measure();
    if (!Number.isFinite(norm) || !Number.isFinite(loss))
      throw nonFiniteError(
        step,
        `${this.name}: ` +
          `${nonFiniteWeight(this.model) ?? findNonFinite(trainable.byName.values()) ?? "the loss"}`,
      );
    await this.optimizer.step({ learningRate, gradientScale: clipFactor(norm, this.maxGradNorm) });
    return norm;
  }

  /** A parameter that is not finite, by name. */
  get broken(): string | undefined {
    const name = nonFiniteValue(this.role.trainable);
    return name && `${this.name}: ${name}`;
  }

  /** Everything that a checkpoint must keep, by name. */
  get state(): Record<string, Float32Array> {
    const named = { values: this.role.trainable.values, ...this.optimizer.state };
    return Object.fromEntries(
      Object.entries(named).map(([name, data]) => [`${this.name}.${name}`, data]),
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.phase.close(), this.optimizer.close(), this.norm.close()]);
  }
}
