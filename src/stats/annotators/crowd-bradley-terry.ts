/**
 * Bradley-Terry strengths from comparisons of annotators who differ: each has a skill, the
 * probability that he judges by the two answers at all, and a bias, how he chooses when he does
 * not. P(left chosen) = skill * sigmoid(strength_left - strength_right) + (1 - skill) * bias.
 *
 * Source: Chen et al., "Pairwise ranking aggregation in a crowdsourced setting" (2013); the
 * likelihood of crowd-kit's NoisyBradleyTerry. Newton's method; standard errors from the observed
 * information; MacKay (1992) for the probability at uncertain strengths.
 * Differences:
 * 1. Normal priors on strengths and on the logits of skills and biases in place of crowd-kit's
 *    virtual player: they are stated, and leave nothing undetermined.
 * 2. crowd-kit's slopes of biases and skills are overwritten vote by vote and stand one place
 *    early, so that it ends short of its own maximum (scripts/golden/crowd.py).
 * 3. A tie is half a vote for each side.
 * Skills are known up to the scale of the strengths: less skill and strengths further apart give
 * nearly the same votes, and the priors choose. Compare skills with each other.
 */
import { AttuneError } from "../../core/errors.ts";
import { sigmoid } from "../special.ts";
import { gatherInformation, solveArrow } from "./arrow.ts";
import type { Arrow, Solved, Voted } from "./arrow.ts";

export interface CrowdComparison {
  /** Player shown on the left, from 0. */
  left: number;
  /** Player shown on the right. */
  right: number;
  /** From 0. */
  annotator: number;
  /** 1 where the left one was chosen, 0 for the right one, 0.5 for a tie. */
  outcome: number;
}

export interface CrowdBradleyTerryOptions {
  players: number;
  annotators: number;
  /** Precision of the normal prior around 0 of each strength, in log-odds; 1 where left out. */
  strengthPrecision?: number;
  /** Of the logit of each skill, 0.5 where left out. */
  skillPrecision?: number;
  /** Mean of the logit of each skill; 1 where left out, a skill of 0.73. */
  skillMean?: number;
  /** Of the logit of each bias around 0 (no side is preferred); 0.5 where left out. */
  biasPrecision?: number;
  /** 500 where left out. */
  iterations?: number;
}

export interface CrowdAnnotator {
  /** Probability that he judges by the answers. */
  skill: number;
  /**
   * Of the logit of his skill, from the curvature at the maximum; twice it covers 89% at 120 votes,
   * as the likelihood is lopsided.
   */
  skillError: number;
  /** Probability that he chooses the left one where he does not judge. */
  bias: number;
  /** Of the logit of his bias, likewise. */
  biasError: number;
  votes: number;
}

export interface CrowdBradleyTerryFit {
  /** In log-odds, around 0. */
  strengths: Float64Array;
  annotators: CrowdAnnotator[];
  /** Without the priors. */
  logLikelihood: number;
  iterations: number;
  converged: boolean;
  /** Standard error of the difference of two strengths; infinite where no chain links them. */
  differenceError(i: number, j: number): number;
  /**
   * Probability that a judge who looks prefers i to j, averaged over what the votes leave open; 0.5
   * where no chain of comparisons links them.
   */
  preference(i: number, j: number): number;
}

/** Largest change of an unknown below which the fit ends. */
const TOLERANCE = 1e-10;

/**
 * Fits by Newton's method from equal strengths.
 * @throws AttuneError where there is nothing to fit, or more players hang together than fit in
 * memory
 */
export function fitCrowdBradleyTerry(
  votes: readonly CrowdComparison[],
  options: CrowdBradleyTerryOptions,
): CrowdBradleyTerryFit {
  const { players, annotators } = options;
  check(votes, options);
  const prior = priorOf(options);
  const arrow = { players, annotators, groups: groupsOf(votes, players) };
  // strengths, then skills, then biases
  let point = new Float64Array(players + 2 * annotators).fill(
    prior.skillMean,
    players,
    players + annotators,
  );
  let value = objective(votes, arrow, { point, prior });
  let [iterations, converged] = [0, false];
  let solved: Solved | undefined;
  while (!converged && iterations < (options.iterations ?? 500)) {
    iterations++;
    solved = solveAt(votes, arrow, { point, prior });
    let scale = 1;
    let next = point.map((x, n) => x + solved!.step[n]!);
    let there = objective(votes, arrow, { point: next, prior });
    while (!(there >= value - 1e-12 * Math.abs(value)) && scale > 1e-6) {
      scale /= 2;
      next = point.map((x, n) => x + scale * solved!.step[n]!);
      there = objective(votes, arrow, { point: next, prior });
    }
    const moved = scale * solved.step.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    [point, value] = [next, there];
    converged = moved < TOLERANCE;
  }
  return describe(votes, arrow, { point, solved: solved!, iterations, converged });
}

/** Log-likelihood of the votes at strengths and the logits of skills and biases. */
export function crowdLogLikelihood(
  votes: readonly CrowdComparison[],
  {
    strengths,
    skills,
    biases,
  }: { strengths: ArrayLike<number>; skills: ArrayLike<number>; biases: ArrayLike<number> },
): number {
  let sum = 0;
  for (const { left, right, annotator, outcome } of votes) {
    const skill = sigmoid(skills[annotator]!);
    const difference = strengths[left]! - strengths[right]!;
    const one = (y: 1 | -1): number =>
      Math.log(
        Math.max(
          Number.MIN_VALUE,
          skill * sigmoid(y * difference) + (1 - skill) * sigmoid(y * biases[annotator]!),
        ),
      );
    if (outcome > 0) sum += outcome * one(1);
    if (outcome < 1) sum += (1 - outcome) * one(-1);
  }
  return sum;
}

interface Prior {
  skillMean: number;
  precisions: { strength: number; skill: number; bias: number };
}

function priorOf(options: CrowdBradleyTerryOptions): Prior {
  const {
    strengthPrecision = 1,
    skillPrecision = 0.5,
    biasPrecision = 0.5,
    skillMean = 1,
  } = options;
  if (![strengthPrecision, skillPrecision, biasPrecision].every((x) => x > 0))
    throw new RangeError("the precisions of the priors must be above 0");
  return {
    skillMean,
    precisions: { strength: strengthPrecision, skill: skillPrecision, bias: biasPrecision },
  };
}

type Shape = Pick<Arrow, "players" | "annotators">;
interface At {
  point: Float64Array;
  prior: Prior;
}

function objective(
  votes: readonly CrowdComparison[],
  { players, annotators }: Shape,
  { point, prior: { precisions, skillMean } }: At,
): number {
  const [strengths, skills, biases] = partsOf(point, { players, annotators });
  let value = crowdLogLikelihood(votes, { strengths, skills, biases });
  for (const s of strengths) value -= 0.5 * precisions.strength * s * s;
  for (const g of skills) value -= 0.5 * precisions.skill * (g - skillMean) ** 2;
  for (const q of biases) value -= 0.5 * precisions.bias * q * q;
  return value;
}

const partsOf = (
  point: Float64Array,
  { players, annotators }: Shape,
): [Float64Array, Float64Array, Float64Array] => [
  point.subarray(0, players),
  point.subarray(players, players + annotators),
  point.subarray(players + annotators),
];

/**
 * Newton's step by the observed information, by the expected one where that is not positive
 * definite.
 */
function solveAt(votes: readonly CrowdComparison[], arrow: Arrow, at: At): Solved {
  const { players, annotators } = arrow;
  const { precisions, skillMean } = at.prior;
  const gradient = Float64Array.from(at.point, (x, n) =>
    n < players
      ? -precisions.strength * x
      : n < players + annotators
        ? -precisions.skill * (x - skillMean)
        : -precisions.bias * x,
  );
  const slopes = votes.map((vote) => slopesOf(vote, arrow, at.point));
  for (const [n, { left, right, annotator }] of votes.entries()) {
    const { pull, byStrength, bySkill, byBias } = slopes[n]!;
    gradient[left]! += pull * byStrength;
    gradient[right]! -= pull * byStrength;
    gradient[players + annotator]! += pull * bySkill;
    gradient[players + annotators + annotator]! += pull * byBias;
  }
  for (const form of ["observed", "expected"] as const) {
    const voted = votes.map((vote, n) => informationOf(vote, slopes[n]!, form));
    const solved = solveArrow(gatherInformation(voted, arrow, precisions), gradient);
    if (solved) return solved;
  }
  throw new AttuneError("numeric", "Bradley-Terry of annotators: the information is singular");
}

/** How the probability of a vote moves with its unknowns. */
interface Slopes {
  p: number;
  /** Slope of the log-likelihood by that probability. */
  pull: number;
  skill: number;
  judged: number;
  blind: number;
  byStrength: number;
  bySkill: number;
  byBias: number;
}

function slopesOf(
  { left, right, annotator, outcome }: CrowdComparison,
  { players, annotators }: Shape,
  point: Float64Array,
): Slopes {
  const skill = sigmoid(point[players + annotator]!);
  const judged = sigmoid(point[left]! - point[right]!);
  const blind = sigmoid(point[players + annotators + annotator]!);
  const p = Math.min(1 - 1e-15, Math.max(1e-15, skill * judged + (1 - skill) * blind));
  return {
    p,
    pull: (outcome - p) / (p * (1 - p)),
    skill,
    judged,
    blind,
    byStrength: skill * judged * (1 - judged),
    bySkill: skill * (1 - skill) * (judged - blind),
    byBias: (1 - skill) * blind * (1 - blind),
  };
}

function informationOf(
  { left, right, annotator, outcome }: CrowdComparison,
  { p, pull, skill, judged, blind, byStrength, bySkill, byBias }: Slopes,
  form: "observed" | "expected",
): Voted {
  const observed = form === "observed";
  const weight = observed ? outcome / p ** 2 + (1 - outcome) / (1 - p) ** 2 : 1 / (p * (1 - p));
  const bend = observed ? pull : 0;
  const share = skill * (1 - skill);
  return {
    left,
    right,
    annotator,
    strength: weight * byStrength ** 2 - bend * byStrength * (1 - 2 * judged),
    strengthSkill: weight * byStrength * bySkill - bend * share * judged * (1 - judged),
    strengthBias: weight * byStrength * byBias,
    skill: weight * bySkill ** 2 - bend * bySkill * (1 - 2 * skill),
    skillBias: weight * bySkill * byBias + bend * share * blind * (1 - blind),
    bias: weight * byBias ** 2 - bend * byBias * (1 - 2 * blind),
  };
}

function describe(
  votes: readonly CrowdComparison[],
  arrow: Arrow,
  {
    point,
    solved,
    iterations,
    converged,
  }: { point: Float64Array; solved: Solved; iterations: number; converged: boolean },
): CrowdBradleyTerryFit {
  const [strengths, skills, biases] = partsOf(point, arrow).map((part) => part.slice());
  const counts = new Int32Array(arrow.annotators);
  for (const { annotator } of votes) counts[annotator]! += 1;
  const differenceError = (i: number, j: number): number =>
    arrow.groups[i] === arrow.groups[j] ? Math.sqrt(solved.differenceVariance(i, j)) : Infinity;
  return {
    strengths: strengths!,
    annotators: Array.from({ length: arrow.annotators }, (_, j) => ({
      skill: sigmoid(skills![j]!),
      skillError: Math.sqrt(solved.annotatorVariance(j)),
      bias: sigmoid(biases![j]!),
      biasError: Math.sqrt(solved.annotatorVariance(arrow.annotators + j)),
      votes: counts[j]!,
    })),
    logLikelihood: crowdLogLikelihood(votes, {
      strengths: strengths!,
      skills: skills!,
      biases: biases!,
    }),
    iterations,
    converged,
    differenceError,
    preference(i, j) {
      const error = differenceError(i, j);
      if (!Number.isFinite(error)) return 0.5;
      const shrink = Math.sqrt(1 + (Math.PI * error * error) / 8);
      return sigmoid((strengths![i]! - strengths![j]!) / shrink);
    },
  };
}

/** Label of each player's connected group. */
function groupsOf(votes: readonly CrowdComparison[], players: number): number[] {
  const parent = Array.from({ length: players }, (_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  for (const { left, right } of votes) parent[root(left)] = root(right);
  return parent.map((_, i) => root(i));
}

function check(
  votes: readonly CrowdComparison[],
  { players, annotators }: CrowdBradleyTerryOptions,
): void {
  if (votes.length === 0)
    throw new AttuneError("data", "Bradley-Terry of annotators: there are no votes");
  for (const [n, { left, right, annotator, outcome }] of votes.entries()) {
    const known = [left, right].every((x) => Number.isInteger(x) && x >= 0 && x < players);
    if (!known || left === right)
      throw new RangeError(`vote ${n + 1}: players ${left} and ${right} of ${players}`);
    if (!(Number.isInteger(annotator) && annotator >= 0 && annotator < annotators))
      throw new RangeError(`vote ${n + 1}: annotator ${annotator} of ${annotators}`);
    if (!(outcome >= 0 && outcome <= 1))
      throw new RangeError(`vote ${n + 1}: outcome ${outcome} is not a probability`);
  }
}
