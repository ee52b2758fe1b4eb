/** A progress bar on the terminal (cli-progress), with rate, time left and the latest metrics; everything else scrolls by above it. */
import { MultiBar, type SingleBar } from "cli-progress";
import type { StartEvent, StepEvent, TrainingEvent } from "../runs/events.ts";
import type { Progress, ProgressOptions, Reporter } from "./reporter.ts";
import { answer, remark, type Sink } from "./sink.ts";
import { TrainingDisplay } from "./training-display.ts";
import { formatBytes, formatCount, formatDuration, printable } from "./words.ts";

/** The library's list of bars, which can also print lines above them. */
interface Display {
  readonly bars: MultiBar;
  /** Of a trainer, or of the first work that began. */
  readonly bar: SingleBar;
  /** Work that has not ended: each piece has a bar of its own. */
  readonly open: Set<SingleBar>;
}

export class TerminalReporter implements Reporter {
  readonly mode = "terminal";
  private readonly stdout: Sink;
  private readonly stderr: Sink;
  private display = new TrainingDisplay();
  private shown: Display | undefined;

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

  note(text: string, { onTerminal }: { readonly onTerminal?: string } = {}): void {
    this.print(onTerminal === undefined ? remark(text) : `${onTerminal}\n`);
  }

  warn(id: string, message: string): void {
    this.line(`warning: ${message} [${id}]`);
  }

  progress({ title: given, total, unit }: ProgressOptions): Progress {
    const title = printable(given);
    const begun = Date.now();
    let done = 0;
    const amount = (value: number): string => (unit === "bytes" ? formatBytes(value) : `${formatCount(value)} ${unit}`);
    const format = total === undefined ? `${title}: {amount}  {detail}` : `${title} {bar} {percentage}%  {amount}  {detail}`;
    const { display, bar } = this.bar(format, total ?? 1);
    return {
      update: (value, detail) => {
        done = value;
        const rate = value / Math.max(0.001, (Date.now() - begun) / 1000);
        const left = total === undefined ? "" : `${formatDuration((total - value) / rate)} left`;
        bar.update(total === undefined ? 0 : value, { amount: amount(value), detail: [`${amount(rate)}/s`, left, printable(detail ?? "")].filter((part) => part !== "").join("  ") });
      },
      end: () => {
        if (this.shown !== display || !display.open.delete(bar)) return;
        bar.update({ amount: amount(done), detail: formatDuration((Date.now() - begun) / 1000) });
        if (display.open.size === 0) this.close();
        else display.bars.remove(bar);
      },
    };
  }

  /** A bar beside those of other work, or the first. */
  private bar(format: string, total: number): { display: Display; bar: SingleBar } {
    if (this.shown === undefined || this.shown.open.size === 0) {
      this.close();
      const display = this.open(format, total, 0);
      display.open.add(display.bar);
      return { display, bar: display.bar };
    }
    const display = this.shown;
    const bar = display.bars.create(total, 0, { detail: "", amount: "" }, { format });
    display.open.add(bar);
    return { display, bar };
  }

  close(): void {
    this.shown?.bars.stop();
    this.shown = undefined;
  }

  private start(event: StartEvent): void {
    this.close();
    this.display = new TrainingDisplay();
    this.line(this.display.start(event));
    this.open("{bar} {value}/{total}  {detail}", event.totalSteps, event.resumedStep ?? 0);
  }

  private step(event: StepEvent): void {
    this.display.step(event);
    const { metrics, pace } = this.display.stepParts(event);
    // a narrow terminal cuts the end: what one waits for comes first
    this.shown?.bar.update(event.step, { detail: [...pace, ...metrics].join("  ") });
  }

  private open(format: string, total: number, value: number): Display {
    const bars = new MultiBar({
      format,
      stream: this.stderr as NodeJS.WritableStream,
      barsize: 20,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      hideCursor: true,
      // long warnings above the bar still wrap; the bar itself is cut
      linewrap: true,
      // lines printed above the bar erase it
      forceRedraw: true,
      emptyOnZero: true,
      // interrupt.ts owns the signals
      gracefulExit: false,
    });
    this.shown = { bars, bar: bars.create(total, value, { detail: "", amount: "" }), open: new Set() };
    bars.update();
    return this.shown;
  }

  /** A whole line, above the bar where there is one. */
  private line(text: string): void {
    this.print(remark(text));
  }

  private print(lines: string): void {
    if (this.shown === undefined) {
      this.stderr.write(lines);
      return;
    }
    this.shown.bars.log(lines);
    this.shown.bars.update();
  }
}
