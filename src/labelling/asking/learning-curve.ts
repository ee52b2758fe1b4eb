/**
 * What more labels would buy: accuracy on held-out labels at several numbers of labels, and a power
 * law through them, error(n) = floor + scale * n ^ -exponent, with intervals by resampling both the
 * held-out prompts and the models.
 * Source: Cortes et al. 1993 and Hestness et al. 2017 (arXiv 1712.00409) for the form; Viering and
 * Loog 2022 (arXiv 2103.10948) for how little few points tell, hence the intervals.
 * Differences: the exponent is sought on a grid, floor and scale by least squares with both at
 * least 0; an error that does not fall is a scale of 0.
 */
import { Random } from "../../core/random.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/intervals.ts";

/** At one number of labels: of each model, for each held-out pair, 1 where it was right, else 0. */
export interface CurveMeasurement {
  labels: number;
  right: readonly (readonly number[])[];
}

export interface CurvePoint {
  labels: number;
  accuracy: Interval;
}

export interface CurveGain {
  /** More than there are. */
  labels: number;
  /** Share of held-out labels that would be met besides. */
  gain: Interval;
}

export interface LearningCurve {
  points: CurvePoint[];
  /** The law at the most labels and beyond; empty where nothing can be claimed. */
  fitted: CurvePoint[];
  /** What each further hundred would buy, counted from now. */
  gains: CurveGain[];
  /** Why no law is fitted, or what it does not tell. */
  noClaim?: string;
}

const RESAMPLES = 400;
const EXPONENTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2];
const HUNDREDS = [100, 200, 300, 400, 500];
/** Fewer than these tell nothing of a form with three numbers. */
const LEAST_POINTS = 3;
const LEAST_CLUSTERS = 10;

export interface CurveOptions {
  /** For each held-out pair what is the same for pairs of one prompt. */
  clusters: readonly string[];
  confidence: number;
  seed: number;
}

/** @param measurements of rising numbers of labels, the last with all */
export function learningCurve(
  measurements: readonly CurveMeasurement[],
  { clusters, confidence, seed }: CurveOptions,
): LearningCurve {
  const members = [...new Set(clusters)].map((name) =>
    clusters.flatMap((each, index) => (each === name ? [index] : [])),
  );
  const whole = measurements.map(({ right }) => accuracyOf(right));
  const few = members.length < LEAST_CLUSTERS;
  const drawn = few ? [] : resample(measurements, members, seed);
  const n = clusters.length;
  const interval = (estimate: number, values: readonly number[]): Interval =>
    few
      ? { estimate, low: 0, high: 1, n, noClaim: tooFew(members.length) }
      : { estimate, ...quantiles(values, confidence), n };
  const points = measurements.map(({ labels }, at) => ({
    labels,
    accuracy: interval(
      whole[at]!,
      drawn.map((accuracies) => accuracies[at]!),
    ),
  }));
  const noClaim = few
    ? tooFew(members.length)
    : measurements.length < LEAST_POINTS
      ? `a law needs ${LEAST_POINTS} numbers of labels; there are too few labels for that`
      : undefined;
  if (noClaim !== undefined) return { points, fitted: [], gains: [], noClaim };
  const sizes = measurements.map(({ labels }) => labels);
  const now = sizes.at(-1)!;
  const law = fit(sizes, whole);
  const laws = drawn.map((accuracies) => fit(sizes, accuracies));
  const gains = HUNDREDS.map((labels) => ({
    labels,
    gain: interval(
      law(now + labels) - law(now),
      laws.map((each) => each(now + labels) - each(now)),
    ),
  }));
  const fitted = [0, ...HUNDREDS].map((more) => ({
    labels: now + more,
    accuracy: interval(
      law(now + more),
      laws.map((each) => each(now + more)),
    ),
  }));
  return { points, fitted, gains, ...doubt(gains[0]!) };
}

const tooFew = (prompts: number): string =>
  `${prompts} held-out prompts are too few to tell a spread; ${LEAST_CLUSTERS} at least`;

/** A rise that may be none is told as that. */
function doubt({ gain }: CurveGain): { noClaim?: string } {
  return gain.low > 0
    ? {}
    : { noClaim: "whether more labels help cannot be told from these: the rise may be none" };
}

const accuracyOf = (right: readonly (readonly number[])[]): number => mean(right.map(mean));

/** Accuracies of every size, with other prompts and other models. */
function resample(
  measurements: readonly CurveMeasurement[],
  clusters: readonly (readonly number[])[],
  seed: number,
): number[][] {
  const random = Random.for(seed, "learning curve");
  return Array.from({ length: RESAMPLES }, () => {
    const pairs = clusters.flatMap(() => random.pick(clusters));
    return measurements.map(({ right }) =>
      mean(
        right.map(() => {
          const model = random.pick(right);
          return mean(pairs.map((pair) => model[pair]!));
        }),
      ),
    );
  });
}

/** Accuracy by number of labels: the law that is nearest. */
export function fit(
  sizes: readonly number[],
  accuracies: readonly number[],
): (labels: number) => number {
  const errors = accuracies.map((accuracy) => 1 - accuracy);
  const candidates = EXPONENTS.map((exponent) => {
    const x = sizes.map((size) => size ** -exponent);
    const { floor, scale } = nonNegativeLine(x, errors);
    const loss = mean(errors.map((error, at) => (error - floor - scale * x[at]!) ** 2));
    return { exponent, floor, scale, loss };
  });
  const { exponent, floor, scale } = candidates.reduce((a, b) => (b.loss < a.loss ? b : a));
  return (labels) => 1 - floor - scale * labels ** -exponent;
}

/** Least squares of y = floor + scale x with neither below 0. */
function nonNegativeLine(
  x: readonly number[],
  y: readonly number[],
): { floor: number; scale: number } {
  const [mx, my] = [mean(x), mean(y)];
  const spread = mean(x.map((value) => (value - mx) ** 2));
  const scale = mean(x.map((value, at) => (value - mx) * (y[at]! - my))) / spread;
  if (!(scale > 0)) return { floor: my, scale: 0 };
  const floor = my - scale * mx;
  if (floor >= 0) return { floor, scale };
  const through = mean(x.map((value, at) => value * y[at]!)) / mean(x.map((value) => value ** 2));
  return { floor: 0, scale: Math.max(0, through) };
}

function quantiles(values: readonly number[], confidence: number): Pick<Interval, "low" | "high"> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  const tail = (1 - confidence) / 2;
  return { low: at(tail), high: at(1 - tail) };
}
