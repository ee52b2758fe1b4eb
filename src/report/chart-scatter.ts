/** Two measures against each other: points with bars of their intervals, and curves through them. */
import type { ScatterChart } from "../evaluation/chart.ts";
import type { Frame, Marks, Parts, Plot } from "./chart-frame.ts";
import { DASHES, HALO, SERIES, SYMBOLS, colour } from "./chart-frame.ts";
import { ROOM, xAxis } from "./chart-marks.ts";

type Point = ScatterChart["points"][number];
type Scale = Record<"x" | "y", number>;

const finite = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value);

export function scatter(plot: Plot, chart: ScatterChart, frame: Frame): Parts {
  const { points, curves = [], xLabel, yLabel, percent, percentX } = chart;
  const scale: Scale = { x: percentX ? 100 : 1, y: percent ? 100 : 1 };
  const along = xAxis(percentX ? `${xLabel}, %` : xLabel, frame);
  const shown = points.filter(({ x, y }) => finite(x.estimate) && finite(y.estimate));
  const names = [...new Set(shown.map(({ series }) => series))];
  const line = (own: readonly { x: number; y: number }[]): { x: number; y: number }[] =>
    own
      .filter(({ x, y }) => finite(x) && finite(y))
      .map(({ x, y }) => ({ x: scale.x * x, y: scale.y * y }));
  return {
    marks: [
      plot.gridY({ strokeOpacity: 0.15 }),
      ...curves.map(({ points: own, dashed }, i) =>
        plot.line(line(own), {
          x: "x",
          y: "y",
          stroke: colour(names.length + i),
          strokeWidth: 2,
          strokeDasharray: dashed ? "5 4" : "none",
        }),
      ),
      ...names.flatMap((name, series) =>
        drawPoints(
          plot,
          shown.filter((point) => point.series === name),
          { series, scale },
        ),
      ),
      ...labels(plot, shown, { scale, frame }),
    ],
    x: along.x,
    y: { label: percent ? `${yLabel}, %` : yLabel, grid: false, nice: true },
    height: frame.height,
    marginTop: ROOM.top,
    marginBottom: along.marginBottom,
    marginLeft: ROOM.left,
    marginRight: ROOM.right,
    ...(names.length + curves.length > 1
      ? { legend: [...names, ...curves.map(({ name }) => name)] }
      : {}),
  };
}

function drawPoints(
  plot: Plot,
  points: readonly Point[],
  { series, scale }: { series: number; scale: Scale },
): Marks {
  const stroke = colour(series);
  const along = { stroke, strokeWidth: 1.5, strokeOpacity: 0.55 };
  const inside = (low: number | undefined, high: number | undefined): boolean =>
    finite(low) && finite(high);
  return [
    plot.ruleY(
      points.filter(({ x }) => inside(x.low, x.high)),
      {
        y: ({ y }: Point) => scale.y * y.estimate,
        x1: ({ x }: Point) => scale.x * x.low!,
        x2: ({ x }: Point) => scale.x * x.high!,
        ...along,
      },
    ),
    plot.ruleX(
      points.filter(({ y }) => inside(y.low, y.high)),
      {
        x: ({ x }: Point) => scale.x * x.estimate,
        y1: ({ y }: Point) => scale.y * y.low!,
        y2: ({ y }: Point) => scale.y * y.high!,
        ...along,
      },
    ),
    plot.dot([...points], {
      x: ({ x }: Point) => scale.x * x.estimate,
      y: ({ y }: Point) => scale.y * y.estimate,
      r: 4.5,
      symbol: SYMBOLS[series % SERIES]!,
      fill: stroke,
    }),
    plot.dot(
      points.filter(({ marked }) => marked === true),
      {
        x: ({ x }: Point) => scale.x * x.estimate,
        y: ({ y }: Point) => scale.y * y.estimate,
        r: 9,
        stroke,
        strokeWidth: 1.8,
        strokeDasharray: DASHES[0],
      },
    ),
  ];
}

/** Names beside the points that are marked; of all where they are few. */
const FEW = 12;

function labels(
  plot: Plot,
  points: readonly Point[],
  { scale, frame }: { scale: Scale; frame: Frame },
): Marks {
  if (frame.small) return [];
  const named = points.filter(
    ({ name, marked }) => name !== "" && (marked || points.length <= FEW),
  );
  return [
    plot.text(named, {
      x: ({ x }: Point) => scale.x * x.estimate,
      y: ({ y }: Point) => scale.y * y.estimate,
      text: ({ name }: Point) => name,
      dy: -14,
      fontSize: 11,
      fill: "currentColor",
      ...HALO,
    }),
  ];
}
