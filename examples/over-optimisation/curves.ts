/**
 * Curves of over-optimisation: gold and proxy reward against the distance from the policy that was begun with, and Gao's laws fitted to
 * them. Numbers in, numbers out.
 *
 * Source: Gao, Schulman and Hilton 2023 (arXiv 2210.10760), sections 3.1 and 3.2. Differences: 1. gold is in points of the gold total (0 to 100) less
 * that of the initial policy, not in standard deviations. 2. the coefficients' intervals come from the spread around the curve of one seed.
 */
import { mean } from "../../src/stats/intervals.ts";
import type { OptimisationFit, OptimisationKind } from "../../src/stats/over-optimisation.ts";
import { bestOfNCurve, bestOfNKl, fitOptimisation } from "../../src/stats/over-optimisation.ts";

export interface CurvePoint {
  /** sqrt(KL) from the initial policy, sqrt(nats). */
  distance: number;
  /** Points of the gold total over the initial policy's. */
  gold: number;
  /** Proxy reward over the initial policy's, in standard deviations of its answers. */
  proxy: number;
}

export interface Curve {
  kind: OptimisationKind;
  /** Pairs that the reward model learned from. */
  pairs: number;
  points: CurvePoint[];
  fit: OptimisationFit;
  /** Share of the variance of gold that the law explains; may be below 0. */
  explained: number;
}

/** Of n that are worth a point: 1, 2, 4, ... */
const powers = (most: number): number[] => Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i);

/**
 * Best-of-n for n = 1, 2, 4, ... from one draw of answers to each request, without bias.
 * @param proxy reward of each answer, by request; @param gold likewise, 0 to 1
 */
export function bestOfNPoints(proxy: readonly (readonly number[])[], gold: readonly (readonly number[])[]): CurvePoint[] {
  const all = proxy.flat();
  const deviation = Math.sqrt(mean(all.map((value) => (value - mean(all)) ** 2)));
  const golds = proxy.map((scores, i) => bestOfNCurve(scores, gold[i]!));
  const proxies = proxy.map((scores) => bestOfNCurve(scores, scores));
  const at = (curves: readonly (readonly number[])[], n: number): number => mean(curves.map((curve) => curve[n - 1]! - curve[0]!));
  return powers(proxy[0]!.length).map((n) => ({ distance: Math.sqrt(bestOfNKl(n)), gold: 100 * at(golds, n), proxy: at(proxies, n) / deviation }));
}

/** @throws AttuneError `data` where there are too few points */
export function curveOf(kind: OptimisationKind, pairs: number, points: CurvePoint[]): Curve {
  const used = points.filter(({ distance }) => distance > 0);
  const fit = fitOptimisation(kind, used.map(({ distance, gold }) => ({ distance, reward: gold })));
  const centre = mean(used.map(({ gold }) => gold));
  const total = mean(used.map(({ gold }) => (gold - centre) ** 2));
  return { kind, pairs, points, fit, explained: 1 - fit.residual ** 2 / total };
}
