/** How long a pipeline took on the clock, where its stages ran beside each other. */
import { join } from "node:path";
import { readJsonLines } from "./json-lines.ts";
import type { StageResult } from "./pipeline.ts";

export interface StageTime {
  name: string;
  title: string;
  /** Seconds of work. */
  seconds: number;
  /** Milliseconds since 1970; of a stage in several sittings the last of them ended it. */
  begin: number;
  end: number;
}

export interface WallClock {
  /** Seconds in which at least one stage worked: pauses between sittings do not count. */
  elapsed: number;
  /** Seconds of work of all stages, added up. */
  work: number;
  /** Most stages at once. */
  atOnce: number;
  stages: StageTime[];
}

export function wallClock(stages: readonly StageResult[]): WallClock {
  const times = stages.map(({ stage: { name, title }, folder, seconds }): StageTime => {
    const events = readJsonLines(join(folder, "events.jsonl"));
    const end = Date.parse(String(events.at(-1)!["time"]));
    return { name, title, seconds, begin: end - 1000 * seconds, end };
  });
  return {
    elapsed: covered(times) / 1000,
    work: times.reduce((sum, { seconds }) => sum + seconds, 0),
    atOnce: Math.max(
      0,
      // half a second: one stage is recorded to end a moment after the next begins
      ...times.map(
        ({ begin }) =>
          times.filter((other) => other.begin <= begin && begin < other.end - 500).length,
      ),
    ),
    stages: times,
  };
}

/** Length of the union. */
function covered(times: readonly { begin: number; end: number }[]): number {
  let [sum, reached] = [0, -Infinity];
  for (const { begin, end } of times.toSorted((a, b) => a.begin - b.begin)) {
    sum += Math.max(0, end - Math.max(begin, reached));
    reached = Math.max(reached, end);
  }
  return sum;
}

export const formatSeconds = (seconds: number): string =>
  seconds < 60
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`;
