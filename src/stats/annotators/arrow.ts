/**
 * Linear systems of the Bradley-Terry model of annotators: players hang together in groups (the
 * answers to one prompt, or all models), each group touches a few annotators, and annotators touch
 * everything. The matrix is blocks with a border, solved by the border's Schur complement, so that
 * thousands of prompts cost as much as they are.
 */
import { countOf } from "../../core/counts.ts";
import { AttuneError } from "../../core/errors.ts";
import { inverse } from "../newton.ts";

/** Shape of the matrix: players, then skills, then biases. */
export interface Arrow {
  players: number;
  annotators: number;
  /** Label of each player's group. */
  groups: readonly number[];
}

/** What one vote tells: second derivatives of minus its log-likelihood. */
export interface Voted {
  left: number;
  right: number;
  annotator: number;
  /** By the difference of strengths twice, then by it and the skill, by it and the bias. */
  strength: number;
  strengthSkill: number;
  strengthBias: number;
  skill: number;
  skillBias: number;
  bias: number;
}

interface Block {
  players: number[];
  own: Float64Array;
  /** Border columns that the group touches, each with its entries. */
  border: Map<number, Float64Array>;
}

export interface Information {
  arrow: Arrow;
  blocks: Block[];
  /** [2 annotators, 2 annotators] */
  border: Float64Array;
  /** Block and place of each player. */
  places: { block: number; at: number }[];
}

export interface Solved {
  /** Of all unknowns, in the order of the point. */
  step: Float64Array;
  /** Variance of an entry of the border: skill j, or annotators + j for a bias. */
  annotatorVariance(n: number): number;
  /** Of the difference of two players of one group. */
  differenceVariance(i: number, j: number): number;
}

/** More players in one group do not fit in memory. */
const MOST_PLAYERS = 2000;

/** The votes' information and the priors', as blocks with a border. */
export function gatherInformation(
  voted: readonly Voted[],
  arrow: Arrow,
  precisions: { strength: number; skill: number; bias: number },
): Information {
  const { players, annotators, groups } = arrow;
  const numbers = new Map<number, number>();
  const blocks: Block[] = [];
  const places = groups.map((group, player) => {
    const block =
      numbers.get(group) ??
      blocks.push({ players: [], own: new Float64Array(), border: new Map() }) - 1;
    numbers.set(group, block);
    return { block, at: blocks[block]!.players.push(player) - 1 };
  });
  for (const block of blocks) {
    const size = block.players.length;
    if (size > MOST_PLAYERS)
      throw new AttuneError("data", "Bradley-Terry of annotators: too many answers hang together", {
        got: `${countOf(size, "answer")} linked by comparisons, of ${players}`,
        expected: `at most ${MOST_PLAYERS}`,
      });
    block.own = new Float64Array(size * size);
    for (let i = 0; i < size; i++) block.own[i * size + i] = precisions.strength;
  }
  const width = 2 * annotators;
  const border = new Float64Array(width * width);
  for (let j = 0; j < annotators; j++) {
    border[j * width + j] = precisions.skill;
    border[(annotators + j) * width + annotators + j] = precisions.bias;
  }
  for (const vote of voted) {
    const { block, at } = places[vote.left]!;
    const other = places[vote.right]!.at;
    const { own, players: members, border: columns } = blocks[block]!;
    const size = members.length;
    own[at * size + at]! += vote.strength;
    own[other * size + other]! += vote.strength;
    own[at * size + other]! -= vote.strength;
    own[other * size + at]! -= vote.strength;
    const [skill, bias] = [vote.annotator, annotators + vote.annotator];
    for (const [column, value] of [
      [skill, vote.strengthSkill],
      [bias, vote.strengthBias],
    ] as const) {
      const entries = columns.get(column) ?? new Float64Array(size);
      columns.set(column, entries);
      entries[at]! += value;
      entries[other]! -= value;
    }
    border[skill * width + skill]! += vote.skill;
    border[bias * width + bias]! += vote.bias;
    border[skill * width + bias]! += vote.skillBias;
    border[bias * width + skill]! += vote.skillBias;
  }
  return { arrow, blocks, border, places };
}

/** Undefined where the matrix is not positive definite. */
export function solveArrow(
  { arrow, blocks, border, places }: Information,
  gradient: Float64Array,
): Solved | undefined {
  const { players, annotators } = arrow;
  const width = 2 * annotators;
  const schur = border.slice();
  const right = Float64Array.from(gradient.subarray(players));
  const inverses = blocks.map(({ own }) => inverse(own));
  if (inverses.includes(undefined)) return undefined;
  const parts = blocks.map(({ players: members, border: columns }, index) => {
    const size = members.length;
    const inverted = inverses[index]!;
    /** own⁻¹ times each border column. */
    const across = new Map([...columns].map(([n, entries]) => [n, times(inverted, entries)]));
    const local = times(
      inverted,
      Float64Array.from(members, (player) => gradient[player]!),
    );
    for (const [n, entries] of columns) {
      right[n]! -= dot(entries, local);
      for (const [m, solved] of across) schur[n * width + m]! -= dot(entries, solved);
    }
    return { members, size, inverted, across, local };
  });
  const covariance = inverse(schur);
  if (!covariance) return undefined;
  const outer = times(covariance, right);
  const step = new Float64Array(gradient.length);
  step.set(outer, players);
  for (const { members, across, local } of parts)
    for (const [at, player] of members.entries()) {
      step[player] = local[at]!;
      for (const [n, solved] of across) step[player]! -= solved[at]! * outer[n]!;
    }
  return {
    step,
    annotatorVariance: (n) => covariance[n * width + n]!,
    differenceVariance(i, j) {
      const { size, inverted, across } = parts[places[i]!.block]!;
      const [a, b] = [places[i]!.at, places[j]!.at];
      let variance =
        inverted[a * size + a]! + inverted[b * size + b]! - 2 * inverted[a * size + b]!;
      const contrast = [...across].map(([n, solved]) => [n, solved[a]! - solved[b]!] as const);
      for (const [n, x] of contrast)
        for (const [m, y] of contrast) variance += x * y * covariance[n * width + m]!;
      return Math.max(0, variance);
    },
  };
}

function times(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  const result = new Float64Array(n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) result[i]! += matrix[i * n + k]! * vector[k]!;
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n]! * b[n]!;
  return sum;
}
