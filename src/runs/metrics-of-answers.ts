/** Metrics of trainings over the model's own answers. What each field says: metric-definition.ts. */
import type { MetricDefinition } from "./metric-definition.ts";

export const METRICS_OF_ANSWERS = {
  "objective/scores": {
    formula:
      "mean over answers of the reward that is optimised: normalised, combined, clipped, less " +
      "the penalty of a missing end",
    unit: "reward",
    better: "higher",
    loggedBy: ["answers"],
  },
  "objective/scores_std": {
    formula: "standard deviation of objective/scores over the answers of the roll-out",
    unit: "reward",
    better: "none",
    loggedBy: ["answers"],
  },
  "objective/held_out_scores": {
    formula:
      "mean over answers of a reward model that is never optimised, in standard deviations over " +
      "answers of the reference",
    unit: "reward",
    better: "higher",
    loggedBy: ["answers"],
  },
  "objective/kl": {
    formula: "mean over answers of sum_t k1, k1 = log pi - log pi_ref at the sampling temperature",
    unit: "nats",
    better: "none",
    loggedBy: ["updates"],
  },
  "objective/kl_k3": {
    formula: "mean over answers of sum_t e^-k1 - 1 + k1: the same divergence, never negative",
    unit: "nats",
    better: "none",
    loggedBy: ["updates"],
  },
  "objective/kl_coef": {
    formula: "beta, the weight of the KL penalty in this step's rewards or loss",
    unit: "1",
    better: "none",
    loggedBy: ["policy-gradient"],
  },
  "objective/entropy": {
    formula: "mean over answers of -sum_t log pi of the drawn tokens",
    unit: "nats",
    better: "none",
    loggedBy: ["updates"],
  },
  "objective/non_score_reward": {
    formula: "mean over answers of -beta sum_t k1",
    unit: "reward",
    better: "none",
    loggedBy: ["kl-in-reward"],
  },
  "objective/rlhf_reward": {
    formula: "objective/scores + objective/non_score_reward",
    unit: "reward",
    better: "higher",
    loggedBy: ["kl-in-reward"],
  },
  "objective/scores_margin": {
    formula:
      "mean over prompts of the best less the worst score of its answers; for a judge, of " +
      "P(better) - P(worse)",
    unit: "reward",
    better: "none",
    loggedBy: ["own-pairs"],
  },
  beta: {
    formula: "beta of the losses: the pull towards the reference",
    unit: "1",
    better: "none",
    loggedBy: ["own-pairs"],
  },
  "val/contain_eos_token": {
    formula: "share of answers that ended by themselves, by the name of TRL's online DPO",
    unit: "1",
    better: "none",
    loggedBy: ["own-pairs"],
  },
  "objective/best_scores": {
    formula: "mean over prompts of the highest score of its answers",
    unit: "reward",
    better: "higher",
    loggedBy: ["best-answers"],
  },
  "objective/kept_share": {
    formula: "answers that are learned from over answers of the roll-out",
    unit: "1",
    better: "none",
    loggedBy: ["kept-answers"],
  },
  "objective/kept_scores": {
    formula: "mean of objective/scores over the answers that are learned from",
    unit: "reward",
    better: "higher",
    loggedBy: ["kept-answers"],
  },
  frac_reward_zero_std: {
    formula: "share of prompts whose answers all have the same reward, before any is drawn again",
    unit: "1",
    better: "none",
    loggedBy: ["groups"],
  },
  "clip_ratio/low_mean": {
    formula: "mean over updates of the share of tokens that were clipped below 1",
    unit: "1",
    better: "none",
    loggedBy: ["token-clipping"],
  },
  "clip_ratio/high_mean": {
    formula: "mean over updates of the share of tokens that were clipped above 1",
    unit: "1",
    better: "none",
    loggedBy: ["token-clipping"],
  },
  "policy/approxkl_avg": {
    formula: "mean over updates of the token mean of (log pi - log pi_old)^2 / 2",
    unit: "nats",
    better: "none",
    loggedBy: ["updates"],
  },
  "policy/clipfrac_avg": {
    formula: "mean over updates of the share of tokens (rloo: of answers) whose ratio was clipped",
    unit: "1",
    better: "none",
    loggedBy: ["policy-gradient"],
  },
  "policy/entropy_avg": {
    formula: "mean over updates of the token mean of -sum_v p(v) log p(v)",
    unit: "nats",
    better: "none",
    loggedBy: ["updates"],
  },
  "loss/policy_avg": {
    formula: "mean over updates of the clipped surrogate loss, a KL term in it included",
    unit: "1",
    better: "none",
    loggedBy: ["policy-gradient"],
  },
  "loss/value_avg": {
    formula: "mean over updates of half the clipped squared error of the critic",
    unit: "reward squared",
    better: "lower",
    loggedBy: ["critic"],
  },
  "loss/ptx_avg": {
    formula:
      "mean over updates of the negative log-likelihood of a demonstration's token (PPO-ptx)",
    unit: "nats",
    better: "lower",
    loggedBy: ["sft-mix"],
  },
  "val/clipfrac_avg": {
    formula: "mean over updates of the share of tokens whose value was clipped",
    unit: "1",
    better: "none",
    loggedBy: ["critic"],
  },
  "val/ratio": {
    formula: "mean over updates of the token mean (rloo: the mean over answers) of pi / pi_old",
    unit: "1",
    better: "none",
    loggedBy: ["updates"],
  },
  "val/ratio_var": {
    formula: "variance of val/ratio over the updates of the step",
    unit: "1",
    better: "none",
    loggedBy: ["updates"],
  },
  "val/explained_variance": {
    formula:
      "1 - Var(return - value) / Var(return) over tokens, values as predicted before the updates",
    unit: "1",
    better: "higher",
    loggedBy: ["critic"],
  },
  "val/num_eos_tokens": {
    formula: "answers of the roll-out that ended by themselves",
    unit: "answers",
    better: "none",
    loggedBy: ["answers"],
  },
  "val/stop_rate": {
    formula: "share of answers that ended by themselves",
    unit: "1",
    better: "none",
    loggedBy: ["answers"],
  },
  "critic/grad_norm": {
    formula: "mean over updates of the L2 norm of the critic's gradients, before clipping",
    unit: "1",
    better: "none",
    loggedBy: ["critic"],
  },
  "critic/lr": {
    formula: "the critic's learning rate",
    unit: "1",
    better: "none",
    loggedBy: ["critic"],
  },
  "completions/mean_length": {
    formula: "mean tokens of an answer, stop token included",
    unit: "tokens",
    better: "none",
    loggedBy: ["answers"],
  },
  "completions/distinct_1": {
    formula: "different words over words of all answers of the roll-out",
    unit: "1",
    better: "none",
    loggedBy: ["answers"],
  },
  "completions/distinct_2": {
    formula: "different pairs of words over pairs of words of all answers of the roll-out",
    unit: "1",
    better: "none",
    loggedBy: ["answers"],
  },
  "completions/repetition": {
    formula: "mean over answers of 1 - different 4-grams / 4-grams, of words",
    unit: "1",
    better: "lower",
    loggedBy: ["answers"],
  },
  "guard/unconfirmed": {
    formula:
      "t statistic of held-out reward - rho / 2 * reward over the guard's window; below " +
      "-critical: the rise is not confirmed",
    unit: "1",
    better: "none",
    loggedBy: ["updates"],
  },
  "guard/stalled": {
    formula:
      "t statistic of the slope of held-out reward - rho / 2 * reward over the guard's window; " +
      "below -critical: it does not follow",
    unit: "1",
    better: "none",
    loggedBy: ["updates"],
  },
  lr: {
    formula: "the policy's learning rate of this step, after the schedule",
    unit: "1",
    better: "none",
    loggedBy: ["updates"],
  },
  episode: {
    formula: "answers rolled out since the run began",
    unit: "answers",
    better: "none",
    loggedBy: ["answers"],
  },
  eps: {
    formula:
      "answers rolled out and learned from in a second; told in events, never kept in " +
      "metrics.jsonl",
    unit: "1/s",
    better: "none",
    loggedBy: ["answers"],
  },
} as const satisfies Record<string, MetricDefinition>;
