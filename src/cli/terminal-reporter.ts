/** A progress bar on the terminal (cli-progress), with rate, time left and the latest metrics; everything else scrolls by above it. */
import { SingleBar } from "cli-progress";
import type { StartEvent, StepEvent, TrainingEvent } from "../runs/events.ts";
import type { Progress, ProgressOptions, Reporter } from "./reporter.ts";
import { answer, type Sink } from "./sink.ts";
import { TrainingDisplay } from "./training-display.ts";
import { formatBytes, formatCount, formatDuration, printable } from "./words.ts";

const ERASE_LINE = "\r\u001b[K";

export class TerminalReporter implements Reporter {
  readonly mode = "terminal";
  private readonly stdout: Sink;
  private readonly stderr: Sink;
  private display = new TrainingDisplay();
  private bar: SingleBar | undefined;

  constructor(stdout: Sink, stderr: Sink) {
    this.stdout = stdout;
    this.stderr = stderr;
  }

  event(event: TrainingEvent): void {
    switch (event.type) {
      case "start":
        return this.start(event);
      case "step":
        return this.step(event);
      case "evaluation":
        return this.line(this.display.evaluation(event));
      case "checkpoint":
        return;
      case "sample":
        return this.line(this.display.sample(event));
      case "warning":
        return this.warn(event.id, event.message);
      case "end":
        this.close();
        return this.line(this.display.end(event));
    }
  }

  result(_data: Readonly<Record<string, unknown>>, text: string): void {
    this.close();
    answer(this.stdout, `${text}\n`);
  }

  write(text: string): void {
    this.close();
    answer(this.stdout, text);
  }

  note(text: string): void {
    this.line(text);
  }

  warn(id: string, message: string): void {
    this.line(`warning: ${printable(message)} [${id}]`);
  }

  progress({ title, total, unit }: ProgressOptions): Progress {
    this.close();
    const begun = Date.now();
    let done = 0;
    const amount = (value: number): string => (unit === "bytes" ? formatBytes(value) : `${formatCount(value)} ${unit}`);
    const bar = this.open(total === undefined ? `${title}: {amount}  {detail}` : `${title} {bar} {percentage}%  {amount}  {detail}`, total ?? 1, 0);
    return {
      update: (value, detail) => {
        done = value;
        const rate = value / Math.max(0.001, (Date.now() - begun) / 1000);
        const left = total === undefined ? "" : `${formatDuration((total - value) / rate)} left`;
        bar.update(total === undefined ? 0 : value, { amount: amount(value), detail: [`${amount(rate)}/s`, left, detail ?? ""].filter((part) => part !== "").join("  ") });
      },
      end: () => {
        if (this.bar !== bar) return;
        bar.update({ amount: amount(done), detail: formatDuration((Date.now() - begun) / 1000) });
        this.close();
      },
    };
  }

  close(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private start(event: StartEvent): void {
    this.close();
    this.display = new TrainingDisplay();
    this.line(this.display.start(event));
    this.bar = this.open("{bar} {value}/{total}  {detail}", event.totalSteps, event.resumedStep ?? 0);
  }

  private step(event: StepEvent): void {
    this.display.step(event);
    this.bar?.update(event.step, { detail: this.display.stepParts(event).join("  ") });
  }

  private open(format: string, total: number, value: number): SingleBar {
    const bar = new SingleBar({
      format,
      stream: this.stderr as NodeJS.WritableStream,
      barsize: 24,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      hideCursor: true,
      // lines written above the bar erase it
      forceRedraw: true,
      emptyOnZero: true,
      // interrupt.ts owns the signals
      gracefulExit: false,
    });
    bar.start(total, value, { detail: "", amount: "" });
    this.bar = bar;
    return bar;
  }

  /** A whole line above the bar, which draws itself again. */
  private line(text: string): void {
    this.stderr.write(this.bar === undefined ? `${text}\n` : `${ERASE_LINE}${text}\n`);
  }
}
