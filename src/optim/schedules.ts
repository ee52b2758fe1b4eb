/**
 * Learning-rate schedules, as factors on the peak rate.
 * Source: transformers' optimization.py.
 * Differences:
 * 1. warm-up over w steps rises in w + 1 equal parts, from 1 / (w + 1) on, where transformers
 *    begins with a step at rate 0, in which nothing is learned;
 * 2. at least one step is at the peak, however short the run.
 * After the warm-up both have the same rates: the last step of linear and cosine decay is the one
 * before 0.
 */
export const SCHEDULES = ["constant", "linear", "cosine"] as const;
export type Schedule = (typeof SCHEDULES)[number];

export interface ScheduleOptions {
  schedule: Schedule;
  /** Share of the steps over which the rate rises to its peak. */
  warmupRatio: number;
  totalSteps: number;
}

/** Steps before the first one at the peak. */
export const warmupSteps = ({
  warmupRatio,
  totalSteps,
}: Omit<ScheduleOptions, "schedule">): number =>
  Math.min(Math.ceil(warmupRatio * totalSteps), totalSteps - 1);

/**
 * Factor for optimiser step `step`, counted from 0, in (0, 1].
 */
export function scheduleFactor(step: number, options: ScheduleOptions): number {
  const warmup = warmupSteps(options);
  if (step < warmup) return (step + 1) / (warmup + 1);
  if (options.schedule === "constant") return 1;
  const progress = (step - warmup) / (options.totalSteps - warmup);
  return options.schedule === "linear" ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
}
