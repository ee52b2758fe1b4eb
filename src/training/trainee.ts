/**
 * A network that is trained: a model of its own over the weights that it starts from, the
 * parameters that are moved, their optimiser, and the plan that computes their gradients.
 *
 * One optimiser step is {@link Trainee.gradients}, then {@link Trainee.update}: gradients of all
 * micro-batches, a check that they are finite, clipping by their norm, AdamW.
 */
import { setImmediate } from "node:timers/promises";
import type { Model } from "../models/model.ts";
import { nonFiniteWeight } from "../models/model.ts";
import type {
  ExecutionPlan,
  InputsOf,
  Objective,
  StepResult,
  TokenBatch,
} from "../models/plans/plan.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import type { GradientNorm, Optimizer } from "../optim/optimizer.ts";
import {
  clipFactor,
  createAdamW,
  createGradientNorm,
  findNonFinite,
  nonFiniteError,
  nonFiniteValue,
} from "../optim/optimizer.ts";
import type { PlanChoice, PlanRequest } from "./choose-plan.ts";
import { PlanOnDemand } from "./choose-plan.ts";
import type { AdapterOptions, OpenOptions, OpenedWeights } from "./open-weights.ts";
import { openWeights } from "./open-weights.ts";
import type { StepPlace } from "./passes.ts";
import type { StepOutcome } from "./step.ts";

/** Some examples of an optimiser step that are computed together. */
export interface MicroBatch<O extends Objective = Objective> {
  batch: TokenBatch;
  /** Inputs of the objective. */
  inputs: InputsOf<O>;
  /** Tokens without padding. */
  tokens: number;
}

/** Options of AdamW and of clipping, under the names that they have for users. */
export interface OptimizerOptions {
  weightDecay: number;
  adamBeta1: number;
  adamBeta2: number;
  adamEpsilon: number;
  /** Largest L2 norm of all gradients together; 0 for no limit. */
  maxGradNorm: number;
}

/** How a network is trained: what its plan reads, and the objective that is minimised. */
export interface TraineeOptions<O extends Objective> extends Omit<
  PlanRequest<O>,
  "model" | "trainable"
> {
  /** Its name in checkpoints and messages, such as `critic`. */
  name: string;
  config: AdapterOptions & OptimizerOptions & PlanChoice;
  adapterSeed: OpenOptions["adapterSeed"];
  takesModel?: OpenOptions["takesModel"];
}

export class Trainee<O extends Objective = Objective> {
  readonly name: string;
  readonly model: Model;
  readonly trainable: TrainableParameters;
  readonly optimizer: Optimizer;
  private readonly norm: GradientNorm;
  private readonly sessions: PlanOnDemand<O>;
  private readonly maxGradNorm: number;

  private constructor(
    { model, trainable }: OpenedWeights,
    { name, config, adapterSeed: _seed, takesModel: _takes, ...request }: TraineeOptions<O>,
    { optimizer, norm }: { optimizer: Optimizer; norm: GradientNorm },
  ) {
    this.name = name;
    this.model = model;
    this.trainable = trainable;
    this.optimizer = optimizer;
    this.norm = norm;
    this.sessions = new PlanOnDemand({ ...request, model, trainable }, config);
    this.maxGradNorm = config.maxGradNorm;
  }

  /** @param start is left as it is; see {@link openWeights} */
  static async open<O extends Objective>(
    start: Model,
    options: TraineeOptions<O>,
  ): Promise<Trainee<O>> {
    const { config, adapterSeed, takesModel } = options;
    const opened = openWeights(start, { ...config, adapterSeed, takesModel });
    const optimizer = await createAdamW(opened.trainable, {
      beta1: config.adamBeta1,
      beta2: config.adamBeta2,
      epsilon: config.adamEpsilon,
      weightDecay: config.weightDecay,
    });
    const norm = await createGradientNorm(opened.trainable);
    return new Trainee(opened, options, { optimizer, norm });
  }

  /** Computes the model as it is now, without training it too. */
  get plan(): ExecutionPlan<O> {
    return this.sessions.plan;
  }

  /**
   * Loss and gradients of micro-batches that add up to one optimiser step. Gradients start from 0.
   */
  async gradients(batches: readonly MicroBatch<O>[]): Promise<StepResult<O>[]> {
    this.trainable.gradients.fill(0);
    const results: StepResult<O>[] = [];
    for (const { batch, inputs } of batches) {
      results.push(await this.plan.step(batch, inputs));
      // Lets Ctrl-C, the display and a server have their turn.
      await setImmediate();
    }
    return results;
  }

  /**
   * One step of the optimiser with the gradients that are there.
   * @param step number of the step from 1, for the message where something is not finite
   * @returns the norm of the gradients before clipping
   * @throws AttuneError `numeric` where loss or gradients are not finite
   */
  async update(learningRate: number, { step, loss }: { step: number; loss: number }) {
    const norm = await this.norm.measure();
    if (!Number.isFinite(norm) || !Number.isFinite(loss)) {
      const weight = nonFiniteWeight(this.model) ?? findNonFinite(this.trainable.byName.values());
      throw nonFiniteError(step, this.told(weight ?? "the loss"));
    }
    const gradientScale = clipFactor(norm, this.maxGradNorm);
    await this.optimizer.step({ learningRate, gradientScale });
    return norm;
  }

  /**
   * One optimiser step, and what every such step logs.
   * @param place of the step in its run
   */
  async learn(
    batches: readonly MicroBatch<O>[],
    { step, learningRate, epoch }: StepPlace,
  ): Promise<{ results: StepResult<O>[]; outcome: StepOutcome }> {
    const results = await this.gradients(batches);
    const loss = results.reduce((sum, result) => sum + result.loss, 0);
    const gradientNorm = await this.update(learningRate, { step, loss });
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
    const metrics = { loss, learning_rate: learningRate, grad_norm: gradientNorm, epoch };
    return { results, outcome: { tokens, metrics } };
  }

  /** @throws AttuneError `numeric` where a parameter is not finite: it must not be saved */
  checkFinite(step: number): void {
    const name = nonFiniteValue(this.trainable);
    if (name !== undefined) throw nonFiniteError(step, this.told(name));
  }

  /** Everything that a checkpoint must keep, by name. */
  get tensors(): Record<string, Float32Array> {
    const named = { values: this.trainable.values, ...this.optimizer.state };
    return Object.fromEntries(
      Object.entries(named).map(([name, data]) => [`${this.name}.${name}`, data]),
    );
  }

  /** Takes the parameters alone from a checkpoint. */
  async restore(read: (name: string) => Promise<Float32Array>): Promise<void> {
    this.trainable.values.set(await read(`${this.name}.values`));
  }

  /** The phase is over: lets go of what only this network needs. */
  release(): Promise<void> {
    return this.sessions.release();
  }

  async close(): Promise<void> {
    await Promise.all([this.sessions.close(), this.optimizer.close(), this.norm.close()]);
  }

  private told(what: string): string {
    return this.name === ONLY ? what : `${this.name}: ${what}`;
  }
}

/** Name of a network that is trained alone; messages leave it out. */
export const ONLY = "model";
