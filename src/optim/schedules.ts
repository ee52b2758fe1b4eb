/**
 * Learning-rate schedules, as factors on the peak rate. Source: transformers' optimization.py; differences: the last
 * step of linear and cosine decay is the one before 0, exactly as there.
 */
export const SCHEDULES = ["constant", "linear", "cosine"] as const;
export type Schedule = (typeof SCHEDULES)[number];

export interface ScheduleOptions {
  schedule: Schedule;
  /** Optimiser steps of linear warm-up from 0. */
  warmupSteps: number;
  totalSteps: number;
}

/**
 * Factor for optimiser step `step`, counted from 0, in [0, 1].
 */
export function scheduleFactor(step: number, { schedule, warmupSteps, totalSteps }: ScheduleOptions): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (schedule === "constant") return 1;
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  if (schedule === "linear") return Math.max(0, 1 - progress);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
