/**
 * Are two systems equal, for all that matters? A difference that is not significant says nothing of
 * the kind: equal within a margin is claimed where the interval lies within it.
 *
 * Source: Schuirmann (1987), two one-sided tests: equal at level alpha where the (1 - 2 alpha)
 * interval lies within the margin.
 * Differences: 1. the intervals are those that the difference itself is given with (clustered, of
 * values in a range, of shares), and the p-value is the smallest alpha at which equality would be
 * claimed, so that it cannot contradict them.
 * 2. Of shares and win rates the interval also holds what the exact intervals of either direction give (Zou and
 * Donner 2008). Without that, where nearly all pairs are alike and those that differ do so in one
 * direction, clustered intervals lie below the truth in 10% instead of 5%.
 */
import type { Interval, MeanOptions } from "./intervals.ts";
import { clopperPearson, meanInterval, shareInterval } from "./intervals.ts";
import { pairedDifference, pairedShareDifference } from "./paired.ts";

export interface EquivalenceOptions {
  /** Differences that do not matter are smaller; in the units of the difference. */
  margin: number;
  /** Error that is allowed where they are not equal; 0.05 where left out. */
  alpha?: number;
}

export interface Equivalence {
  /** Whether the interval lies within the margin. */
  equal: boolean;
  /** The (1 - 2 alpha) interval, by which equality is judged: 90% where alpha is 0.05. */
  interval: Interval;
  /** The smallest alpha at which they are equal; 1 where not even the estimate is within. */
  pValue: number;
  margin: number;
}

/**
 * Two one-sided tests on any interval.
 * @param intervalAt gives it for a two-sided confidence in (0, 1)
 * @param options the margin around `centre`, which is 0 where left out
 */
export function equivalence(
  intervalAt: (confidence: number) => Interval,
  { margin, alpha = 0.05, centre = 0 }: EquivalenceOptions & { centre?: number },
): Equivalence {
  if (!(margin > 0)) throw new RangeError(`a margin is above 0; got ${margin}`);
  if (!(alpha > 0 && alpha < 0.5)) throw new RangeError(`alpha lies in (0, 0.5); got ${alpha}`);
  const interval = intervalAt(1 - 2 * alpha);
  const within = ({ low, high, noClaim }: Interval): boolean =>
    noClaim === undefined && low > centre - margin && high < centre + margin;
  if (interval.noClaim !== undefined) return { equal: false, interval, pValue: 1, margin };
  let [inside, outside] = [0, 1];
  for (let step = 0; step < 40; step++) {
    const confidence = (inside + outside) / 2;
    if (within(intervalAt(confidence))) inside = confidence;
    else outside = confidence;
  }
  const pValue = inside === 0 ? 1 : (1 - inside) / 2;
  return { equal: within(interval), interval, pValue, margin };
}

/** Whether the mean of a - b lies within ± margin; with clusters and a range as its interval. */
export function pairedEquivalence(
  a: readonly number[],
  b: readonly number[],
  { margin, alpha, ...options }: EquivalenceOptions & Omit<MeanOptions, "confidence">,
): Equivalence {
  return equivalence(
    (confidence) => intervalOf(pairedDifference(a, b, { ...options, confidence })),
    asked(margin, alpha),
  );
}

/** Whether two shares on the same prompts differ by less than the margin. */
export function pairedShareEquivalence(
  a: readonly boolean[],
  b: readonly boolean[],
  { margin, alpha, clusters }: EquivalenceOptions & Pick<MeanOptions, "clusters">,
): Equivalence {
  return equivalence(
    (confidence) => plausibleShareDifference(a, b, { clusters, confidence }),
    asked(margin, alpha),
  );
}

/** The interval by which {@link pairedShareEquivalence} judges; it holds that of the difference. */
export function plausibleShareDifference(
  a: readonly boolean[],
  b: readonly boolean[],
  { clusters, confidence = 0.9 }: Pick<MeanOptions, "clusters" | "confidence"> = {},
): Interval {
  const found = intervalOf(pairedShareDifference(a, b, { clusters, confidence }));
  if (found.noClaim !== undefined) return found;
  const only = a.map((value, i) => Number(value) - Number(b[i]!));
  const { down, up } = exactReach(only, { clusters, confidence });
  return {
    ...found,
    low: Math.max(-1, Math.min(found.low, found.estimate - down)),
    high: Math.min(1, Math.max(found.high, found.estimate + up)),
  };
}

/**
 * How far the mean of differences in [-1, 1] may lie from what was seen. Where all differ in one
 * direction their mean is a share, with an exact interval.
 */
function exactReach(
  differences: readonly number[],
  options: Pick<MeanOptions, "clusters" | "confidence">,
): { down: number; up: number } {
  const [more, less] = [1, -1].map((sign) =>
    exactShare(
      differences.map((value) => Math.max(0, sign * value)),
      options,
    ),
  ) as [Interval, Interval];
  const reach = (own: Interval, other: Interval): number =>
    Math.hypot(own.high - own.estimate, other.estimate - other.low);
  return { down: reach(less, more), up: reach(more, less) };
}

function exactShare(
  values: readonly number[],
  { clusters, confidence = 0.9 }: Pick<MeanOptions, "clusters" | "confidence">,
): Interval {
  return clusters
    ? shareInterval(values, { clusters, confidence })
    : clopperPearson(
        values.reduce((total, value) => total + value, 0),
        values.length,
        confidence,
      );
}

/**
 * Whether a win rate lies within 1/2 ± margin.
 * @param outcomes win 1, tie 1/2, loss 0, or a probability
 */
export function winRateEquivalence(
  outcomes: readonly number[],
  { margin, alpha, clusters }: EquivalenceOptions & Pick<MeanOptions, "clusters">,
): Equivalence {
  return equivalence((confidence) => plausibleWinRate(outcomes, { clusters, confidence }), {
    ...asked(margin, alpha),
    centre: 0.5,
  });
}

/** The interval by which {@link winRateEquivalence} judges; it holds that of the win rate. */
export function plausibleWinRate(
  outcomes: readonly number[],
  { clusters, confidence = 0.9 }: Pick<MeanOptions, "clusters" | "confidence"> = {},
): Interval {
  const found = intervalOf(meanInterval(outcomes, { clusters, confidence, range: [0, 1] }));
  if (found.noClaim !== undefined) return found;
  const { down, up } = exactReach(
    outcomes.map((outcome) => 2 * outcome - 1),
    { clusters, confidence },
  );
  return {
    ...found,
    low: Math.max(0, Math.min(found.low, found.estimate - down / 2)),
    high: Math.min(1, Math.max(found.high, found.estimate + up / 2)),
  };
}

const asked = (margin: number, alpha: number | undefined): EquivalenceOptions => ({
  margin,
  ...(alpha === undefined ? {} : { alpha }),
});

const intervalOf = ({ estimate, low, high, n, noClaim }: Interval): Interval => ({
  estimate,
  low,
  high,
  n,
  ...(noClaim === undefined ? {} : { noClaim }),
});
