/**
 * How far off predicted probabilities are, with what can be said of it: the expected calibration
 * error with its bias and its interval, and the parts of the Brier score.
 *
 * Source: Guo et al. (arXiv 1706.04599) for the error; Kumar, Liang and Ma (arXiv 1909.10155) for
 * its upward bias; Bröcker and Smith (2007) for what perfect calibration would show by chance;
 * Murphy (1973) and Stephenson, Coelho and Jolliffe (2008) for the parts of the Brier score, Ferro
 * and Fricker (2012) for their bias.
 * Differences: 1. the error is a sum of distances, so chance only adds to it: a bootstrap interval
 * of a calibrated predictor does not hold the truth. Ours goes by what the distances of the bins
 * can be off: by the triangle inequality no further down than the sum of what chance makes of each
 * bin (of bins whose direction is clear, the sum of what it makes of their signed distances), and no
 * further up than a mean of as many. It covers more often than it says where few bins are clear.
 * 2. The estimate takes off what chance adds to each bin (the mean of a folded normal).
 * The error is that of the bins: within a bin, errors that cancel are not seen.
 */
import { Random } from "../core/random.ts";
import { quantileOfSorted } from "./bootstrap.ts";
import type { CalibrationOptions } from "./calibration.ts";
import { checkCalibration, placesInBins } from "./calibration.ts";
import type { Labels } from "./clusters.ts";
import { clusteredMean, effectiveSize, tooFewClusters } from "./clusters.ts";
import { checkConfidence, mean, twoSidedNormal } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import { normalCdf } from "./special.ts";

export interface CalibrationError {
  /** The error less what chance adds, with its interval. */
  error: Interval;
  /** As it is usually given; chance only adds to it. */
  plugIn: number;
  /** What a calibrated predictor would show on average, by chance alone. */
  ifCalibrated: number;
  /** Of the error being 0: how often chance alone would show as much. */
  pValue: number;
}

export interface CalibrationErrorOptions extends CalibrationOptions {
  /** Two-sided, in (0, 1); 0.95 where left out. */
  confidence?: number;
  /** Seeded where left out: the same data give the same interval. */
  random?: Random;
}

const DRAWS = 2000;
/** A bin this many standard errors from 0 has a clear direction. */
const CLEAR = 3;

interface Bin {
  /** Share of the predictions. */
  weight: number;
  /** Mean of target - prediction. */
  distance: number;
  /** Standard error of the distance. */
  error: number;
  places: readonly number[];
}

/** The expected calibration error over bins. Arguments as those of `calibration`. */
export function calibrationError(
  predictions: readonly number[],
  targets: readonly number[],
  options: CalibrationErrorOptions = {},
): CalibrationError {
  checkCalibration(predictions, targets);
  const { clusters, random = Random.for(0, "calibration error") } = options;
  const confidence = checkConfidence(options.confidence ?? 0.95);
  const n = predictions.length;
  const rest = targets.map((target, i) => target - predictions[i]!);
  const soft = targets.some((target) => target !== 0 && target !== 1);
  const bins = placesInBins(predictions, options).map((places): Bin => {
    const inside = places.map((place) => rest[place]!);
    const size = sizeOf(inside, clusters && places.map((place) => clusters[place]!), confidence);
    return {
      weight: places.length / n,
      distance: mean(inside),
      error: Math.sqrt(
        (soft ? spreadOf(inside) : spreadOfShare(places.map((place) => targets[place]!))) / size,
      ),
      places,
    };
  });
  const plugIn = total(bins, ({ distance }) => Math.abs(distance));
  const noClaim = n === 0 ? "nothing observed" : clusters && tooFew(rest, clusters);
  if (noClaim !== undefined) {
    const estimate = n === 0 ? NaN : plugIn;
    const error = { estimate, low: 0, high: 1, n, noClaim };
    return { error, plugIn: estimate, ifCalibrated: estimate, pValue: 1 };
  }
  const chance = drawChance(bins, { rest, clusters, random });
  const down = quantileOfSorted(chance.down, (1 + confidence) / 2);
  const alone = Math.hypot(...bins.map(({ weight, error }) => weight * error));
  const low = Math.max(0, plugIn - Math.max(0, down));
  const high = Math.min(1, plugIn + twoSidedNormal(confidence) * Math.max(alone, chance.signed));
  const estimate = total(bins, unfolded);
  return {
    error: { estimate: Math.max(low, Math.min(high, estimate)), low, high, n },
    plugIn,
    ifCalibrated: mean(chance.all),
    pValue: (1 + chance.all.filter((value) => value >= plugIn).length) / (DRAWS + 1),
  };
}

const total = (bins: readonly Bin[], of: (bin: Bin) => number): number =>
  bins.reduce((sum, bin) => sum + bin.weight * of(bin), 0);

const tooFew = (values: readonly number[], clusters: Labels): string | undefined =>
  tooFewClusters(clusteredMean(values, clusters));

interface Chance {
  /** What it would make of a calibrated predictor's error, by draw. */
  all: Float64Array;
  /** What it may have added to the error that was seen, sorted. */
  down: Float64Array;
  /** Deviation of the sum of all signed distances. */
  signed: number;
}

/** Normal errors of the bins; those of one cluster go together in all bins. */
function drawChance(
  bins: readonly Bin[],
  {
    rest,
    clusters,
    random,
  }: { rest: readonly number[]; clusters: Labels | undefined; random: Random },
): Chance {
  const [all, down, signed] = [0, 1, 2].map(() => new Float64Array(DRAWS)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const numbers = new Map([...new Set(clusters)].map((group, number) => [group, number]));
  const parts = clusters && bins.map((bin) => partsOf(bin, rest, { clusters, numbers }));
  const shared = new Float64Array(numbers.size);
  for (let draw = 0; draw < DRAWS; draw++) {
    for (let group = 0; group < shared.length; group++) shared[group] = random.normal();
    for (const [b, { weight, distance, error }] of bins.entries()) {
      const own = parts?.[b];
      let noise = own ? 0 : random.normal();
      if (own) for (let k = 0; k < own.of.length; k++) noise += own.part[k]! * shared[own.of[k]!]!;
      noise *= weight * error;
      all[draw]! += Math.abs(noise);
      down[draw]! += Math.abs(distance) > CLEAR * error ? noise : Math.abs(noise);
      signed[draw]! += Math.sign(distance) * noise;
    }
  }
  return { all, down: down.toSorted(), signed: Math.sqrt(mean(signed.map((x) => x * x))) };
}

/** What each cluster has in the error of a bin: squares sum to 1. Undefined where none differs. */
function partsOf(
  { places, distance }: Bin,
  rest: readonly number[],
  { clusters, numbers }: { clusters: Labels; numbers: ReadonlyMap<string | number, number> },
): { of: Int32Array; part: Float64Array } | undefined {
  const sums = new Map<number, number>();
  for (const place of places) {
    const group = numbers.get(clusters[place]!)!;
    sums.set(group, (sums.get(group) ?? 0) + rest[place]! - distance);
  }
  const length = Math.hypot(...sums.values());
  if (!(length > 1e-12)) return undefined;
  return {
    of: Int32Array.from(sums.keys()),
    part: Float64Array.from(sums.values(), (sum) => sum / length),
  };
}

/** The distance of which a folded normal has the mean that was seen; 0 where chance has more. */
function unfolded({ distance, error }: Bin): number {
  const seen = Math.abs(distance);
  if (error === 0) return seen;
  const folded = (d: number): number =>
    error * Math.sqrt(2 / Math.PI) * Math.exp(-(d * d) / (2 * error * error)) +
    d * (1 - 2 * normalCdf(-d / error));
  if (folded(0) >= seen) return 0;
  let [low, high] = [0, seen];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (folded(middle) < seen) low = middle;
    else high = middle;
  }
  return high;
}

/** Independent observations that a bin is worth; at least 1. */
function sizeOf(
  values: readonly number[],
  clusters: Labels | undefined,
  confidence: number,
): number {
  if (!clusters) return values.length;
  const found = clusteredMean(values, clusters);
  return Math.max(1, found.clusters < 2 ? 1 : effectiveSize(found, confidence));
}

/** Variance of what happened or not, with one more of each. */
function spreadOfShare(targets: readonly number[]): number {
  const share = (targets.length * mean(targets) + 1) / (targets.length + 2);
  return share * (1 - share);
}

/** Variance of anything in a range of 1, with one more value at either end. */
function spreadOf(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return (squares + 0.5) / (values.length + 2);
}

/** brier = reliability - resolution + uncertainty + within. */
export interface BrierParts {
  brier: number;
  /** Squared distance of predictions from what happened, over bins; 0 is calibrated. */
  reliability: number;
  /** How much bins differ in what happened; higher is better. */
  resolution: number;
  /** Of what happened, whoever predicts. */
  uncertainty: number;
  /** What differences within bins add; 0 where each bin holds one prediction. */
  within: number;
  /** The first three without the bias that bins of few predictions have. */
  corrected: { reliability: number; resolution: number; uncertainty: number };
  n: number;
}

/** The parts of the Brier score; everything is NaN where nothing was observed. */
export function brierParts(
  predictions: readonly number[],
  targets: readonly number[],
  options: CalibrationOptions = {},
): BrierParts {
  checkCalibration(predictions, targets);
  const n = targets.length;
  const happened = mean(targets);
  let [reliability, resolution, within, bias] = n === 0 ? [NaN, NaN, NaN, NaN] : [0, 0, 0, 0];
  for (const places of placesInBins(predictions, options)) {
    const [guessed, seen] = [predictions, targets].map((values) =>
      mean(places.map((place) => values[place]!)),
    ) as [number, number];
    const weight = places.length / n;
    reliability += weight * (guessed - seen) ** 2;
    resolution += weight * (seen - happened) ** 2;
    let spread = 0;
    for (const place of places) {
      const [p, y] = [predictions[place]! - guessed, targets[place]! - seen];
      within += (p * p - 2 * p * y) / n;
      spread += y * y;
    }
    // one prediction does not tell its spread
    if (places.length > 1) bias += (weight * spread) / (places.length * (places.length - 1));
  }
  const uncertainty = mean(targets.map((target) => (target - happened) ** 2));
  const more = n > 1 ? uncertainty / (n - 1) : 0;
  return {
    brier: mean(predictions.map((p, i) => (p - targets[i]!) ** 2)),
    reliability,
    resolution,
    uncertainty,
    within,
    corrected: {
      reliability: reliability - bias,
      resolution: resolution - bias + more,
      uncertainty: uncertainty + more,
    },
    n,
  };
}
