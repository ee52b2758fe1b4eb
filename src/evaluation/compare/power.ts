/**
 * What so many prompts can show, and how many more would settle it. With the spread that was seen:
 * ties make an outcome less uncertain than a coin, clusters make a prompt worth less.
 *
 * Source: stats/power.ts.
 */
import { clusteredMean } from "../../stats/clusters.ts";
import { mean, twoSidedNormal, variance } from "../../stats/intervals.ts";
import { comparisonsForShare } from "../../stats/power.ts";
import { normalQuantile } from "../../stats/special.ts";
import type { PowerFigures } from "./comparison.ts";

const POWER = 0.8;

/**
 * @param options alpha: error of the verdict; found: whether it is settled already
 */
export function powerFigures(
  outcomes: readonly number[],
  {
    clusters,
    alpha,
    found,
  }: {
    clusters?: readonly (string | number)[] | undefined;
    alpha: number;
    found: boolean;
  },
): PowerFigures {
  const n = outcomes.length;
  const reach = twoSidedNormal(1 - alpha) + normalQuantile(POWER);
  const centre = mean(outcomes);
  // One observation at either end, as in the interval: without it equal outcomes would promise
  // that any difference is seen.
  const spread = ((n > 1 ? variance(outcomes) * (n - 1) : 0) + 0.5) / (n + 2);
  const { designSize } = clusters ? clusteredMean(outcomes, clusters) : { designSize: n };
  const design = Math.max(1, n / designSize);
  const error = Math.sqrt((design * spread) / n);
  const detectable = 0.5 + reach * error;
  const distance = Math.abs(centre - 0.5);
  const moreFor = (difference: number): number =>
    Math.max(0, Math.ceil((reach / difference) ** 2 * design * spread) - n);
  return {
    ...(detectable <= 1 ? { detectable } : {}),
    ...(found
      ? { more: 0 }
      : distance > 1e-9
        ? { more: moreFor(distance), moreIfHalf: moreFor(distance / 2) }
        : {}),
    forFiftyFive: Math.ceil(
      comparisonsForShare(0.55, 0.5, { alpha, designEffect: design * Math.min(1, spread / 0.25) }),
    ),
  };
}
