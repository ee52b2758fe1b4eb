/**
 * The share of prompts won, a tie counting half: the mean of outcomes in [0, 1]. Its interval is
 * Bonett and Price's for a mean in a range (stats/intervals.ts), which ties make narrower, and its
 * p-value that of flipped signs of whole clusters, which is never clear where the interval is not.
 * Everything that says how often one answer beats another says it by these.
 */
import { sumByLabel } from "../stats/clusters.ts";
import type { Interval, MeanOptions } from "../stats/intervals.ts";
import { meanInterval, notBelowInterval, plainInterval } from "../stats/intervals.ts";
import { signFlipTest } from "../stats/sign-flips.ts";

export type Clustering = Pick<MeanOptions, "clusters"> & { confidence?: number | undefined };

/** Share of prompts won, a tie counting half: the mean of outcomes in [0, 1]. */
export function rateInterval(
  outcomes: readonly number[],
  { clusters, confidence = 0.95 }: Clustering = {},
): Interval {
  return plainInterval(meanInterval(outcomes, { clusters, confidence, range: [0, 1] }));
}

/** Two-sided, that the mean outcome is a half; 1 where every outcome is. */
export function ratePValue(outcomes: readonly number[], { clusters }: Clustering = {}): number {
  const excess = outcomes.map((outcome) => outcome - 0.5);
  return notBelowInterval(
    signFlipTest(clusters ? sumByLabel(excess, clusters) : excess),
    (confidence) => rateInterval(outcomes, { clusters, confidence }),
    0.5,
  );
}
