/** Metrics of a run for other programs' eyes: what every kind of report has in common. */

/** What `--report-to` takes. */
export const REPORTS = ["none", "tensorboard", "wandb"] as const;

/** A line of metrics.jsonl. */
export type MetricLine = Readonly<Record<string, unknown>>;

export interface Report {
  /**
   * Adds the values of a step or an evaluation.
   * @throws AttuneError `disk`
   */
  line(line: MetricLine): void;
  /**
   * The run has ended, for now: it may go on.
   * @throws AttuneError `disk`
   */
  end(status: "completed" | "interrupted" | "failed"): void;
  close(): void;
}

const HELD_OUT = "eval_";

/**
 * A metric's name in reports, as transformers' callbacks write it: `train/loss`, `eval/loss`.
 * Charts then hold runs of both.
 */
export const tagOf = (name: string): string =>
  name.startsWith(HELD_OUT) ? `eval/${name.slice(HELD_OUT.length)}` : `train/${name}`;

/** The step, where a report has it as a metric. */
export const STEP_TAG = "train/global_step";
