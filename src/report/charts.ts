/**
 * Charts as SVG text, drawn by Observable Plot into a document that lives in memory. Colours are
 * CSS variables of the report's style sheet (`--series-1` to `--series-8`), so one drawing serves
 * light, dark and paper; series differ in shape and dashes too, for those who cannot tell the
 * colours apart. A chart across the page is drawn twice, once for phones: letters of the one would
 * be too small there.
 */
import type {
  BarChart,
  Chart,
  IntervalChart,
  MomentKind,
  ReliabilityChart,
} from "../evaluation/chart.ts";
import { formatNumber } from "../evaluation/table.ts";
import type { Frame, Marks, Parts, Plot } from "./chart-frame.ts";
import { FRAMES, HALO, SERIES, SYMBOLS, colour, marginFor } from "./chart-frame.ts";
import { lines } from "./chart-lines.ts";
import { LINE, linesOf } from "./chart-marks.ts";
import { path } from "./chart-path.ts";
import { scatter } from "./chart-scatter.ts";
import { escapeHtml, visibleText } from "./escape.ts";
import { largestOf, smallestOf } from "../core/extremes.ts";

export interface Drawing {
  svg: string;
  /** The same for phones; undefined of a small chart. */
  narrow?: string;
  /** Names of the series in the order of their colours; empty where there is only one. */
  legend: string[];
  /** Kinds of moments that are marked, each with its letter. */
  moments: MomentKind[];
}

const BOTTOM = 46;

export interface DrawingOptions {
  /** Among several. */
  small?: boolean;
  /** Values of x at which a line is drawn that a control shows, by its place in this list. */
  stops?: readonly number[];
}

/** Draws a chart. Values that are not finite are left out. */
export async function drawChart(
  chart: Chart,
  { small = false, stops = [] }: DrawingOptions = {},
): Promise<Drawing> {
  // Loaded here: programs that draw nothing need not wait for it.
  const [plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  const draw = (frame: Frame): Drawing => {
    const { document } = parseHTML("<!doctype html><html><body></body></html>");
    const { legend = [], moments = [], ...parts } = partsOf(plot, chart, { frame, stops });
    const drawn = plot.plot({
      document: document as never,
      width: frame.width,
      className: "chart",
      style: { background: "none", fontSize: frame.small ? "11px" : "12px" },
      marginBottom: BOTTOM,
      ...parts,
    });
    const svg = visibleText(String((drawn as { outerHTML: string }).outerHTML));
    // linkedom escapes text but leaves ampersands in attributes as they are, so untrusted text
    // enters no attribute there.
    const label = `role="img" aria-label="${escapeHtml(`${chart.title}. ${chart.description}`)}"`;
    return { svg: svg.replace("<svg ", () => `<svg ${label} `), legend, moments };
  };
  if (small) return draw(FRAMES.small);
  return { ...draw(FRAMES.wide), narrow: draw(FRAMES.narrow).svg };
}

function partsOf(
  plot: Plot,
  chart: Chart,
  { frame, stops }: { frame: Frame; stops: readonly number[] },
): Parts {
  switch (chart.kind) {
    case "intervals":
      return intervals(plot, chart, frame);
    case "lines":
      return lines(plot, chart, { frame, stops });
    case "path":
      return path(plot, chart, { frame, stops });
    case "scatter":
      return scatter(plot, chart, frame);
    case "reliability":
      return reliability(plot, chart, frame);
    case "bars":
      return bars(plot, chart, frame);
  }
}

/** Letters of a row's name in a line: beside the rows, and above them in bold. */
const NAME_LETTERS = { wide: 36, narrow: 38 } as const;

/** Names of rows: beside them, or above them where there is no room; long ones in several lines. */
function rowNames(
  plot: Plot,
  names: readonly string[],
  { narrow }: Frame,
  dy: number,
): { marks: NonNullable<Parts["marks"]>; y: NonNullable<Parts["y"]>; marginLeft: number } {
  const domain = { label: null, domain: [...names], type: "band" as const };
  const wrapped = (name: string): string =>
    linesOf(name, NAME_LETTERS[narrow ? "narrow" : "wide"]).join("\n");
  if (!narrow)
    return {
      marks: [],
      y: { ...domain, tickFormat: wrapped },
      marginLeft: marginFor(names.flatMap((name) => wrapped(name).split("\n"))),
    };
  return {
    marks: [
      plot.text(names, {
        y: (name: string) => name,
        frameAnchor: "left",
        text: wrapped,
        textAnchor: "start",
        lineAnchor: "top",
        dx: -8,
        dy,
        fontWeight: "bold",
        fill: "currentColor",
        ...HALO,
      }),
    ],
    y: { ...domain, axis: null },
    marginLeft: 14,
  };
}

/** An axis that begins at 0 shows little else where all values lie far from it, as ratings do. */
const FAR = 2;

function isFar(rows: IntervalChart["rows"], level: number): boolean {
  const values = rows
    .flatMap(({ interval: { estimate, low, high, noClaim } }) =>
      noClaim === undefined ? [estimate, low, high] : [estimate],
    )
    .filter(Number.isFinite);
  const [least, most] = [smallestOf(values), largestOf(values)];
  return values.length > 0 && Math.max(least - level, level - most) > FAR * (most - least);
}

/** Pixels between two intervals of one row. */
const STEP = 12;

/** Each series' estimates with their intervals, one beneath the other in a row. */
function intervalMarks(
  plot: Plot,
  { rows, scale, below }: Pick<IntervalChart, "rows"> & { scale: number; below: number },
): Marks {
  const series = [...new Set(rows.map((row) => row.series))];
  return series.flatMap((name, i) => {
    const shown = rows
      .filter((row) => row.series === name && Number.isFinite(row.interval.estimate))
      .map(({ group, interval: { estimate, low, high, noClaim } }) => ({
        group,
        x: scale * estimate,
        low: scale * low,
        high: scale * high,
        claimed: noClaim === undefined,
      }));
    const dy = (i - (series.length - 1) / 2) * STEP + below;
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
}

function levelMarks(plot: Plot, { x, label }: { x: number; label: string }): Marks {
  return [
    plot.ruleX([x], { strokeOpacity: 0.55, strokeDasharray: x === 0 ? "none" : "4 3" }),
    ...(label === ""
      ? []
      : [
          plot.text([label], {
            x: () => x,
            frameAnchor: "top",
            dy: -8,
            text: String,
            fill: "currentColor",
            ...HALO,
          }),
        ]),
  ];
}

function intervals(
  plot: Plot,
  { rows, label, percent, level: given }: IntervalChart,
  frame: Frame,
): Parts {
  const level = given ?? (isFar(rows, 0) ? undefined : { x: 0, label: "" });
  const scale = percent ? 100 : 1;
  const groups = [...new Set(rows.map(({ group }) => group))];
  const series = [...new Set(rows.map((row) => row.series))];
  const letters = NAME_LETTERS[frame.narrow ? "narrow" : "wide"];
  const most = Math.max(1, ...groups.map((group) => linesOf(group, letters).length));
  const more = LINE * (most - 1);
  const band = frame.narrow
    ? series.length * STEP + 32 + more
    : Math.max(series.length * STEP, most * LINE) + 18;
  const names = rowNames(plot, groups, frame, -band / 2 + 4);
  return {
    marks: [
      plot.gridX({ strokeOpacity: 0.15 }),
      ...(level ? levelMarks(plot, { ...level, x: scale * level.x }) : []),
      ...names.marks,
      ...intervalMarks(plot, { rows, scale, below: frame.narrow ? 8 + more / 2 : 0 }),
    ],
    x: {
      label: percent && !label.includes("points") ? `${label} (%)` : label,
      labelAnchor: "center",
      labelOffset: 40,
      nice: true,
    },
    y: names.y,
    height: 70 + groups.length * band,
    marginLeft: names.marginLeft,
    ...(level === undefined || level.label === "" ? {} : { marginTop: 28 }),
    ...(series.length > 1 ? { legend: series } : {}),
  };
}

function reliability(
  plot: Plot,
  { bins, xLabel = "predicted probability", yLabel = "share that happened" }: ReliabilityChart,
  frame: Frame,
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
      plot.text(["as sure as right"], {
        x: () => (low + 1) / 2,
        y: () => (low + 1) / 2,
        text: String,
        textAnchor: "start",
        dx: 6,
        dy: 10,
        fill: "currentColor",
        fillOpacity: 0.8,
      }),
      plot.ruleX(claimed, { x: "x", y1: "low", y2: "high", stroke: colour(0), strokeWidth: 2 }),
      plot.dot(points, { x: "x", y: "y", fill: colour(0), r: 4 }),
    ],
    x: { label: xLabel, domain: [low, 1], labelAnchor: "center", labelOffset: 40 },
    y: {
      label: yLabel,
      domain: [Math.min(low, ...points.map(({ y }) => y), ...claimed.map((point) => point.low)), 1],
    },
    height: frame.height + 20,
    marginLeft: 56,
  };
}

function bars(plot: Plot, { bars: values, label, decimals = 1 }: BarChart, frame: Frame): Parts {
  const shown = values.filter(({ value }) => Number.isFinite(value));
  const names = rowNames(
    plot,
    shown.map(({ name }) => name),
    frame,
    -18,
  );
  const inset = frame.narrow ? { insetTop: 18, insetBottom: 1 } : { insetTop: 3, insetBottom: 3 };
  return {
    marks: [
      plot.gridX({ strokeOpacity: 0.15 }),
      plot.barX(shown, { x: "value", y: "name", fill: colour(0), ...inset }),
      plot.text(shown, {
        x: "value",
        y: "name",
        text: ({ value }: { value: number }) => formatNumber(value, decimals),
        textAnchor: "start",
        dx: 5,
        dy: frame.narrow ? 8 : 0,
      }),
      plot.ruleX([0]),
      ...names.marks,
    ],
    x: { label, labelAnchor: "center", labelOffset: 40 },
    y: names.y,
    height: 70 + (frame.narrow ? 44 : 30) * shown.length,
    marginLeft: names.marginLeft,
    marginRight: 60,
  };
}
