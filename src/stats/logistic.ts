/**
 * Logistic regression with soft targets, weights, a ridge penalty and (clustered) sandwich standard
 * errors.
 *
 * Source: McCullagh and Nelder; the sandwich is Huber's and White's, as in arena-rank's
 * Bradley-Terry ratings.
 * Differences: 1. the ridge stays in the Hessian of the sandwich, so regularised fits report
 * regularised errors.
 */
import { AttuneError } from "../core/errors.ts";
import { checkFinite } from "./intervals.ts";
import { minimise, sandwich } from "./newton.ts";
import type { Curvature, SparseRow } from "./newton.ts";
import { sigmoid, softplus } from "./special.ts";

export interface LogisticData {
  /** Number of coefficients; rows name the ones they touch. There is no hidden intercept. */
  columns: number;
  rows: readonly SparseRow[];
  /** Probability of the event, in [0, 1], for each row. */
  targets: readonly number[];
  /** How many equal observations each row stands for; 1 where left out. */
  weights?: readonly number[] | undefined;
  /** One label for each row; rows without one are independent. */
  clusters?: readonly (string | number | undefined)[] | undefined;
  /**
   * Precision of a normal prior around 0: one for all coefficients, or one each. 0 where left out.
   */
  ridge?: number | readonly number[];
}

export interface LogisticFit {
  coefficients: Float64Array;
  /** Second derivatives of minus the log-likelihood, the ridge included, [columns, columns]. */
  information: Float64Array;
  /** Sandwich covariance, [columns, columns]. */
  covariance: Float64Array;
  /** For the error of a coefficient, or of the difference of two; infinite without clusters. */
  degreesOfFreedom: (index: number, other?: number) => number;
  standardErrors: Float64Array;
  /** Mean cross-entropy in nats, penalty left out. */
  logLoss: number;
  iterations: number;
}

/**
 * Fits by Newton's method.
 * @throws AttuneError where coefficients run to infinity (perfect separation, no ridge)
 */
export function fitLogistic(data: LogisticData): LogisticFit {
  check(data);
  const { rows, targets, weights, columns } = data;
  const ridge = ridgeOf(data);
  const { point, at, iterations } = minimise(
    columns,
    (point) => logisticCurvature(data, ridge, point),
    "logistic regression",
  );
  const scores = rows.map((row, i) => {
    const p = sigmoid(dot(row, point));
    const curvature = row.values.map((x) => row.values.map((y) => p * (1 - p) * x * y));
    return {
      indices: row.indices,
      values: row.values.map((value) => (p - targets[i]!) * value),
      count: weights?.[i] ?? 1,
      cluster: data.clusters?.[i],
      curvature,
    };
  });
  const { covariance, degreesOfFreedom } = sandwich(at.hessian, scores);
  const standardErrors = Float64Array.from({ length: columns }, (_, i) =>
    Math.sqrt(covariance[i * columns + i]!),
  );
  const total = weights ? weights.reduce((x, y) => x + y, 0) : rows.length;
  const penalty = point.reduce((sum, value, i) => sum + 0.5 * ridge[i]! * value * value, 0);
  return {
    coefficients: point,
    information: at.hessian,
    covariance,
    degreesOfFreedom,
    standardErrors,
    logLoss: (at.value - penalty) / total,
    iterations,
  };
}

/** The penalty of each coefficient. */
export const ridgeOf = ({ ridge, columns }: LogisticData): number[] =>
  Array.from({ length: columns }, (_, i) =>
    typeof ridge === "number" ? ridge : (ridge?.[i] ?? 0),
  );

/** Minus the penalised log-likelihood at a point, with its derivatives. */
export function logisticCurvature(
  { rows, targets, weights, columns }: LogisticData,
  ridge: readonly number[],
  point: Float64Array,
): Curvature {
  const gradient = new Float64Array(columns);
  const hessian = new Float64Array(columns * columns);
  let value = 0;
  for (let i = 0; i < columns; i++) {
    value += 0.5 * ridge[i]! * point[i]! ** 2;
    gradient[i] = ridge[i]! * point[i]!;
    hessian[i * columns + i] = ridge[i]!;
  }
  for (const [i, row] of rows.entries()) {
    const logit = dot(row, point);
    const weight = weights?.[i] ?? 1;
    const p = sigmoid(logit);
    value += weight * (softplus(logit) - targets[i]! * logit);
    for (const [j, a] of row.indices.entries()) {
      gradient[a]! += weight * (p - targets[i]!) * row.values[j]!;
      for (const [k, b] of row.indices.entries())
        hessian[a * columns + b]! += weight * p * (1 - p) * row.values[j]! * row.values[k]!;
    }
  }
  return { value, gradient, hessian };
}

/** Inner product of a sparse row with the coefficients. */
export function dot(row: SparseRow, coefficients: ArrayLike<number>): number {
  return row.indices.reduce((sum, index, i) => sum + coefficients[index]! * row.values[i]!, 0);
}

function check({ rows, targets, weights, clusters, columns }: LogisticData): void {
  for (const list of [targets, weights, clusters]) {
    if (list && list.length !== rows.length)
      throw new RangeError(
        `logistic regression: ${rows.length} rows, but a list of ${list.length}`,
      );
  }
  if (rows.length === 0)
    throw new AttuneError("data", "logistic regression: there is nothing to fit");
  checkFinite(targets, "targets of a logistic regression");
  if (targets.some((target) => target < 0 || target > 1))
    throw new RangeError("targets of a logistic regression lie in [0, 1]");
  for (const { indices, values } of rows) {
    checkFinite(values, "features of a logistic regression");
    if (indices.some((index) => !Number.isInteger(index) || index < 0 || index >= columns))
      throw new RangeError(`a row names a column outside 0..${columns - 1}`);
  }
}
