/**
 * Moments of a run on its line: each kind has a letter, a shape and a fill of its own, so that it is
 * told apart without colour too.
 */
import type { Moment, MomentKind } from "../evaluation/chart.ts";
import type { Marks, Plot } from "./chart-frame.ts";
import { colour } from "./chart-frame.ts";

/** In the order of a legend. */
export const MOMENTS: Readonly<
  Record<
    MomentKind,
    {
      letter: string;
      says: string;
      symbol: "circle" | "diamond" | "square";
      fill: string;
      ink: string;
    }
  >
> = {
  peak: {
    letter: "P",
    says: "what was meant is highest",
    symbol: "circle",
    fill: "var(--paper)",
    ink: "var(--ink)",
  },
  guard: {
    letter: "G",
    says: "the guard speaks up",
    symbol: "diamond",
    fill: "var(--hacked)",
    ink: "var(--paper)",
  },
  end: {
    letter: "E",
    says: "the end",
    symbol: "square",
    fill: "var(--ink)",
    ink: "var(--paper)",
  },
};

export const MOMENT_KINDS = Object.keys(MOMENTS) as MomentKind[];

interface Point {
  x: number;
  y: number;
}

/** Pixels between two badges, and of one from its middle. */
const [APART, RADIUS] = [19, 8];

/** y of a line at x, straight between its points; undefined outside them. */
export function onLine(line: readonly Point[], x: number): number | undefined {
  const next = line.findIndex((point) => point.x >= x);
  if (next < 0) return undefined;
  const [from, to] = [line[Math.max(0, next - 1)]!, line[next]!];
  if (to.x === x || next === 0) return to.x === x ? to.y : undefined;
  return from.y + ((to.y - from.y) * (x - from.x)) / (to.x - from.x);
}

/** The kinds that occur, for the legend. */
export const kindsIn = (series: readonly { moments?: readonly Moment[] }[]): MomentKind[] =>
  MOMENT_KINDS.filter((kind) =>
    series.some(({ moments = [] }) => moments.some((moment) => moment.kind === kind)),
  );

/** Badges; one that would cover another stands above it. */
export function drawMoments(
  plot: Plot,
  moments: readonly (Point & { kind: MomentKind; series: number })[],
  toPixels: (point: Point) => Point,
): Marks {
  const taken: Point[] = [];
  return moments.flatMap((moment) => {
    const { letter, symbol, fill, ink } = MOMENTS[moment.kind];
    const at = toPixels(moment);
    let dy = 0;
    while (taken.some(({ x, y }) => Math.abs(x - at.x) < APART && Math.abs(y - at.y - dy) < APART))
      dy -= APART;
    taken.push({ x: at.x, y: at.y + dy });
    return [
      plot.dot([moment], {
        x: "x",
        y: "y",
        dy,
        symbol,
        r: symbol === "diamond" ? RADIUS + 2 : RADIUS,
        fill,
        stroke: colour(moment.series),
        strokeWidth: 2.5,
      }),
      plot.text([moment], {
        x: "x",
        y: "y",
        dy,
        text: () => letter,
        fontSize: 10,
        fontWeight: "bold",
        fill: ink,
      }),
    ];
  });
}
