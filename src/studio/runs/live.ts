/** What somebody who watches runs lacks, and nothing that they have. */
import type { LiveEvent } from "../api/runs.ts";
import type { Cursor, RunEvent, RunIndex } from "./run-index.ts";
import { cursorOf, cursorText } from "./run-index.ts";

/** Lines in one event, and lines behind which the charts are cheaper to ask for again. */
const [LINES_AT_ONCE, FAR_BEHIND] = [2_000, 20_000];

export interface Followed {
  readonly run: string;
  readonly index: RunIndex;
  /** What the browser has. */
  cursor: Cursor;
}

/** Where a browser goes on that says where it is; undefined where nothing that it has holds. */
export async function goOn(index: RunIndex, cursor: Cursor): Promise<Cursor | undefined> {
  const { series, metricsLog } = index;
  const isCut = cursor.cuts < index.cuts.length;
  if (cursor.epoch === index.epoch && (isCut || cursor.lines <= series.lines)) return cursor;
  // another server read the files: the same bytes are the same lines
  const { offset } = cursor.place;
  const lines = series.ends.below(offset, true);
  const end = lines === 0 ? 0 : series.ends.at(lines - 1);
  if (lines !== cursor.lines || end !== offset || !(await metricsLog.holds(cursor.place)))
    return undefined;
  return { ...cursorOf(index), lines, place: cursor.place, events: cursor.events };
}

/** Events for one run, each with where the browser is after it. */
export function* missing(followed: Followed): Generator<LiveEvent> {
  const { run, index } = followed;
  const { series } = index;
  const before = followed.cursor;
  if (before.epoch !== index.epoch || series.lines - before.lines > FAR_BEHIND) {
    followed.cursor = { ...cursorOf(index), events: before.events };
    yield { type: "again", run };
  } else {
    const kept = Math.min(before.lines, ...index.cuts.slice(before.cuts).map((cut) => cut.kept));
    followed.cursor = { ...before, cuts: index.cuts.length, lines: kept };
    if (kept < before.lines)
      yield { type: "back", run, step: kept === 0 ? -1 : series.steps.at(kept - 1) };
    for (let from = kept; from < series.lines; from += LINES_AT_ONCE) {
      const to = Math.min(series.lines, from + LINES_AT_ONCE);
      followed.cursor = {
        ...followed.cursor,
        lines: to,
        place:
          to === series.lines ? index.metricsLog.at : { offset: series.ends.at(to - 1), check: 0 },
      };
      yield points(run, index, { from, to });
    }
  }
  const { events, sampled } = happened(index, followed.cursor.events);
  followed.cursor = { ...followed.cursor, events: index.eventCount };
  if (events.length > 0 || sampled.length > 0) yield { type: "happened", run, events, sampled };
}

function happened(index: RunIndex, known: number) {
  // a history that is shorter than it was is another
  const from = known > index.eventCount ? 0 : known;
  return {
    events: index.events.filter(({ number }) => number >= from).map(told),
    sampled: [
      ...new Set(index.samples.filter(({ number }) => number >= from).map(({ step }) => step)),
    ],
  };
}

export const told = ({ number, time, type, step, message }: RunEvent) => ({
  number,
  time,
  type,
  step: step === undefined || !Number.isFinite(step) ? null : step,
  message,
});

function points(
  run: string,
  index: RunIndex,
  { from, to }: { from: number; to: number },
): LiveEvent {
  const { series } = index;
  const steps = Array.from({ length: to - from }, (_, i) => series.steps.at(from + i));
  const times = steps.map((step) => index.timeAt(step));
  const values: Record<string, (number | null)[]> = {};
  for (const [name, metric] of series.metrics) {
    const last = metric.lines.below(to);
    for (let i = metric.lines.below(from); i < last; i++) {
      const value = metric.values.at(i);
      values[name] ??= Array.from({ length: to - from }, () => null);
      values[name]![metric.lines.at(i) - from] = Number.isFinite(value) ? value : null;
    }
  }
  return {
    type: "points",
    run,
    steps,
    tokens: times.map(({ tokens }) => tokens),
    seconds: times.map(({ seconds }) => seconds),
    values,
  };
}

/** For Last-Event-ID: a header holds no other signs. */
export const idOf = (followed: readonly Followed[]): string =>
  encodeURIComponent(
    JSON.stringify(
      Object.fromEntries(followed.map(({ run, cursor }) => [run, cursorText(cursor)])),
    ),
  );
