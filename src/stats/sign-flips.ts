/**
 * Two-sided tests by flipping signs: if nothing differs, each unit's sum is as likely to have the
 * other sign. A unit is an observation, or a whole cluster of them, of any number and size.
 *
 * Exact where every unit's sum is distributed alike on both sides of 0 if nothing differs, as wins
 * and losses are. Sums that are skewed are not (many small ones on one side, a few large ones on
 * the other, 0 on average): of 10 of them that are +0.05 in nine tenths and -0.45 in the others
 * all are of one sign in 35%. Whoever holds a mean against 0 by these flips asks its interval as
 * well: `notBelowInterval` (intervals.ts).
 *
 * Source: Fisher (1935); Phipson and Smyth (2010) for the p-value of random flips, which is never
 * 0.
 */
import { Random } from "../core/random.ts";

/** Up to this many units every pattern is tried. */
export const EXACT_UNITS = 14;
const FLIPS = 10_000;
/** Additions that an exact distribution of whole numbers may cost. */
const MOST_ADDITIONS = 5e7;

/**
 * P(|Σ ± s| >= |Σ s|) over all signs, exact where sums are halves of whole numbers or few, else
 * from seeded random flips.
 */
export function signFlipTest(
  sums: readonly number[],
  random: Random = Random.for(0, "sign flips"),
): number {
  const units = sums.filter((sum) => sum !== 0);
  if (units.length === 0) return sums.length === 0 ? NaN : 1;
  return (
    latticeExtremes(units) ??
    (units.length <= EXACT_UNITS
      ? exactExtremes(units)
      : randomExtremes(units, { random, flips: FLIPS }))
  );
}

/**
 * The distribution of the sum itself, for sums that are multiples of a half; undefined for others.
 */
function latticeExtremes(units: readonly number[]): number | undefined {
  const doubled = units.map((sum) => Math.abs(2 * sum));
  if (doubled.some((value) => Math.abs(value - Math.round(value)) > 1e-9)) return undefined;
  const whole = doubled.map(Math.round);
  const scale = whole.every((value) => value % 2 === 0) ? 2 : 1;
  const steps = whole.map((value) => value / scale);
  const reach = steps.reduce((total, step) => total + step, 0);
  if (reach * steps.length > MOST_ADDITIONS) return undefined;
  // Entry i is the probability that the sum of the negative ones is i.
  let distribution = new Float64Array(reach + 1);
  distribution[0] = 1;
  for (const step of steps) {
    const next = new Float64Array(reach + 1);
    for (let i = 0; i <= reach; i++)
      next[i] = 0.5 * distribution[i]! + (i >= step ? 0.5 * distribution[i - step]! : 0);
    distribution = next;
  }
  const seen = Math.abs(Math.round((2 * units.reduce((total, sum) => total + sum, 0)) / scale));
  const extreme = distribution.reduce(
    (total, probability, i) => total + (Math.abs(reach - 2 * i) >= seen ? probability : 0),
    0,
  );
  return Math.min(1, extreme);
}

/** Sums in another order differ in the last bits; those are ties. */
function thresholdOf(sums: readonly number[]): number {
  return (
    Math.abs(sums.reduce((total, sum) => total + sum, 0)) -
    1e-12 * sums.reduce((total, sum) => total + Math.abs(sum), 0)
  );
}

export function exactExtremes(sums: readonly number[]): number {
  const patterns = 2 ** sums.length;
  const threshold = thresholdOf(sums);
  let extreme = 0;
  for (let bits = 0; bits < patterns; bits++) {
    let total = 0;
    for (let i = 0; i < sums.length; i++) total += (bits >>> i) & 1 ? -sums[i]! : sums[i]!;
    if (Math.abs(total) >= threshold) extreme++;
  }
  return extreme / patterns;
}

export function randomExtremes(
  sums: readonly number[],
  { random, flips }: { random: Random; flips: number },
): number {
  const threshold = thresholdOf(sums);
  let extreme = 0;
  for (let round = 0; round < flips; round++) {
    let total = 0;
    for (let i = 0, bits = 0; i < sums.length; i++, bits >>>= 1) {
      if (i % 32 === 0) bits = random.bits();
      total += bits & 1 ? -sums[i]! : sums[i]!;
    }
    if (Math.abs(total) >= threshold) extreme++;
  }
  return (extreme + 1) / (flips + 1);
}
