/**
 * A network that is trained: a model of its own over the weights that it starts from, the
 * parameters that are moved, their optimiser, and the plan that computes their gradients.
 *
 * One optimiser step is {@link Trainee.gradients}, then {@link Trainee.update}: gradients of all
 * micro-batches, a check that they are finite, clipping by their norm, AdamW.
 */
import { setImmediate } from "node:timers/promises";
import { AttuneError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { float32 } from "../core/tensor.ts";
import type { Adapter } from "../models/adapter.ts";
import {
  applyAdapter,
  createAdapter,
  requireTrainable,
  resolveTargets,
} from "../models/adapter.ts";
import { cloneModel } from "../models/initialize.ts";
import type { Model } from "../models/model.ts";
import { nonFiniteWeight, SCORE_HEAD, shareBase } from "../models/model.ts";
import type {
  ExecutionPlan,
  InputsOf,
  Objective,
  StepResult,
  TokenBatch,
} from "../models/plans/plan.ts";
import type { TrainableParameters } from "../models/trainable.ts";
import { makeTrainable } from "../models/trainable.ts";
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

export interface AdapterOptions {
  /** Train a low-rank adapter over frozen weights, or all weights. */
  adapter: "lora" | "none";
  lora: { rank: number; alpha: number; rslora: boolean; targets: readonly string[] };
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
 * @param adapterSeed of a fresh adapter's random numbers
 * @throws AttuneError `config` for weights that cannot be trained
 */
export function openWeights(
  start: Model,
  { adapterSeed, ...options }: AdapterOptions & { adapterSeed: number },
): OpenedWeights {
  const model =
    options.adapter === "lora" ? withAdapter(start, options.lora, adapterSeed) : allWeights(start);
  const names = options.adapter === "lora" ? model.adapter!.weights.keys() : model.weights.keys();
  const head = start.scoreHead;
  if (head) model.scoreHead = head;
  return { model, trainable: makeTrainable(model, [...names, ...(head ? [SCORE_HEAD] : [])]) };
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
  /** Of a fresh adapter's random numbers. */
  adapterSeed: number;
  /** Nobody reads the model that it starts from afterwards: its trained weights are let go. */
  takesModel?: boolean | undefined;
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
    const { config, adapterSeed } = options;
    const { adapter, lora, weightDecay } = config;
    const opened = openWeights(start, { adapter, lora, adapterSeed });
    if (options.takesModel)
      for (const name of opened.trainable.byName.keys()) start.weights.delete(name);
    const optimizer = await createAdamW(opened.trainable, {
      beta1: config.adamBeta1,
      beta2: config.adamBeta2,
      epsilon: config.adamEpsilon,
      weightDecay,
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
