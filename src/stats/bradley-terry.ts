/**
 * Bradley-Terry strengths from pairwise comparisons, with ties, regularisation, an anchor and
 * sandwich standard errors. P(a preferred to b) = sigmoid(strength_a - strength_b), in log-odds.
 *
 * Source: Bradley and Terry (1952); Davidson (1970) for ties as an outcome of their own; arena-rank
 * for the closed-form sandwich, FastChat for the 400 / ln 10 scale (see {@link elo}).
 * Differences:
 * 1. standard errors may be clustered (by prompt, annotator or session), which neither of the two
 *    does, with degrees of freedom for Student's t.
 * 2. Players that no chain of comparisons links to the anchor get an infinite standard error
 *    instead of a number that comes from the prior alone.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import { fitLogistic } from "./logistic.ts";
import { minimise, sandwich } from "./newton.ts";
import type { Curvature } from "./newton.ts";

export interface Comparison {
  /** Player numbers, from 0. */
  a: number;
  b: number;
  /** Probability that a is preferred: 1, 0, 0.5 for a tie, or a soft label. */
  outcome: number;
  /** Number of equal comparisons that this one stands for; 1 where left out. */
  weight?: number;
  /** Comparisons of one cluster may depend on each other. */
  cluster?: string | number;
}

export interface BradleyTerryOptions {
  /**
   * `half`: a tie is half a win each. `davidson`: ties have a probability of their own, with a
   * fitted propensity; an outcome of exactly 0.5 is then a tie.
   */
  ties?: "half" | "davidson";
  /**
   * Precision of a normal prior around 0 for every strength; 0.01 where left out (the information
   * of 1/25 of an even comparison). With 0 every player must have won and lost, through chains,
   * against every other.
   */
  regularisation?: number;
  /** The player whose strength is 0; the first where left out. */
  anchor?: number;
}

export interface BradleyTerryFit {
  /** Strengths relative to the anchor, in log-odds. */
  strengths: Float64Array;
  /**
   * Standard errors of those differences to the anchor; infinite where nothing links a player to
   * it.
   */
  standardErrors: Float64Array;
  /**
   * Of those errors, for Student's t; infinite without clusters, and 0 where one cluster alone
   * tells of a player.
   */
  degreesOfFreedom: Float64Array;
  /**
   * Sandwich covariance of the strengths before anchoring, [players, players]: for differences of
   * any two.
   */
  covariance: Float64Array;
  /**
   * Davidson's tie propensity: between equal players a tie is this many times as likely as a win of
   * one of them.
   */
  tiePropensity?: number;
  /** Label of the connected group of each player. */
  groups: number[];
  iterations: number;
}

/**
 * Fits strengths for `players` players.
 * @throws AttuneError where the data leave strengths undetermined
 */
export function fitBradleyTerry(
  comparisons: readonly Comparison[],
  players: number,
  options: BradleyTerryOptions = {},
): BradleyTerryFit {
  const { regularisation = 0.01, anchor = 0 } = options;
  check(comparisons, players, anchor);
  if (!(regularisation >= 0))
    throw new RangeError(`regularisation must be 0 or more; got ${regularisation}`);
  if (regularisation === 0) checkDetermined(comparisons, players);
  const fit = options.ties === "davidson" ? fitDavidson : fitHalf;
  const {
    point,
    covariance,
    degreesOfFreedom: freedom,
    tiePropensity,
    iterations,
  } = fit(comparisons, players, priorOf(players, regularisation));
  const groups = connectedGroups(comparisons, players);
  const strengths = Float64Array.from({ length: players }, (_, i) => point[i]! - point[anchor]!);
  const standardErrors = Float64Array.from({ length: players }, (_, i) =>
    groups[i] === groups[anchor] ? differenceError(covariance, players, i, anchor) : Infinity,
  );
  const degreesOfFreedom = Float64Array.from({ length: players }, (_, i) =>
    i === anchor ? Infinity : freedom(i, anchor),
  );
  return {
    strengths,
    standardErrors,
    degreesOfFreedom,
    covariance,
    groups,
    iterations,
    ...(tiePropensity === undefined ? {} : { tiePropensity }),
  };
}

/** Standard error of the difference of two strengths. */
export function differenceError(
  covariance: Float64Array,
  players: number,
  i: number,
  j: number,
): number {
  const variance =
    covariance[i * players + i]! + covariance[j * players + j]! - 2 * covariance[i * players + j]!;
  // Infinite variances have no difference.
  return Number.isNaN(variance) ? Infinity : Math.sqrt(Math.max(0, variance));
}

/** A strength on the chess scale: 400 points are odds of 10 to 1. */
export function elo(strength: number, offset = 1000): number {
  return offset + (400 / Math.LN10) * strength;
}

interface RawFit {
  point: Float64Array;
  covariance: Float64Array;
  degreesOfFreedom: (index: number, other?: number) => number;
  tiePropensity?: number;
  iterations: number;
}

/**
 * Prior precision of each strength. Without a prior only differences are determined: holding player
 * 0 settles the level.
 */
function priorOf(players: number, regularisation: number): number[] {
  return Array.from({ length: players }, (_, i) =>
    regularisation > 0 ? regularisation : i === 0 ? 1 : 0,
  );
}

function fitHalf(
  comparisons: readonly Comparison[],
  players: number,
  prior: readonly number[],
): RawFit {
  const { coefficients, covariance, degreesOfFreedom, iterations } = fitLogistic({
    columns: players,
    rows: comparisons.map(({ a, b }) => ({ indices: [a, b], values: [1, -1] })),
    targets: comparisons.map(({ outcome }) => outcome),
    weights: comparisons.map(({ weight }) => weight ?? 1),
    clusters: comparisons.map(({ cluster }) => cluster),
    ridge: prior,
  });
  return { point: coefficients, covariance, degreesOfFreedom, iterations };
}

/**
 * The three outcomes are a softmax over (d/2, -d/2, log propensity), d = strength_a - strength_b.
 */
function outcomeProbabilities(
  difference: number,
  logTies: number,
): { a: number; b: number; tie: number } {
  const top = Math.max(Math.abs(difference) / 2, logTies);
  const [a, b, tie] = [
    Math.exp(difference / 2 - top),
    Math.exp(-difference / 2 - top),
    Math.exp(logTies - top),
  ];
  const sum = a + b + tie;
  return { a: a / sum, b: b / sum, tie: tie / sum };
}

function fitDavidson(
  comparisons: readonly Comparison[],
  players: number,
  prior: readonly number[],
): RawFit {
  const ties = comparisons.filter(({ outcome }) => outcome === 0.5).length;
  if (ties === 0 || ties === comparisons.length) {
    throw new AttuneError(
      "data",
      "Bradley-Terry with Davidson's ties needs both ties and decisions",
      {
        got: `${countOf(ties, "tie")} in ${countOf(comparisons.length, "comparison")}`,
        hint: 'use ties: "half"',
      },
    );
  }
  const size = players + 1;
  const { point, at, iterations } = minimise(
    size,
    (point) => davidsonCurvature(comparisons, prior, point),
    "Bradley-Terry with ties",
  );
  const scores = comparisons.map((comparison) => {
    const { a, b, weight = 1, cluster } = comparison;
    const { slope, tieSlope } = davidsonScore(comparison, point, players);
    const { strength, cross, tie } = davidsonInformation(comparison, point, players);
    return {
      indices: [a, b, players],
      values: [-slope, slope, -tieSlope],
      count: weight,
      cluster,
      curvature: [
        [strength, -strength, cross],
        [-strength, strength, -cross],
        [cross, -cross, tie],
      ],
    };
  });
  const { covariance: full, degreesOfFreedom } = sandwich(at.hessian, scores);
  const covariance = Float64Array.from(
    { length: players * players },
    (_, k) => full[Math.floor(k / players) * size + (k % players)]!,
  );
  return {
    point,
    covariance,
    degreesOfFreedom,
    tiePropensity: Math.exp(point[players]!),
    iterations,
  };
}

/**
 * Derivatives of one comparison's log-likelihood, weight left out, by the difference of strengths
 * and log propensity.
 */
function davidsonScore(
  { a, b, outcome }: Comparison,
  point: Float64Array,
  players: number,
): { slope: number; tieSlope: number } {
  const p = outcomeProbabilities(point[a]! - point[b]!, point[players]!);
  const tie = outcome === 0.5 ? 1 : 0;
  const [winA, winB] = tie ? [0, 0] : [outcome, 1 - outcome];
  return { slope: (winA - p.a - (winB - p.b)) / 2, tieSlope: tie - p.tie };
}

/** Second derivatives of minus one comparison's log-likelihood, weight left out. */
function davidsonInformation(
  { a, b }: Comparison,
  point: Float64Array,
  players: number,
): { strength: number; cross: number; tie: number } {
  const p = outcomeProbabilities(point[a]! - point[b]!, point[players]!);
  return {
    strength: (p.a + p.b) / 4 - ((p.a - p.b) / 2) ** 2,
    cross: (-(p.a - p.b) * p.tie) / 2,
    tie: p.tie * (1 - p.tie),
  };
}

function davidsonCurvature(
  comparisons: readonly Comparison[],
  prior: readonly number[],
  point: Float64Array,
): Curvature {
  const players = prior.length;
  const size = players + 1;
  const gradient = new Float64Array(size);
  const hessian = new Float64Array(size * size);
  let value = 0;
  for (const [i, precision] of prior.entries()) {
    value += 0.5 * precision * point[i]! ** 2;
    gradient[i] = precision * point[i]!;
    hessian[i * size + i] = precision;
  }
  for (const comparison of comparisons) {
    const { a, b, outcome, weight = 1 } = comparison;
    const p = outcomeProbabilities(point[a]! - point[b]!, point[players]!);
    value -=
      weight *
      (outcome === 0.5
        ? Math.log(p.tie)
        : outcome * Math.log(p.a || Number.MIN_VALUE) +
          (1 - outcome) * Math.log(p.b || Number.MIN_VALUE));
    const { slope, tieSlope } = davidsonScore(comparison, point, players);
    gradient[a]! -= weight * slope;
    gradient[b]! += weight * slope;
    gradient[players]! -= weight * tieSlope;
    const { strength, cross, tie } = davidsonInformation(comparison, point, players);
    for (const [i, x] of [
      [a, 1],
      [b, -1],
    ] as const) {
      for (const [j, y] of [
        [a, 1],
        [b, -1],
      ] as const)
        hessian[i * size + j]! += weight * x * y * strength;
      hessian[i * size + players]! += weight * x * cross;
      hessian[players * size + i]! += weight * x * cross;
    }
    hessian[players * size + players]! += weight * tie;
  }
  return { value, gradient, hessian };
}

/** Label of each player's connected group, whoever won. */
export function connectedGroups(
  comparisons: readonly Pick<Comparison, "a" | "b">[],
  players: number,
): number[] {
  const parent = Array.from({ length: players }, (_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  for (const { a, b } of comparisons) parent[root(a)] = root(b);
  return parent.map((_, i) => root(i));
}

/**
 * Ford's condition: a finite maximum exists only where every player is linked to every other by
 * wins in both directions.
 */
function checkDetermined(comparisons: readonly Comparison[], players: number): void {
  const wins: number[][] = Array.from({ length: players }, () => []);
  const losses: number[][] = Array.from({ length: players }, () => []);
  for (const { a, b, outcome } of comparisons) {
    if (outcome > 0) [wins[a]!, losses[b]!].forEach((list, i) => list.push(i === 0 ? b : a));
    if (outcome < 1) [wins[b]!, losses[a]!].forEach((list, i) => list.push(i === 0 ? a : b));
  }
  for (const [edges, word] of [
    [wins, "never loses to"],
    [losses, "never wins against"],
  ] as const) {
    const seen = new Set([0]);
    for (const player of seen) for (const next of edges[player]!) seen.add(next);
    const missing = Array.from({ length: players }, (_, i) => i).find((i) => !seen.has(i));
    if (missing !== undefined) {
      throw new AttuneError(
        "data",
        "Bradley-Terry: these comparisons leave strengths undetermined",
        {
          got: `player ${missing}, or a group with it, ${word} the rest`,
          hint: "give a regularisation above 0",
        },
      );
    }
  }
}

function check(comparisons: readonly Comparison[], players: number, anchor: number): void {
  if (comparisons.length === 0)
    throw new AttuneError("data", "Bradley-Terry: there are no comparisons");
  const known = (player: number): boolean =>
    Number.isInteger(player) && player >= 0 && player < players;
  if (!known(anchor)) throw new RangeError(`anchor ${anchor} is not one of ${players} players`);
  for (const [i, { a, b, outcome, weight = 1 }] of comparisons.entries()) {
    if (!known(a) || !known(b) || a === b)
      throw new RangeError(`comparison ${i + 1}: players ${a} and ${b} of ${players}`);
    if (!(outcome >= 0 && outcome <= 1))
      throw new RangeError(`comparison ${i + 1}: outcome ${outcome} is not a probability`);
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw new RangeError(`comparison ${i + 1}: weight ${weight}`);
  }
}
