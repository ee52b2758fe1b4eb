/**
 * A share of which few cases have a label that is believed (a person's) and many a cheap prediction
 * (a classifier's, a judge's): the predictions narrow the interval, and the labels undo their bias,
 * whatever the predictions are worth.
 *
 * Source: Angelopoulos et al. (2023, "Prediction-powered inference", arXiv 2301.09633);
 * Angelopoulos, Duchi and Zrnic (2023, PPI++, arXiv 2311.01453), example 6.1, for the weight that
 * the predictions get; ppi_py 0.2.3 computes the same weight, estimate and error.
 * Differences: 1. the interval has more observations at either end of the range, two of a share (as
 * Agresti and Coull's) and one of a difference (as Bonett and Price's), so that few labels that all
 * agree with their predictions do not leave it without a width; it stays within what is possible.
 * 2. A weight that was chosen by the labels costs two of them in the interval.
 * 3. With clusters both parts count as many observations as carry the same information.
 * What it assumes: the labelled cases are a random part of all.
 */
import type { Labels } from "./clusters.ts";
import { clusteredMean, effectiveSize, tooFewClusters } from "./clusters.ts";
import { checkConfidence, checkFinite, mean, twoSidedNormal } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

export interface PredictionPowered extends Interval {
  /** How much the predictions count, in [0, 1]; 0 is the labels alone. */
  weight: number;
  /** Of the estimate, as the papers give it, without the added observations. */
  standardError: number;
  /** Labels alone that would give the same error. */
  worthLabels: number;
}

/** Cases with a label and a prediction, and cases with a prediction alone. */
export interface PartlyLabelled {
  /** What is believed, in [0, 1]: 0 or 1, or soft. */
  labels: readonly number[];
  /** Predictions of the same cases, in [0, 1]. */
  predictions: readonly number[];
  /** Predictions of the other cases. */
  unlabelled: readonly number[];
}

export interface PredictionPoweredOptions {
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  /** In [0, 1]: 1 is plain prediction-powered inference; what is best (PPI++) where left out. */
  weight?: number;
  /** One label for each labelled case. */
  clusters?: Labels | undefined;
  /** One label for each other case. */
  unlabelledClusters?: Labels | undefined;
}

/** A share, in [0, 1]. */
export function predictionPoweredShare(
  cases: PartlyLabelled,
  options: PredictionPoweredOptions = {},
): PredictionPowered {
  return powered(cases, options, [0, 1]);
}

/**
 * The difference of two shares, of cases that both systems answered.
 * @param a and b have the same cases in the same order
 */
export function predictionPoweredDifference(
  a: PartlyLabelled,
  b: PartlyLabelled,
  options: PredictionPoweredOptions = {},
): PredictionPowered {
  const subtract = (part: keyof PartlyLabelled): number[] => {
    if (a[part].length !== b[part].length)
      throw new RangeError(`${part} differ in number: ${a[part].length} and ${b[part].length}`);
    return a[part].map((value, i) => value - b[part][i]!);
  };
  check(a, [0, 1]);
  check(b, [0, 1]);
  const differences = {
    labels: subtract("labels"),
    predictions: subtract("predictions"),
    unlabelled: subtract("unlabelled"),
  };
  return powered(differences, options, [-1, 1]);
}

function powered(
  cases: PartlyLabelled,
  options: PredictionPoweredOptions,
  range: readonly [number, number],
): PredictionPowered {
  check(cases, range);
  const { labels, predictions, unlabelled } = cases;
  const confidence = checkConfidence(options.confidence ?? 0.95);
  const [n, count] = [labels.length, labels.length + unlabelled.length];
  const asked = checkWeight(options.weight) ?? bestWeight(cases);
  // without other cases the labels alone are all that tells
  const weight = unlabelled.length === 0 ? 0 : asked;
  const rest = labels.map((label, i) => label - weight * predictions[i]!);
  const predicted = unlabelled.length === 0 ? 0 : weight * mean(unlabelled);
  const found = n === 0 ? mean(unlabelled) : predicted + mean(rest);
  const estimate = Math.max(range[0], Math.min(range[1], found));
  const error = Math.sqrt(
    spreadOf(rest) / Math.max(1, n) +
      (weight === 0 ? 0 : (weight ** 2 * spreadOf(unlabelled)) / unlabelled.length),
  );
  const worthLabels = error > 0 ? spreadOf(labels) / error ** 2 : n;
  const about = { estimate, n: count, weight, standardError: error, worthLabels };
  const labelled = sizeOf(rest, options.clusters, confidence);
  // The weight was fitted to the same labels.
  if (options.weight === undefined) labelled.size = Math.max(1, labelled.size - 2);
  const others =
    weight === 0 ? { size: Infinity } : sizeOf(unlabelled, options.unlabelledClusters, confidence);
  const none = (noClaim: string): PredictionPowered => ({
    ...about,
    low: range[0],
    high: range[1],
    noClaim,
  });
  if (n < 2) return none(`${n} labelled`);
  if (weight > 0 && unlabelled.length < 2) return none(`${unlabelled.length} without a label`);
  const noClaim = labelled.noClaim ?? others.noClaim;
  if (noClaim !== undefined) return none(noClaim);
  // The ends of label - weight * prediction where a prediction has the sign of its label.
  const ends = range[0] === 0 ? [-weight, 1, -weight, 1] : [-1, 1];
  const corrected = withEnds(rest, ends, labelled.size);
  const half =
    twoSidedNormal(confidence) *
    Math.sqrt(corrected.variance + (weight ** 2 * spreadOf(unlabelled)) / others.size);
  const centre = predicted + corrected.mean;
  if (centre + half <= range[0] || centre - half >= range[1])
    return none("the labels allow no such share: the labelled cases are no random part of all");
  return {
    ...about,
    low: Math.min(estimate, Math.max(range[0], centre - half)),
    high: Math.max(estimate, Math.min(range[1], centre + half)),
  };
}

/** The weight with the least variance, in [0, 1]; 0 where predictions say nothing. */
function bestWeight({ labels, predictions, unlabelled }: PartlyLabelled): number {
  if (labels.length < 2 || unlabelled.length < 2) return 0;
  const all = [...predictions, ...unlabelled];
  const variance = (spreadOf(all) * all.length) / (all.length - 1);
  if (!(variance > 0)) return 0;
  const [label, prediction] = [mean(labels), mean(predictions)];
  const covariance = mean(labels.map((y, i) => (y - label) * (predictions[i]! - prediction)));
  const best = covariance / (variance * (1 + labels.length / unlabelled.length));
  return Math.max(0, Math.min(1, best));
}

/** A mean of so many values and the ends, and its variance. */
function withEnds(
  values: readonly number[],
  ends: readonly number[],
  size: number,
): { mean: number; variance: number } {
  const total = size + ends.length;
  const sumOf = (of: (value: number) => number): number =>
    (size * mean(values.map(of)) + ends.length * mean(ends.map(of))) / total;
  const [first, second] = [sumOf((value) => value), sumOf((value) => value * value)];
  return { mean: first, variance: Math.max(0, second - first * first) / total };
}

/** Independent observations that clustered ones are worth. */
function sizeOf(
  values: readonly number[],
  clusters: Labels | undefined,
  confidence: number,
): { size: number; noClaim?: string } {
  if (!clusters || values.length === 0) return { size: values.length };
  const found = clusteredMean(values, clusters);
  const noClaim = tooFewClusters(found);
  return noClaim === undefined
    ? { size: effectiveSize(found, confidence) }
    : { size: NaN, noClaim };
}

/** Mean squared distance from the mean; 0 of nothing. */
function spreadOf(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
}

function check(
  { labels, predictions, unlabelled }: PartlyLabelled,
  range: readonly number[],
): void {
  if (labels.length !== predictions.length)
    throw new RangeError(`${labels.length} labels for ${predictions.length} predictions`);
  const all = [...labels, ...predictions, ...unlabelled];
  checkFinite(all, "labels and predictions");
  const wrong = all.find((value) => value < range[0]! || value > range[1]!);
  if (wrong !== undefined)
    throw new RangeError(`labels and predictions of a share lie in [0, 1]; got ${wrong}`);
}

function checkWeight(weight: number | undefined): number | undefined {
  if (weight !== undefined && !(weight >= 0 && weight <= 1))
    throw new RangeError(`a weight of predictions lies in [0, 1]; got ${weight}`);
  return weight;
}
