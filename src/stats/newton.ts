/**
 * Newton's method for smooth convex functions of a few hundred variables, and the dense linear
 * algebra that it and the sandwich estimator need. Matrices are row-major Float64Arrays.
 */
import { AttuneError } from "../core/errors.ts";
import { satterthwaite } from "./clusters.ts";

export interface Curvature {
  /** Value of the function; smaller is better. */
  value: number;
  gradient: Float64Array;
  /** Hessian, [n, n]. */
  hessian: Float64Array;
}

export interface Minimum {
  point: Float64Array;
  /** The function there, with gradient and Hessian. */
  at: Curvature;
  iterations: number;
}

/**
 * Minimises from the origin, or from `start`, halving steps that make things worse.
 * @throws AttuneError where no minimum is found: the function has none, or it lies at infinity
 */
export function minimise(
  size: number,
  evaluate: (point: Float64Array) => Curvature,
  what: string,
  {
    start = new Float64Array(size),
    tolerance = 1e-10,
    largestStep = Infinity,
  }: {
    start?: Float64Array;
    /** The largest change of a variable at which it ends. */
    tolerance?: number;
    /** The most that a variable may change at once: where a function is flat, Newton's is far. */
    largestStep?: number;
  } = {},
): Minimum {
  let point = start.slice();
  let at = evaluate(point);
  for (let iterations = 1; iterations <= 200; iterations++) {
    const step = solve(at.hessian, at.gradient);
    if (!step) break;
    const largest = step.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    let scale = Math.min(1, largestStep / largest);
    let next = point.map((value, i) => value - scale * step[i]!);
    let there = evaluate(next);
    while (!(there.value <= at.value + 1e-12 * Math.abs(at.value)) && scale > 1e-6) {
      scale /= 2;
      next = point.map((value, i) => value - scale * step[i]!);
      there = evaluate(next);
    }
    [point, at] = [next, there];
    if (scale * largest < tolerance) return { point, at, iterations };
    if (point.some((value) => Math.abs(value) > 500)) break;
  }
  throw new AttuneError("numeric", `${what}: the fit has no finite answer`, {
    expected: "data in which every effect has evidence for and against it",
    hint: "add regularisation",
  });
}

/** Lower Cholesky factor of a symmetric matrix; undefined where it is not positive definite. */
function cholesky(matrix: Float64Array): Float64Array | undefined {
  const n = Math.sqrt(matrix.length);
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= factor[i * n + k]! * factor[j * n + k]!;
      if (i !== j) factor[i * n + j] = sum / factor[j * n + j]!;
      else if (sum > 1e-13 * Math.abs(matrix[i * n + i]!)) factor[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  return factor;
}

function solveFactored(factor: Float64Array, right: ArrayLike<number>): Float64Array {
  const n = right.length;
  const x = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= factor[i * n + k]! * x[k]!;
    x[i]! /= factor[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= factor[k * n + i]! * x[k]!;
    x[i]! /= factor[i * n + i]!;
  }
  return x;
}

/** x with matrix x = right, for a symmetric positive definite matrix; undefined for any other. */
export function solve(matrix: Float64Array, right: ArrayLike<number>): Float64Array | undefined {
  const factor = cholesky(matrix);
  return factor && solveFactored(factor, right);
}

/** Inverse of a symmetric positive definite matrix; undefined for any other. */
export function inverse(matrix: Float64Array): Float64Array | undefined {
  const factor = cholesky(matrix);
  if (!factor) return undefined;
  const n = Math.sqrt(matrix.length);
  const result = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    const unit = new Float64Array(n);
    unit[j] = 1;
    const column = solveFactored(factor, unit);
    for (let i = 0; i < n; i++) result[i * n + j] = column[i]!;
  }
  return result;
}

/** Matrix product of two square matrices. */
export function multiply(a: Float64Array, b: Float64Array): Float64Array {
  const n = Math.sqrt(a.length);
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const scale = a[i * n + k]!;
      if (scale !== 0) for (let j = 0; j < n; j++) result[i * n + j]! += scale * b[k * n + j]!;
    }
  }
  return result;
}

/** Sparse vector: `values[i]` stands at `indices[i]`; all else is 0. */
export interface SparseRow {
  indices: readonly number[];
  values: readonly number[];
}

/** Gradient of one observation's loss, for the sandwich. */
export interface Score extends SparseRow {
  /** How many equal observations it stands for. */
  count: number;
  /** Observations with the same label may depend on each other; without one, each is by itself. */
  cluster?: string | number | undefined;
  /**
   * Its share of the Hessian, [indices, indices], for one of the equal observations; clusters need
   * it.
   */
  curvature: readonly (readonly number[])[];
}

export interface Sandwich {
  covariance: Float64Array;
  /**
   * Of the difference of two coefficients, or of one where `other` is left out; infinite without
   * clusters.
   */
  degreesOfFreedom: (index: number, other?: number) => number;
}

/**
 * The sandwich H⁻¹ B H⁻¹ of an estimate without clusters, B the sum of g gᵀ over observations. With
 * clusters it is the jackknife's in one Newton step: each cluster's gradient is multiplied by the
 * inverse of the Hessian without it, which undoes what the cluster did to the estimate, and the sum
 * of squares by (G - 1) / G. Where few clusters happen to be all on one side their gradients are
 * next to nothing: the covariance is then that of the model, times what the clusters do to the
 * gradients, where that is larger.
 *
 * Source: Bell and McCaffrey (2002), CR3, with Satterthwaite's degrees of freedom from each
 * cluster's share of the information.
 */
export function sandwich(hessian: Float64Array, scores: readonly Score[]): Sandwich {
  const bread = inverse(hessian);
  if (!bread)
    throw new AttuneError("numeric", "standard errors: the Hessian is singular", {
      hint: "add regularisation",
    });
  const clusters = gatherClusters(scores, Math.sqrt(hessian.length));
  if (clusters.length === 0)
    return {
      covariance: multiply(multiply(bread, meatOf(scores, hessian.length)), bread),
      degreesOfFreedom: () => Infinity,
    };
  const jackknife = jackknifeCovariance(hessian, clusters);
  const model = bread.map((value) => value * designEffect(bread, clusters, scores));
  const information = gatherInformation(clusters, hessian.length);
  const covariance =
    traceOfProduct(information, model) > traceOfProduct(information, jackknife) ? model : jackknife;
  return {
    covariance,
    degreesOfFreedom: (index, other) => contrastFreedom(bread, clusters, [index, other]),
  };
}

function meatOf(scores: readonly Score[], size: number): Float64Array {
  const n = Math.sqrt(size);
  const meat = new Float64Array(size);
  for (const { indices, values, count } of scores) {
    for (const [i, a] of indices.entries())
      for (const [j, b] of indices.entries()) meat[a * n + b]! += count * values[i]! * values[j]!;
  }
  return meat;
}

interface ClusterScore {
  gradient: Float64Array;
  /** Equal clusters that it stands for: observations without a label are clusters of their own. */
  copies: number;
  /** Entries of the Hessian, by place. */
  curvature: Map<number, number>;
}

/** Empty where no score has a label. */
function gatherClusters(scores: readonly Score[], n: number): ClusterScore[] {
  if (scores.every(({ cluster }) => cluster === undefined)) return [];
  const clusters = new Map<string | number, ClusterScore>();
  const single: ClusterScore[] = [];
  for (const { indices, values, count, cluster, curvature } of scores) {
    const into = (cluster === undefined ? undefined : clusters.get(cluster)) ?? {
      gradient: new Float64Array(n),
      copies: cluster === undefined ? count : 1,
      curvature: new Map<number, number>(),
    };
    if (cluster === undefined) single.push(into);
    else clusters.set(cluster, into);
    const copies = cluster === undefined ? 1 : count;
    for (const [i, a] of indices.entries()) {
      into.gradient[a]! += copies * values[i]!;
      for (const [j, b] of indices.entries())
        into.curvature.set(
          a * n + b,
          (into.curvature.get(a * n + b) ?? 0) + copies * curvature[i]![j]!,
        );
    }
  }
  return [...clusters.values(), ...single];
}

function gatherInformation(clusters: readonly ClusterScore[], size: number): Float64Array {
  const information = new Float64Array(size);
  for (const { curvature, copies } of clusters)
    for (const [place, value] of curvature) information[place]! += copies * value;
  return information;
}

/** tr(A B) of symmetric matrices. */
const traceOfProduct = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/**
 * How much larger the clusters' gradients are than those of independent observations, at least 1.
 */
function designEffect(
  bread: Float64Array,
  clusters: readonly ClusterScore[],
  scores: readonly Score[],
): number {
  const n = Math.sqrt(bread.length);
  const meat = new Float64Array(bread.length);
  for (const { gradient, copies } of clusters)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) meat[i * n + j]! += copies * gradient[i]! * gradient[j]!;
  const apart = traceOfProduct(bread, meatOf(scores, bread.length));
  return apart > 0 ? Math.max(1, traceOfProduct(bread, meat) / apart) : 1;
}

function jackknifeCovariance(
  hessian: Float64Array,
  clusters: readonly ClusterScore[],
): Float64Array {
  const n = Math.sqrt(hessian.length);
  const covariance = new Float64Array(n * n);
  const count = clusters.reduce((total, { copies }) => total + copies, 0);
  for (const { gradient, copies, curvature } of clusters) {
    const rest = hessian.slice();
    for (const [place, value] of curvature) rest[place]! -= value;
    const moved = solve(rest, gradient);
    // Without this cluster the coefficients are not determined, so their errors are not either.
    if (!moved || count < 2) return covariance.fill(Infinity);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        covariance[i * n + j]! += copies * moved[i]! * moved[j]! * ((count - 1) / count);
  }
  return covariance;
}

/**
 * Degrees of freedom of a contrast, from the clusters' shares of its variance under independence.
 */
function contrastFreedom(
  bread: Float64Array,
  clusters: readonly ClusterScore[],
  [index, other]: readonly [number, number | undefined],
): number {
  const n = Math.sqrt(bread.length);
  const contrast = Float64Array.from(
    { length: n },
    (_, i) => bread[index * n + i]! - (other === undefined ? 0 : bread[other * n + i]!),
  );
  const shares = clusters.flatMap(({ curvature, copies }) => {
    let share = 0;
    for (const [place, value] of curvature)
      share += value * contrast[Math.floor(place / n)]! * contrast[place % n]!;
    return copies === 1
      ? [Math.max(0, share)]
      : Array.from({ length: Math.round(copies) }, () => Math.max(0, share));
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  return total > 0 && shares.every((share) => share < total)
    ? satterthwaite(shares.map((share) => share / total))
    : 0;
}
