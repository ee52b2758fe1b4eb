/**
 * The win rate that would be where answers do not differ in some respects (length, headers, lists,
 * bold): a logistic fit of who wins on the differences, read at no difference.
 *
 * Source: AlpacaEval 2 (arXiv 2404.04475) for length; Arena's style control for several features at
 * once.
 * Differences:
 * 1. the rate carries an interval (AlpacaEval's does not): that of a share of as many judgements as
 *    tell as much about it, fewer where differences say much of who wins, and fewer where they come
 *    in clusters.
 * 2. Ties and soft outcomes vary less than wins and losses, and narrow it.
 * 3. Differences are scaled and not centred: at the mean difference of two models nothing would be
 *    equal.
 */
import { twoSidedStudent } from "../stats/clusters.ts";
import type { Interval } from "../stats/intervals.ts";
import { shareOfEffectiveSize } from "../stats/intervals.ts";
import { dot, fitLogistic } from "../stats/logistic.ts";
import { solve } from "../stats/newton.ts";
import { sigmoid } from "../stats/special.ts";

/** Prior precision of the coefficients: keeps them finite where every prompt is won. */
const RIDGE = 0.01;

export interface ControlledInput {
  /** P(candidate preferred), one for each prompt; at least one. */
  outcomes: readonly number[];
  /** By feature, one difference for each prompt, scaled; one that is always 0 is left out. */
  features: readonly (readonly number[])[];
  clusters?: readonly (string | number)[] | undefined;
  confidence: number;
}

export interface ControlledRate {
  /** A share, 0 to 1. */
  rate: Interval;
  /** Log-odds for each feature's unit; undefined for one that never differs. */
  effects: readonly (Interval | undefined)[];
}

/** The win rate where no feature differs. */
export function controlledRate({
  outcomes,
  features,
  clusters,
  confidence,
}: ControlledInput): ControlledRate {
  const used = features.flatMap((values, i) => (values.some((value) => value !== 0) ? [i] : []));
  const columns = used.length + 1;
  const rows = outcomes.map((_, i) => ({
    indices: Array.from({ length: columns }, (__, column) => column),
    values: [1, ...used.map((feature) => features[feature]![i]!)],
  }));
  const { coefficients, covariance, information, degreesOfFreedom } = fitLogistic({
    columns,
    rows,
    targets: outcomes,
    ridge: RIDGE,
    clusters,
  });
  const share = sigmoid(coefficients[0]!);
  // What each of so many judgements of answers without a difference would tell: p (1 - p) to the
  // information.
  const size = Math.min(
    outcomes.length,
    ownInformation(information, columns) / (share * (1 - share)),
  );
  const expected = rows.map((row) => sigmoid(dot(row, coefficients)));
  const residuals = outcomes.map((outcome, i) => outcome - expected[i]!);
  return {
    rate: shareOfEffectiveSize(share, {
      size: size / dispersion(residuals, expected),
      residuals,
      clusters,
      confidence,
    }),
    effects: features.map((_, feature) => {
      const column = used.indexOf(feature) + 1;
      return column === 0
        ? undefined
        : coefficientInterval(
            coefficients[column]!,
            Math.sqrt(covariance[column * columns + column]!),
            { n: outcomes.length, freedom: degreesOfFreedom(column), confidence },
          );
    }),
  };
}

/**
 * Variance of the outcomes over that of wins and losses without ties, at most 1: ties and soft
 * outcomes vary less. One observation at either end is added, as for a mean in a range.
 */
function dispersion(residuals: readonly number[], expected: readonly number[]): number {
  const seen = residuals.reduce((total, residual) => total + residual * residual, 0.5);
  const coins = expected.reduce((total, p) => total + p * (1 - p), 0.5);
  return Math.min(1, seen / coins);
}

/** Information about the first coefficient with the others unknown: the Schur complement. */
function ownInformation(information: Float64Array, columns: number): number {
  const rest = columns - 1;
  if (rest === 0) return information[0]!;
  const block = new Float64Array(rest * rest);
  const border = Array.from({ length: rest }, (_, i) => information[i + 1]!);
  for (let i = 0; i < rest; i++)
    for (let j = 0; j < rest; j++) block[i * rest + j] = information[(i + 1) * columns + j + 1]!;
  const solved = solve(block, border);
  return solved
    ? information[0]! - border.reduce((total, value, i) => total + value * solved[i]!, 0)
    : 0;
}

function coefficientInterval(
  estimate: number,
  standardError: number,
  { n, freedom, confidence }: { n: number; freedom: number; confidence: number },
): Interval {
  if (!(freedom >= 1) || !Number.isFinite(standardError))
    return { estimate, low: -Infinity, high: Infinity, n, noClaim: "too few independent groups" };
  const half = twoSidedStudent(confidence, freedom) * standardError;
  return { estimate, low: estimate - half, high: estimate + half, n };
}
