/**
 * How far a pipeline of several stages is: one bar for all of them, with about the time that is
 * left.
 */
import type { TrainingEvent } from "../../runs/events.ts";
import type { PlannedStage } from "../../runs/pipeline.ts";
import type { Progress, Reporter } from "./reporter.ts";
import { formatDuration } from "./words.ts";

export class OverallProgress {
  private readonly reporter: Reporter;
  private readonly now: () => number;
  private readonly running = new Map<string, number>();
  private bar: Progress | undefined;
  private total = 0;
  private skipped = 0;
  private done = 0;
  private begun = 0;

  /** @param now milliseconds */
  constructor(reporter: Reporter, now: () => number = Date.now) {
    this.reporter = reporter;
    this.now = now;
  }

  /** @param further work after the stages that counts as much as one of them */
  plan(planned: readonly PlannedStage[], further = 0): void {
    this.skipped = planned.filter(({ action }) => action === "skip").length;
    this.total = planned.length + further;
    this.begun = this.now();
    if (this.skipped < this.total)
      this.bar = this.reporter.progress({
        title: "all stages",
        total: this.total,
        unit: "stages",
        even: false,
      });
    this.show();
  }

  begin(stage: string): void {
    this.running.set(stage, 0);
    this.show();
  }

  /** Steps that a stage has done, as its trainer tells. */
  event(event: TrainingEvent, stage: string): void {
    if (event.type !== "step") return;
    this.running.set(stage, event.step / event.totalSteps);
    this.show();
  }

  /** Ends a stage that was begun; one that was passed over counts from the start. */
  end(stage: string): void {
    if (this.running.delete(stage)) this.done++;
    this.show();
  }

  /** The reporter of a stage's command, whose steps are seen here too. */
  watch(reporter: Reporter): Reporter {
    return Object.assign(Object.create(reporter) as Reporter, {
      event: (event: TrainingEvent): void => {
        for (const stage of this.running.keys()) this.event(event, stage);
        reporter.event(event);
      },
    });
  }

  close(): void {
    this.bar?.end();
    this.bar = undefined;
  }

  private show(): void {
    const worked = [...this.running.values()].reduce((sum, share) => sum + share, this.done);
    const left = ((this.now() - this.begun) / 1000 / worked) * (this.total - this.skipped - worked);
    // stages differ in length: less than one of them tells nothing
    this.bar?.update(
      this.skipped + worked,
      worked >= 1 ? [`about ${formatDuration(left)} left`] : [],
    );
  }
}
