/** Plain lines at sensible intervals, for logs and pipes: the first and the last step, and one every ten seconds between. */
import type { StepEvent, TrainingEvent } from "../runs/events.ts";
import { answer, remark, type Sink } from "./sink.ts";
import type { Progress, ProgressOptions, Reporter } from "./reporter.ts";
import { TrainingDisplay } from "./training-display.ts";
import { formatBytes, formatCount, formatDuration } from "./words.ts";

/** Milliseconds between two lines about the same work. */
const INTERVAL = 10_000;

export class LineReporter implements Reporter {
  readonly mode = "lines";
  private readonly stdout: Sink;
  private readonly stderr: Sink;
  private readonly now: () => number;
  private display = new TrainingDisplay();
  private shown = -Infinity;

  constructor(stdout: Sink, stderr: Sink, now: () => number) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.now = now;
  }

  event(event: TrainingEvent): void {
    switch (event.type) {
      case "start":
        this.display = new TrainingDisplay();
        this.shown = -Infinity;
        return this.line(this.display.start(event));
      case "step":
        return this.step(event);
      case "evaluation":
        return this.line(this.display.evaluation(event));
      case "checkpoint":
        return this.line(this.display.checkpoint(event));
      case "sample":
        return this.line(this.display.sample(event));
      case "warning":
        return this.warn(event.id, event.message);
      case "end":
        return this.line(this.display.end(event));
    }
  }

  result(_data: Readonly<Record<string, unknown>>, text: string): void {
    answer(this.stdout, `${text}\n`);
  }

  write(text: string): void {
    answer(this.stdout, text);
  }

  note(text: string): void {
    this.line(text);
  }

  warn(id: string, message: string): void {
    this.line(`warning: ${message} [${id}]`);
  }

  progress({ title, total, unit }: ProgressOptions): Progress {
    const begun = this.now();
    let [shown, done, ended] = [begun, 0, false];
    const amount = (value: number): string => (unit === "bytes" ? formatBytes(value) : formatCount(value));
    return {
      update: (value, detail) => {
        done = value;
        if (ended || this.now() - shown < INTERVAL) return;
        shown = this.now();
        const share = total === undefined ? ` ${unit === "bytes" ? "" : unit}` : ` of ${amount(total)}${unit === "bytes" ? "" : ` ${unit}`} (${Math.floor((100 * done) / total)}%)`;
        this.line(`${title}: ${amount(done)}${share.trimEnd()}${detail === undefined ? "" : `  ${detail}`}`);
      },
      end: () => {
        if (!ended) this.line(`${title}: ${amount(done)}${unit === "bytes" ? "" : ` ${unit}`} in ${formatDuration((this.now() - begun) / 1000)}`);
        ended = true;
      },
    };
  }

  close(): void {
    // every line is complete
  }

  private step(event: StepEvent): void {
    this.display.step(event);
    const last = event.step === event.totalSteps;
    if (!last && this.now() - this.shown < INTERVAL) return;
    this.shown = this.now();
    const percent = Math.floor((100 * event.step) / event.totalSteps);
    const { metrics, pace } = this.display.stepParts(event);
    this.line([`step ${event.step}/${event.totalSteps} (${percent}%)`, ...metrics, ...pace].join("  "));
  }

  private line(text: string): void {
    this.stderr.write(remark(text));
  }
}
