/** Metrics of trainings from data. What each field says: metric-definition.ts. */
import type { MetricDefinition } from "./metric-definition.ts";

export const METRICS_OF_DATA = {
  loss: {
    formula: "the objective that is minimised, mean over the step",
    unit: "nats",
    better: "lower",
    loggedBy: ["loss"],
  },
  learning_rate: {
    formula: "the rate that this step used, after the schedule",
    unit: "1",
    better: "none",
    loggedBy: ["data"],
  },
  grad_norm: {
    formula:
      "L2 norm of all gradients together, before clipping (mean over the updates of a roll-out)",
    unit: "1",
    better: "none",
    loggedBy: ["data", "updates"],
  },
  epoch: {
    formula: "training examples seen / training examples in the data",
    unit: "epochs",
    better: "none",
    loggedBy: ["data", "answers"],
  },
  num_tokens: {
    formula:
      "tokens fed to the model since the run began, padding not counted; of prompts and answers " +
      "for roll-outs",
    unit: "tokens",
    better: "none",
    loggedBy: ["data", "answers"],
  },

  entropy: {
    formula: "mean over supervised tokens of -sum_v p(v) log p(v)",
    unit: "nats",
    better: "none",
    loggedBy: ["imitation"],
  },
  mean_token_accuracy: {
    formula:
      "share of supervised tokens that are the most probable one (of the chosen side for pairs)",
    unit: "1",
    better: "higher",
    loggedBy: ["imitation"],
  },

  accuracy: {
    formula:
      "share of pairs, ties of the label left out, with the greater reward on the preferred side",
    unit: "1",
    better: "higher",
    loggedBy: ["scores"],
  },
  margin: {
    formula: "mean of reward(chosen) - reward(rejected)",
    unit: "reward",
    better: "higher",
    loggedBy: ["scores"],
  },
  min_reward: {
    formula: "least reward of the step, both sides",
    unit: "reward",
    better: "none",
    loggedBy: ["scores"],
  },
  mean_reward: {
    formula: "mean reward of the step, both sides",
    unit: "reward",
    better: "none",
    loggedBy: ["scores"],
  },
  max_reward: {
    formula: "greatest reward of the step, both sides",
    unit: "reward",
    better: "none",
    loggedBy: ["scores"],
  },

  "logps/chosen": {
    formula: "mean of log pi(chosen | prompt), summed over its tokens",
    unit: "nats",
    better: "none",
    loggedBy: ["preferences"],
  },
  "logps/rejected": {
    formula: "mean of log pi(rejected | prompt), summed over its tokens",
    unit: "nats",
    better: "none",
    loggedBy: ["preferences"],
  },
  "rewards/chosen": {
    formula:
      "mean of beta (log pi - log pi_ref)(chosen | prompt); without a reference, beta log pi",
    unit: "reward",
    better: "higher",
    loggedBy: ["preferences"],
  },
  "rewards/rejected": {
    formula:
      "mean of beta (log pi - log pi_ref)(rejected | prompt); without a reference, beta log pi",
    unit: "reward",
    better: "lower",
    loggedBy: ["preferences"],
  },
  "rewards/margins": {
    formula: "rewards/chosen - rewards/rejected",
    unit: "reward",
    better: "higher",
    loggedBy: ["preferences"],
  },
  "rewards/accuracies": {
    formula:
      "share of pairs, ties of the label left out, with a reward margin above rounding; equal " +
      "rewards count as wrong",
    unit: "1",
    better: "higher",
    loggedBy: ["pairs"],
  },

  kl: {
    formula:
      "KTO's reference point: max(0, mean of log pi - log pi_ref over mismatched prompt and " +
      "completion)",
    unit: "nats",
    better: "none",
    loggedBy: ["reference-point"],
  },
  nll_loss: {
    formula: "mean negative log-likelihood of the chosen tokens",
    unit: "nats",
    better: "lower",
    loggedBy: ["sft-term"],
  },
  log_odds_ratio: {
    formula: "of the loss orpo: mean of log sigmoid(log odds(chosen) - log odds(rejected))",
    unit: "nats",
    better: "higher",
    loggedBy: ["sft-term"],
  },
  log_odds_chosen: {
    formula: "of the loss orpo: mean of log odds(chosen) - log odds(rejected)",
    unit: "nats",
    better: "higher",
    loggedBy: ["sft-term"],
  },
} as const satisfies Record<string, MetricDefinition>;
