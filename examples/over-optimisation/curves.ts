/**
 * Curves of over-optimisation: gold and proxy reward against the distance from the policy that was
 * begun with, and Gao's laws fitted to them. Numbers in, numbers out.
 *
 * Source: Gao, Schulman and Hilton 2023 (arXiv 2210.10760), sections 3.1 and 3.2.
 * Differences:
 * 1. gold is in points of the gold total (0 to 100) less that of the initial policy, not in
 *    standard deviations.
 * 2. the coefficients' intervals come from resampling requests, those about one thing together;
 *    other seeds would differ more.
 */
import { Random } from "../../src/core/random.ts";
import type { Interval } from "../../src/stats/intervals.ts";
import { bootstrapInterval } from "../../src/stats/bootstrap.ts";
import { mean } from "../../src/stats/intervals.ts";
import type { OptimisationFit, OptimisationKind } from "../../src/stats/over-optimisation.ts";
import {
  LEAST_RL_DISTANCE,
  bestOfNCurve,
  bestOfNKl,
  fitOptimisation,
} from "../../src/stats/over-optimisation.ts";

/** A place on the way from the initial policy. */
export interface Look {
  /** sqrt(KL) from the initial policy, sqrt(nats). */
  distance: number;
  /** Gold total of each request, 0 to 1. */
  totals: readonly number[];
  /** Proxy reward over the initial policy's, in standard deviations of its answers. */
  proxy: number;
}

export interface CurvePoint {
  distance: number;
  /** Points of the gold total over the initial policy's. */
  gold: number;
  proxy: number;
}

export interface Curve {
  kind: OptimisationKind;
  /** Pairs that the reward model learned from. */
  pairs: number;
  points: CurvePoint[];
  fit: OptimisationFit;
  /**
   * 95%, by resampling requests (BCa), or by leaving out each group of them where there are few.
   */
  alpha: Interval;
  beta: Interval;
  /** Share of gold's variance over the fitted points that the law explains; may be below 0. */
  explained: number;
}

/** 1, 2, 4, ... */
const powers = (most: number): number[] =>
  Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i);

/**
 * Best-of-n for n = 1, 2, 4, ... from one draw of answers to each request, without bias. The first
 * look is the initial policy.
 * @param proxy reward of each answer, by request;
 * @param gold likewise, 0 to 1
 */
export function bestOfNLooks(
  proxy: readonly (readonly number[])[],
  gold: readonly (readonly number[])[],
): Look[] {
  const all = proxy.flat();
  const centre = mean(all);
  const deviation = Math.sqrt(mean(all.map((value) => (value - centre) ** 2)));
  const golds = proxy.map((scores, i) => bestOfNCurve(scores, gold[i]!));
  const proxies = proxy.map((scores) => bestOfNCurve(scores, scores));
  return powers(proxy[0]!.length).map((n) => ({
    distance: Math.sqrt(bestOfNKl(n)),
    totals: golds.map((curve) => curve[n - 1]!),
    proxy: mean(proxies.map((curve) => curve[n - 1]! - curve[0]!)) / deviation,
  }));
}

const RESAMPLES = 500;

/**
 * @param looks the first is the initial policy's; all of the same requests
 * @param clusters what each request is about
 * @throws AttuneError `data` where there are too few points
 */
export function curveOf(
  kind: OptimisationKind,
  looks: readonly Look[],
  { pairs, clusters, seed }: { pairs: number; clusters: readonly string[]; seed: number },
): Curve {
  const least = kind === "rl" ? LEAST_RL_DISTANCE : 0;
  const pointsOf = (requests: readonly number[]): CurvePoint[] => {
    const gold = looks.map(({ totals }) => mean(requests.map((request) => totals[request]!)));
    return looks.map(({ distance, proxy }, i) => ({
      distance,
      gold: 100 * (gold[i]! - gold[0]!),
      proxy,
    }));
  };
  const fitted = (points: readonly CurvePoint[]): OptimisationFit =>
    fitOptimisation(
      kind,
      points
        .filter(({ distance }) => distance > least)
        .map(({ distance, gold }) => ({ distance, reward: gold })),
    );
  const points = pointsOf(clusters.map((_, i) => i));
  const fit = fitted(points);
  const interval = (coefficient: "alpha" | "beta"): Interval =>
    bootstrapInterval(
      clusters.map((_, i) => i),
      (requests) => fitted(pointsOf(requests))[coefficient].estimate,
      { random: Random.for(seed, "resample", coefficient), resamples: RESAMPLES, clusters },
    );
  const used = points.filter(({ distance }) => distance > least);
  const centre = mean(used.map(({ gold }) => gold));
  const variance = mean(used.map(({ gold }) => (gold - centre) ** 2));
  return {
    kind,
    pairs,
    points,
    fit,
    alpha: interval("alpha"),
    beta: interval("beta"),
    explained: 1 - fit.residual ** 2 / variance,
  };
}
