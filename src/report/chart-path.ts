/**
 * Ways through a plane, such as reward against KL, where a run doubles back: what is drawn is
 * smoothed in order of time, fainter where it is older, with arrows and the steps at some points;
 * the points themselves are faint dots.
 */
import type { PathChart } from "../evaluation/chart.ts";
import type { Frame, Marks, Parts, Plot } from "./chart-frame.ts";
import { HALO, SERIES, SYMBOLS, colour, movingMean } from "./chart-frame.ts";
import { ROOM, drawLevel, drawMarks, pixelsOf, xAxis } from "./chart-marks.ts";
import { drawMoments, kindsIn } from "./chart-moments.ts";

/** Pieces of the line, each more opaque than the one before, and the opacity of the first. */
const [PIECES, FAINTEST] = [8, 0.25];
const [ARROWS, STEPS] = [4, 4];
/** Between two points with a number, pixels. */
const APART = 26;

interface Point {
  x: number;
  y: number;
  step: number;
}

const isFinitePoint = ({ x, y }: Point): boolean => Number.isFinite(x) && Number.isFinite(y);

function smooth(points: readonly Point[], size: number, exact?: boolean): Point[] {
  const [xs, ys] = [
    movingMean(
      points.map(({ x }) => x),
      size,
      exact,
    ),
    movingMean(
      points.map(({ y }) => y),
      size,
      exact,
    ),
  ];
  return points.map(({ step }, i) => ({ step, x: xs[i]!, y: ys[i]! }));
}

/** Indices from 0 to `last` at even distances, both ends among them. */
const spread = (last: number, count: number): number[] => [
  ...new Set(Array.from({ length: count + 1 }, (_, i) => Math.round((i * last) / count))),
];

/** Degrees clockwise from upwards, in which the line goes at an index. */
function heading(points: readonly Point[], at: number, toPixels: (point: Point) => Point): number {
  const [from, to] = [points[Math.max(0, at - 1)]!, points[Math.min(points.length - 1, at + 1)]!];
  const [a, b] = [toPixels(from), toPixels(to)];
  return (Math.atan2(b.x - a.x, -(b.y - a.y)) * 180) / Math.PI;
}

function drawWay(
  plot: Plot,
  line: readonly Point[],
  { series, toPixels }: { series: number; toPixels: (point: Point) => Point },
): Marks {
  const stroke = colour(series);
  const ends = spread(line.length - 1, PIECES);
  const pieces = ends.slice(1).map((end, i) =>
    plot.line(line.slice(ends[i], end + 1), {
      x: "x",
      y: "y",
      stroke,
      strokeWidth: 2.4,
      strokeOpacity: FAINTEST + ((1 - FAINTEST) * (i + 1)) / (ends.length - 1),
      strokeLinecap: "round",
    }),
  );
  const arrows = spread(line.length - 1, ARROWS + 1)
    .slice(1, -1)
    .map((at) =>
      plot.dot([line[at]!], {
        x: "x",
        y: "y",
        symbol: "triangle",
        r: 5,
        fill: stroke,
        rotate: heading(line, at, toPixels),
      }),
    );
  return [...pieces, ...arrows];
}

/** Steps at some points, none too near another. */
function numbered(
  lines: readonly (readonly Point[])[],
  toPixels: (point: Point) => Point,
): (Point & { series: number })[] {
  const taken: Point[] = [];
  return lines.flatMap((line, series) =>
    spread(line.length - 1, STEPS)
      .toReversed()
      .map((at) => line[at]!)
      .filter((point) => {
        const here = toPixels(point);
        const free = taken.every(
          (other) => Math.hypot(other.x - here.x, other.y - here.y) >= APART,
        );
        if (free) taken.push(here);
        return free;
      })
      .map((point) => ({ ...point, series })),
  );
}

const drawSteps = (plot: Plot, steps: readonly (Point & { series: number })[]): Marks =>
  steps.flatMap((point) => [
    plot.dot([point], {
      x: "x",
      y: "y",
      r: 3.4,
      fill: "var(--paper)",
      stroke: colour(point.series),
      strokeWidth: 1.8,
    }),
    plot.text([point], {
      x: "x",
      y: "y",
      text: ({ step }: Point) => String(step),
      dy: 12,
      fontSize: 10.5,
      fill: colour(point.series),
      ...HALO,
    }),
  ]);

/** The last point at or before a step. */
const lookAt = (line: readonly Point[], step: number): Point | undefined =>
  line.findLast((point) => point.step <= step);

export function path(
  plot: Plot,
  { series, xLabel, yLabel, level }: PathChart,
  { frame, stops }: { frame: Frame; stops: readonly number[] },
): Parts {
  const raw = series.map(({ points }) => points.filter(isFinitePoint));
  const ways = raw.map((points, i) =>
    smooth(points, series[i]!.smoothed ?? 1, series[i]!.exactStart),
  );
  const toPixels = pixelsOf(raw.flat(), frame);
  const marks = series.flatMap(({ marks: own = [] }, i) =>
    own.flatMap(({ step, label }) => {
      const point = ways[i]!.find((each) => each.step === step);
      return point ? [{ x: point.x, y: point.y, label }] : [];
    }),
  );
  const { marks: ringed, higher } = drawMarks(plot, marks, {
    series: ways.map((points) => ({ points })),
    frame,
  });
  const moments = series.flatMap(({ moments: own = [] }, i) =>
    own.flatMap(({ step, kind }) => {
      const point = lookAt(ways[i]!, step);
      return point ? [{ x: point.x, y: point.y, kind, series: i }] : [];
    }),
  );
  const along = xAxis(xLabel, frame);
  return {
    marks: [
      plot.gridY({ strokeOpacity: 0.15 }),
      ...drawLevel(plot, level),
      ...raw.map((points, i) =>
        plot.dot(points, {
          x: "x",
          y: "y",
          r: 2,
          symbol: SYMBOLS[i % SERIES]!,
          fill: colour(i),
          fillOpacity: 0.3,
        }),
      ),
      ...ways.flatMap((line, i) =>
        line.length > 0 ? drawWay(plot, line, { series: i, toPixels }) : [],
      ),
      ...drawSteps(plot, numbered(ways, toPixels)),
      ...drawMoments(plot, moments, toPixels),
      ...ringed,
      ...stops.map((step, i) =>
        plot.dot(
          ways.flatMap((line) => lookAt(line, step) ?? []),
          {
            x: "x",
            y: "y",
            r: 12,
            stroke: "currentColor",
            strokeWidth: 2.5,
            className: `at at-${i}`,
          },
        ),
      ),
    ],
    x: along.x,
    y: { label: yLabel, grid: false, nice: true },
    height: frame.height + higher,
    marginTop: ROOM.top + higher,
    marginBottom: along.marginBottom,
    marginLeft: ROOM.left,
    marginRight: ROOM.right,
    ...(series.length > 1 ? { legend: series.map(({ name }) => name) } : {}),
    moments: kindsIn(series),
  };
}
