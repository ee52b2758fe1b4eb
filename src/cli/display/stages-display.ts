/**
 * Shows several stages that run beside each other: a bar for all, one for each that trains, and a
 * line when one begins or ends.
 */
import type { TrainingEvent } from "../../runs/events.ts";
import type { PlannedStage, StageResult } from "../../runs/pipeline.ts";
import { OverallProgress } from "./overall-progress.ts";
import type { Progress, Reporter } from "./reporter.ts";
import { headlines } from "./training-display.ts";
import { formatDuration, formatNumber } from "./words.ts";

export class StagesDisplay {
  private readonly reporter: Reporter;
  private readonly bars = new Map<string, Progress>();
  private readonly overall: OverallProgress;
  private begun = 0;
  private underway: string | undefined;

  constructor(reporter: Reporter) {
    this.reporter = reporter;
    this.overall = new OverallProgress(reporter);
  }

  /** @param further work after the stages */
  plan(planned: readonly PlannedStage[], further: number): void {
    this.overall.plan(planned, further);
  }

  begin({ stage, action, because }: PlannedStage): void {
    if (action !== "skip") this.overall.begin(stage.name);
    const how =
      action === "skip" ? " (done already)" : action === "resume" ? ` (${because}; going on)` : "";
    this.reporter.note(`${++this.begun}. ${stage.title}${how}`);
  }

  /** Begins a part of the work that is no stage. */
  further(title: string): void {
    this.underway = title;
    this.overall.begin(title);
    this.reporter.note(`${++this.begun}. ${title}`);
  }

  /** The work that is no stage is done, where it was begun. */
  furtherEnd(): void {
    if (this.underway !== undefined) this.overall.end(this.underway);
    this.underway = undefined;
  }

  event(event: TrainingEvent, stage: string): void {
    this.overall.event(event, stage);
    // programs read every event, with the stage that it belongs to
    if (this.reporter.mode === "json")
      return this.reporter.event(Object.assign({}, event, { stage }));
    switch (event.type) {
      case "start":
        this.bars.set(
          stage,
          this.reporter.progress({ title: stage, total: event.totalSteps, unit: "steps" }),
        );
        return;
      case "step":
        return this.bars.get(stage)?.update(event.step, headlines(event.metrics));
      case "evaluation":
        return this.reporter.note(
          `   ${stage}: ${Object.entries(event.metrics)
            .filter(([name]) => name === "eval_loss" || name === "eval_accuracy")
            .map(([name, value]) => `${name} ${formatNumber(value)}`)
            .join("  ")}`,
        );
      case "warning":
        return this.reporter.warn(event.id, `${stage}: ${event.message}`);
      case "end":
        this.bars.get(stage)?.end();
        this.bars.delete(stage);
        return;
      default:
    }
  }

  end({ stage, action, seconds }: StageResult): void {
    this.overall.end(stage.name);
    if (action !== "skip")
      this.reporter.note(`   ${stage.name}: done in ${formatDuration(seconds)}`);
  }

  /** Whatever happened: leaves no bar behind. */
  close(): void {
    for (const bar of this.bars.values()) bar.end();
    this.bars.clear();
    this.overall.close();
  }
}
