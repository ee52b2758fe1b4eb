/**
 * What a trainer says while it works: library trainers are async generators of these, the command
 * line shows them and a run folder records them.
 *
 * Every event is plain JSON. Numbers that depend on the clock are in `seconds` alone, so that
 * whoever compares two runs knows what to leave out.
 */
import type { MetricName } from "./metrics.ts";

/** Values of one step or one evaluation; an evaluation's names carry the prefix `eval_`. */
export type Metrics = { readonly [Name in MetricName | `eval_${MetricName}`]?: number };

export interface StartEvent {
  type: "start";
  /** Name of the trainer: `sft`, `reward`, `dpo`, `kto`, `ppo`. */
  method: string;
  /** Optimiser steps of the whole run; of a method with roll-outs, the roll-outs. */
  totalSteps: number;
  /** Steps that are already done, where a run goes on. */
  resumedStep?: number;
  /** Training examples (or pairs) in one epoch. */
  examples: number;
  /** Parameters that are trained, and all of them. */
  parameters?: { trainable: number; total: number };
  /** The run folder, where there is one. */
  run?: string;
}

export interface StepEvent {
  type: "step";
  /** Optimiser steps done, from 1. */
  step: number;
  totalSteps: number;
  /** Tokens consumed since the run began. */
  tokens: number;
  metrics: Metrics;
  /** Wall-clock seconds of this step. */
  seconds: number;
}

export interface EvaluationEvent {
  type: "evaluation";
  step: number;
  totalSteps: number;
  /** Held-out examples measured. */
  examples: number;
  /** Names carry the prefix `eval_`. */
  metrics: Metrics;
  seconds: number;
}

export interface CheckpointEvent {
  type: "checkpoint";
  step: number;
  totalSteps: number;
  path: string;
  /** Whether it is the best one by the metric that the run watches. */
  best: boolean;
}

/** Correct, but very likely a mistake. */
export interface WarningEvent {
  type: "warning";
  /** Stable name of this kind of warning, such as `truncated-examples`. */
  id: string;
  message: string;
  step?: number;
}

/** What the model answers at this step. */
export interface SampleEvent {
  type: "sample";
  step: number;
  prompt: string;
  completion: string;
  /** Score by the reward that is optimised, and by the held-out one, where there are any. */
  reward?: number;
  heldOutReward?: number;
}

export interface EndEvent {
  type: "end";
  /** `interrupted`: the signal asked to stop, and a checkpoint of this step exists. */
  status: "completed" | "interrupted";
  step: number;
  totalSteps: number;
  tokens: number;
  /** The last values of every metric, evaluation included. */
  metrics: Metrics;
  /** Folder of the finished model or adapter. */
  output?: string;
  seconds: number;
}

export type TrainingEvent =
  | StartEvent
  | StepEvent
  | EvaluationEvent
  | CheckpointEvent
  | WarningEvent
  | SampleEvent
  | EndEvent;
