/**
 * What so many prompts can show, and how many more would settle it. Ties make an outcome less
 * uncertain than a coin, clusters make a prompt worth less.
 *
 * Source: stats/power.ts.
 */
import { clusteredMean } from "../../stats/clusters.ts";
import { mean } from "../../stats/intervals.ts";
import type { SharePowerOptions } from "../../stats/power.ts";
import { comparisonsForShare, detectableShare } from "../../stats/power.ts";
import type { PowerFigures } from "./comparison.ts";

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
  const { designSize } = clusters ? clusteredMean(outcomes, clusters) : { designSize: n };
  const options: SharePowerOptions = {
    alpha,
    designEffect: Math.max(1, n / designSize),
    decided: decidedShare(outcomes),
  };
  const detectable = detectableShare(n, options);
  const distance = Math.abs(mean(outcomes) - 0.5);
  const moreFor = (difference: number): number =>
    Math.max(0, comparisonsForShare(0.5 + difference, 0.5, options) - n);
  return {
    ...(Number.isNaN(detectable) ? {} : { detectable }),
    ...(found
      ? { more: 0 }
      : distance > 1e-9
        ? { more: moreFor(distance), moreIfHalf: moreFor(distance / 2) }
        : {}),
    forFiftyFive: comparisonsForShare(0.55, 0.5, options),
  };
}

/** One observation at either end, as in the interval: a few ties promise no ties to come. */
function decidedShare(outcomes: readonly number[]): number {
  const squares = outcomes.reduce((total, outcome) => total + (outcome - 0.5) ** 2, 0);
  return Math.min(1, (4 * squares + 2) / (outcomes.length + 2));
}
