/**
 * Newton's method for smooth convex functions of a few hundred variables, and the dense linear algebra that it and the
 * sandwich estimator need. Matrices are row-major Float64Arrays.
 */
import { AttuneError } from "../core/errors.ts";

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
 * Minimises from the origin, halving steps that make things worse.
 * @throws AttuneError where no minimum is found: the function has none, or it lies at infinity
 */
export function minimise(size: number, evaluate: (point: Float64Array) => Curvature, what: string): Minimum {
  let point = new Float64Array(size);
  let at = evaluate(point);
  for (let iterations = 1; iterations <= 200; iterations++) {
    const step = solve(at.hessian, at.gradient);
    if (!step) break;
    const largest = step.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    let scale = 1;
    let next = point.map((value, i) => value - step[i]!);
    let there = evaluate(next);
    while (!(there.value <= at.value + 1e-12 * Math.abs(at.value)) && scale > 1e-6) {
      scale /= 2;
      next = point.map((value, i) => value - scale * step[i]!);
      there = evaluate(next);
    }
    [point, at] = [next, there];
    if (scale * largest < 1e-10) return { point, at, iterations };
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
}

/**
 * The sandwich H⁻¹ B H⁻¹ of an estimate. B sums g gᵀ over independent observations, and over clusters with g the sum of
 * the cluster's gradients.
 */
export function sandwich(hessian: Float64Array, scores: readonly Score[]): Float64Array {
  const bread = inverse(hessian);
  if (!bread) throw new AttuneError("numeric", "standard errors: the Hessian is singular", { hint: "add regularisation" });
  const n = Math.sqrt(hessian.length);
  const meat = new Float64Array(n * n);
  const addSquare = (sums: ReadonlyMap<number, number>, count: number): void => {
    for (const [i, x] of sums) for (const [j, y] of sums) meat[i * n + j]! += count * x * y;
  };
  const clusters = new Map<string | number, Map<number, number>>();
  for (const { indices, values, count, cluster } of scores) {
    const sums = (cluster === undefined ? undefined : clusters.get(cluster)) ?? new Map<number, number>();
    const copies = cluster === undefined ? 1 : count;
    for (const [i, index] of indices.entries()) sums.set(index, (sums.get(index) ?? 0) + copies * values[i]!);
    if (cluster === undefined) addSquare(sums, count);
    else clusters.set(cluster, sums);
  }
  for (const sums of clusters.values()) addSquare(sums, 1);
  return multiply(multiply(bread, meat), bread);
}
