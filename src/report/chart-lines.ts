/** Charts of lines: against steps, or against anything that a run passes through in order. */
import type { LineChart } from "../evaluation/chart.ts";
import type { Frame, Marks, Parts, Plot } from "./chart-frame.ts";
import { DASHES, SERIES, SYMBOLS, colour, movingMean } from "./chart-frame.ts";
import { LINE, ROOM, drawLevel, drawMarks, pixelsOf, xAxis } from "./chart-marks.ts";
import { drawMoments, kindsIn, onLine } from "./chart-moments.ts";
import { largestOf, smallestOf } from "../core/extremes.ts";

/** Below this many whole numbers the axis would show fractions of them. */
const FEW_WHOLE = 10;

/** Powers of ten where the margin has no room for all the digits. */
function shortTicks([low, high]: readonly [number, number]): {
  tickFormat?: (value: number) => string;
} {
  const size = Math.max(Math.abs(low), Math.abs(high));
  return size >= 0.001 && size < 1e5
    ? {}
    : {
        tickFormat: (value) =>
          value === 0 ? "0" : Number(value.toPrecision(4)).toExponential().replace("e+", "e"),
      };
}

/** Ticks of an axis that counts: whole numbers, where there are few. */
function wholeTicks(series: LineChart["series"]): {
  ticks?: number[];
  tickFormat?: (value: number) => string;
} {
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x)).filter(Number.isFinite);
  const [first, last] = [Math.ceil(smallestOf(xs)), Math.floor(largestOf(xs))];
  return last - first < FEW_WHOLE
    ? {
        ticks: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i),
        tickFormat: String,
      }
    : {};
}

const isShown = ({ x, y }: { x: number; y: number }): boolean =>
  Number.isFinite(x) && Number.isFinite(y);

/** What the line of a series goes through. */
function lineOf({
  points,
  smoothed = 1,
  exactStart,
}: LineChart["series"][number]): { x: number; y: number }[] {
  const shown = points.filter(isShown);
  const means = movingMean(
    shown.map(({ y }) => y),
    smoothed,
    exactStart,
  );
  return shown.map(({ x }, i) => ({ x, y: means[i]! }));
}

/** Each series as a line with its interval and dots, or as dots with their moving mean. */
function drawSeries(
  plot: Plot,
  series: LineChart["series"],
  { small, ...options }: { clip?: true; small: boolean },
): Marks {
  return series.flatMap((each, i) => {
    const { points, dashed, dots = true, smoothed } = each;
    const shown = points.filter(isShown);
    const bounded = shown.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
    const at = { x: "x", y: "y", ...options };
    const interval = { x: "x", y1: "low", y2: "high", ...options };
    const symbol = SYMBOLS[i % SERIES]!;
    const fill = colour(i);
    return [
      plot.areaY(bounded, { ...interval, fill, fillOpacity: 0.15 }),
      ...(smoothed && smoothed > 1
        ? [plot.dot(shown, { ...at, fill, symbol, r: small ? 1.2 : 2, fillOpacity: 0.35 })]
        : []),
      plot.line(lineOf(each), {
        ...at,
        stroke: fill,
        strokeWidth: small ? 1.6 : 2.2,
        strokeDasharray: dashed ? "4 4" : DASHES[i % SERIES]!,
      }),
      ...(dots && smoothed === undefined
        ? [plot.dot(shown, { ...at, fill, symbol, r: small ? 1.4 : 2.5 })]
        : []),
    ];
  });
}

/** Whether a value or its interval lies outside the range. */
const liesBeyond = (
  series: LineChart["series"],
  [least, most]: readonly [number, number],
): boolean =>
  series.some(({ points }) =>
    points.some(({ y, low = y, high = y }) => low < least || high > most),
  );

/** Lines across with a word each, a row for each word above the chart. */
const drawFlags = (plot: Plot, flags: readonly PlacedFlag[]): Marks =>
  flags.flatMap(({ x, label, series, end }, i) => {
    const stroke = series === undefined ? "currentColor" : colour(series);
    return [
      plot.ruleX([x], { stroke, strokeWidth: 1.4, strokeDasharray: "7 3" }),
      plot.text([end ? `${label} ⚑` : `⚑ ${label}`], {
        x: () => x,
        frameAnchor: "top",
        dy: -8 - LINE * i,
        text: String,
        textAnchor: end ? "end" : "start",
        dx: end ? 4 : -4,
        fill: stroke,
        fontWeight: "bold",
      }),
    ];
  });

type PlacedFlag = NonNullable<LineChart["flags"]>[number] & { end: boolean };

/** Flags near the right end would run out of the chart: their words stand before them. */
function flagsWithin({ flags = [], series }: LineChart, { width }: Frame): PlacedFlag[] {
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x)).filter(Number.isFinite);
  const [least, most] = [smallestOf(xs), largestOf(xs)];
  return flags.map((flag) => {
    const at =
      most > least ? ((flag.x - least) / (most - least)) * (width - ROOM.left - ROOM.right) : 0;
    return { ...flag, end: at + flag.label.length * 7 + 16 > width - ROOM.left };
  });
}

/** Moments stand on the line itself, between its points too. */
function momentsOf(plot: Plot, { series, level }: LineChart, frame: Frame): Marks {
  const lined = series.map(lineOf);
  const bounds = series.flatMap(({ points }) =>
    points.filter(isShown).flatMap(({ x, y, low = y, high = y }) => [
      { x, y: low },
      { x, y: high },
    ]),
  );
  const moments = series.flatMap(({ moments: own = [] }, i) =>
    own.flatMap(({ step, kind }) => {
      const y = onLine(lined[i]!, step);
      return y === undefined ? [] : [{ x: step, y, kind, series: i }];
    }),
  );
  const all = level ? [...bounds, { x: bounds[0]?.x ?? 0, y: level.y }] : bounds;
  return drawMoments(plot, moments, pixelsOf(all, frame));
}

export function lines(
  plot: Plot,
  chart: LineChart,
  { frame, stops }: { frame: Frame; stops: readonly number[] },
): Parts {
  const { series, rules = [], xLabel, yLabel, wholeX = false, yRange, level } = chart;
  const marks = frame.small ? [] : (chart.marks ?? []);
  const flags = frame.small ? [] : flagsWithin(chart, frame);
  // a clipped dot at the very edge is half a dot
  const clip = yRange !== undefined && liesBeyond(series, yRange) ? { clip: true as const } : {};
  const marked = drawMarks(plot, marks, { series, frame });
  const higher = marked.higher + LINE * flags.length;
  const along = xAxis(xLabel, frame);
  return {
    marks: [
      plot.gridY({ strokeOpacity: 0.15, ...(frame.small ? { ticks: 4 } : {}) }),
      plot.ruleX(rules, { stroke: "currentColor", strokeOpacity: 0.4, strokeDasharray: "1 3" }),
      ...drawLevel(plot, frame.small ? undefined : level),
      ...drawSeries(plot, series, { ...clip, small: frame.small }),
      ...stops.map((x, i) =>
        plot.ruleX([x], { stroke: "currentColor", strokeWidth: 2, className: `at at-${i}` }),
      ),
      ...drawFlags(plot, flags),
      ...marked.marks,
      ...(frame.small ? [] : momentsOf(plot, chart, frame)),
    ],
    x: {
      ...along.x,
      ...(frame.small ? { label: null } : {}),
      ...(wholeX ? wholeTicks(series) : {}),
      ...(frame.small && !(wholeX && wholeTicks(series).ticks) ? { ticks: 4 } : {}),
    },
    y: {
      label: frame.small ? null : yLabel,
      grid: false,
      nice: true,
      ...(frame.small ? { ticks: 4 } : {}),
      ...(yRange === undefined ? {} : { domain: yRange, ...shortTicks(yRange) }),
    },
    height: frame.height + higher,
    marginTop: (frame.small ? 10 : ROOM.top) + higher,
    marginBottom: frame.small ? 22 : along.marginBottom,
    marginLeft: frame.small ? 44 : ROOM.left,
    marginRight: frame.small ? 24 : ROOM.right,
    ...(series.length > 1 ? { legend: series.map(({ name }) => name) } : {}),
    ...(frame.small ? {} : { moments: kindsIn(series) }),
  };
}
