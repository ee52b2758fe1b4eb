/** What a chart shows, as data: report/charts.ts draws it. */
import type { ReliabilityBin } from "../stats/calibration.ts";
import type { Interval } from "../stats/intervals.ts";

/** A point worth a word, such as a peak. */
export interface MarkedPoint {
  x: number;
  y: number;
  label: string;
}

/** A moment of a run that has a look of its own: gold's peak, the guard's word, the end. */
export type MomentKind = "peak" | "guard" | "end";

/** A moment of a run: drawn on its line, with a letter and a shape that the legend explains. */
export interface Moment {
  step: number;
  kind: MomentKind;
}

interface ChartText {
  title: string;
  /** What the chart shows, in words: the caption, and what a screen reader says. */
  description: string;
  /** What a reader should take from it, in a sentence: stands under it. */
  says?: string;
}

/** Estimates with intervals, grouped in rows; one colour and shape a series. */
export interface IntervalChart extends ChartText {
  kind: "intervals";
  label: string;
  rows: readonly { group: string; series: string; interval: Interval }[];
  /** Values are shares, to be shown as per cent. */
  percent?: boolean;
  /** A line across, such as what changes nothing; 0 where left out. */
  level?: { x: number; label: string };
}

export interface LineChart extends ChartText {
  kind: "lines";
  xLabel: string;
  yLabel: string;
  series: readonly {
    name: string;
    points: readonly { x: number; y: number; low?: number; high?: number }[];
    dashed?: boolean;
    /** A dot at each point; default true. */
    dots?: boolean;
    /**
     * Points, in order of x, are noisy: they are dots, and the line is their moving mean over this
     * many of them.
     */
    smoothed?: number;
    /** The first point is where all begins, without noise: the line begins there. */
    exactStart?: boolean;
    /** On the line, smoothed or not; steps are values of x. */
    moments?: readonly Moment[];
  }[];
  /** Horizontal values are whole numbers, and so are the ticks. */
  wholeX?: boolean;
  /**
   * Least and greatest value that is drawn; points beyond are cut off at the edge. All points where
   * left out.
   */
  yRange?: readonly [number, number];
  marks?: readonly MarkedPoint[];
  /** Dotted lines across, such as for checkpoints. */
  rules?: readonly number[];
  /** Lines across with a word each, such as where a guard spoke up. */
  flags?: readonly { x: number; label: string; series?: number }[];
  /** A line along, such as what changes nothing. */
  level?: { y: number; label: string };
}

/**
 * Ways through a plane, such as reward against KL: the line is smoothed in order of time, fainter
 * where it is older, with arrows and the steps at some points.
 */
export interface PathChart extends ChartText {
  kind: "path";
  xLabel: string;
  yLabel: string;
  series: readonly {
    name: string;
    /** In order of time. */
    points: readonly { x: number; y: number; step: number }[];
    marks?: readonly { step: number; label: string }[];
    /** The first point is where all begins, without noise: the line begins there. */
    exactStart?: boolean;
    moments?: readonly Moment[];
    /** Points that the line is the moving mean of. */
    smoothed?: number;
  }[];
  level?: { y: number; label: string };
}

/**
 * Two measures against each other, each with its interval, such as helpful against harmless; with
 * curves through them.
 */
export interface ScatterChart extends ChartText {
  kind: "scatter";
  xLabel: string;
  yLabel: string;
  points: readonly {
    name: string;
    series: string;
    x: ScatterValue;
    y: ScatterValue;
    /** Drawn with a ring and its name, such as those on a front. */
    marked?: boolean;
  }[];
  curves?: readonly {
    name: string;
    points: readonly { x: number; y: number }[];
    dashed?: boolean;
  }[];
  /** Values of y, of x, are shares, to be shown as per cent. */
  percent?: boolean;
  percentX?: boolean;
}

/** A value with its interval, where it has one. */
export interface ScatterValue {
  estimate: number;
  low?: number;
  high?: number;
}

/** Predicted against observed share, with the diagonal of perfect calibration. */
export interface ReliabilityChart extends ChartText {
  kind: "reliability";
  bins: readonly ReliabilityBin[];
  xLabel?: string;
  yLabel?: string;
}

export interface BarChart extends ChartText {
  kind: "bars";
  /** What is measured, with its unit. */
  label: string;
  bars: readonly { name: string; value: number }[];
  /** Decimals of the numbers at the bars; 1 where left out. */
  decimals?: number;
}

export type Chart =
  | IntervalChart
  | LineChart
  | PathChart
  | ScatterChart
  | ReliabilityChart
  | BarChart;
