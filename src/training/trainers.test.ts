import { expect, test } from "vitest";
import { METRICS } from "../runs/metrics.ts";
import { METRIC_KINDS } from "../runs/metric-definition.ts";
import type { TrainerEntry } from "./trainer.ts";
import { metricsOf } from "./trainer.ts";
import type { TrainerName } from "./trainers.ts";
import { TRAINERS } from "./trainers.ts";

const loggedBy = (name: TrainerName): string[] => metricsOf(TRAINERS[name]);

test("every metric is logged by a trainer, and every kind of metrics is some trainer's", () => {
  const names = Object.keys(TRAINERS) as TrainerName[];
  expect([...new Set(names.flatMap(loggedBy))].toSorted()).toEqual(Object.keys(METRICS).toSorted());
  const kinds = Object.values<TrainerEntry>(TRAINERS).flatMap(({ logs }) => logs);
  expect([...new Set(kinds)].toSorted()).toEqual(Object.keys(METRIC_KINDS).toSorted());
});

const COMMON = ["loss", "learning_rate", "grad_norm", "epoch", "num_tokens"];
const PAIRS = [
  "logps/chosen",
  "logps/rejected",
  "rewards/chosen",
  "rewards/rejected",
  "rewards/margins",
];
/** TRL's names, from its documentation of each trainer; DPO's are those of CPO and ORPO too. */
const OF_TRL: Readonly<Record<string, readonly string[]>> = {
  sft: ["entropy", "mean_token_accuracy"],
  reward: ["accuracy", "margin", "min_reward", "mean_reward", "max_reward"],
  dpo: [...PAIRS, "rewards/accuracies", "nll_loss", "log_odds_ratio", "log_odds_chosen"],
  kto: [...PAIRS, "kl"],
};

test.each(Object.entries(OF_TRL))("the metrics of %s have TRL's names", (name, own) => {
  expect(loggedBy(name as TrainerName).toSorted()).toEqual([...COMMON, ...own].toSorted());
});

test("the metrics of PPO have the names of TRL 0.24", () => {
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
