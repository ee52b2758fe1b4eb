/**
 * The p-value that belongs to an interval: the two say the same at every confidence, so that a
 * table with both cannot contradict itself.
 *
 * Source: inversion of a confidence interval (Casella and Berger, "Statistical Inference", 9.2).
 */
import type { Interval } from "./intervals.ts";
import { normalCdf } from "./special.ts";

/** Beyond so many standard deviations a p-value is below 1e-9, and one number serves for all. */
const FARTHEST = 6.2;
const HALVINGS = 40;

/**
 * The least alpha at which the interval of confidence 1 - alpha is clear of a value; NaN where the
 * interval claims nothing.
 * @param intervalAt the interval for any confidence; wider for a greater one
 */
export function pValueOfInterval(intervalAt: (confidence: number) => Interval, value = 0): number {
  const at = (deviations: number): Interval => intervalAt(1 - 2 * normalCdf(-deviations));
  const isClear = ({ low, high }: Interval): boolean => low > value || high < value;
  let [clear, held] = [0, FARTHEST];
  const widest = at(FARTHEST);
  if (widest.noClaim !== undefined || Number.isNaN(widest.estimate)) return NaN;
  if (isClear(widest)) return 2 * normalCdf(-FARTHEST);
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (clear + held) / 2;
    if (isClear(at(middle))) clear = middle;
    else held = middle;
  }
  return 2 * normalCdf(-clear);
}
