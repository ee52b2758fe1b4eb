/** What is said of a metric, and by which kinds of trainers it is logged. */

/** Kinds of metrics, by what a trainer does; each trainer says in its entry which it logs. */
export const METRIC_KINDS = {
  loss: "minimises one objective, whose value it logs",
  data: "learns from data",
  language: "predicts tokens of the data",
  scores: "gives answers a score",
  preferences: "learns which answers are preferred",
  pairs: "learns from two answers to one prompt",
  "reference-point": "weighs an answer against the policy's mean drift",
  answers: "draws the model's own answers",
  updates: "trains a policy on its own answers",
  "policy-gradient": "follows a policy gradient",
  critic: "trains a critic beside the policy, and may mix in demonstrations",
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
