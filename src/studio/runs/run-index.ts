/**
 * What is known of one run's logs: metrics and their times, and what happened. Read onwards as the
 * files grow; a run that went back to a checkpoint is followed.
 */
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { numberFromJson, parseJson } from "../../core/json.ts";
import type { RecordedRun } from "../../runs/recorded.ts";
import { recordedSchema } from "../../runs/recorded.ts";
import type { Place } from "./line-reader.ts";
import { LineReader } from "./line-reader.ts";
import { Column, Series } from "./series.ts";
import { spill, unspill } from "./spill.ts";

/** Something of events.jsonl, without texts of answers. */
export interface RunEvent {
  readonly number: number;
  readonly time: string;
  readonly type: string;
  readonly step: number | undefined;
  /** Of a warning or an error. */
  readonly message: string;
  /** Of a warning: which. */
  readonly id: string;
  /** Steps of the whole run, where it says so. */
  readonly totalSteps: number | undefined;
}

interface SamplePlace {
  readonly number: number;
  readonly step: number;
  readonly start: number;
  readonly end: number;
}

export interface Sample {
  step: number;
  prompt: string;
  completion: string;
  reward: number | null;
  heldOutReward: number | null;
}

/** A time at which lines behind some were taken away. */
interface Cut {
  /** Lines that were kept. */
  readonly kept: number;
}

/** Kinds of events that are kept; of samples their places are. */
const MOST_EVENTS = 5_000;
const MOST_PROBLEMS = 20;

export class RunIndex {
  /** Absolute path. */
  readonly folder: string;
  /** Tells this reading of the files from others: of another server, or of a folder made anew. */
  epoch = newEpoch();
  series = new Series();
  cuts: Cut[] = [];
  readonly events: RunEvent[] = [];
  readonly samples: SamplePlace[] = [];
  /** Lines that are no records, in sentences. */
  readonly problems: string[] = [];
  /** By step, as far as it is known: tokens since the run began, and seconds of training. */
  times = newTimes();
  readonly metricsLog: LineReader;
  readonly timingLog: LineReader;
  readonly eventsLog: LineReader;
  /** When it was last asked for, in milliseconds. */
  used = 0;
  private work: Promise<boolean> | undefined;
  /** Where its numbers lie, while they are not here. */
  private spilled: string | undefined;
  private wanted = false;
  private metricsRow = 0;
  /** Lines of events.jsonl. */
  eventCount = 0;
  private eventEnd = 0;

  constructor(folder: string) {
    this.folder = folder;
    const log = (name: string): string => join(folder, name);
    this.metricsLog = new LineReader(log("metrics.jsonl"), {
      line: (text, end) => this.metricsLine(text, end),
      cut: (size) => this.cutMetrics(size),
      reset: () => this.resetMetrics(),
    });
    this.timingLog = new LineReader(log("timing.jsonl"), {
      line: (text) => this.timingLine(text),
      cut: () => (this.cutTimes(0), 0),
      reset: () => this.cutTimes(0),
    });
    this.eventsLog = new LineReader(log("events.jsonl"), {
      line: (text, end) => this.eventLine(text, end),
      cut: () => (this.resetEvents(), 0),
      reset: () => this.resetEvents(),
    });
  }

  /** Reads what is new in the files. @returns whether anything was */
  update(): Promise<boolean> {
    this.work ??= this.readAll().finally(() => (this.work = undefined));
    return this.work;
  }

  /** Brings its numbers here, up to date. @returns whether anything is new */
  async use(): Promise<boolean> {
    let changed = false;
    do {
      this.wanted = true;
      changed = (await this.update()) || changed;
    } while (this.spilled !== undefined);
    this.used = Date.now();
    return changed;
  }

  /** Whether its numbers are in memory. */
  get isHere(): boolean {
    return this.spilled === undefined;
  }

  get bytesRead(): number {
    return this.metricsLog.bytesRead + this.timingLog.bytesRead + this.eventsLog.bytesRead;
  }

  /** Tokens and seconds at a step; of the nearest before it that is known. */
  timeAt(step: number): { tokens: number; seconds: number } {
    const { steps, tokens, seconds } = this.times;
    const index = steps.below(step, true) - 1;
    return index < 0
      ? { tokens: 0, seconds: 0 }
      : { tokens: tokens.at(index), seconds: seconds.at(index) };
  }

  /** Steps of the whole run, as it said last. */
  get totalSteps(): number | undefined {
    return this.events.findLast(({ type }) => type === "start")?.totalSteps;
  }

  /** Seconds a step takes, by the newest. */
  get secondsPerStep(): number | null {
    const { steps, seconds } = this.times;
    const last = steps.length - 1;
    const before = Math.max(0, last - 20);
    if (last <= before) return null;
    return (seconds.at(last) - seconds.at(before)) / (steps.at(last) - steps.at(before) || 1);
  }

  /** Texts of the answers at a step, in the order in which they were drawn. */
  async samplesAt(step: number): Promise<Sample[]> {
    const places = this.samples.filter((sample) => sample.step === step);
    if (places.length === 0) return [];
    const handle = await open(this.eventsLog.path, "r");
    try {
      const found = new Map<string, Sample>();
      for (const { start, end } of places) {
        const buffer = Buffer.alloc(end - start);
        await handle.read(buffer, 0, buffer.length, start);
        const sample = sampleOf(record(buffer.toString("utf8")) ?? {});
        // a step that was done again has its last answers
        found.set(sample.prompt, sample);
      }
      return [...found.values()];
    } finally {
      await handle.close();
    }
  }

  /** Puts its numbers aside until they are asked for again. */
  async putAside(file: string): Promise<void> {
    await this.update();
    if (this.spilled !== undefined || this.series.points === 0) return;
    await spill(file, this);
    this.spilled = file;
    this.series = new Series();
    this.times = newTimes();
  }

  private async readAll(): Promise<boolean> {
    if (this.spilled !== undefined) {
      const isNew = (await this.metricsLog.isNew()) || (await this.timingLog.isNew());
      if (!isNew && !this.wanted) return this.eventsLog.read();
      Object.assign(this, await unspill(this.spilled));
      this.spilled = undefined;
    }
    this.wanted = false;
    // times after metrics, so that what is shown of a step has its time
    const changes = [
      await this.eventsLog.read(),
      await this.metricsLog.read(),
      await this.timingLog.read(),
    ];
    return changes.includes(true);
  }

  private metricsLine(text: string, end: number): void {
    this.metricsRow++;
    const { step, ...values } = record(text) ?? {};
    if (!Number.isSafeInteger(step)) {
      this.problem(`metrics.jsonl, line ${this.metricsRow}, is no record of a step`);
      return;
    }
    this.series.add(Number(step), end, numbersOf(values));
  }

  private cutMetrics(size: number): number {
    const kept = this.series.ends.below(size, true);
    this.series.cut(kept);
    this.cuts.push({ kept });
    this.metricsRow = kept;
    return kept === 0 ? 0 : this.series.ends.at(kept - 1);
  }

  private resetMetrics(): void {
    this.series = new Series();
    this.cuts = [];
    this.epoch = newEpoch();
    this.metricsRow = 0;
    this.problems.length = 0;
  }

  private timingLine(text: string): void {
    const { step, seconds, tokens } = record(text) ?? {};
    if (typeof step !== "number" || typeof seconds !== "number") return;
    const { times } = this;
    // a run that went back does steps again
    if (times.steps.length > 0 && times.steps.at(-1) >= step)
      this.cutTimes(times.steps.below(step));
    const before = times.steps.length === 0 ? 0 : times.seconds.at(-1);
    times.steps.push(step);
    times.seconds.push(before + seconds);
    times.tokens.push(typeof tokens === "number" ? tokens : 0);
  }

  private cutTimes(length: number): void {
    for (const column of Object.values(this.times)) column.cut(length);
  }

  /** Options and facts with which the run was begun, or a change was last accepted. */
  recorded: RecordedRun | undefined;

  private eventLine(text: string, end: number): void {
    const start = this.eventEnd;
    this.eventEnd = end;
    const fields = record(text);
    if (fields === undefined) return this.problem("events.jsonl has a line that is no record");
    const { time, type, step, message, id, totalSteps } = fields;
    this.recorded = recordedSchema.safeParse(fields["recorded"]).data ?? this.recorded;
    if (type === "sample" && typeof step === "number")
      this.samples.push({ number: this.eventCount, step, start, end });
    else
      this.events.push({
        number: this.eventCount,
        time: String(time),
        type: String(type),
        step: numberFromJson(step),
        message: typeof message === "string" ? message : "",
        id: typeof id === "string" ? id : "",
        totalSteps: numberFromJson(totalSteps),
      });
    this.eventCount++;
    if (this.events.length > MOST_EVENTS) this.forgetCheckpoints();
  }

  /** The commonest kind goes first: checkpoints are listed by their folders anyway. */
  private forgetCheckpoints(): void {
    const kept = this.events.filter(({ type }) => type !== "checkpoint");
    this.events.splice(0, this.events.length, ...kept.slice(-MOST_EVENTS / 2));
  }

  private resetEvents(): void {
    for (const list of [this.events, this.samples, this.problems]) list.length = 0;
    this.recorded = undefined;
    this.eventCount = this.eventEnd = 0;
  }

  private problem(text: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(text);
  }
}

const newTimes = () => ({ steps: new Column(), tokens: new Column(), seconds: new Column() });
const newEpoch = (): string => randomBytes(6).toString("hex");

function record(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function* numbersOf(values: Record<string, unknown>): Generator<readonly [string, number]> {
  for (const [name, item] of Object.entries(values)) {
    const value = numberFromJson(item);
    if (value !== undefined) yield [name, value];
  }
}

function sampleOf({
  step,
  prompt,
  completion,
  reward,
  heldOutReward,
}: Record<string, unknown>): Sample {
  const score = (value: unknown): number | null => {
    const number = numberFromJson(value);
    return number !== undefined && Number.isFinite(number) ? number : null;
  };
  return {
    step: Number(step),
    prompt: String(prompt),
    completion: String(completion),
    reward: score(reward),
    heldOutReward: score(heldOutReward),
  };
}

/** Where a browser is in the metrics of a run. */
export interface Cursor {
  epoch: string;
  /** Cuts that it knows. */
  cuts: number;
  /** Lines that it has. */
  lines: number;
  place: Place;
  /** Lines of events that it knows. */
  events: number;
}

export const cursorOf = ({ epoch, cuts, series, metricsLog, eventCount }: RunIndex): Cursor => ({
  epoch,
  cuts: cuts.length,
  lines: series.lines,
  place: metricsLog.at,
  events: eventCount,
});

export const cursorText = ({ epoch, cuts, lines, place, events }: Cursor): string =>
  [epoch, cuts, lines, place.offset, place.check, events].join(".");

export function readCursor(text: string): Cursor | undefined {
  const [epoch, ...rest] = text.split(".");
  const numbers = rest.map(Number);
  if (epoch === undefined || numbers.length !== 5) return undefined;
  if (!numbers.every((each) => Number.isSafeInteger(each) && each >= 0)) return undefined;
  const [cuts, lines, offset, check, events] = numbers as [number, number, number, number, number];
  return { epoch, cuts, lines, place: { offset, check }, events };
}
