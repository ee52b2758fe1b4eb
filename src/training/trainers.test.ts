import { describe, expect, it, test } from "vitest";
import { METRICS } from "../runs/metrics.ts";
import type { MetricDefinition } from "../runs/metric-definition.ts";
import type { TrainerEntry } from "./trainer.ts";
import type { TrainerName } from "./trainers.ts";
import { TRAINERS } from "./trainers.ts";

const loggedBy = (name: TrainerName): string[] => {
  const { logs }: TrainerEntry = TRAINERS[name];
  return Object.entries<MetricDefinition>(METRICS)
    .filter(([, metric]) => logs.some((kind) => metric.loggedBy.includes(kind)))
    .map(([metric]) => metric);
};

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

describe("metrics", () => {
  // the literal side comes from TRL's documentation of each trainer, not from the tables; DPO's
  // command has those of TRL's CPO and ORPO too
  it.each<[TrainerName, string[]]>([
    ["sft", [...COMMON, ...LANGUAGE]],
    ["reward", [...COMMON, "accuracy", "margin", "min_reward", "mean_reward", "max_reward"]],
    [
      "dpo",
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
    ["kto", [...COMMON, ...LANGUAGE, ...PAIR, "kl"]],
  ])("of %s have TRL's names", (name, metrics) => {
    expect(loggedBy(name).toSorted()).toEqual(metrics.toSorted());
  });

  it("of PPO have the names of TRL 0.24", () => {
    expect(loggedBy("ppo")).toEqual(
      expect.arrayContaining([
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
      ]),
    );
  });

  it("are each logged by a trainer, and each kind is some trainer's", () => {
    const names = Object.keys(TRAINERS) as TrainerName[];
    expect([...new Set(names.flatMap(loggedBy))].toSorted()).toEqual(
      Object.keys(METRICS).toSorted(),
    );
  });
});

test.each(Object.entries<TrainerEntry>(TRAINERS))(
  "%s: its options belong to the command of its name, and its code can train",
  async (name, entry) => {
    const config = await entry.config();
    expect(config.name).toBe(name);
    expect(config.examples!.length).toBeGreaterThan(0);
    for (const example of config.examples!) expect(example).toMatch(/^attune [a-z+-]+ --/);
    expect(typeof (await entry.load()).train).toBe("function");
  },
);
