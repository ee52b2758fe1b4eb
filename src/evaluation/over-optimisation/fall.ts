/**
 * Did what was meant fall from its peak? Values of the same prompts at several looks along an
 * optimisation. The looks are noisy, so the highest of them is higher than it should be, and a
 * plain test of the last against it finds falls that are not there (of 19 looks at a level curve: in
 * every fifth). Here the largest fall is held against the largest that chance makes.
 *
 * Source: max statistics by resampling (Westfall and Young 1993; Chernozhukov, Chetverikov and Kato
 * 2013, "Gaussian approximations and multiplier bootstrap for maxima"); signs of whole clusters as
 * multipliers (Cameron, Gelbach and Miller 2008, wild cluster bootstrap).
 * Differences: 1. falls are divided by one spread, that of all looks together, and so is every
 * resample by its own: the largest fall decides and not the one that varies least.
 */
import type { Random } from "../../core/random.ts";
import type { Labels } from "../../stats/clusters.ts";
import { tooFewClusters } from "../../stats/clusters.ts";
import { quantileOfSorted } from "../../stats/bootstrap.ts";
import type { Interval } from "../../stats/intervals.ts";
import { checkFinite, mean } from "../../stats/intervals.ts";

export interface FallOptions {
  /** Of the signs: the same generator gives the same p-value. */
  random: Random;
  /** One label for each prompt. */
  clusters?: Labels | undefined;
  /** Of the one-sided test; 0.05 where left out. */
  alpha?: number;
  /** 1,999 where left out. */
  resamples?: number;
}

export interface FallFromPeak {
  /** Look with the highest mean; the earliest of equals. */
  peak: number;
  /**
   * Last look less the peak, over prompts; negative for a fall. Corrected for the choice of the
   * peak: the upper end is below zero just where the test rejects.
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
  { random, clusters, alpha = 0.05, resamples = 1999 }: FallOptions,
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
  const observed = spreadOf(parts, undefined);
  if (!(observed.spread > 0)) {
    const same = about.estimate > -EQUAL;
    return same
      ? { peak, change: { ...about, low: 0, high: 0 }, pValue: 1 }
      : none("every prompt changed alike");
  }
  const statistic = Math.min(...parts.map(({ change }) => change)) / observed.spread;
  const drawn = Float64Array.from({ length: resamples }, () => {
    const signs = Float64Array.from({ length: size }, () => (random.chance(0.5) ? 1 : -1));
    const { least, spread } = spreadOf(parts, signs);
    return least / spread;
  }).toSorted();
  const below = drawn.filter((value) => value <= statistic).length;
  const critical = -quantileOfSorted(drawn, alpha) * observed.spread;
  return {
    peak,
    change: { ...about, low: about.estimate - critical, high: about.estimate + critical },
    pValue: (below + 1) / (resamples + 1),
  };
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
