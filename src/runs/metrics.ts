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

/**
 * Trainers that log the metric; `orpo` and `cpo` are the reference-free losses of the `dpo` command
 * (`cpo` with simpo).
 */
export type MetricFamily =
  | "sft"
  | "reward"
  | "dpo"
  | "kto"
  | "orpo"
  | "cpo"
  | "ppo"
  | "rloo"
  | "grpo"
  | "reinforce++"
  | "online-dpo"
  | "rejection-sampling"
  | "best-of-n";

export interface MetricDefinition {
  /** How it is computed, in one line. */
  readonly formula: string;
  readonly unit: string;
  /** Which way is better; `none` where neither is. */
  readonly better: "lower" | "higher" | "none";
  readonly families: readonly MetricFamily[];
}

const ALL: readonly MetricFamily[] = ["sft", "reward", "dpo", "kto", "orpo", "cpo"];
const PREFERENCE: readonly MetricFamily[] = ["dpo", "kto", "orpo", "cpo", "online-dpo"];
const PAIRED: readonly MetricFamily[] = ["dpo", "orpo", "cpo", "online-dpo"];
/** Methods that learn from answers of their own, by policy gradients. */
const POLICY_GRADIENT: readonly MetricFamily[] = ["ppo", "rloo", "grpo", "reinforce++"];
/** All methods over roll-outs. */
const ROLLOUT: readonly MetricFamily[] = [...POLICY_GRADIENT, "online-dpo", "rejection-sampling"];
/** Methods over roll-outs that compare answers to the same prompt. */
const GROUPED: readonly MetricFamily[] = [
  "rloo",
  "grpo",
  "reinforce++",
  "online-dpo",
  "rejection-sampling",
];
/** Methods over roll-outs whose ratio is clipped token by token, PPO aside. */
const TOKEN_CLIPPED: readonly MetricFamily[] = ["grpo", "reinforce++"];
const LANGUAGE: readonly MetricFamily[] = ["sft", "dpo", "kto", "orpo", "cpo"];

export const METRICS = {
  loss: {
    formula: "the objective that is minimised, mean over the step",
    unit: "nats",
    better: "lower",
    families: [...ALL, "online-dpo", "rejection-sampling"],
  },
  learning_rate: {
    formula: "the rate that this step used, after the schedule",
    unit: "1",
    better: "none",
    families: ALL,
  },
  grad_norm: {
    formula:
      "L2 norm of all gradients together, before clipping (mean over the updates of a roll-out)",
    unit: "1",
    better: "none",
    families: [...ALL, ...ROLLOUT],
  },
  epoch: {
    formula: "training examples seen / training examples in the data",
    unit: "epochs",
    better: "none",
    families: [...ALL, ...ROLLOUT, "best-of-n"],
  },
  global_step: { formula: "optimiser steps done", unit: "steps", better: "none", families: ALL },
  num_tokens: {
    formula:
      "tokens fed to the model since the run began, padding not counted; of prompts and answers " +
      "for roll-outs",
    unit: "tokens",
    better: "none",
    families: [...ALL, ...ROLLOUT, "best-of-n"],
  },

  entropy: {
    formula: "mean over supervised tokens of -sum_v p(v) log p(v)",
    unit: "nats",
    better: "none",
    families: LANGUAGE,
  },
  mean_token_accuracy: {
    formula:
      "share of supervised tokens that are the most probable one (of the chosen side for pairs)",
    unit: "1",
    better: "higher",
    families: LANGUAGE,
  },

  accuracy: {
    formula:
      "share of pairs, ties of the label left out, with the greater reward on the preferred side",
    unit: "1",
    better: "higher",
    families: ["reward"],
  },
  margin: {
    formula: "mean of reward(chosen) - reward(rejected)",
    unit: "reward",
    better: "higher",
    families: ["reward"],
  },
  min_reward: {
    formula: "least reward of the step, both sides",
    unit: "reward",
    better: "none",
    families: ["reward"],
  },
  mean_reward: {
    formula: "mean reward of the step, both sides",
    unit: "reward",
    better: "none",
    families: ["reward"],
  },
  max_reward: {
    formula: "greatest reward of the step, both sides",
    unit: "reward",
    better: "none",
    families: ["reward"],
  },

  "logps/chosen": {
    formula: "mean of log pi(chosen | prompt), summed over its tokens",
    unit: "nats",
    better: "none",
    families: PREFERENCE,
  },
  "logps/rejected": {
    formula: "mean of log pi(rejected | prompt), summed over its tokens",
    unit: "nats",
    better: "none",
    families: PREFERENCE,
  },
  "logits/chosen": {
    formula: "mean logit over the chosen tokens and the whole vocabulary (as TRL; says little)",
    unit: "1",
    better: "none",
    families: PREFERENCE,
  },
  "logits/rejected": {
    formula: "mean logit over the rejected tokens and the whole vocabulary (as TRL; says little)",
    unit: "1",
    better: "none",
    families: PREFERENCE,
  },
  "rewards/chosen": {
    formula:
      "mean of beta (log pi - log pi_ref)(chosen | prompt); without a reference, beta log pi",
    unit: "reward",
    better: "higher",
    families: PREFERENCE,
  },
  "rewards/rejected": {
    formula:
      "mean of beta (log pi - log pi_ref)(rejected | prompt); without a reference, beta log pi",
    unit: "reward",
    better: "lower",
    families: PREFERENCE,
  },
  "rewards/margins": {
    formula: "rewards/chosen - rewards/rejected",
    unit: "reward",
    better: "higher",
    families: PREFERENCE,
  },
  "rewards/accuracies": {
    formula:
      "share of pairs, ties of the label left out, with a reward margin above rounding; equal " +
      "rewards count as wrong",
    unit: "1",
    better: "higher",
    families: PAIRED,
  },

  kl: {
    formula:
      "KTO's reference point: max(0, mean of log pi - log pi_ref over mismatched prompt and " +
      "completion)",
    unit: "nats",
    better: "none",
    families: ["kto"],
  },
  nll_loss: {
    formula: "mean negative log-likelihood of the chosen tokens",
    unit: "nats",
    better: "lower",
    families: PAIRED,
  },
  log_odds_ratio: {
    formula: "mean of log sigmoid(log odds(chosen) - log odds(rejected))",
    unit: "nats",
    better: "higher",
    families: ["orpo"],
  },
  log_odds_chosen: {
    formula: "mean of log odds(chosen) - log odds(rejected)",
    unit: "nats",
    better: "higher",
    families: ["orpo"],
  },

  "objective/scores": {
    formula:
      "mean over answers of the reward that is optimised: normalised, combined, clipped, less " +
      "the penalty of a missing end",
    unit: "reward",
    better: "higher",
    families: [...ROLLOUT, "best-of-n"],
  },
  "objective/scores_std": {
    formula: "standard deviation of objective/scores over the answers of the roll-out",
    unit: "reward",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  "objective/held_out_scores": {
    formula:
      "mean over answers of a reward model that is never optimised, in standard deviations over " +
      "answers of the reference",
    unit: "reward",
    better: "higher",
    families: [...ROLLOUT, "best-of-n"],
  },
  "objective/kl": {
    formula: "mean over answers of sum_t k1, k1 = log pi - log pi_ref at the sampling temperature",
    unit: "nats",
    better: "none",
    families: ROLLOUT,
  },
  "objective/kl_k3": {
    formula: "mean over answers of sum_t e^-k1 - 1 + k1: the same divergence, never negative",
    unit: "nats",
    better: "none",
    families: ROLLOUT,
  },
  "objective/kl_coef": {
    formula: "beta, the weight of the KL penalty in this step's rewards or loss",
    unit: "1",
    better: "none",
    families: POLICY_GRADIENT,
  },
  "objective/entropy": {
    formula: "mean over answers of -sum_t log pi of the drawn tokens",
    unit: "nats",
    better: "none",
    families: ROLLOUT,
  },
  "objective/non_score_reward": {
    formula: "mean over answers of -beta sum_t k1",
    unit: "reward",
    better: "none",
    families: [...POLICY_GRADIENT, "online-dpo"],
  },
  "objective/rlhf_reward": {
    formula: "objective/scores + objective/non_score_reward",
    unit: "reward",
    better: "higher",
    families: [...POLICY_GRADIENT, "online-dpo"],
  },
  "objective/scores_margin": {
    formula:
      "mean over prompts of the best less the worst score of its answers; for a judge, of " +
      "P(better) - P(worse)",
    unit: "reward",
    better: "none",
    families: ["online-dpo"],
  },
  beta: {
    formula: "beta of the losses: the pull towards the reference",
    unit: "1",
    better: "none",
    families: ["online-dpo"],
  },
  "val/contain_eos_token": {
    formula: "share of answers that ended by themselves, by the name of TRL's online DPO",
    unit: "1",
    better: "none",
    families: ["online-dpo"],
  },
  "objective/best_scores": {
    formula: "mean over prompts of the highest score of its answers",
    unit: "reward",
    better: "higher",
    families: ["best-of-n"],
  },
  "objective/kept_share": {
    formula: "answers that are learned from over answers of the roll-out",
    unit: "1",
    better: "none",
    families: ["rejection-sampling"],
  },
  "objective/kept_scores": {
    formula: "mean of objective/scores over the answers that are learned from",
    unit: "reward",
    better: "higher",
    families: ["rejection-sampling"],
  },
  frac_reward_zero_std: {
    formula: "share of prompts whose answers all have the same reward, before any is drawn again",
    unit: "1",
    better: "none",
    families: GROUPED,
  },
  "clip_ratio/low_mean": {
    formula: "mean over updates of the share of tokens that were clipped below 1",
    unit: "1",
    better: "none",
    families: TOKEN_CLIPPED,
  },
  "clip_ratio/high_mean": {
    formula: "mean over updates of the share of tokens that were clipped above 1",
    unit: "1",
    better: "none",
    families: TOKEN_CLIPPED,
  },
  "policy/approxkl_avg": {
    formula: "mean over updates of the token mean of (log pi - log pi_old)^2 / 2",
    unit: "nats",
    better: "none",
    families: ROLLOUT,
  },
  "policy/clipfrac_avg": {
    formula: "mean over updates of the share of tokens (rloo: of answers) whose ratio was clipped",
    unit: "1",
    better: "none",
    families: POLICY_GRADIENT,
  },
  "policy/entropy_avg": {
    formula: "mean over updates of the token mean of -sum_v p(v) log p(v)",
    unit: "nats",
    better: "none",
    families: ROLLOUT,
  },
  "loss/policy_avg": {
    formula: "mean over updates of the clipped surrogate loss, a KL term in it included",
    unit: "1",
    better: "none",
    families: POLICY_GRADIENT,
  },
  "loss/value_avg": {
    formula: "mean over updates of half the clipped squared error of the critic",
    unit: "reward squared",
    better: "lower",
    families: ["ppo"],
  },
  "loss/ptx_avg": {
    formula:
      "mean over updates of the negative log-likelihood of a demonstration's token (PPO-ptx)",
    unit: "nats",
    better: "lower",
    families: ["ppo"],
  },
  "val/clipfrac_avg": {
    formula: "mean over updates of the share of tokens whose value was clipped",
    unit: "1",
    better: "none",
    families: ["ppo"],
  },
  "val/ratio": {
    formula: "mean over updates of the token mean (rloo: the mean over answers) of pi / pi_old",
    unit: "1",
    better: "none",
    families: ROLLOUT,
  },
  "val/ratio_var": {
    formula: "variance of val/ratio over the updates of the step",
    unit: "1",
    better: "none",
    families: ROLLOUT,
  },
  "val/explained_variance": {
    formula:
      "1 - Var(return - value) / Var(return) over tokens, values as predicted before the updates",
    unit: "1",
    better: "higher",
    families: ["ppo"],
  },
  "val/num_eos_tokens": {
    formula: "answers of the roll-out that ended by themselves",
    unit: "answers",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  "val/stop_rate": {
    formula: "share of answers that ended by themselves",
    unit: "1",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  "critic/grad_norm": {
    formula: "mean over updates of the L2 norm of the critic's gradients, before clipping",
    unit: "1",
    better: "none",
    families: ["ppo"],
  },
  "critic/lr": {
    formula: "the critic's learning rate",
    unit: "1",
    better: "none",
    families: ["ppo"],
  },
  "completions/mean_length": {
    formula: "mean tokens of an answer, stop token included",
    unit: "tokens",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  "completions/distinct_1": {
    formula: "different words over words of all answers of the roll-out",
    unit: "1",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  "completions/distinct_2": {
    formula: "different pairs of words over pairs of words of all answers of the roll-out",
    unit: "1",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  "completions/repetition": {
    formula: "mean over answers of 1 - different 4-grams / 4-grams, of words",
    unit: "1",
    better: "lower",
    families: [...ROLLOUT, "best-of-n"],
  },
  "guard/unconfirmed": {
    formula:
      "t statistic of held-out reward - rho / 2 * reward over the guard's window; below " +
      "-critical: the rise is not confirmed",
    unit: "1",
    better: "none",
    families: ROLLOUT,
  },
  "guard/stalled": {
    formula:
      "t statistic of the slope of held-out reward - rho / 2 * reward over the guard's window; " +
      "below -critical: it does not follow",
    unit: "1",
    better: "none",
    families: ROLLOUT,
  },
  lr: {
    formula: "the policy's learning rate of this step, after the schedule",
    unit: "1",
    better: "none",
    families: ROLLOUT,
  },
  episode: {
    formula: "answers rolled out since the run began",
    unit: "answers",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
  eps: {
    formula:
      "answers rolled out and learned from in a second; told in events, never kept in " +
      "metrics.jsonl",
    unit: "1/s",
    better: "none",
    families: [...ROLLOUT, "best-of-n"],
  },
} as const satisfies Record<string, MetricDefinition>;

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
      "formula and unit in src/runs/metrics.ts",
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

/** The table as Markdown, for the documentation. */
export function metricsMarkdown(): string {
  const rows = Object.entries(METRICS as Record<string, MetricDefinition>).map(
    ([name, { formula, unit, better, families }]) =>
      `| \`${name}\` | ${formula.replaceAll("|", "\\|")} | ${unit} | ${better} | ` +
      `${families.join(", ")} |`,
  );
  return [
    "| metric | formula | unit | better | logged by |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
