/** What one step of a run tells the loop. */
import type { Metrics } from "../runs/events.ts";

/** Correct, but very likely a mistake. */
export interface Warning {
  /** Stable name of this kind of warning. */
  id: string;
  message: string;
}

/** By this metric the checkpoint to return to is chosen. */
export interface Score {
  metric: keyof Metrics;
  value: number;
}

/** What one step did. */
export interface StepOutcome {
  metrics: Metrics;
  /** Tokens that the model read, padding not counted. */
  tokens: number;
  /** Of a roll-out. */
  answers?: number;
  warnings?: readonly Warning[];
  score?: Score | undefined;
  /** The run ends here, and why. */
  stop?: string | undefined;
}

/** Metrics by the names that they have on held-out data: with `eval_` before them. */
export function evaluationNames(metrics: Metrics): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [`eval_${name}`, value]),
  );
}
