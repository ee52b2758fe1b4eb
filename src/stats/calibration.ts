/**
 * Are predicted probabilities right? Log loss, Brier score, reliability bins and expected
 * calibration error.
 *
 * Source: Brier (1950); Murphy (1973) for bins; Guo et al. (arXiv 1706.04599) for the expected
 * calibration error.
 * Differences:
 * 1. targets may be soft (the share of people who would agree), as preference labels are; the
 *    entropy of the targets, which no predictor can beat, is then given beside the log loss.
 * 2. Bins hold equal numbers of predictions unless asked otherwise: bins of equal width are mostly
 *    empty for a good model.
 */
import type { Labels } from "./clusters.ts";
import { checkFinite, mean, shareInterval } from "./intervals.ts";
import type { Interval } from "./intervals.ts";

export interface Calibration {
  /**
   * Mean cross-entropy in nats; `entropy` is the least that any predictor can reach on these
   * targets.
   */
  logLoss: number;
  entropy: number;
  /** Mean squared difference of prediction and target, in [0, 1]. */
  brier: number;
  /**
   * Mean absolute difference of mean prediction and mean target over bins, weighted by their size.
   */
  expectedCalibrationError: number;
  /** The largest such difference of a bin. */
  maximumCalibrationError: number;
  bins: ReliabilityBin[];
  n: number;
}

export interface ReliabilityBin {
  /** Smallest and largest prediction in the bin (its edges for bins of equal width). */
  from: number;
  to: number;
  /** Mean prediction. */
  predicted: number;
  /** Share that happened; its interval counts clusters where they are given. */
  observed: Interval;
}

export interface CalibrationOptions {
  /** Number of bins; 10 where left out. */
  bins?: number;
  /**
   * `equal-count` (default) or `equal-width` over [0, 1], as in Guo et al. Empty bins are left out.
   */
  binning?: "equal-count" | "equal-width";
  /** One label for each prediction. */
  clusters?: Labels | undefined;
}

/**
 * @param predictions probabilities in [0, 1]
 * @param targets what happened, 0 or 1, or soft labels in [0, 1]
 */
export function calibration(
  predictions: readonly number[],
  targets: readonly number[],
  options: CalibrationOptions = {},
): Calibration {
  checkCalibration(predictions, targets);
  const n = predictions.length;
  const bins = reliabilityBins(predictions, targets, options);
  const gaps = bins.map(({ predicted, observed }) => Math.abs(predicted - observed.estimate));
  return {
    logLoss: mean(predictions.map((p, i) => crossEntropy(p, targets[i]!))),
    entropy: mean(targets.map((target) => crossEntropy(target, target))),
    brier: mean(predictions.map((p, i) => (p - targets[i]!) ** 2)),
    expectedCalibrationError:
      n === 0 ? NaN : bins.reduce((sum, { observed }, i) => sum + (gaps[i]! * observed.n) / n, 0),
    maximumCalibrationError: n === 0 ? NaN : Math.max(...gaps),
    bins,
    n,
  };
}

/** Predictions in bins, each with what happened; the points of a reliability diagram. */
export function reliabilityBins(
  predictions: readonly number[],
  targets: readonly number[],
  options: CalibrationOptions = {},
): ReliabilityBin[] {
  checkCalibration(predictions, targets);
  const { bins = 10, binning, clusters } = options;
  return placesInBins(predictions, options).map((places) => {
    const inside = places.map((place) => predictions[place]!);
    const observed = shareInterval(
      places.map((place) => targets[place]!),
      clusters ? { clusters: places.map((place) => clusters[place]!) } : {},
    );
    const bin = widthBin(inside[0]!, bins);
    const [from, to] =
      binning === "equal-width" ? [bin / bins, (bin + 1) / bins] : [inside[0]!, inside.at(-1)!];
    return { from, to, predicted: mean(inside), observed };
  });
}

/** Which predictions lie in which bin, smallest first. Empty bins are left out. */
export function placesInBins(
  predictions: readonly number[],
  { bins = 10, binning = "equal-count", clusters }: CalibrationOptions = {},
): number[][] {
  if (clusters && clusters.length !== predictions.length)
    throw new RangeError(
      `calibration: ${clusters.length} clusters for ${predictions.length} predictions`,
    );
  if (!Number.isInteger(bins) || bins < 1)
    throw new RangeError(`bins must be a positive integer; got ${bins}`);
  const order = predictions.map((_, i) => i).toSorted((i, j) => predictions[i]! - predictions[j]!);
  if (binning === "equal-count") return equalCount(order, predictions, bins);
  const filled = Array.from({ length: bins }, (): number[] => []);
  for (const place of order) filled[widthBin(predictions[place]!, bins)]!.push(place);
  return filled.filter((places) => places.length > 0);
}

const widthBin = (prediction: number, bins: number): number =>
  Math.min(bins - 1, Math.floor(prediction * bins));

/** Equal predictions stay in one bin, so bins may differ in size. */
function equalCount(
  order: readonly number[],
  predictions: readonly number[],
  bins: number,
): number[][] {
  const valueAt = (rank: number): number => predictions[order[rank]!]!;
  const result: number[][] = [];
  let start = 0;
  for (let i = 1; i <= bins; i++) {
    let end = Math.round((i * order.length) / bins);
    if (end <= start) continue;
    while (end < order.length && valueAt(end) === valueAt(end - 1)) end++;
    result.push(order.slice(start, end));
    start = end;
  }
  return result;
}

/**
 * -t ln p - (1 - t) ln(1 - p), with 0 ln 0 = 0; infinite where the prediction ruled out what
 * happened.
 */
export function crossEntropy(prediction: number, target: number): number {
  const happened = target === 0 ? 0 : -target * Math.log(prediction);
  const not = target === 1 ? 0 : -(1 - target) * Math.log1p(-prediction);
  return happened + not;
}

/** Probabilities, as many as targets. */
export function checkCalibration(predictions: readonly number[], targets: readonly number[]): void {
  if (predictions.length !== targets.length)
    throw new RangeError(
      `calibration: ${predictions.length} predictions for ${targets.length} targets`,
    );
  checkFinite(predictions, "predictions");
  checkFinite(targets, "targets");
  const wrong = [...predictions, ...targets].find((value) => value < 0 || value > 1);
  if (wrong !== undefined) throw new RangeError(`calibration takes probabilities; got ${wrong}`);
}
