/**
 * Did what was meant fall from its peak? Values of the same prompts at several looks along an
 * optimisation. The looks are noisy, so the highest of them is higher than it should be, and a
 * plain test of the last against it finds falls that are not there (of 19 looks at a level curve: in
 * every fifth). Here the largest fall is held against the largest that chance makes.
 *
 * Source: max statistics by resampling (Westfall and Young 1993; Chernozhukov, Chetverikov and Kato
 * 2013, "Gaussian approximations and multiplier bootstrap for maxima"); signs of whole clusters as
 * multipliers (Cameron, Gelbach and Miller 2008, wild cluster bootstrap); whole clusters drawn again
 * (their pairs cluster bootstrap).
 * Differences: 1. falls are divided by one spread, that of all looks together, and so is every turn
 * of signs by its own: the largest fall decides and not the one that varies least.
 * 2. Both resamplings must find the fall. Signs know how little few clusters say of their spread and
 * nothing of skewness, so they err where gold is a rare 0 or 1; draws know skewness and err where
 * clusters are few (docs/decisions/over-optimisation.md).
 */
import type { Random } from "../../core/random.ts";
import type { Labels } from "../../stats/clusters.ts";
import { tooFewClusters } from "../../stats/clusters.ts";
import type { Interval } from "../../stats/intervals.ts";
import { checkFinite, mean } from "../../stats/intervals.ts";
import { pairedDifference } from "../../stats/paired.ts";

export interface FallOptions {
  /** Of signs and draws: the same generator gives the same p-value. */
  random: Random;
  /** One label for each prompt. */
  clusters?: Labels | undefined;
  /** Of the one-sided test; 0.05 where left out. */
  alpha?: number;
  /** 1,999 of signs and as many of draws, where left out. */
  resamples?: number;
  /** Between which the values lie, where they have bounds: rare values are then told more surely. */
  range?: readonly [number, number] | undefined;
}

export interface FallFromPeak {
  /** Look with the highest mean; the earliest of equals. */
  peak: number;
  /**
   * Last look less the peak, over prompts; negative for a fall. The upper end is corrected for the
   * choice of the peak: it is below zero just where the test rejects. The lower end bounds the fall
   * from every look at once, with error alpha: of bounds that must all hold none is corrected
   * (Berger 1982).
   */
  change: Interval;
  /** One-sided: that no look is above the last. NaN where nothing is claimed. */
  pValue: number;
}

/** Rounding of sums must not decide between looks that are equal. */
const EQUAL = 1e-9;

/** @param values by look, then by prompt, the same prompts at every look */
export function fallFromPeak(
  values: readonly (readonly number[])[],
  { random, clusters, alpha = 0.05, resamples = 1999, range }: FallOptions,
): FallFromPeak {
  const last = values.at(-1);
  if (last === undefined || values.some(({ length }) => length !== last.length))
    throw new RangeError("a fall from the peak needs the same prompts at every look");
  checkFinite(values.flat(), "values of looks");
  const groups = groupsOf(last.length, clusters);
  const means = values.map((look) => mean(look));
  const peak = means.reduce((best, x, i) => (x > means[best]! + EQUAL ? i : best), 0);
  const n = last.length;
  const about = { estimate: means.at(-1)! - means[peak]!, n };
  const size = Math.max(0, ...groups) + 1;
  const none = (noClaim: string): FallFromPeak => ({
    peak,
    change: { ...about, low: -Infinity, high: Infinity, noClaim },
    pValue: NaN,
  });
  if (values.length < 2) return none("1 look");
  const few = tooFewClusters({ clusters: size });
  if (few !== undefined) return none(few);
  const parts = values.slice(0, -1).map((look) => partsOf(look, last, { groups, size }));
  const { spread } = spreadOf(parts, undefined);
  if (!(spread > 0)) {
    const same = about.estimate > -EQUAL;
    return same
      ? { peak, change: { ...about, low: 0, high: 0 }, pValue: 1 }
      : none("every prompt changed alike");
  }
  const least = Math.min(...parts.map(({ change }) => change));
  const tests = [
    testOf(least / spread, turnedFalls(parts, { random, resamples }), alpha),
    testOf(least, drawnFalls(parts, { random, resamples }), alpha),
  ] as const;
  return {
    peak,
    change: {
      ...about,
      low: Math.min(
        about.estimate,
        ...values.slice(0, -1).map((look) => lowest(last, look, { clusters, alpha, range })),
      ),
      high: about.estimate + Math.max(tests[0].critical * spread, tests[1].critical),
    },
    pValue: Math.max(...tests.map(({ pValue }) => pValue)),
  };
}

/** Of a one-sided interval of one look; nothing is below it where both are alike in every prompt. */
function lowest(
  last: readonly number[],
  look: readonly number[],
  { clusters, alpha, range }: Pick<FallOptions, "clusters" | "range"> & { alpha: number },
): number {
  if (!range && last.every((value, i) => value === look[i])) return 0;
  const reach = range && range[1] - range[0];
  const { low, noClaim } = pairedDifference(last, look, {
    clusters,
    confidence: 1 - 2 * alpha,
    ...(reach === undefined ? {} : { range: [-reach, reach] as const }),
  });
  return noClaim === undefined ? low : -Infinity;
}

/** How far a fall must go to be one that chance makes in alpha of its turns, and the p-value. */
function testOf(
  fall: number,
  drawn: Float64Array,
  alpha: number,
): { pValue: number; critical: number } {
  const sorted = drawn.toSorted();
  const below = sorted.filter((value) => value <= fall + EQUAL * Math.abs(fall)).length;
  // with one more as far down the test does not reject
  const allowed = Math.ceil(alpha * (drawn.length + 1)) - 1;
  return {
    pValue: (below + 1) / (drawn.length + 1),
    critical: allowed < 1 ? Infinity : -sorted[allowed - 1]!,
  };
}

/** Largest falls where the residual of each cluster has a random sign, each by its own spread. */
const turnedFalls = (
  parts: readonly Parts[],
  { random, resamples }: { random: Random; resamples: number },
): Float64Array =>
  Float64Array.from({ length: resamples }, () => {
    const signs = Float64Array.from(parts[0]!.sizes, () => (random.chance(0.5) ? 1 : -1));
    const { least, spread } = spreadOf(parts, signs);
    return least / spread;
  });

/** Largest falls beyond those that were seen, where whole clusters are drawn again. */
function drawnFalls(
  parts: readonly Parts[],
  { random, resamples }: { random: Random; resamples: number },
): Float64Array {
  const { sizes } = parts[0]!;
  return Float64Array.from({ length: resamples }, () => {
    const times = new Float64Array(sizes.length);
    let n = 0;
    for (let drawn = 0; drawn < sizes.length; drawn++) {
      const group = random.integer(sizes.length);
      times[group]!++;
      n += sizes[group]!;
    }
    let least = 0;
    for (const { residuals } of parts) {
      let sum = 0;
      for (let group = 0; group < times.length; group++) sum += times[group]! * residuals[group]!;
      least = Math.min(least, sum / n);
    }
    return least;
  });
}

/** One look against the last, by cluster. */
interface Parts {
  /** Mean of last less look. */
  change: number;
  /** Sum of each cluster less its part of the mean. */
  residuals: Float64Array;
  /** Prompts of each cluster. */
  sizes: Float64Array;
}

function partsOf(
  look: readonly number[],
  last: readonly number[],
  { groups, size }: { groups: readonly number[]; size: number },
): Parts {
  const sums = new Float64Array(size);
  const sizes = new Float64Array(size);
  for (const [prompt, group] of groups.entries()) {
    sums[group]! += last[prompt]! - look[prompt]!;
    sizes[group]! += 1;
  }
  const change = sums.reduce((total, x) => total + x, 0) / look.length;
  return { change, residuals: sums.map((sum, group) => sum - sizes[group]! * change), sizes };
}

/**
 * The smallest mean over looks, and the root mean square of the looks' standard errors, where each
 * cluster's residual has its sign; without signs only the latter means something.
 */
function spreadOf(
  parts: readonly Parts[],
  signs: Float64Array | undefined,
): { least: number; spread: number } {
  let [least, squares] = [0, 0];
  for (const { residuals, sizes } of parts) {
    let [sum, square, cross, n, sizeSquares] = [0, 0, 0, 0, 0];
    for (let group = 0; group < residuals.length; group++) {
      const value = residuals[group]! * (signs ? signs[group]! : 1);
      const size = sizes[group]!;
      sum += value;
      square += value * value;
      cross += value * size;
      n += size;
      sizeSquares += size * size;
    }
    const centre = sum / n;
    least = Math.min(least, centre);
    const count = residuals.length;
    squares +=
      ((square - 2 * centre * cross + centre * centre * sizeSquares) * count) /
      (count - 1) /
      (n * n);
  }
  return { least, spread: Math.sqrt(squares / parts.length) };
}

/** Clusters by number, in the order in which they appear; every prompt its own where none are given. */
function groupsOf(count: number, clusters: Labels | undefined): number[] {
  if (clusters && clusters.length !== count)
    throw new RangeError(`${clusters.length} clusters for ${count} prompts`);
  const known = new Map<string | number, number>();
  return Array.from({ length: count }, (_, prompt) => {
    const label = clusters?.[prompt] ?? prompt;
    const group = known.get(label) ?? known.size;
    known.set(label, group);
    return group;
  });
}
