/** What is said of a metric, and by which kinds of trainers it is logged. */

/** Kinds of metrics, by what a trainer does; each trainer says in its entry which it logs. */
export const METRIC_KINDS = {
  loss: "minimises one objective, whose value it logs",
  data: "learns from data",
  imitation: "predicts the tokens of the data",
  scores: "gives answers a score",
  preferences: "learns which answers are preferred",
  pairs: "learns from two answers to one prompt",
  "sft-term": "adds the loss of SFT to its own, where its options say so",
  "reference-point": "weighs an answer against the policy's mean drift",
  answers: "draws the model's own answers",
  updates: "trains a policy on its own answers",
  "policy-gradient": "follows a policy gradient",
  "kl-in-reward": "counts the KL from the reference as a part of the reward",
  critic: "trains a critic beside the policy",
  "sft-mix": "mixes demonstrations in, where its options say so",
  groups: "compares several answers to one prompt",
  "token-clipping": "clips the ratio of each token",
  "own-pairs": "makes pairs of its own answers",
  "best-answers": "chooses the best of several answers",
  "kept-answers": "learns from the best of its own answers",
} as const;

export type MetricKind = keyof typeof METRIC_KINDS;

export interface MetricDefinition {
  /** How it is computed, in one line. */
  readonly formula: string;
  readonly unit: string;
  /** Which way is better; `none` where neither is. */
  readonly better: "lower" | "higher" | "none";
  readonly loggedBy: readonly MetricKind[];
}
