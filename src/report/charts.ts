/**
 * Charts as SVG text, drawn by Observable Plot into a document that lives in memory. Colours are
 * CSS variables of the report's style sheet (`--series-1` to `--series-8`), so one drawing serves
 * light, dark and paper; series differ in shape and dashes too, for those who cannot tell the
 * colours apart.
 */
import type * as PlotModule from "@observablehq/plot";
import type {
  BarChart,
  Chart,
  IntervalChart,
  LineChart,
  ReliabilityChart,
} from "../evaluation/chart.ts";
import { escapeHtml, visibleText } from "./escape.ts";
import { formatNumber } from "../evaluation/table.ts";
import { placeLabels } from "./mark-labels.ts";

export interface Drawing {
  svg: string;
  /** Names of the series in the order of their colours; empty where there is only one. */
  legend: string[];
}

const WIDTH = 680;
const BOTTOM = 46;
/** Of a chart of lines. */
const [HEIGHT, TOP, LEFT, RIGHT] = [340, 32, 56, 40];
/** Colours and shapes repeat after this many series. */
const SERIES = 8;
const SYMBOLS = [
  "circle",
  "square",
  "triangle",
  "diamond",
  "star",
  "cross",
  "wye",
  "times",
] as const;
const DASHES = ["none", "6 3", "2 3", "8 3 2 3", "12 4", "4 2", "1 4", "10 2 2 2"] as const;

const colour = (series: number): string => `var(--series-${(series % SERIES) + 1})`;

type Plot = typeof PlotModule;
type Parts = Pick<
  PlotModule.PlotOptions,
  "marks" | "x" | "y" | "height" | "marginLeft" | "marginRight" | "marginTop"
> & { legend?: string[] };

/** Draws a chart. Values that are not finite are left out. */
export async function drawChart(chart: Chart): Promise<Drawing> {
  // Loaded here: programs that draw nothing need not wait for it.
  const [plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const { legend = [], ...parts } = partsOf(plot, chart);
  const drawn = plot.plot({
    document: document as never,
    width: WIDTH,
    className: "chart",
    style: { background: "none", fontSize: "12px" },
    marginBottom: BOTTOM,
    ...parts,
  });
  const svg = visibleText(String((drawn as { outerHTML: string }).outerHTML));
  // linkedom escapes text but leaves ampersands in attributes as they are, so untrusted text enters
  // no attribute there.
  const label = `role="img" aria-label="${escapeHtml(`${chart.title}. ${chart.description}`)}"`;
  return { svg: svg.replace("<svg ", () => `<svg ${label} `), legend };
}

function partsOf(plot: Plot, chart: Chart): Parts {
  switch (chart.kind) {
    case "intervals":
      return intervals(plot, chart);
    case "lines":
      return lines(plot, chart);
    case "reliability":
      return reliability(plot, chart);
    case "bars":
      return bars(plot, chart);
  }
}

/** Room for the longest label, in pixels; labels are set in 12 px type. */
const marginFor = (labels: readonly string[]): number =>
  Math.min(260, 24 + 7 * Math.max(0, ...labels.map((label) => label.length)));

function intervals(plot: Plot, { rows, label, percent }: IntervalChart): Parts {
  const scale = percent ? 100 : 1;
  const groups = [...new Set(rows.map(({ group }) => group))];
  const series = [...new Set(rows.map((row) => row.series))];
  const step = 12;
  const marks = series.flatMap((name, i) => {
    const shown = rows
      .filter((row) => row.series === name && Number.isFinite(row.interval.estimate))
      .map(({ group, interval: { estimate, low, high, noClaim } }) => ({
        group,
        x: scale * estimate,
        low: scale * low,
        high: scale * high,
        claimed: noClaim === undefined,
      }));
    const dy = (i - (series.length - 1) / 2) * step;
    const bounded = shown.filter(
      ({ low, high, claimed }) => claimed && Number.isFinite(low) && Number.isFinite(high),
    );
    return [
      plot.ruleY(bounded, {
        y: "group",
        x1: "low",
        x2: "high",
        stroke: colour(i),
        strokeWidth: 2,
        dy,
      }),
      plot.dot(shown, {
        y: "group",
        x: "x",
        fill: colour(i),
        stroke: colour(i),
        symbol: SYMBOLS[i % SERIES]!,
        r: 4,
        dy,
      }),
    ];
  });
  return {
    marks: [plot.gridX({ strokeOpacity: 0.15 }), plot.ruleX([0], { strokeOpacity: 0.4 }), ...marks],
    x: { label: percent ? `${label} (%)` : label, labelAnchor: "center", labelOffset: 40 },
    y: { label: null, domain: groups, type: "band" },
    height: 70 + groups.length * (series.length * step + 18),
    marginLeft: marginFor(groups),
    ...(series.length > 1 ? { legend: series } : {}),
  };
}

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

/** Below this many whole numbers the axis would show fractions of them. */
const FEW_WHOLE = 10;

/** Ticks of an axis that counts: whole numbers, where there are few. */
function wholeTicks(series: LineChart["series"]): {
  ticks?: number[];
  tickFormat?: (value: number) => string;
} {
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x)).filter(Number.isFinite);
  const [first, last] = [Math.ceil(Math.min(...xs)), Math.floor(Math.max(...xs))];
  return last - first < FEW_WHOLE
    ? {
        ticks: Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i),
        tickFormat: String,
      }
    : {};
}

/** Each series as a line with its interval and dots. */
function drawSeries(
  plot: Plot,
  series: LineChart["series"],
  options: { clip?: true },
): NonNullable<Parts["marks"]> {
  return series.flatMap(({ points, dashed, dots = true }, i) => {
    const shown = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
    const bounded = shown.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
    const at = { x: "x", y: "y", ...options };
    const interval = { x: "x", y1: "low", y2: "high", ...options };
    return [
      plot.areaY(bounded, { ...interval, fill: colour(i), fillOpacity: 0.15 }),
      plot.line(shown, {
        ...at,
        stroke: colour(i),
        strokeWidth: 2,
        strokeDasharray: dashed ? "4 4" : DASHES[i % SERIES]!,
      }),
      ...(dots
        ? [plot.dot(shown, { ...at, fill: colour(i), symbol: SYMBOLS[i % SERIES]!, r: 2.5 })]
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

function lines(
  plot: Plot,
  { series, marks = [], rules = [], xLabel, yLabel, wholeX = false, yRange }: LineChart,
): Parts {
  // a clipped dot at the very edge is half a dot
  const clip = yRange !== undefined && liesBeyond(series, yRange) ? { clip: true as const } : {};
  const labels = placeLabels(marks, series, {
    width: WIDTH - LEFT - RIGHT,
    height: HEIGHT - TOP - BOTTOM,
  });
  // labels that went higher than one line over their point need the room above the chart
  const higher = Math.max(0, ...labels.map(({ dy }) => -dy - 14));
  return {
    marks: [
      plot.gridY({ strokeOpacity: 0.15 }),
      plot.ruleX(rules, { stroke: "currentColor", strokeOpacity: 0.4, strokeDasharray: "1 3" }),
      ...drawSeries(plot, series, clip),
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
        }),
      ),
    ],
    x: {
      label: xLabel,
      labelAnchor: "center",
      labelOffset: 40,
      ...(wholeX ? wholeTicks(series) : {}),
    },
    y: {
      label: yLabel,
      grid: false,
      nice: true,
      ...(yRange === undefined ? {} : { domain: yRange, ...shortTicks(yRange) }),
    },
    height: HEIGHT + higher,
    marginTop: TOP + higher,
    marginLeft: LEFT,
    marginRight: RIGHT,
    ...(series.length > 1 ? { legend: series.map(({ name }) => name) } : {}),
  };
}

function reliability(
  plot: Plot,
  { bins, xLabel = "predicted probability", yLabel = "share that happened" }: ReliabilityChart,
): Parts {
  const points = bins.map(({ predicted, observed }) => ({
    x: predicted,
    y: observed.estimate,
    low: observed.low,
    high: observed.high,
    claimed: observed.noClaim === undefined,
  }));
  const claimed = points.filter((point) => point.claimed);
  const low = Math.min(1, ...points.map(({ x }) => x)) >= 0.5 ? 0.5 : 0;
  return {
    marks: [
      plot.gridY({ strokeOpacity: 0.15 }),
      plot.line(
        [
          [low, low],
          [1, 1],
        ],
        { stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 4" },
      ),
      plot.ruleX(claimed, { x: "x", y1: "low", y2: "high", stroke: colour(0), strokeWidth: 2 }),
      plot.dot(points, { x: "x", y: "y", fill: colour(0), r: 4 }),
    ],
    x: { label: xLabel, domain: [low, 1], labelAnchor: "center", labelOffset: 40 },
    y: {
      label: yLabel,
      domain: [Math.min(low, ...points.map(({ y }) => y), ...claimed.map((point) => point.low)), 1],
    },
    height: 360,
    marginLeft: 56,
  };
}

function bars(plot: Plot, { bars: values, label, decimals = 1 }: BarChart): Parts {
  const shown = values.filter(({ value }) => Number.isFinite(value));
  const names = shown.map(({ name }) => name);
  return {
    marks: [
      plot.gridX({ strokeOpacity: 0.15 }),
      plot.barX(shown, { x: "value", y: "name", fill: colour(0), insetTop: 3, insetBottom: 3 }),
      plot.text(shown, {
        x: "value",
        y: "name",
        text: ({ value }: { value: number }) => formatNumber(value, decimals),
        textAnchor: "start",
        dx: 5,
      }),
      plot.ruleX([0]),
    ],
    x: { label, labelAnchor: "center", labelOffset: 40 },
    y: { label: null, domain: names, type: "band" },
    height: 70 + 30 * names.length,
    marginLeft: marginFor(names),
    marginRight: 60,
  };
}
