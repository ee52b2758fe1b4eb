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

/** Before the first step, also where a run goes on. */
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
  parameters?: {
    /** Numbers that change. */
    trainable: number;
    /** All numbers of the model, adapter and head included. */
    total: number;
  };
  /** The run folder, where there is one. */
  run?: string;
}

/**
 * After every optimiser step; of a method with roll-outs, after every roll-out and what is learned
 * from it.
 */
export interface StepEvent {
  type: "step";
  /** Optimiser steps done, from 1. */
  step: number;
  /** Steps of the whole run. */
  totalSteps: number;
  /** Tokens consumed since the run began. */
  tokens: number;
  /** By name; formulas and units: docs/metrics.md. */
  metrics: Metrics;
  /** Wall-clock seconds of this step. */
  seconds: number;
}

/** After every measurement on held-out examples. */
export interface EvaluationEvent {
  type: "evaluation";
  /** Steps done. */
  step: number;
  /** Steps of the whole run. */
  totalSteps: number;
  /** Held-out examples measured. */
  examples: number;
  /** Names carry the prefix `eval_`. */
  metrics: Metrics;
  /** Wall-clock seconds of this measurement. */
  seconds: number;
}

/** After a checkpoint was written, from which the run can go on. */
export interface CheckpointEvent {
  type: "checkpoint";
  /** Steps done. */
  step: number;
  /** Steps of the whole run. */
  totalSteps: number;
  /** Folder of the checkpoint. */
  path: string;
  /** Whether it is the best one by the metric that the run watches. */
  best: boolean;
}

/** Correct, but very likely a mistake. */
export interface WarningEvent {
  type: "warning";
  /** Stable name of this kind of warning, such as `truncated-examples`. */
  id: string;
  /** A sentence for people, with counts and an example where there are any. */
  message: string;
  /** Steps done; missing before the first. */
  step?: number;
}

/** What the model answers at this step. */
export interface SampleEvent {
  type: "sample";
  /** Steps done. */
  step: number;
  /** Text of the prompt, roles included. */
  prompt: string;
  /** Text of the answer, without special tokens. */
  completion: string;
  /** Score by the reward that is optimised, and by the held-out one, where there are any. */
  reward?: number;
  /** Score by the held-out reward, where there is one. */
  heldOutReward?: number;
}

/** The last event, unless the training fails. */
export interface EndEvent {
  type: "end";
  /** `interrupted`: the signal asked to stop, and a checkpoint of this step exists. */
  status: "completed" | "interrupted";
  /** Steps done. */
  step: number;
  /** Steps of the whole run. */
  totalSteps: number;
  /** Tokens consumed since the run began. */
  tokens: number;
  /** The last values of every metric, evaluation included. */
  metrics: Metrics;
  /** Folder of the finished model or adapter. */
  output?: string;
  /** Wall-clock seconds since the run was begun, or gone on with. */
  seconds: number;
}

/** What a training says while it works; `type` tells events apart. */
export type TrainingEvent =
  | StartEvent
  | StepEvent
  | EvaluationEvent
  | CheckpointEvent
  | WarningEvent
  | SampleEvent
  | EndEvent;
