/**
 * Do helpful, honest and harmless pull against each other? Several models (checkpoints, weights of a
 * mixture, strengths of a KL penalty) on several axes: who is on the Pareto front, how sure that is,
 * and which change helped one axis at the expense of another.
 *
 * Source: Bai et al. (arXiv 2204.05862), section 1, for the trade-off; Holm (1979) over every change
 * on every axis. Difference: 1. on axes of which only intervals are known (earlier runs that kept no
 * scores of single prompts) the models are taken as independent and as normal as their intervals
 * say, which loses the pairing of prompts: a change must then be larger to be seen.
 */
import type { Random } from "../../core/random.ts";
import type { Labels } from "../../stats/clusters.ts";
import type { Interval } from "../../stats/intervals.ts";
import { plainInterval, twoSidedNormal } from "../../stats/intervals.ts";
import { holm } from "../../stats/multiple-testing.ts";
import { pairedDifference } from "../../stats/paired.ts";
import { paretoFront } from "../../stats/pareto.ts";
import { normalCdf } from "../../stats/special.ts";
import type { Unit } from "../findings.ts";

/** One axis by model: scores of the same prompts, or intervals alone. */
export interface ConflictAxis {
  name: string;
  /** What it measures, in words, where its name is an id. */
  says?: string;
  better: "higher" | "lower";
  /** A share where left out. */
  unit?: Unit;
  scores?: readonly (readonly number[])[];
  clusters?: Labels | undefined;
  /** Between which the scores lie; 0 and 1 where left out. */
  range?: readonly [number, number];
  /** By model; made of the scores where left out. */
  values?: readonly Interval[];
}

export interface ModelOnAxes {
  name: string;
  /** By axis. */
  values: Interval[];
  onFront: boolean;
  /** Share of resamples; NaN where nothing is claimed. */
  probabilityOnFront: number;
  /** Models that are clearly better on every axis, corrected over all pairs of models (Holm). */
  clearlyDominatedBy: string[];
  /** Why nothing is claimed of its place: it is then held against no other. */
  noClaim?: string;
}

/** What happened to one axis from one model to another, in the axis's own direction. */
export interface AxisChange {
  axis: string;
  better: "higher" | "lower";
  /** Of the axis, not of the difference. */
  unit: Unit;
  /** Whether it is of the same prompts, one by one. */
  paired: boolean;
  /** The later value less the earlier. */
  difference: Interval;
  /** Holm's, over all changes on all axes. NaN where nothing is claimed. */
  pValue: number;
}

export interface Change {
  from: string;
  to: string;
  axes: AxisChange[];
  /** Axes that it clearly helped and clearly harmed. */
  helped: string[];
  harmed: string[];
}

export interface Conflicts {
  models: ModelOnAxes[];
  /** From each model to the next, and from the first to all others. */
  changes: Change[];
}

const ALPHA = 0.05;

/** By which the place on the front is told. */
export const RESAMPLES = 2000;

/** @param names of models, in the order in which they were made */
export function conflictsAmong(
  names: readonly string[],
  axes: readonly ConflictAxis[],
  { random }: { random: Random },
): Conflicts {
  const paired = axes.every(({ scores }) => scores !== undefined);
  const models = paired ? frontOfScores(names, axes, random) : frontOfValues(names, axes, random);
  const pairs = changedPairs(names.length);
  const differences = pairs.map(([from, to]) =>
    axes.map((axis, i) => {
      const [a, b] = [models[to]!.values[i]!, models[from]!.values[i]!];
      return axis.scores ? pairedChange(axis, [from, to]) : unpairedChange(a, b);
    }),
  );
  const known = differences.flat().filter(({ pValue }) => !Number.isNaN(pValue));
  const adjusted = holm(known.map(({ pValue }) => pValue));
  const adjust = new Map(known.map((each, i) => [each, adjusted[i]!]));
  return {
    models,
    changes: pairs.map(([from, to], place): Change => {
      const changes = axes.map(({ name, better, scores, unit = "share" }, i): AxisChange => {
        const found = differences[place]![i]!;
        return {
          axis: name,
          better,
          unit,
          paired: scores !== undefined,
          difference: found.difference,
          pValue: adjust.get(found) ?? NaN,
        };
      });
      const clear = (sign: 1 | -1): string[] =>
        changes
          .filter((change) => change.pValue < ALPHA && sign * gainOf(change) > 0)
          .map(({ axis }) => axis);
      return {
        from: names[from]!,
        to: names[to]!,
        axes: changes,
        helped: clear(1),
        harmed: clear(-1),
      };
    }),
  };
}

/** Above 0 where a change is for the better. */
export const gainOf = ({ better, difference }: Pick<AxisChange, "better" | "difference">): number =>
  better === "higher" ? difference.estimate : -difference.estimate;

/** From each to the next, and from the first to all others. */
function changedPairs(count: number): [number, number][] {
  const steps = Array.from({ length: count - 1 }, (_, i): [number, number] => [i, i + 1]);
  const fromFirst = Array.from({ length: count - 2 }, (_, i): [number, number] => [0, i + 2]);
  return [...steps, ...fromFirst];
}

function frontOfScores(
  names: readonly string[],
  axes: readonly ConflictAxis[],
  random: Random,
): ModelOnAxes[] {
  const { models, noClaim } = paretoFront(
    axes.map((axis) => ({
      scores: axis.scores!,
      better: axis.better,
      clusters: axis.clusters,
      range: rangeOf(axis),
      set: axis.name,
    })),
    { random, resamples: RESAMPLES },
  );
  const valuesOf = (means: readonly Interval[], model: number): Interval[] =>
    axes.map(({ values }, i) => values?.[model] ?? means[i]!);
  if (noClaim !== undefined)
    return models.map(({ means }, i) => unplaced(names[i]!, valuesOf(means, i), noClaim));
  return models.map(({ means, onFront, probabilityOnFront, clearlyDominatedBy }, i) => ({
    name: names[i]!,
    values: valuesOf(means, i),
    onFront,
    probabilityOnFront,
    clearlyDominatedBy: clearlyDominatedBy.map((other) => names[other]!),
  }));
}

const rangeOf = ({ range = [0, 1] }: ConflictAxis): readonly [number, number] => range;

/** Nothing is claimed of its place. */
const unplaced = (name: string, values: Interval[], noClaim: string): ModelOnAxes => ({
  name,
  values,
  onFront: false,
  probabilityOnFront: NaN,
  clearlyDominatedBy: [],
  noClaim,
});

/** Each value drawn from the normal distribution that its interval is of. */
function frontOfValues(
  names: readonly string[],
  axes: readonly ConflictAxis[],
  random: Random,
): ModelOnAxes[] {
  const values = names.map((_, model) => axes.map((axis) => axis.values![model]!));
  const signs = axes.map(({ better }) => (better === "higher" ? 1 : -1));
  const untold = values.map((own) => own.map(whyNoError).find((why) => why !== undefined));
  const told = values.filter((_, model) => untold[model] === undefined);
  const front = (drawn: readonly (readonly number[])[]): boolean[] =>
    drawn.map((own) => !drawn.some((other) => dominates(other, own, signs)));
  const onFront = front(told.map((own) => own.map(({ estimate }) => estimate)));
  const counts = told.map(() => 0);
  for (let i = 0; i < RESAMPLES; i++)
    front(
      told.map((own) => own.map((value) => value.estimate + errorOf(value) * random.normal())),
    ).forEach((on, model) => (counts[model]! += Number(on)));
  let next = 0;
  return names.map((name, model) => {
    const noClaim = untold[model];
    if (noClaim !== undefined) return unplaced(name, values[model]!, noClaim);
    const place = next++;
    return {
      name,
      values: values[model]!,
      onFront: onFront[place]!,
      probabilityOnFront: counts[place]! / RESAMPLES,
      // without the scores of single prompts no pair of models is tested
      clearlyDominatedBy: [],
    };
  });
}

const dominates = (
  other: readonly number[],
  own: readonly number[],
  signs: readonly number[],
): boolean =>
  other.every((value, i) => signs[i]! * value >= signs[i]! * own[i]!) &&
  other.some((value, i) => signs[i]! * value > signs[i]! * own[i]!);

/** Why an interval says nothing of an error; undefined where it does. */
function whyNoError({ low, high, noClaim }: Interval): string | undefined {
  if (noClaim !== undefined) return noClaim;
  if (!Number.isFinite(high - low)) return "an interval without ends";
  return high > low ? undefined : "an interval without width";
}

/** Standard error of a 95% interval. */
const errorOf = ({ low, high }: Interval): number => (high - low) / 2 / twoSidedNormal(0.95);

interface Difference {
  difference: Interval;
  pValue: number;
}

function pairedChange(axis: ConflictAxis, [from, to]: readonly [number, number]): Difference {
  const { scores, clusters } = axis;
  const [lowest, highest] = rangeOf(axis);
  const reach = highest - lowest;
  const found = pairedDifference(scores![to]!, scores![from]!, {
    clusters,
    range: [-reach, reach],
  });
  return {
    difference: plainInterval(found),
    pValue: found.noClaim === undefined ? found.pValue : NaN,
  };
}

function unpairedChange(to: Interval, from: Interval): Difference {
  const estimate = to.estimate - from.estimate;
  const n = Math.min(to.n, from.n);
  const noClaim = whyNoError(to) ?? whyNoError(from);
  if (noClaim !== undefined)
    return {
      difference: { estimate, low: -Infinity, high: Infinity, n, noClaim },
      pValue: NaN,
    };
  const error = Math.hypot(errorOf(to), errorOf(from));
  const half = twoSidedNormal(0.95) * error;
  return {
    difference: { estimate, low: estimate - half, high: estimate + half, n },
    pValue: 2 * normalCdf(-Math.abs(estimate) / error),
  };
}
