import { describe, expect, it } from "vitest";
import { checkMetricName, isBetter, METRICS, metricDefinition } from "./metrics.ts";

describe("the metric table", () => {
  it("knows a name with the prefix eval_, and no other", () => {
    expect(metricDefinition("eval_rewards/margins")).toBe(METRICS["rewards/margins"]);
    expect(() => checkMetricName("eval_loss")).not.toThrow();
    expect(() => checkMetricName("reward/margins")).toThrow(
      'the metric "reward/margins" is not defined\n  try: did you mean "rewards/margins"? Every ' +
        "logged metric has its formula and unit in src/runs/metrics-of-data.ts or metrics-of-answers.ts",
    );
    expect(() => checkMetricName("eval_eval_loss")).toThrow("not defined");
    expect(() => checkMetricName("toString")).toThrow("not defined");
  });

  it("says which of two values is better, and never a NaN", () => {
    expect(isBetter("eval_loss", 1, 2)).toBe(true);
    expect(isBetter("eval_loss", 2, 2)).toBe(false);
    expect(isBetter("eval_rewards/accuracies", 0.7, 0.6)).toBe(true);
    expect(isBetter("eval_loss", 1, undefined)).toBe(true);
    expect(isBetter("eval_loss", NaN, undefined)).toBe(false);
    expect(isBetter("eval_loss", 9, NaN)).toBe(true);
    expect(() => isBetter("grad_norm", 1, 2)).toThrow("has no good direction");
  });
});
