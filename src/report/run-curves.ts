/**
 * The curves of a run: which ones there are, which come first, and what each is drawn from. The
 * page and the terminal both draw these.
 */
import type { RunDetails } from "../runs/compare.ts";
import { metricDefinition } from "../runs/metrics.ts";
import { largestOf, smallestOf } from "../core/extremes.ts";

export interface CurvePoint {
  /** Step; of several, their mean. */
  readonly x: number;
  readonly y: number;
  /** Least and greatest of the steps that the point stands for, where it is more than one. */
  readonly low?: number;
  readonly high?: number;
}

/** Training and held-out values of one metric. */
export interface RunCurve {
  readonly name: string;
  /** The name with its unit. */
  readonly label: string;
  /** What the metric is, and which direction is good, in sentences. */
  readonly meaning: string;
  /** Finite values only. */
  readonly training: readonly CurvePoint[];
  readonly heldOut: readonly CurvePoint[];
  /** Steps that a point of the training curve is the mean of. */
  readonly stepsPerPoint: number;
  /** Values that cannot be drawn, and the step of the first; undefined where all can. */
  readonly notFinite: { readonly count: number; readonly firstStep: number } | undefined;
  /** The last values, as they were recorded. */
  readonly last: { readonly training: number | undefined; readonly heldOut: number | undefined };
}

type Points = readonly { readonly step: number; readonly value: number }[];

const HELD_OUT = "eval_";
/** Longer curves are drawn as means over as many steps as it takes. */
const MOST_POINTS = 150;
/** Looked at first, in this order, wherever a run has them. */
const FIRST = [
  "objective/scores",
  "objective/held_out_scores",
  "objective/kl",
  "loss",
  "kl",
  "rewards/accuracies",
  "accuracy",
  "mean_token_accuracy",
  "rewards/margins",
  "margin",
];
/** They tell where a run is, not how well it does. */
const COUNTERS = ["epoch", "num_tokens", "episode", "learning_rate", "lr", "critic/lr", "eps"];

/** Differences of greater values would not be finite: they count as values that are not. */
const GREATEST = 1e300;
const isDrawable = ({ value }: { value: number }): boolean => Math.abs(value) <= GREATEST;

/**
 * Every curve of a run: `main` tells how well it does, the best known first; `further` is the rest.
 */
export function runCurves(run: RunDetails): { main: RunCurve[]; further: RunCurve[] } {
  const names = metricNames(run);
  const isMain = (name: string): boolean =>
    FIRST.includes(name) ||
    (!COUNTERS.includes(name) &&
      (run.series.has(HELD_OUT + name) || metricDefinition(name)?.better !== "none"));
  const rank = (name: string): number =>
    FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length;
  return {
    main: names
      .filter(isMain)
      .toSorted((a, b) => rank(a) - rank(b))
      .map((name) => curveOf(run, name)),
    further: names.filter((name) => !isMain(name)).map((name) => curveOf(run, name)),
  };
}

/** Names of the run's metrics without the prefix of held-out ones, in the order of appearance. */
const metricNames = ({ series }: RunDetails): string[] => [
  ...new Set(
    [...series.keys()].map((name) =>
      name.startsWith(HELD_OUT) ? name.slice(HELD_OUT.length) : name,
    ),
  ),
];

const DIRECTIONS = { lower: " Lower is better.", higher: " Higher is better.", none: "" };

function curveOf({ series }: RunDetails, name: string): RunCurve {
  const [training, heldOut] = [series.get(name) ?? [], series.get(HELD_OUT + name) ?? []];
  const { formula, unit, better } = metricDefinition(name) ?? {
    formula: "not in this version's table of metrics",
    unit: "?",
    better: "none",
  };
  const stepsPerPoint = Math.ceil(training.length / MOST_POINTS);
  const missing = [training, heldOut].map((points) => points.filter((point) => !isDrawable(point)));
  return {
    name,
    label: unit === "1" ? name : `${name} (${unit})`,
    meaning: `${formula[0]!.toUpperCase()}${formula.slice(1)}.${DIRECTIONS[better]}`,
    training: thinned(training, stepsPerPoint),
    heldOut: thinned(heldOut, Math.ceil(heldOut.length / MOST_POINTS)),
    stepsPerPoint,
    notFinite:
      missing.flat().length === 0
        ? undefined
        : {
            count: missing.flat().length,
            firstStep: Math.min(...missing.flatMap(([first]) => first?.step ?? [])),
          },
    last: { training: training.at(-1)?.value, heldOut: heldOut.at(-1)?.value },
  };
}

/** Means of `size` neighbours with their range; the points themselves where `size` is 1. */
function thinned(points: Points, size: number): CurvePoint[] {
  const finite = points.filter(isDrawable);
  if (size <= 1) return finite.map(({ step, value }) => ({ x: step, y: value }));
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, i) => {
    const part = finite.slice(i * size, (i + 1) * size);
    const values = part.map(({ value }) => value);
    return {
      x: mean(part.map(({ step }) => step)),
      y: mean(values),
      low: smallestOf(values),
      high: largestOf(values),
    };
  });
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value / values.length, 0);

/** `3 values are not finite, the first at step 7, and left out`; undefined where all are. */
export function notFiniteNote({ notFinite }: RunCurve): string | undefined {
  if (notFinite === undefined) return undefined;
  const { count, firstStep } = notFinite;
  return count === 1
    ? `1 value is not finite, at step ${firstStep}, and left out`
    : `${count} values are not finite, the first at step ${firstStep}, and left out`;
}

/** What an axis of values shows. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
  /** Values that lie beyond, and the farthest of them; undefined where none does. */
  readonly outside: { readonly count: number; readonly farthest: number } | undefined;
}

/**
 * Beyond the middle eight tenths of the values by more than this many times their spread, a value
 * would flatten all others.
 */
const FAR = 10;

/**
 * The range that curves are drawn in: all values, but for spikes beside which the rest would be a
 * flat line. How a curve begins is no spike, however steeply it falls. Equal values stand in the
 * middle.
 * @param curves finite values in the order of their steps; undefined comes of none
 */
export function valueRange(curves: readonly (readonly number[])[]): ValueRange | undefined {
  const sorted = Float64Array.from(curves.flat()).toSorted();
  if (sorted.length === 0) return undefined;
  const [lower, upper] = [decile(sorted, 1), decile(sorted, 9)];
  const reach = FAR * (upper - lower);
  const isNear = (value: number): boolean =>
    reach === 0 || (value >= lower - reach && value <= upper + reach);
  const kept = curves.flatMap((values) => {
    const begun = values.findIndex(isNear);
    return values.filter((value, i) => i < begun || isNear(value));
  });
  const [low, high] = [smallestOf(kept), largestOf(kept)];
  const cut = sorted.filter((value) => value < low || value > high);
  const [least, greatest] = [sorted[0]!, sorted.at(-1)!];
  return {
    ...apart(low, high),
    outside:
      cut.length === 0
        ? undefined
        : { count: cut.length, farthest: low - least > greatest - high ? least : greatest },
  };
}

function decile(sorted: Float64Array, tenths: number): number {
  const place = ((sorted.length - 1) * tenths) / 10;
  const below = Math.floor(place);
  const [from, to] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return from + (to - from) * (place - below);
}

/** Nothing smaller is told from zero: ticks between such numbers would be no numbers. */
const LEAST = 1e-300;

/**
 * Values that are equal but for rounding have no range of their own: they get one of half their
 * size to either side.
 */
function apart(low: number, high: number): { low: number; high: number } {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size > LEAST && high - low > size * 1e-9) return { low, high };
  const margin = size > LEAST ? size / 2 : 1;
  return { low: low - margin, high: high + margin };
}

/** `2 values lie outside the chart, the farthest at 1.00e+9`; undefined where all are inside. */
export function outsideNote({ outside }: ValueRange): string | undefined {
  if (outside === undefined) return undefined;
  const farthest = outside.farthest.toPrecision(3);
  return outside.count === 1
    ? `1 value lies outside the chart, at ${farthest}`
    : `${outside.count} values lie outside the chart, the farthest at ${farthest}`;
}
