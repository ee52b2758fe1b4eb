/**
 * Interval for the difference of two coefficients of a logistic fit, such as two strengths of
 * Bradley-Terry: the differences that Rao's score test does not reject. For two that are compared
 * directly, by wins and losses, it is Wilson's interval on the scale of log-odds, so it stays right
 * where nearly all comparisons end alike, where an estimate with a standard error says nothing.
 *
 * Source: Rao (1948); Boos (1992) for the test with a robust variance; Bell and McCaffrey (2002) for
 * the leverage of a cluster and the degrees of freedom.
 * Differences: 1. the robust variance enters as one number, by how much it is larger or smaller than
 * that of independent wins and losses: clusters make it larger, ties and soft targets smaller. To
 * both are added two even comparisons, in clusters as large as those seen, so that a fit without
 * residuals does not claim to be without error.
 */
import { satterthwaite, twoSidedStudent } from "./clusters.ts";
import type { LogisticData } from "./logistic.ts";
import { dot, logisticCurvature, ridgeOf } from "./logistic.ts";
import { inverse, minimise } from "./newton.ts";
import type { Curvature, SparseRow } from "./newton.ts";
import { sigmoid } from "./special.ts";

export interface DifferenceInterval {
  estimate: number;
  low: number;
  high: number;
  /** The end that the penalty alone keeps finite: no comparison speaks against more. */
  unbounded?: "above" | "below";
}

export interface DifferenceOptions {
  /** The first coefficient less the second. */
  pair: readonly [number, number];
  confidence: number;
}

/** The level of all strengths is held by the ridge alone, and known to few places. */
const ENDS = { tolerance: 1e-7, largestStep: 5 };
/** Information of two even comparisons. */
const ADDED = 0.5;
/** Ends are found to this. */
const CLOSE = 1e-6;
/** Differences beyond are no data's. */
const FAR = 400;
/** Information at an end below which the penalty alone holds it: that of 1/100 of a comparison. */
const NO_INFORMATION = 0.0025;

/** A fit, and intervals for the differences of its coefficients. */
export interface LogisticDifferences {
  coefficients: Float64Array;
  /** The ends are infinite where too few clusters tell of it. */
  interval(options: DifferenceOptions): DifferenceInterval;
}

/** @param data with a ridge, which keeps the fit finite */
export function logisticDifferences(data: LogisticData): LogisticDifferences {
  const gathered = gather(data);
  const ridge = ridgeOf(data);
  const { point: coefficients, at } = minimise(
    data.columns,
    (point) => logisticCurvature(gathered, ridge, point),
    "logistic regression",
    ENDS,
  );
  const bread = inverse(at.hessian);
  // what the rows would tell if all were even: how they are laid out
  const origin = new Float64Array(data.columns);
  const even = inverse(logisticCurvature(gathered, ridge, origin).hessian);
  return {
    coefficients,
    interval({ pair, confidence }) {
      const estimate = coefficients[pair[0]]! - coefficients[pair[1]]!;
      const nothing = { estimate, low: -Infinity, high: Infinity };
      if (!bread || !even) return nothing;
      const { freedom, inflation } = clusterFigures(data, coefficients, { bread, even, pair });
      if (!(freedom >= 1)) return nothing;
      const wanted = twoSidedStudent(confidence, freedom) * Math.sqrt(inflation);
      const width = Math.sqrt(contrastVariance(bread, pair)) * wanted;
      const [low, high] = [-1, 1].map((side) => {
        const statistic = scoreStatistic(gathered, coefficients, pair);
        const beyond = (distance: number): number =>
          side * statistic(estimate + side * distance) - wanted;
        return estimate + side * crossing(beyond, { start: -wanted, width });
      }) as [number, number];
      const open = [low, high].map(
        (difference) =>
          informationAt(gathered, coefficients, { pair, difference }) < NO_INFORMATION,
      );
      const unbounded = open[1] ? "above" : open[0] ? "below" : undefined;
      return { estimate, low, high, ...(unbounded ? { unbounded } : {}) };
    },
  };
}

/** Rows of the same features as one, with their mean target: the likelihood is the same. */
function gather(data: LogisticData): LogisticData {
  const rows = new Map<string, { row: SparseRow; weight: number; total: number }>();
  for (const [i, row] of data.rows.entries()) {
    const key = `${row.indices.join()}/${row.values.join()}`;
    const weight = data.weights?.[i] ?? 1;
    const known = rows.get(key) ?? { row, weight: 0, total: 0 };
    known.weight += weight;
    known.total += weight * data.targets[i]!;
    rows.set(key, known);
  }
  const all = [...rows.values()];
  return {
    columns: data.columns,
    ...(data.ridge === undefined ? {} : { ridge: data.ridge }),
    rows: all.map(({ row }) => row),
    targets: all.map(({ total, weight }) => (weight > 0 ? total / weight : 0)),
    weights: all.map(({ weight }) => weight),
  };
}

/**
 * By how much the score of a contrast varies more than that of independent wins and losses, and the
 * degrees of freedom of that.
 */
function clusterFigures(
  { rows, targets, weights, clusters }: LogisticData,
  coefficients: Float64Array,
  {
    bread,
    even,
    pair,
  }: { bread: Float64Array; even: Float64Array; pair: readonly [number, number] },
): { inflation: number; freedom: number } {
  const [direction, layout] = [contrastOf(bread, pair), contrastOf(even, pair)];
  const total = contrastVariance(bread, pair);
  let parts = 0;
  const groups = new Map<string | number, { score: number; share: number; size: number }>();
  for (const [i, row] of rows.entries()) {
    const weight = weights?.[i] ?? 1;
    const p = sigmoid(dot(row, coefficients));
    const along = dot(row, direction);
    const label = clusters?.[i] ?? `row ${i}`;
    const group = groups.get(label) ?? { score: 0, share: 0, size: 0 };
    group.score += weight * (p - targets[i]!) * along;
    group.share += (weight * p * (1 - p) * along * along) / total;
    const part = dot(row, layout) ** 2;
    group.size += weight * part;
    parts += weight * part * part;
    groups.set(label, group);
  }
  const all = [...groups.values()].filter(({ size }) => size > 0);
  const seen = all.reduce((sum, { score, share }) => sum + (score / (1 - share)) ** 2, 0);
  const robust = (seen * Math.max(1, all.length - 1)) / Math.max(1, all.length);
  const known = all.reduce((sum, { share }) => sum + share, 0);
  const shares = all.map(({ share }) => share / known);
  return {
    inflation: (robust / total ** 2 + ADDED * clusterSize(all, parts)) / (1 / total + ADDED),
    freedom: known > 0 && shares.every((share) => share < 1) ? satterthwaite(shares) : 0,
  };
}

/**
 * Comparisons that a cluster holds on average, as the contrast weighs them; at least 1.
 * @param parts sum of squares of what each comparison weighs
 */
function clusterSize(groups: readonly { size: number }[], parts: number): number {
  const squares = groups.reduce((sum, { size }) => sum + size * size, 0);
  return parts > 0 ? Math.max(1, squares / parts) : 1;
}

function contrastOf(matrix: Float64Array, [a, b]: readonly [number, number]): Float64Array {
  const n = Math.sqrt(matrix.length);
  return Float64Array.from({ length: n }, (_, i) => matrix[a * n + i]! - matrix[b * n + i]!);
}

function contrastVariance(matrix: Float64Array, [a, b]: readonly [number, number]): number {
  const n = Math.sqrt(matrix.length);
  return matrix[a * n + a]! + matrix[b * n + b]! - 2 * matrix[a * n + b]!;
}

/** The signed root of the score statistic where the pair's difference is held. */
function scoreStatistic(
  data: LogisticData,
  coefficients: Float64Array,
  pair: readonly [number, number],
): (difference: number) => number {
  const ridge = ridgeOf(data);
  let start = withoutHeld(coefficients, pair);
  return (difference) => {
    const { point } = minimise(
      data.columns - 1,
      (free) =>
        withHeld(logisticCurvature(data, ridge, withDifference(free, pair, difference)), pair),
      "a logistic regression with a held difference",
      { ...ENDS, start },
    );
    start = point;
    const { gradient, hessian } = logisticCurvature(
      data,
      ridge,
      withDifference(point, pair, difference),
    );
    const bread = inverse(hessian);
    return bread ? gradient[pair[0]]! * Math.sqrt(contrastVariance(bread, pair)) : NaN;
  };
}

/** What the rows alone tell of the two coefficients there. */
function informationAt(
  data: LogisticData,
  coefficients: Float64Array,
  { pair, difference }: { pair: readonly [number, number]; difference: number },
): number {
  const held = withDifference(withoutHeld(coefficients, pair), pair, difference);
  const { hessian } = logisticCurvature(data, Array<number>(data.columns).fill(0), held);
  return Math.min(...pair.map((index) => hessian[index * data.columns + index]!));
}

/** The first of the pair follows the second and is no coefficient of its own. */
const withoutHeld = (point: Float64Array, [a]: readonly [number, number]): Float64Array =>
  point.filter((_, i) => i !== a);

function withDifference(
  free: Float64Array,
  [a, b]: readonly [number, number],
  difference: number,
): Float64Array {
  const all = new Float64Array(free.length + 1);
  all.set(free.subarray(0, a));
  all.set(free.subarray(a), a + 1);
  all[a] = all[b]! + difference;
  return all;
}

function withHeld(
  { value, gradient, hessian }: Curvature,
  [a, b]: readonly [number, number],
): Curvature {
  const n = gradient.length;
  const kept = Array.from({ length: n }, (_, i) => i).filter((i) => i !== a);
  const sums = (i: number): readonly number[] => (i === b ? [a, b] : [i]);
  return {
    value,
    gradient: Float64Array.from(kept, (i) => sums(i).reduce((sum, k) => sum + gradient[k]!, 0)),
    hessian: Float64Array.from(
      kept.flatMap((i) =>
        kept.map((j) =>
          sums(i).reduce(
            (sum, k) => sums(j).reduce((part, l) => part + hessian[k * n + l]!, sum),
            0,
          ),
        ),
      ),
    ),
  };
}

/**
 * Where a function that grows from below 0 crosses it, at 0 or beyond; Infinity if nowhere near.
 * Source: the Illinois form of the false position (Dowell and Jarratt 1971).
 */
function crossing(
  value: (x: number) => number,
  { start, width }: { start: number; width: number },
): number {
  let [low, below] = [0, start];
  let high = Math.max(width, 1e-3);
  let above = value(high);
  while (!(above >= 0)) {
    [low, below] = [high, Number.isNaN(above) ? below : above];
    high *= 2;
    if (high > FAR) return Infinity;
    above = value(high);
  }
  for (let i = 0, side = 0; i < 60 && high - low > CLOSE * (1 + high); i++) {
    const between = (low * above - high * below) / (above - below);
    const middle = between > low && between < high ? between : (low + high) / 2;
    const there = value(middle);
    if (Math.abs(there) < CLOSE) return middle;
    if (there >= 0) {
      [high, above] = [middle, there];
      if (side === 1) below /= 2;
      side = 1;
    } else {
      [low, below] = [middle, there];
      if (side === -1) above /= 2;
      side = -1;
    }
  }
  return high;
}
