/** What the drawings of all kinds of charts share: size, colours, shapes. */
import type * as PlotModule from "@observablehq/plot";
import type { MomentKind } from "../evaluation/chart.ts";

export type Plot = typeof PlotModule;
export type Parts = Pick<
  PlotModule.PlotOptions,
  | "marks"
  | "x"
  | "y"
  | "width"
  | "height"
  | "marginLeft"
  | "marginRight"
  | "marginTop"
  | "marginBottom"
> & { legend?: string[]; moments?: MomentKind[] };
export type Marks = NonNullable<Parts["marks"]>;

/** Where a chart stands: across the page, on a phone, or among several. */
export interface Frame {
  width: number;
  /** Of a chart of lines; others are as high as their rows. */
  height: number;
  /** There is no room for long words beside the chart. */
  narrow: boolean;
  small: boolean;
}

export const FRAMES = {
  wide: { width: 720, height: 340, narrow: false, small: false },
  narrow: { width: 340, height: 300, narrow: true, small: false },
  small: { width: 260, height: 150, narrow: true, small: true },
} as const satisfies Record<string, Frame>;

/** Colours and shapes repeat after this many series. */
export const SERIES = 8;
export const SYMBOLS = [
  "circle",
  "square",
  "triangle",
  "diamond",
  "star",
  "cross",
  "wye",
  "times",
] as const;
export const DASHES = ["none", "6 3", "2 3", "8 3 2 3", "12 4", "4 2", "1 4", "10 2 2 2"] as const;

export const colour = (series: number): string => `var(--series-${(series % SERIES) + 1})`;

/** A line of text around letters, so that they can be read over lines. */
export const HALO = { stroke: "var(--paper)", strokeWidth: 4, paintOrder: "stroke" } as const;

/** Room for the longest label, in pixels; labels are set in 12 px type. */
export const marginFor = (labels: readonly string[]): number =>
  Math.min(320, 24 + 7 * Math.max(0, ...labels.map((label) => label.length)));

/**
 * A mean over `size` neighbours of each value (an odd number), as many before as behind; at the
 * ends over the first and the last `size`, so that no single value decides where a line ends.
 * @param exact the first value is known without noise, and is where the line begins
 */
export function movingMean(values: readonly number[], size: number, exact = false): number[] {
  const reach = Math.floor((Math.max(1, size) - 1) / 2);
  return values.map((_, i) => {
    const near = exact ? Math.min(reach, i) : reach;
    const from = Math.max(0, Math.min(i - near, values.length - 2 * near - 1));
    const part = values.slice(from, from + 2 * near + 1);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
