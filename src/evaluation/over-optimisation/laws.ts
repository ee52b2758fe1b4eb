/**
 * Gao's laws through what gold says at each look, with intervals over prompts: where the curve turns
 * down, how high it is there, and which steps may be the peak.
 *
 * Source: Gao, Schulman and Hilton (arXiv 2210.10760). Difference: 1. their intervals are over
 * points of one curve; these draw whole prompts (clusters) again, since all looks ask the same ones
 * and err together.
 */
import type { Random } from "../../core/random.ts";
import { quantileOfSorted } from "../../stats/bootstrap.ts";
import type { Labels } from "../../stats/clusters.ts";
import { tooFewClusters } from "../../stats/clusters.ts";
import type { Interval } from "../../stats/intervals.ts";
import { mean } from "../../stats/intervals.ts";
import type { OptimisationFit, OptimisationKind } from "../../stats/over-optimisation.ts";
import {
  fitOptimisation,
  LEAST_RL_DISTANCE,
  optimisationReward,
} from "../../stats/over-optimisation.ts";
import { memoryOf } from "./rise.ts";
import { largestOf } from "../../core/extremes.ts";

/** Of the prompts, for the interval of each number. */
export const RESAMPLES = 1000;

/** A look at the distance where it was taken. */
export interface DistantLook {
  /** sqrt(KL) from where it began. */
  distance: number;
  /** By prompt. */
  values: readonly number[];
}

export interface FittedLaw {
  kind: OptimisationKind;
  fit: OptimisationFit;
  alpha: Interval;
  beta: Interval;
  /**
   * sqrt(KL) at which the curve turns; claimed where it does within what was seen, in 39 of 40
   * resamples or more.
   */
  peakDistance: Interval;
  /** Above where it began. */
  peakReward: Interval;
  /** Share of the resamples whose curve turns down within what was seen. */
  turns: number;
}

export interface LawOptions {
  random: Random;
  clusters?: Labels | undefined;
  /** {@link RESAMPLES} where left out. */
  resamples?: number;
}

/**
 * @param looks the first is where it began, at distance 0
 * @returns undefined where the looks lie at fewer than two distances
 */
export function fitLaw(
  kind: OptimisationKind,
  looks: readonly DistantLook[],
  { random, clusters, resamples = RESAMPLES }: LawOptions,
): FittedLaw | undefined {
  const least = kind === "rl" ? LEAST_RL_DISTANCE : 0;
  const far = new Set(looks.map(({ distance }) => distance).filter((d) => d > least));
  const groups = [...groupPrompts(looks[0]?.values.length ?? 0, clusters)];
  if (far.size < 2 || groups.length === 0) return undefined;
  const fitTo = (prompts: readonly number[]): OptimisationFit => {
    const level = (look: DistantLook): number => mean(prompts.map((i) => look.values[i]!));
    const start = level(looks[0]!);
    return fitOptimisation(
      kind,
      looks.slice(1).map((look) => ({ distance: look.distance, reward: level(look) - start })),
    );
  };
  const all = fitTo(groups.flat());
  const drawn = Array.from({ length: resamples }, () =>
    fitTo(groups.flatMap(() => groups[random.integer(groups.length)]!)),
  );
  return lawFrom(kind, all, drawn, {
    furthest: largestOf(far),
    n: groups.flat().length,
    noClaim: tooFewClusters({ clusters: groups.length }),
  });
}

/** Mean reward of a roll-out at its distance; less where the law begins. */
export interface DistantMean {
  distance: number;
  reward: number;
}

/** Roll-outs below which the spread around a law says nothing of its intervals. */
const FEWEST_MEANS = 12;

/**
 * The same through means of roll-outs, each of other prompts. A policy that wanders carries its place
 * along, so intervals draw errors that remember as much as those that the law leaves (a parametric
 * bootstrap of a first-order autoregression, Efron and Tibshirani 1986).
 */
export function fitLawThroughMeans(
  kind: OptimisationKind,
  means: readonly DistantMean[],
  { random, resamples = RESAMPLES }: Omit<LawOptions, "clusters">,
): FittedLaw | undefined {
  const least = kind === "rl" ? LEAST_RL_DISTANCE : 0;
  const points = means.filter(({ distance }) => distance > least);
  if (new Set(points.map(({ distance }) => distance)).size < 2) return undefined;
  const all = fitOptimisation(kind, points);
  const fitted = points.map(({ distance }) =>
    optimisationReward(kind, all.alpha.estimate, all.beta.estimate, distance),
  );
  const n = points.length;
  const memory = n < FEWEST_MEANS ? 0 : memoryOf(points.map(({ reward }) => reward));
  const left = points.map(({ reward }, i) => reward - fitted[i]!);
  const fresh = left.map((value, i) => (i === 0 ? 0 : value - memory * left[i - 1]!));
  // two coefficients were fitted to what is left
  const spread = Math.sqrt(fresh.reduce((sum, x) => sum + x * x, 0) / Math.max(1, n - 3));
  const drawn = Array.from({ length: resamples }, () => {
    let error = (spread / Math.sqrt(1 - memory ** 2)) * random.normal();
    return fitOptimisation(
      kind,
      points.map(({ distance }, i) => {
        const reward = fitted[i]! + error;
        error = memory * error + spread * random.normal();
        return { distance, reward };
      }),
    );
  });
  return lawFrom(kind, all, drawn, {
    furthest: largestOf(points.map(({ distance }) => distance)),
    n,
    noClaim: n < FEWEST_MEANS ? `fewer than ${FEWEST_MEANS} roll-outs` : undefined,
  });
}

function lawFrom(
  kind: OptimisationKind,
  all: OptimisationFit,
  drawn: readonly OptimisationFit[],
  { furthest, n, noClaim }: { furthest: number; n: number; noClaim: string | undefined },
): FittedLaw {
  const interval = (read: (fit: OptimisationFit) => number): Interval => {
    const about = { estimate: read(all), n };
    if (noClaim !== undefined) return { ...about, low: -Infinity, high: Infinity, noClaim };
    const sorted = Float64Array.from(drawn, read).toSorted();
    return { ...about, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
  };
  return {
    kind,
    fit: all,
    alpha: interval(({ alpha }) => alpha.estimate),
    beta: interval(({ beta }) => beta.estimate),
    peakDistance: withinSeen(
      // behind what was seen a peak may be anywhere
      interval(({ peakDistance }) => (peakDistance > furthest ? Infinity : peakDistance)),
    ),
    // the height within what was seen, where the curve turns behind it or never
    peakReward: interval(({ alpha, beta, peakDistance }) =>
      optimisationReward(kind, alpha.estimate, beta.estimate, Math.min(peakDistance, furthest)),
    ),
    turns: mean(drawn.map(({ peakDistance }) => (peakDistance < furthest ? 1 : 0))),
  };
}

/** A distance as the KL of which it is the square root, nats. */
export const klOf = ({ estimate, low, high, ...rest }: Interval): Interval => ({
  ...rest,
  estimate: estimate ** 2,
  low: low === -Infinity ? low : Math.max(0, low) ** 2,
  high: high ** 2,
});

/** A peak that may lie behind what was seen has no interval; one that does lie there no estimate. */
function withinSeen(distance: Interval): Interval {
  const { estimate, high, n, noClaim } = distance;
  if (noClaim === undefined && Number.isFinite(high) && Number.isFinite(estimate)) return distance;
  const seen = Number.isFinite(estimate);
  return {
    estimate: seen ? estimate : NaN,
    low: -Infinity,
    high: Infinity,
    n,
    noClaim: seen ? (noClaim ?? "not in every resample within the run") : "not seen within the run",
  };
}

/** Infinite values have no line between them. */
function quantile(sorted: Float64Array, level: number): number {
  const value = quantileOfSorted(sorted, level);
  return Number.isNaN(value) ? sorted[Math.ceil((sorted.length - 1) * level)]! : value;
}

/** Steps among which the peak is, in 95% of the resamples of the prompts. */
export function peakSteps(
  looks: readonly { step: number; values: readonly number[] }[],
  { random, clusters, resamples = RESAMPLES }: LawOptions,
): { low: number; high: number } {
  const groups = [...groupPrompts(looks[0]!.values.length, clusters)];
  const sums = looks.map(({ values }) =>
    groups.map((prompts) => prompts.reduce((sum, i) => sum + values[i]!, 0)),
  );
  // looks may be equal, as those of a policy that has stopped moving: any of them is the highest
  const [first, last] = [new Float64Array(resamples), new Float64Array(resamples)];
  for (let i = 0; i < resamples; i++) {
    const draw = groups.map(() => random.integer(groups.length));
    const totals = sums.map((byGroup) => draw.reduce((sum, group) => sum + byGroup[group]!, 0));
    const highest = largestOf(totals);
    first[i] = looks[totals.indexOf(highest)]!.step;
    last[i] = looks[totals.lastIndexOf(highest)]!.step;
  }
  return {
    low: first.toSorted()[Math.floor(0.025 * (resamples - 1))]!,
    high: last.toSorted()[Math.ceil(0.975 * (resamples - 1))]!,
  };
}

/** Indices of prompts that are drawn together. */
function groupPrompts(count: number, clusters: Labels | undefined): Iterable<number[]> {
  const groups = new Map<string | number, number[]>();
  for (let i = 0; i < count; i++) {
    const label = clusters?.[i] ?? i;
    const group = groups.get(label);
    if (group) group.push(i);
    else groups.set(label, [i]);
  }
  return groups.values();
}
