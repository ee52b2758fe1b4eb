/**
 * The loop that every method shares: epochs, optimiser steps over micro-batches, evaluation,
 * checkpoints, resuming, and stopping on request. What a method is (its batches, its loss, its
 * metrics) is in the method's own file.
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
import { totalParameters } from "../models/trainable.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import {
  clipFactor,
  createAdamW,
  createGradientNorm,
  findNonFinite,
  nonFiniteError,
  nonFiniteValue,
} from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedules.ts";
import { scheduleFactor } from "../optim/schedules.ts";
import type { EndEvent, Metrics, TrainingEvent } from "../runs/events.ts";
import { hashRows } from "../runs/encoded-rows.ts";
import type { Run } from "../runs/run.ts";
import type { StateTensors } from "./checkpoint-state.ts";
import { readState, withState, writeState } from "./checkpoint-state.ts";
import type { Passes } from "./passes.ts";
import { epochsAfter, itemsOfStep, totalSteps } from "./passes.ts";

export interface MicroBatch<O extends Objective = Objective> {
  batch: TokenBatch;
  inputs: InputsOf<O>;
  /** Tokens without padding. */
  tokens: number;
}

/** What a method must say. `Item` is one training example: a pair, a text, a group of answers. */
export interface TrainingMethod<Item, O extends Objective = Objective> {
  readonly name: string;
  readonly items: readonly Item[];
  readonly plan: ExecutionPlan<O>;
  readonly trainable: TrainableParameters;
  /** What is trained: where a loss is not finite, a frozen weight may be why. */
  readonly model: Model;
  /**
   * Micro-batches of one optimiser step; their losses and gradients add up to those of the step.
   */
  microBatches(items: readonly Item[]): Promise<MicroBatch<O>[]> | MicroBatch<O>[];
  /** Metrics of a step from its micro-batches' results. */
  metrics(
    results: readonly StepResult<O>[],
    batches: readonly MicroBatch<O>[],
    items: readonly Item[],
  ): Metrics;
  /** Measures on held-out data, after `step` steps; names carry `eval_`. */
  evaluate?(step: number): Promise<{ metrics: Metrics; examples: number }>;
  /** The held-out metric by which the best checkpoint is chosen. */
  readonly watch?: string;
  /** Further tensors that a checkpoint must keep. */
  readonly extraState?: Readonly<Record<string, Float32Array>>;
  /** Writes the finished model or adapter, as it was after `step` steps, into a folder. */
  save(folder: string, step: number): Promise<void>;
}

export interface LoopOptions extends Passes {
  learningRate: number;
  schedule: Schedule;
  warmupRatio: number;
  weightDecay: number;
  adamBeta1: number;
  adamBeta2: number;
  adamEpsilon: number;
  maxGradNorm: number;
  evaluationSteps: number;
  checkpointSteps: number;
}

/** How far a piece of work is that comes before the first step. */
export interface WorkProgress {
  update(done: number): void;
  end(): void;
}

export interface LoopContext {
  /**
   * Goes as far as the event `start`, without computing anything: what is wrong with data, model or
   * options has shown by then.
   */
  rehearsal?: boolean | undefined;
  run?: Run | undefined;
  signal?: AbortSignal | undefined;
  /** Shows such a piece of work. */
  progress?: ((work: { title: string; total: number; unit: string }) => WorkProgress) | undefined;
  /**
   * Where computed values are kept for other runs, and the fingerprint of the model's weights;
   * without it nothing is kept.
   */
  cache?: { folder: string; modelFingerprint: string } | undefined;
}

interface LoopState {
  step: number;
  tokens: number;
}

/** Everything that changes while training, by the name it has in a checkpoint. */
function stateTensors<Item>(
  { trainable, extraState }: TrainingMethod<Item>,
  optimizer: Optimizer,
): StateTensors {
  return { values: trainable.values, ...optimizer.state, ...extraState };
}

async function saveState<Item>(
  folder: string,
  method: TrainingMethod<Item>,
  optimizer: Optimizer,
  state: LoopState,
): Promise<void> {
  await writeState(folder, stateTensors(method, optimizer), {
    step: String(state.step),
    tokens: String(state.tokens),
    optimizer_steps: String(optimizer.steps),
  });
}

async function loadState<Item>(
  folder: string,
  method: TrainingMethod<Item>,
  optimizer: Optimizer,
): Promise<LoopState> {
  const kept = await readState(folder, stateTensors(method, optimizer));
  const number = (name: string): number => Number(kept[name]);
  optimizer.steps = number("optimizer_steps");
  return { step: number("step"), tokens: number("tokens") };
}

/**
 * Trains, and yields what happens. Everything that was made is released at the end, also after an
 * error.
 */
export async function* trainingLoop<Item, O extends Objective>(
  method: TrainingMethod<Item, O>,
  options: LoopOptions,
  context: LoopContext,
): AsyncGenerator<TrainingEvent> {
  const { trainable, plan } = method;
  const optimizer = await createAdamW(trainable, {
    beta1: options.adamBeta1,
    beta2: options.adamBeta2,
    epsilon: options.adamEpsilon,
    weightDecay: options.weightDecay,
  });
  const norm = await createGradientNorm(trainable);
  const record = <E extends TrainingEvent>(event: E): E => context.run?.record(event) ?? event;
  try {
    context.run?.keepRows(hashRows(method.items));
    const total = totalSteps(method.items.length, options);
    const checkpoint = context.run?.resumedFrom;
    const state = checkpoint
      ? await loadState(checkpoint.folder, method, optimizer)
      : { step: 0, tokens: 0 };
    const parameters = {
      trainable: trainable.values.length,
      total: totalParameters(method.model, trainable),
    };
    yield record({
      type: "start",
      method: method.name,
      totalSteps: total,
      examples: method.items.length,
      parameters,
      ...(state.step > 0 ? { resumedStep: state.step } : {}),
      ...(context.run ? { run: context.run.folder } : {}),
    });
    if (context.rehearsal) return;
    const began = performance.now();
    let saved = state.step;
    let last: Metrics = {};
    while (state.step < total && !context.signal?.aborted) {
      const event = await optimiserStep(method, { options, optimizer, norm, state, total });
      last = { ...last, ...event.metrics };
      yield record(event);
      const evaluated = await evaluation(method, options, { state, total });
      if (evaluated) {
        last = { ...last, ...evaluated.metrics };
        yield record(evaluated);
      }
      const due =
        state.step === total ||
        (options.checkpointSteps > 0 && state.step % options.checkpointSteps === 0);
      if (context.run && due) {
        yield await saveCheckpoint(method, optimizer, context.run, {
          state,
          total,
          temporary: false,
          evaluated: evaluated?.metrics,
        });
        saved = state.step;
      }
      // Lets Ctrl-C, the display and a server have their turn.
      await setImmediate();
    }
    if (context.run && state.step < total && state.step > saved)
      yield await saveCheckpoint(method, optimizer, context.run, { state, total, temporary: true });
    yield record(
      await finish(method, context, {
        state,
        total,
        last,
        seconds: (performance.now() - began) / 1000,
      }),
    );
  } finally {
    await Promise.all([plan.close(), optimizer.close(), norm.close()]);
  }
}

interface StepContext {
  options: LoopOptions;
  optimizer: Optimizer;
  norm: { measure(): Promise<number> };
  state: LoopState;
  total: number;
}

async function optimiserStep<Item, O extends Objective>(
  method: TrainingMethod<Item, O>,
  { options, optimizer, norm, state, total }: StepContext,
): Promise<Extract<TrainingEvent, { type: "step" }>> {
  const began = performance.now();
  const { trainable } = method;
  const items = itemsOfStep(method.items, state.step, options);
  const batches = await method.microBatches(items);
  trainable.gradients.fill(0);
  const results: StepResult<O>[] = [];
  for (const { batch, inputs } of batches) {
    results.push(await method.plan.step(batch, inputs));
    await setImmediate();
  }
  const loss = results.reduce((sum, result) => sum + result.loss, 0);
  const gradientNorm = await norm.measure();
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    throw nonFiniteError(
      state.step + 1,
      nonFiniteWeight(method.model) ?? findNonFinite(trainable.byName.values()) ?? "the loss",
    );
  }
  const learningRate =
    options.learningRate * scheduleFactor(state.step, { ...options, totalSteps: total });
  await optimizer.step({
    learningRate,
    gradientScale: clipFactor(gradientNorm, options.maxGradNorm),
  });
  state.step++;
  state.tokens += batches.reduce((sum, { tokens }) => sum + tokens, 0);
  const metrics: Metrics = {
    loss,
    ...method.metrics(results, batches, items),
    learning_rate: learningRate,
    grad_norm: gradientNorm,
    num_tokens: state.tokens,
    epoch: epochsAfter(method.items.length, state.step, options),
  };
  return {
    type: "step",
    step: state.step,
    totalSteps: total,
    tokens: state.tokens,
    metrics,
    seconds: (performance.now() - began) / 1000,
  };
}

/**
 * Runs to its end even where the run is asked to stop: a checkpoint without its evaluation would
 * not resume to the same bytes.
 */
async function evaluation<Item>(
  method: TrainingMethod<Item>,
  options: LoopOptions,
  { state, total }: { state: LoopState; total: number },
) {
  const due =
    state.step === total ||
    (options.evaluationSteps > 0 && state.step % options.evaluationSteps === 0);
  if (!method.evaluate || !due) return undefined;
  const began = performance.now();
  const { metrics, examples } = await method.evaluate(state.step);
  return {
    type: "evaluation",
    step: state.step,
    totalSteps: total,
    examples,
    metrics,
    seconds: (performance.now() - began) / 1000,
  } as const;
}

async function saveCheckpoint<Item>(
  method: TrainingMethod<Item>,
  optimizer: Optimizer,
  run: Run,
  {
    state,
    total,
    temporary,
    evaluated,
  }: { state: LoopState; total: number; temporary: boolean; evaluated?: Metrics | undefined },
): Promise<TrainingEvent> {
  // weights that are not finite must not replace a good checkpoint
  const broken = nonFiniteValue(method.trainable);
  if (broken !== undefined) throw nonFiniteError(state.step, broken);
  const watched =
    method.watch === undefined
      ? undefined
      : (evaluated as Record<string, number> | undefined)?.[method.watch];
  const score = watched === undefined ? undefined : { metric: method.watch!, value: watched };
  const checkpoint = await run.saveCheckpoint(
    state.step,
    (folder) => saveState(folder, method, optimizer, state),
    { temporary, ...(score ? { score } : {}) },
  );
  return {
    type: "checkpoint",
    step: state.step,
    totalSteps: total,
    path: checkpoint.folder,
    best: run.bestCheckpoint()?.step === state.step,
  };
}

/**
 * Writes the result from the best checkpoint, where held-out data chose one that is not the last.
 */
async function finish<Item>(
  method: TrainingMethod<Item>,
  { run }: LoopContext,
  {
    state,
    total,
    last,
    seconds,
  }: { state: LoopState; total: number; last: Metrics; seconds: number },
): Promise<EndEvent> {
  const completed = state.step >= total;
  const end = {
    type: "end",
    status: completed ? "completed" : "interrupted",
    step: state.step,
    totalSteps: total,
    tokens: state.tokens,
    metrics: last,
    seconds,
  } as const;
  if (!completed || !run) return end;
  const best = run.bestCheckpoint();
  if (best && best.step !== state.step) {
    await withState(best.folder, async (file) =>
      method.trainable.values.set(await file.read("values")),
    );
  }
  return {
    ...end,
    output: await run.saveArtifact("model", (folder) =>
      method.save(folder, best?.step ?? state.step),
    ),
  };
}
