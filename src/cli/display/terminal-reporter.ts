/**
 * A progress bar on the terminal (cli-progress), with rate, time left and the latest metrics;
 * everything else scrolls by above it.
 */
import { MultiBar, type SingleBar } from "cli-progress";
import type { StartEvent, StepEvent, TrainingEvent } from "../../runs/events.ts";
import type { Progress, ProgressOptions, Reporter } from "./reporter.ts";
import { answer, remark, type Sink, widthOf } from "./sink.ts";
import { TrainingDisplay } from "./training-display.ts";
import { fitParts, formatBytes, formatCount, formatDuration, printable, unitsOf } from "./words.ts";

/** The library's list of bars, which can also print lines above them. */
interface Display {
  readonly bars: MultiBar;
  /** Work that has not ended: each piece has a bar of its own. */
  readonly open: Set<SingleBar>;
}

/**
 * What a bar shows: a name before it, and parts behind it that are dropped from the end, whole,
 * where the terminal ends.
 */
interface Shown {
  readonly title?: string;
  /** False: nothing tells how much there is. */
  readonly drawn?: boolean;
  readonly parts: readonly string[];
}

const BAR_CHARACTERS = 20;
const ERASE_TO_END = "\u001b[K";

export class TerminalReporter implements Reporter {
  readonly mode = "terminal";
  private readonly stdout: Sink;
  private readonly stderr: Sink;
  private display = new TrainingDisplay();
  private shown: Display | undefined;
  private trainer: SingleBar | undefined;

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
        this.endTrainer();
        return this.line(this.display.end(event));
    }
  }

  result(_data: Readonly<Record<string, unknown>>, text: string): void {
    // the answer of a part of the work that goes on: the bars stay
    if (this.shown?.open.size && this.stdout.isTTY) return this.line(text);
    if (!this.shown?.open.size) this.close();
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

  progress({ title: given, total, unit, even = true }: ProgressOptions): Progress {
    const title = printable(given);
    const begun = Date.now();
    let done = 0;
    const amount = (value: number): string =>
      unit === "bytes" ? formatBytes(value) : unitsOf(value, unit);
    const reached = (): string =>
      even || total === undefined
        ? amount(done)
        : `${formatCount(Math.floor(done))} of ${amount(total)}`;
    const share = (): string[] =>
      total === undefined ? [] : [`${Math.floor((100 * done) / total)}%`];
    // of uneven work the time left is a detail, and it is what one waits for
    const inOrder = (parts: readonly string[]): string[] =>
      even ? [...share(), reached(), ...parts] : [...share(), ...parts, reached()];
    const { display, bar } = this.bar(
      {
        title: total === undefined ? `${title}:` : title,
        drawn: total !== undefined,
        parts: inOrder([]),
      },
      { total: total ?? 1 },
    );
    const show = (parts: readonly string[]): void =>
      bar.update(total === undefined ? 0 : done, {
        title: total === undefined ? `${title}:` : title,
        drawn: total !== undefined,
        parts: inOrder(parts),
      });
    return {
      update: (value, detail = []) => {
        done = value;
        const rate = value / Math.max(0.001, (Date.now() - begun) / 1000);
        const rateText =
          unit === "bytes" || rate >= 10 ? amount(rate) : `${rate.toFixed(1)} ${unit}`;
        const pace = even
          ? [
              `${rateText}/s`,
              ...(total === undefined ? [] : [`${formatDuration((total - value) / rate)} left`]),
            ]
          : [];
        show([
          ...pace,
          ...[detail]
            .flat()
            .filter((part) => part !== "")
            .map(printable),
        ]);
      },
      end: () => {
        if (this.shown !== display || !display.open.has(bar)) return;
        show([formatDuration((Date.now() - begun) / 1000)]);
        this.endBar(display, bar);
      },
    };
  }

  /** A bar beside those of other work, or the first. */
  private bar(
    shown: Shown,
    { total, value = 0 }: { total: number; value?: number },
  ): { display: Display; bar: SingleBar } {
    if (this.shown?.open.size === 0) this.close();
    const display = (this.shown ??= this.openDisplay());
    const bar = display.bars.create(total, value, shown);
    display.open.add(bar);
    display.bars.update();
    return { display, bar };
  }

  /** The last bar stays as it ended. */
  private endBar(display: Display, bar: SingleBar): void {
    display.open.delete(bar);
    if (display.open.size === 0) this.close();
    else display.bars.remove(bar);
  }

  close(): void {
    this.shown?.bars.stop();
    this.shown = undefined;
    this.trainer = undefined;
  }

  private start(event: StartEvent): void {
    this.endTrainer();
    this.display = new TrainingDisplay();
    this.line(this.display.start(event));
    const done = event.resumedStep ?? 0;
    this.trainer = this.bar(
      { parts: [`${done}/${event.totalSteps}`] },
      { total: event.totalSteps, value: done },
    ).bar;
  }

  private step(event: StepEvent): void {
    this.display.step(event);
    const { metrics, pace } = this.display.stepParts(event);
    // what one waits for comes first
    this.trainer?.update(event.step, {
      parts: [`${event.step}/${event.totalSteps}`, ...pace, ...metrics],
    } satisfies Shown);
  }

  private endTrainer(): void {
    if (this.shown && this.trainer) this.endBar(this.shown, this.trainer);
    this.trainer = undefined;
  }

  private openDisplay(): Display {
    const bars = new MultiBar({
      format: (
        { barCompleteString = "", barIncompleteString = "" },
        { progress },
        { title, drawn = true, parts }: Shown,
      ) => {
        const complete = Math.round(progress * BAR_CHARACTERS);
        const bar = drawn
          ? [
              barCompleteString.slice(0, complete) +
                barIncompleteString.slice(0, BAR_CHARACTERS - complete),
            ]
          : [];
        const head = [...(title === undefined ? [] : [title]), ...bar].join(" ");
        return `${head} ${fitParts(parts, widthOf(this.stderr) - head.length - 1)}`;
      },
      stream: this.stderr as NodeJS.WritableStream,
      barsize: BAR_CHARACTERS,
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
    return { bars, open: new Set() };
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
    // a line that wraps is longer than the bar that it is written over
    this.shown.bars.log(lines.replaceAll("\n", `${ERASE_TO_END}\n`));
    this.shown.bars.update();
  }
}
