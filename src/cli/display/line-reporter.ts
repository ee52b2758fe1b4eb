/**
 * Plain lines now and then, for logs and pipes: of training the first and the last step, and
 * between them one for every twentieth of the work, but no sooner than ten seconds and no later
 * than five minutes after the one before.
 */
import type { StepEvent, TrainingEvent } from "../../runs/events.ts";
import { answer, remark, type Sink } from "./sink.ts";
import type { Progress, ProgressOptions, Reporter } from "./reporter.ts";
import { TrainingDisplay } from "./training-display.ts";
import { formatBytes, formatCount, formatDuration, unitsOf } from "./words.ts";

/**
 * Milliseconds between two lines about the same work, at least; and at most, where steps take no
 * longer.
 */
const SOONEST = 10_000;
const LATEST = 300_000;
/** Share of the whole work that is worth a line. */
const SHARE = 0.05;

/** When the next line about a piece of work is due. */
class Pace {
  private at: number;
  private share = 0;

  /** @param at milliseconds; of the last line, or of the beginning */
  constructor(at: number) {
    this.at = at;
  }

  /** @param share of the whole work that is done; undefined where its length is not known */
  due(now: number, share: number | undefined): boolean {
    const passed = now - this.at;
    const worth = share === undefined || share - this.share >= SHARE - 1e-9;
    if (passed < SOONEST || (!worth && passed < LATEST)) return false;
    this.at = now;
    this.share = share ?? 0;
    return true;
  }
}

export class LineReporter implements Reporter {
  readonly mode = "lines";
  private readonly stdout: Sink;
  private readonly stderr: Sink;
  private readonly now: () => number;
  private display = new TrainingDisplay();
  private pace = new Pace(-Infinity);

  constructor(stdout: Sink, stderr: Sink, now: () => number) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.now = now;
  }

  event(event: TrainingEvent): void {
    switch (event.type) {
      case "start":
        this.display = new TrainingDisplay();
        this.pace = new Pace(-Infinity);
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
    const pace = new Pace(begun);
    let [done, ended] = [0, false];
    const count = (value: number): string =>
      unit === "bytes" ? formatBytes(value) : formatCount(Math.floor(value));
    const amount = (value: number): string =>
      unit === "bytes" ? formatBytes(value) : unitsOf(value, unit);
    return {
      update: (value, detail) => {
        done = value;
        if (ended || !pace.due(this.now(), total === undefined ? undefined : done / total)) return;
        const share =
          total === undefined ? "" : ` of ${amount(total)} (${Math.floor((100 * done) / total)}%)`;
        const shown = total === undefined ? amount(done) : count(done);
        const details = detail === undefined ? "" : `  ${[detail].flat().join("  ")}`;
        this.line(`${title}: ${shown}${share}${details}`);
      },
      end: () => {
        if (!ended)
          this.line(`${title}: ${amount(done)} in ${formatDuration((this.now() - begun) / 1000)}`);
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
    if (!this.pace.due(this.now(), event.step / event.totalSteps) && !last) return;
    const percent = Math.floor((100 * event.step) / event.totalSteps);
    const { metrics, pace } = this.display.stepParts(event);
    this.line(
      [`step ${event.step}/${event.totalSteps} (${percent}%)`, ...metrics, ...pace].join("  "),
    );
  }

  private line(text: string): void {
    this.stderr.write(remark(text));
  }
}
