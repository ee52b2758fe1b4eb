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
  check(predictions, targets);
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
  check(predictions, targets);
  const { bins = 10, binning = "equal-count", clusters } = options;
  if (clusters && clusters.length !== predictions.length)
    throw new RangeError(
      `calibration: ${clusters.length} clusters for ${predictions.length} predictions`,
    );
  if (!Number.isInteger(bins) || bins < 1)
    throw new RangeError(`bins must be a positive integer; got ${bins}`);
  const pairs = predictions
    .map((p, i): Pair => ({
      p,
      target: targets[i]!,
      ...(clusters ? { cluster: clusters[i]! } : {}),
    }))
    .toSorted((x, y) => x.p - y.p);
  return binning === "equal-width" ? equalWidth(pairs, bins) : equalCount(pairs, bins);
}

interface Pair {
  p: number;
  target: number;
  cluster?: string | number;
}

function equalWidth(pairs: readonly Pair[], bins: number): ReliabilityBin[] {
  const filled = Array.from({ length: bins }, (_, i) => {
    const inside = pairs.filter(({ p }) => Math.min(bins - 1, Math.floor(p * bins)) === i);
    return inside.length === 0
      ? undefined
      : { ...summarise(inside), from: i / bins, to: (i + 1) / bins };
  });
  return filled.filter((bin) => bin !== undefined);
}

/** Equal predictions stay in one bin, so bins may differ in size. */
function equalCount(pairs: readonly Pair[], bins: number): ReliabilityBin[] {
  const result: ReliabilityBin[] = [];
  let start = 0;
  for (let i = 1; i <= bins; i++) {
    let end = Math.round((i * pairs.length) / bins);
    if (end <= start) continue;
    while (end < pairs.length && pairs[end]!.p === pairs[end - 1]!.p) end++;
    result.push(summarise(pairs.slice(start, end)));
    start = end;
  }
  return result;
}

function summarise(pairs: readonly Pair[]): ReliabilityBin {
  const clusters = pairs.flatMap(({ cluster }) => cluster ?? []);
  const observed = shareInterval(
    pairs.map(({ target }) => target),
    clusters.length > 0 ? { clusters } : {},
  );
  return {
    from: pairs[0]!.p,
    to: pairs.at(-1)!.p,
    predicted: mean(pairs.map(({ p }) => p)),
    observed,
  };
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

function check(predictions: readonly number[], targets: readonly number[]): void {
  if (predictions.length !== targets.length)
    throw new RangeError(
      `calibration: ${predictions.length} predictions for ${targets.length} targets`,
    );
  checkFinite(predictions, "predictions");
  checkFinite(targets, "targets");
  const wrong = [...predictions, ...targets].find((value) => value < 0 || value > 1);
  if (wrong !== undefined) throw new RangeError(`calibration takes probabilities; got ${wrong}`);
}
