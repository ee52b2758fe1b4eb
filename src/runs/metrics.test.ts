import { describe, expect, it } from "vitest";
import {
  checkMetricName,
  isBetter,
  METRICS,
  metricDefinition,
  type MetricFamily,
  metricsMarkdown,
} from "./metrics.ts";

const COMMON = ["loss", "learning_rate", "grad_norm", "epoch", "global_step", "num_tokens"];
const PAIR = [
  "logits/chosen",
  "logits/rejected",
  "logps/chosen",
  "logps/rejected",
  "rewards/chosen",
  "rewards/rejected",
  "rewards/margins",
];
const LANGUAGE = ["entropy", "mean_token_accuracy"];

describe("the metric table", () => {
  // the literal side comes from TRL's documentation of each trainer, not from the table
  it.each<[MetricFamily, string[]]>([
    ["sft", [...COMMON, ...LANGUAGE]],
    ["reward", [...COMMON, "accuracy", "margin", "min_reward", "mean_reward", "max_reward"]],
    ["dpo", [...COMMON, ...LANGUAGE, ...PAIR, "rewards/accuracies", "nll_loss"]],
    ["kto", [...COMMON, ...LANGUAGE, ...PAIR, "kl"]],
    [
      "orpo",
      [
        ...COMMON,
        ...LANGUAGE,
        ...PAIR,
        "rewards/accuracies",
        "nll_loss",
        "log_odds_ratio",
        "log_odds_chosen",
      ],
    ],
    ["cpo", [...COMMON, ...LANGUAGE, ...PAIR, "rewards/accuracies", "nll_loss"]],
  ])("has TRL's names of %s", (family, names) => {
    const own = Object.keys(METRICS).filter((name) =>
      metricDefinition(name)!.families.includes(family),
    );
    expect(own.toSorted()).toEqual(names.toSorted());
  });

  it("has the names of TRL 0.24's PPO", () => {
    const names = [
      "eps",
      "objective/kl",
      "objective/entropy",
      "objective/non_score_reward",
      "objective/rlhf_reward",
      "objective/scores",
      "policy/approxkl_avg",
      "policy/clipfrac_avg",
      "policy/entropy_avg",
      "loss/policy_avg",
      "loss/value_avg",
      "val/clipfrac_avg",
      "val/ratio",
      "val/ratio_var",
      "val/num_eos_tokens",
      "lr",
      "episode",
    ];
    for (const name of names) expect(metricDefinition(name)?.families, name).toContain("ppo");
  });

  it("knows a name with the prefix eval_, and no other", () => {
    expect(metricDefinition("eval_rewards/margins")).toBe(METRICS["rewards/margins"]);
    expect(() => checkMetricName("eval_loss")).not.toThrow();
    expect(() => checkMetricName("reward/margins")).toThrow(
      'the metric "reward/margins" is not defined\n  try: did you mean "rewards/margins"? Every ' +
        "logged metric has its formula and unit in src/runs/metrics.ts",
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

  it("is a Markdown table with one row a metric", () => {
    const lines = metricsMarkdown().trimEnd().split("\n");
    expect(lines).toHaveLength(Object.keys(METRICS).length + 2);
    expect(lines).toContain(
      "| `rewards/margins` | rewards/chosen - rewards/rejected | reward | higher | dpo, kto, " +
        "orpo, cpo, online-dpo |",
    );
    for (const line of lines) expect(line.replaceAll("\\|", "").split("|")).toHaveLength(7);
  });
});
