/**
 * Every metric that a run may log: its name, formula, unit and good direction. The event log
 * refuses other names, and the documentation and the studio take their explanations from here.
 *
 * Source: names from TRL (trl/trainer/{sft,reward,dpo,kto}_trainer.py,
 * trl/experimental/{orpo,cpo}); formulas ours.
 * Differences:
 * 1. every mean is taken over an explicit mask: padding never counts.
 * 2. means over tokens are weighted by the tokens of the whole optimiser step, so that accumulation
 *    does not change them.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import type { MetricDefinition } from "./metric-definition.ts";
import { METRICS_OF_ANSWERS } from "./metrics-of-answers.ts";
import { METRICS_OF_DATA } from "./metrics-of-data.ts";

export const METRICS = { ...METRICS_OF_DATA, ...METRICS_OF_ANSWERS };

/** Names of all metrics; their formulas and units: docs/metrics.md. */
export type MetricName = keyof typeof METRICS;

const EVALUATION_PREFIX = "eval_";

/**
 * The definition behind a name, with or without the prefix `eval_`; undefined for an unknown one.
 */
export function metricDefinition(name: string): MetricDefinition | undefined {
  const bare = name.startsWith(EVALUATION_PREFIX) ? name.slice(EVALUATION_PREFIX.length) : name;
  return Object.hasOwn(METRICS, bare) ? METRICS[bare as MetricName] : undefined;
}

/** Throws an `internal` error for a name that the table does not define. */
export function checkMetricName(name: string): void {
  if (metricDefinition(name)) return;
  const near = nearest(name, [
    ...Object.keys(METRICS),
    ...Object.keys(METRICS).map((key) => EVALUATION_PREFIX + key),
  ]);
  throw new AttuneError("internal", `the metric "${name}" is not defined`, {
    hint:
      `${near === undefined ? "" : `did you mean "${near}"? `}Every logged metric has its ` +
      "formula and unit in src/runs/metrics-of-data.ts or metrics-of-answers.ts",
  });
}

/**
 * Whether `value` beats `best` by the metric's good direction. A NaN never beats anything; a metric
 * without a good direction is a mistake of the caller (`internal`).
 */
export function isBetter(name: string, value: number, best: number | undefined): boolean {
  const direction = metricDefinition(name)?.better ?? "none";
  if (direction === "none")
    throw new AttuneError(
      "internal",
      `"${name}" has no good direction, so no checkpoint can be the best by it`,
    );
  if (Number.isNaN(value)) return false;
  if (best === undefined || Number.isNaN(best)) return true;
  return direction === "lower" ? value < best : value > best;
}
