/**
 * Which of several models are on the Pareto front of two or more goods, and how sure that is: from
 * scores of the same prompts, so that models are compared pair by pair on each.
 *
 * Source: Efron and Tibshirani, chapter 6, for the bootstrap by clusters; the same resample serves
 * every model.
 * Differences: 1. probabilities are shares of resamples. They say how stable the front is under
 * other prompts of the same kind, and are no posterior: two models that are truly equal on an axis
 * dominate each other in about half of them.
 * 2. Domination is called clear where the interval of the paired difference is above zero on every
 * axis. Axes need no correction, as all must hold together (Berger 1982); pairs of models do, by
 * Holm's steps (1979), so that any clear domination is wrong at most as often as the confidence says.
 */
import type { Random } from "../core/random.ts";
import type { Labels } from "./clusters.ts";
import { tooFewClusters } from "./clusters.ts";
import type { Interval } from "./intervals.ts";
import { checkFinite, meanInterval } from "./intervals.ts";
import { simultaneousConfidence } from "./multiple-testing.ts";
import { pairedDifference } from "./paired.ts";

/** One good, measured for every model on the same prompts. */
export interface ParetoAxis {
  /** By model, then by prompt. */
  scores: readonly (readonly number[])[];
  better: "higher" | "lower";
  /** One label for each prompt. */
  clusters?: Labels | undefined;
  /** Between which the scores must lie. */
  range?: readonly [number, number];
  /**
   * Axes of one set are measured on the same prompts and share their resamples; those of different
   * sets are independent. One set where left out.
   */
  set?: string;
}

export interface ParetoModel {
  /** Means of its scores, by axis, as measured. */
  means: Interval[];
  /** No other model is at least as good on every axis and better on one. */
  onFront: boolean;
  /** Share of the resamples in which that is so. */
  probabilityOnFront: number;
  /** Models that are clearly better on every axis, corrected over all pairs of models (Holm). */
  clearlyDominatedBy: number[];
}

export interface ParetoFront {
  models: ParetoModel[];
  /** Share of the resamples in which the first is at least as good on every axis and better on one. */
  dominates: number[][];
  resamples: number;
  /** Why resamples say nothing: too few prompts or clusters. */
  noClaim?: string;
}

export interface ParetoOptions {
  random: Random;
  /** 2,000 where left out. */
  resamples?: number;
  /** Of the intervals, two-sided; 0.95 where left out. */
  confidence?: number;
}

export function paretoFront(
  axes: readonly ParetoAxis[],
  { random, resamples = 2000, confidence = 0.95 }: ParetoOptions,
): ParetoFront {
  const count = check(axes, resamples);
  const sets = setsOf(axes);
  const means = axes.map((axis) =>
    axis.scores.map((scores) =>
      meanInterval(scores, { confidence, clusters: axis.clusters, ...rangeOf(axis) }),
    ),
  );
  const found = frontOf(
    means.map((intervals) => intervals.map(({ estimate }) => estimate)),
    axes,
  );
  const noClaim = sets
    .map(({ units }) => tooFewClusters({ clusters: units.length }))
    .find((reason) => reason !== undefined);
  const tally = noClaim === undefined ? resample(axes, sets, { random, resamples }) : undefined;
  const clear = clearDominations(axes, count, confidence);
  const models = Array.from({ length: count }, (_, model): ParetoModel => ({
    means: means.map((intervals) => intervals[model]!),
    onFront: found.front[model]!,
    probabilityOnFront: tally ? tally.front[model]! / resamples : Number(found.front[model]!),
    clearlyDominatedBy: clear.flatMap(({ better, worse }) => (worse === model ? [better] : [])),
  }));
  const dominates = found.dominates.map((row, i) =>
    row.map((now, j) => (tally ? tally.dominates[i]![j]! / resamples : Number(now))),
  );
  return { models, dominates, resamples, ...(noClaim === undefined ? {} : { noClaim }) };
}

interface Domination {
  better: number;
  worse: number;
}

/** Holm's steps over pairs of models: what is found at the confidence of so many leaves fewer. */
function clearDominations(
  axes: readonly ParetoAxis[],
  count: number,
  confidence: number,
): Domination[] {
  let left = Array.from({ length: count }, (_, i) => i).flatMap((i) =>
    Array.from({ length: count - i - 1 }, (_, j): [number, number] => [i, i + 1 + j]),
  );
  const found: Domination[] = [];
  for (let before = 0; left.length > 0 && left.length !== before;) {
    before = left.length;
    const each = simultaneousConfidence(confidence, left.length);
    left = left.filter(([i, j]) => {
      const ways: readonly Domination[] = [
        { better: i, worse: j },
        { better: j, worse: i },
      ];
      const way = ways.find((one) => axes.every((axis) => isClear(axis, one, each)));
      if (way) found.push(way);
      return way === undefined;
    });
  }
  return found.toSorted((a, b) => a.better - b.better);
}

/** Whether one is better on this axis, with its interval clear of zero. */
function isClear(axis: ParetoAxis, { better, worse }: Domination, confidence: number): boolean {
  const [a, b] = axis.better === "higher" ? [better, worse] : [worse, better];
  const reach = axis.range && axis.range[1] - axis.range[0];
  const difference = pairedDifference(axis.scores[a]!, axis.scores[b]!, {
    confidence,
    clusters: axis.clusters,
    ...(reach === undefined ? {} : { range: [-reach, reach] as const }),
  });
  return difference.noClaim === undefined && difference.low > 0;
}

const rangeOf = ({ range }: ParetoAxis): { range?: readonly [number, number] } =>
  range ? { range } : {};

interface Dominance<T> {
  front: T[];
  dominates: T[][];
}

/** @param values by axis, then by model */
function frontOf(
  values: readonly (readonly number[])[],
  axes: readonly ParetoAxis[],
): Dominance<boolean> {
  const count = values[0]!.length;
  const signs = axes.map(({ better }) => (better === "higher" ? 1 : -1));
  const dominates = Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (_, j) => {
      let better = false;
      for (const [axis, row] of values.entries()) {
        const ahead = signs[axis]! * (row[i]! - row[j]!);
        // means of equal scores differ by rounding
        const rounding = 1e-12 * (Math.abs(row[i]!) + Math.abs(row[j]!));
        if (ahead < -rounding) return false;
        if (ahead > rounding) better = true;
      }
      return better;
    }),
  );
  const front = Array.from({ length: count }, (_, j) => !dominates.some((row) => row[j]!));
  return { front, dominates };
}

/** Prompts that are drawn together, of a set of axes. */
interface PromptSet {
  axes: readonly ParetoAxis[];
  units: number[][];
}

function setsOf(axes: readonly ParetoAxis[]): PromptSet[] {
  const names = [...new Set(axes.map(({ set }) => set))];
  return names.map((name) => {
    const own = axes.filter(({ set }) => set === name);
    const prompts = own[0]!.scores[0]!.length;
    const different = own.find(({ scores }) => scores[0]!.length !== prompts);
    if (different)
      throw new RangeError(
        `axes of one set have the same prompts; got ${prompts} and ${different.scores[0]!.length}`,
      );
    const { clusters } = own.find((axis) => axis.clusters !== undefined) ?? own[0]!;
    const units = new Map<string | number, number[]>();
    for (let prompt = 0; prompt < prompts; prompt++) {
      const label = clusters?.[prompt] ?? prompt;
      const unit = units.get(label);
      if (unit) unit.push(prompt);
      else units.set(label, [prompt]);
    }
    return { axes: own, units: [...units.values()] };
  });
}

function resample(
  axes: readonly ParetoAxis[],
  sets: readonly PromptSet[],
  { random, resamples }: { random: Random; resamples: number },
): Dominance<number> {
  const count = axes[0]!.scores.length;
  const tally = {
    front: Array.from({ length: count }, () => 0),
    dominates: Array.from({ length: count }, () => Array.from({ length: count }, () => 0)),
  };
  const sums = new Map(sets.flatMap((set) => set.axes.map((axis) => [axis, sumsOf(axis, set)])));
  const means = new Map(axes.map((axis) => [axis, new Float64Array(count)]));
  for (let round = 0; round < resamples; round++) {
    for (const { axes: own, units } of sets) {
      const drawn = Array.from(units, () => random.integer(units.length));
      const size = drawn.reduce((total, unit) => total + units[unit]!.length, 0);
      for (const axis of own) {
        const target = means.get(axis)!;
        for (const [model, ofUnits] of sums.get(axis)!.entries()) {
          let total = 0;
          for (const unit of drawn) total += ofUnits[unit]!;
          target[model] = total / size;
        }
      }
    }
    const found = frontOf(
      axes.map((axis) => [...means.get(axis)!]),
      axes,
    );
    for (let i = 0; i < count; i++) {
      tally.front[i]! += Number(found.front[i]!);
      for (let j = 0; j < count; j++) tally.dominates[i]![j]! += Number(found.dominates[i]![j]!);
    }
  }
  return tally;
}

/** Sums of each unit's scores, by model. */
const sumsOf = ({ scores }: ParetoAxis, { units }: PromptSet): Float64Array[] =>
  scores.map((row) =>
    Float64Array.from(units, (unit) => unit.reduce((total, prompt) => total + row[prompt]!, 0)),
  );

/** @returns the number of models */
function check(axes: readonly ParetoAxis[], resamples: number): number {
  if (axes.length < 2) throw new RangeError(`a front has two axes or more; got ${axes.length}`);
  if (!Number.isInteger(resamples) || resamples < 1)
    throw new RangeError(`resamples must be a positive integer; got ${resamples}`);
  const count = axes[0]!.scores.length;
  for (const [i, { scores, clusters }] of axes.entries()) {
    if (scores.length !== count || count === 0)
      throw new RangeError(`axis ${i + 1} has ${scores.length} models, the first ${count}`);
    const prompts = scores[0]!.length;
    for (const row of scores) {
      if (row.length !== prompts || prompts === 0)
        throw new RangeError(`axis ${i + 1}: ${row.length} scores for ${prompts} prompts`);
      checkFinite(row, `scores of axis ${i + 1}`);
    }
    if (clusters && clusters.length !== prompts)
      throw new RangeError(`axis ${i + 1}: ${clusters.length} labels for ${prompts} prompts`);
  }
  return count;
}
