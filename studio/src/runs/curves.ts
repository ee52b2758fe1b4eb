/** Values of a chart as the page has them: a history at the chart's resolution, which grows. */
import type { CurveAnswer, LiveEvent } from "../../../src/studio/api/runs.ts";

/** Neighbouring values as one column of a chart. */
export interface Columns {
  x: number[];
  mean: number[];
  low: number[];
  high: number[];
  /** Values behind each. */
  count: number[];
  notFinite: CurveAnswer["notFinite"];
}

export type Axis = "step" | "tokens" | "time";
export type Points = Extract<LiveEvent, { type: "points" }>;

export function columnsOf({ x, mean, low, high, per, notFinite }: CurveAnswer): Columns {
  return {
    x: [...x],
    mean: [...mean],
    low: per === 1 ? [...mean] : [...low],
    high: per === 1 ? [...mean] : [...high],
    count: x.map(() => per),
    notFinite,
  };
}

const none = (): Columns => ({ x: [], mean: [], low: [], high: [], count: [], notFinite: null });

/** The curves with what came now, at most twice as fine as the chart. */
export function grown(
  curves: ReadonlyMap<string, Columns>,
  { steps, tokens, seconds, values }: Points,
  { axis, width }: { axis: Axis; width: number },
): Map<string, Columns> {
  const places = { step: steps, tokens, time: seconds }[axis];
  const next = new Map(curves);
  for (const [name, column] of Object.entries(values)) {
    const { notFinite: _, ...before } = curves.get(name) ?? none();
    const { notFinite } = curves.get(name) ?? none();
    const after = { ...copy(before), notFinite };
    column.forEach((value, i) => {
      if (value === null) return;
      for (const part of [after.mean, after.low, after.high]) part.push(value);
      after.x.push(places[i]!);
      after.count.push(1);
    });
    next.set(name, after.x.length > 2 * width ? halved(after) : after);
  }
  return next;
}

const copy = ({ x, mean, low, high, count }: Omit<Columns, "notFinite">) => ({
  x: [...x],
  mean: [...mean],
  low: [...low],
  high: [...high],
  count: [...count],
});

/** Each two neighbours as one. */
function halved(columns: Columns): Columns {
  const next = { ...none(), notFinite: columns.notFinite };
  for (let i = 0; i < columns.x.length; i += 2) {
    const pair = i + 1 < columns.x.length ? [i, i + 1] : [i];
    const total = pair.reduce((sum, each) => sum + columns.count[each]!, 0);
    const mean = (values: readonly number[]): number =>
      pair.reduce((sum, each) => sum + values[each]! * (columns.count[each]! / total), 0);
    next.x.push(mean(columns.x));
    next.mean.push(mean(columns.mean));
    next.low.push(Math.min(...pair.map((each) => columns.low[each]!)));
    next.high.push(Math.max(...pair.map((each) => columns.high[each]!)));
    next.count.push(total);
  }
  return next;
}

/** The moving mean over so many neighbours, centred; fewer at the ends. */
export function smoothed(values: readonly number[], neighbours: number): number[] {
  if (neighbours <= 1) return [...values];
  const reach = Math.floor(neighbours / 2);
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return values.map((_, i) => {
    const from = Math.max(0, i - reach);
    const to = Math.min(values.length, i + reach + 1);
    return (sums[to]! - sums[from]!) / (to - from);
  });
}
