/**
 * Is something as sure as it is right? The mean of what it claims less what came true, with its
 * interval, the same of a model's answers and of a reward's orders: above zero it is over-confident.
 */
import type { Calibration } from "../stats/calibration.ts";
import type { Labels } from "../stats/clusters.ts";
import type { Interval } from "../stats/intervals.ts";
import { meanInterval } from "../stats/intervals.ts";
import type { ReportPart } from "./page.ts";
import { formatNumber } from "./table.ts";

/** A probability that was claimed, and how far it came true: 0 or 1, or in part. */
export interface ClaimMade {
  readonly probability: number;
  readonly right: number;
}

/** Claimed less observed, -1 to 1. */
export const overconfidence = (
  claims: readonly ClaimMade[],
  clusters: Labels | undefined,
): Interval =>
  meanInterval(
    claims.map(({ probability, right }) => probability - right),
    { range: [-1, 1], clusters },
  );

/** What the interval of {@link overconfidence} shows. */
export const confidenceOf = ({
  low,
  high,
  noClaim,
}: Interval): "over-confident" | "under-confident" | "neither" =>
  noClaim === undefined && low > 0
    ? "over-confident"
    : noClaim === undefined && high < 0
      ? "under-confident"
      : "neither";

/** Figures that stand beside it, folded. */
export const calibrationDetails = (
  { expectedCalibrationError, logLoss, brier }: Calibration,
  more: readonly (readonly [string, string])[] = [],
): ReportPart[] => [
  {
    kind: "facts",
    facts: [
      [
        "expected calibration error (mean distance from the diagonal)",
        `${formatNumber(100 * expectedCalibrationError, 1)} points`,
      ],
      ["log loss, nats (0.693 where nothing is claimed)", formatNumber(logLoss, 3)],
      ["Brier score (0.25 where nothing is claimed)", formatNumber(brier, 3)],
      ...more,
    ],
  },
  {
    kind: "text",
    text:
      "The expected calibration error has no interval: chance alone makes it larger than 0, the more " +
      "so the fewer claims there are.",
  },
];
