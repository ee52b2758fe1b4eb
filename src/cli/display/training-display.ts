/**
 * Turns the events of a trainer into short texts: rate, time left and the metrics worth a glance.
 * Keeps no clock of its own.
 */
import { countOf } from "../../core/counts.ts";
import type {
  CheckpointEvent,
  EndEvent,
  EvaluationEvent,
  Metrics,
  SampleEvent,
  StartEvent,
  StepEvent,
} from "../../runs/events.ts";
import { formatCount, formatDuration, formatNumber, formatShort } from "./words.ts";

/** Shown while training, where present, in this order and at most this many. */
const HEADLINES = [
  "loss",
  "rewards/accuracies",
  "accuracy",
  "rewards/margins",
  "margin",
  "mean_token_accuracy",
  "kl",
  "objective/scores",
  "objective/held_out_scores",
  "objective/kl",
] as const;
const HEADLINE_COUNT = 3;
/** Steps that the rate is averaged over. */
const WINDOW = 20;

export class TrainingDisplay {
  private readonly recent: { tokens: number; seconds: number }[] = [];
  private tokens: number | undefined;
  private steps = 0;
  private seconds = 0;

  start(event: StartEvent): string {
    const trained =
      event.parameters === undefined
        ? ""
        : `, ${formatShort(event.parameters.trainable)} of ` +
          `${formatShort(event.parameters.total)} parameters`;
    const from = event.resumedStep === undefined ? "" : `, going on from step ${event.resumedStep}`;
    const to = event.run === undefined ? "" : ` -> ${event.run}`;
    return (
      `${event.method}: ${countOf(event.totalSteps, "step")}, ` +
      `${countOf(event.examples, "example")}${trained}${from}${to}`
    );
  }

  /** Takes a step into the averages. */
  step(event: StepEvent): void {
    // the tokens of the first step after a resume are unknown: it counts for the time only
    if (this.tokens !== undefined || event.step === 1)
      this.recent.push({ tokens: event.tokens - (this.tokens ?? 0), seconds: event.seconds });
    if (this.recent.length > WINDOW) this.recent.shift();
    this.tokens = event.tokens;
    this.steps++;
    this.seconds += event.seconds;
  }

  /**
   * The latest step: its headline metrics, and time left and rate (left out where not known yet).
   */
  stepParts(event: StepEvent): { metrics: string[]; pace: string[] } {
    const seconds = this.recent.reduce((sum, item) => sum + item.seconds, 0);
    const tokens = this.recent.reduce((sum, item) => sum + item.tokens, 0);
    const left = (this.seconds / this.steps) * (event.totalSteps - event.step);
    return {
      metrics: headlines(event.metrics),
      pace: [
        `${formatDuration(left)} left`,
        ...(seconds > 0 ? [`${formatCount(tokens / seconds)} tokens/s`] : []),
      ],
    };
  }

  /** Evaluations count into the time left. */
  evaluation(event: EvaluationEvent): string {
    this.seconds += event.seconds;
    const values = Object.entries(event.metrics).filter(([name]) =>
      HEADLINES.includes(name.replace(/^eval_/, "") as (typeof HEADLINES)[number]),
    );
    return (
      `step ${event.step}: ` +
      `${values.map(([name, value]) => `${name} ${formatNumber(value)}`).join("  ")} ` +
      `(${countOf(event.examples, "held-out example")})`
    );
  }

  checkpoint(event: CheckpointEvent): string {
    return `step ${event.step}: checkpoint ${event.path}${event.best ? " (the best so far)" : ""}`;
  }

  sample(event: SampleEvent): string {
    const scores = [
      event.reward === undefined ? [] : [`reward ${formatNumber(event.reward)}`],
      event.heldOutReward === undefined ? [] : [`held out ${formatNumber(event.heldOutReward)}`],
    ].flat();
    return (
      `step ${event.step}: ${event.prompt.trim()}\n  -> ` +
      `${event.completion.trim()}${scores.length === 0 ? "" : `  (${scores.join(", ")})`}`
    );
  }

  end(event: EndEvent): string {
    const verb = event.status === "completed" ? "done" : "stopped";
    const where = event.output === undefined ? "" : ` -> ${event.output}`;
    return (
      `${verb}: step ${formatCount(event.step)} of ${formatCount(event.totalSteps)}, ` +
      `${countOf(event.tokens, "token")} in ${formatDuration(event.seconds)}${where}`
    );
  }
}

/** The metrics worth a glance. */
export function headlines(metrics: Metrics): string[] {
  return HEADLINES.filter((name) => metrics[name] !== undefined)
    .slice(0, HEADLINE_COUNT)
    .map((name) => `${name} ${formatNumber(metrics[name]!)}`);
}
