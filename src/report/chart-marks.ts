/** Marked points with their words, and lines that say where nothing changes. */
import type { MarkedPoint } from "../evaluation/chart.ts";
import type { Frame, Marks, Parts, Plot } from "./chart-frame.ts";
import { HALO } from "./chart-frame.ts";
import { placeLabels } from "./mark-labels.ts";
import { largestOf, smallestOf } from "../core/extremes.ts";

/** Room around the lines of a chart, pixels. */
export const ROOM = { top: 32, bottom: 46, left: 56, right: 40 } as const;
/** Height of a line of words above the chart. */
export const LINE = 15;

/** Letters of 12 px that fit below a chart on a phone. */
const LINE_OF_PHONE = 46;

/** A text in lines of at most so many letters; longer words stand alone. */
export function linesOf(text: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" "))
    if (lines.length > 0 && lines.at(-1)!.length + 1 + word.length <= letters)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  return lines;
}

/** The axis of x with its name in the middle, in several lines where a phone has no room. */
export function xAxis(
  label: string,
  { narrow }: Frame,
): { x: NonNullable<Parts["x"]>; marginBottom: number } {
  const lines = narrow ? linesOf(label, LINE_OF_PHONE) : [label];
  const more = LINE * (lines.length - 1);
  return {
    x: { label: lines.join("\n"), labelAnchor: "center", labelOffset: 40 + more },
    marginBottom: ROOM.bottom + more,
  };
}

/** A ring around each point, and its words where they cover no others. */
export function drawMarks(
  plot: Plot,
  marks: readonly MarkedPoint[],
  {
    series,
    frame,
  }: {
    series: readonly { points: readonly { x: number; y: number }[] }[];
    frame: Frame;
  },
): { marks: Marks; higher: number } {
  const labels = placeLabels(marks, series, {
    width: frame.width - ROOM.left - ROOM.right,
    height: frame.height - ROOM.top - ROOM.bottom,
  });
  return {
    marks: [
      plot.dot(marks, { x: "x", y: "y", r: 7, stroke: "currentColor", strokeWidth: 1.5 }),
      ...labels.map((mark) =>
        plot.text([mark], {
          x: "x",
          y: "y",
          text: "label",
          dy: mark.dy,
          textAnchor: mark.anchor,
          fontWeight: "bold",
          fill: "currentColor",
          ...HALO,
        }),
      ),
    ],
    // labels that went higher than one line over their point need the room above the chart
    higher: Math.max(0, ...labels.map(({ dy }) => -dy - 14)),
  };
}

/** Values to pixels of the drawn area, from its range. */
export function pixelsOf<P extends { x: number; y: number }>(
  points: readonly P[],
  { width, height }: Frame,
): <Q extends { x: number; y: number }>(point: Q) => Q {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const across = (width - ROOM.left - ROOM.right) / (largestOf(xs) - smallestOf(xs) || 1);
  const down = (height - ROOM.top - ROOM.bottom) / (largestOf(ys) - smallestOf(ys) || 1);
  return (point) => ({ ...point, x: point.x * across, y: -point.y * down });
}

export function drawLevel(plot: Plot, level: { y: number; label: string } | undefined): Marks {
  if (level === undefined) return [];
  return [
    plot.ruleY([level.y], { stroke: "currentColor", strokeOpacity: 0.55, strokeDasharray: "3 3" }),
    plot.text([level.label], {
      y: () => level.y,
      frameAnchor: "right",
      text: String,
      textAnchor: "end",
      dy: -7,
      fill: "currentColor",
      fillOpacity: 0.8,
      ...HALO,
    }),
  ];
}
