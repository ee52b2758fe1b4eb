/**
 * The reporters: a progress bar on a terminal, plain lines elsewhere, JSON lines with `--json`,
 * next to nothing with `--quiet`. The contract is in reporter.ts.
 */
import type { TrainingEvent } from "../../runs/events.ts";
import { LineReporter } from "./line-reporter.ts";
import type { Progress, ProgressOptions, Reporter } from "./reporter.ts";
import { answer, jsonLine, remark, type Sink } from "./sink.ts";

export interface ReporterOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Milliseconds; spaces plain lines and progress events. */
  readonly now?: () => number;
}

/**
 * The reporter for these streams. Loads the progress-bar library only where there is a terminal to
 * show it on.
 */
export async function createReporter({
  json,
  quiet,
  stdout,
  stderr,
  now = Date.now,
}: ReporterOptions): Promise<Reporter> {
  if (json) return new JsonReporter(stdout, now);
  if (quiet) return new QuietReporter(stdout, stderr);
  if (!stderr.isTTY) return new LineReporter(stdout, stderr, now);
  const { TerminalReporter } = await import("./terminal-reporter.ts");
  return new TerminalReporter(stdout, stderr);
}

const NO_PROGRESS: Progress = { update: () => undefined, end: () => undefined };
/** Milliseconds between two `progress` events of one piece of work. */
const JSON_INTERVAL = 1000;

class QuietReporter implements Reporter {
  readonly mode = "quiet";
  private readonly stdout: Sink;
  private readonly stderr: Sink;

  constructor(stdout: Sink, stderr: Sink) {
    this.stdout = stdout;
    this.stderr = stderr;
  }

  event(event: TrainingEvent): void {
    if (event.type === "warning") this.warn(event.id, event.message);
  }

  result(_data: Readonly<Record<string, unknown>>, text: string): void {
    answer(this.stdout, `${text}\n`);
  }

  write(text: string): void {
    answer(this.stdout, text);
  }

  note(): void {
    // quiet
  }

  warn(id: string, message: string): void {
    this.stderr.write(remark(`warning: ${message} [${id}]`));
  }

  progress(): Progress {
    return NO_PROGRESS;
  }

  close(): void {
    // holds nothing
  }
}

class JsonReporter implements Reporter {
  readonly mode = "json";
  private readonly stdout: Sink;
  private readonly now: () => number;

  constructor(stdout: Sink, now: () => number) {
    this.stdout = stdout;
    this.now = now;
  }

  event(event: TrainingEvent): void {
    this.line(event);
  }

  result(data: Readonly<Record<string, unknown>>): void {
    this.line({ type: "result", ...data });
  }

  write(text: string): void {
    this.line({ type: "text", text });
  }

  note(text: string): void {
    this.line({ type: "note", message: text });
  }

  warn(id: string, message: string): void {
    this.line({ type: "warning", id, message });
  }

  progress({ title, total, unit }: ProgressOptions): Progress {
    let [shown, done, ended] = [-Infinity, 0, false];
    const show = (final: boolean): void =>
      this.line({
        type: "progress",
        title,
        done,
        ...(total === undefined ? {} : { total }),
        unit,
        final,
      });
    return {
      update: (value) => {
        done = value;
        if (ended || this.now() - shown < JSON_INTERVAL) return;
        shown = this.now();
        show(false);
      },
      end: () => {
        if (!ended) show(true);
        ended = true;
      },
    };
  }

  close(): void {
    // holds nothing
  }

  private line(value: unknown): void {
    this.stdout.write(jsonLine(value));
  }
}
