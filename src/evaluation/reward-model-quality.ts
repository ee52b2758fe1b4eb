/**
 * How good a reward model is on pairs it has not seen, beside what length alone would tell:
 * accuracy against the longest-wins and shortest-wins baselines, agreement with people (soft
 * labels), and calibration of sigmoid(margin).
 *
 * Source: the reward-model loss of InstructGPT (arXiv 2203.02155) makes sigmoid(r_chosen -
 * r_rejected) a probability; AlpacaEval's annotators, who prefer the longer answer in 64 of 100
 * cases, for the length baselines.
 * Differences:
 * 1. equal scores count half: a model that scores everything alike is at 50%, not at 0 or 100%.
 * 2. Pairs labelled 0.5 have no right order: they count for calibration and agreement, not for
 *    accuracy.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { Calibration } from "../stats/calibration.ts";
import { calibration } from "../stats/calibration.ts";
import type { Interval, MeanInterval } from "../stats/intervals.ts";
import { checkFinite, mean, meanInterval, shareInterval } from "../stats/intervals.ts";
import type { PairedDifference } from "../stats/paired.ts";
import { pairedDifference } from "../stats/paired.ts";
import { sigmoid } from "../stats/special.ts";
import { differenceCell, formatNumber, formatPoints, formatShare } from "./table.ts";
import type { Table } from "./table.ts";

export interface ScoredPair {
  /** Rewards of the two answers. */
  chosen: number;
  rejected: number;
  /** Their lengths, in any one unit (tokens, usually). */
  chosenLength: number;
  rejectedLength: number;
  /** P(chosen preferred); 1 where left out. */
  p?: number;
  /** Pairs of one cluster (one prompt, say) may depend on each other. */
  cluster?: string | number;
  /** A kind of pair to be looked at by itself: a topic, a source. */
  group?: string;
}

export interface Baseline {
  name: "longest wins" | "shortest wins";
  accuracy: Interval;
  /** Reward model minus baseline, on the same pairs. */
  lead: PairedDifference;
}

export interface RewardModelQuality {
  /** Pairs, those with a right order, and those that the model scored equally. */
  pairs: number;
  decided: number;
  equalScores: number;
  /** Share of decided pairs put in the label's order. */
  accuracy: Interval;
  baselines: [Baseline, Baseline];
  /**
   * Mean probability that a person agrees with the model's order; and what a model that knew p
   * would reach.
   */
  agreement: Interval;
  ceiling: number;
  /** Calibration in the model's own order of a pair: predictions are from 0.5 (no idea) to 1. */
  calibration: Calibration;
  /** Mean of chosen minus rejected. */
  margin: MeanInterval;
  /**
   * Pearson's correlation of reward difference and length difference; NaN where either does not
   * vary.
   */
  lengthCorrelation: number;
  groups: { name: string; accuracy: Interval }[];
}

/** @param options confidence: two-sided, 0.95 where left out; bins: of the calibration */
export function rewardModelQuality(
  pairs: readonly ScoredPair[],
  options: { confidence?: number; bins?: number } = {},
): RewardModelQuality {
  check(pairs);
  const decided = pairs.filter(({ p = 1 }) => p !== 0.5);
  const settings = settingsFor(decided, options.confidence);
  const right = decided.map(isRight);
  const accuracy = shareInterval(right, settings);
  const baseline = (name: Baseline["name"], sign: 1 | -1): Baseline => {
    const guesses = decided.map(({ chosenLength, rejectedLength, p = 1 }) =>
      orderedRight(sign * (chosenLength - rejectedLength), p),
    );
    return {
      name,
      accuracy: shareInterval(guesses, settings),
      lead: pairedDifference(right, guesses, { ...settings, range: [-1, 1] }),
    };
  };
  const margins = pairs.map(({ chosen, rejected }) => chosen - rejected);
  return {
    pairs: pairs.length,
    decided: decided.length,
    equalScores: margins.filter((margin) => margin === 0).length,
    accuracy,
    baselines: [baseline("longest wins", 1), baseline("shortest wins", -1)],
    agreement: shareInterval(
      pairs.map(({ p = 1 }, i) => expectedAgreement(margins[i]!, p)),
      settingsFor(pairs, options.confidence),
    ),
    ceiling: mean(pairs.map(({ p = 1 }) => Math.max(p, 1 - p))),
    calibration: orderCalibration(pairs, {
      bins: options.bins,
      clusters: settingsFor(pairs, undefined).clusters,
    }),
    margin: meanInterval(margins, settingsFor(pairs, options.confidence)),
    lengthCorrelation: correlation(
      margins,
      pairs.map(({ chosenLength, rejectedLength }) => chosenLength - rejectedLength),
    ),
    groups: byGroup(decided, options.confidence),
  };
}

/** 1, 0 or 1/2: whether a positive difference puts the preferred answer first. */
const orderedRight = (difference: number, p: number): number =>
  difference === 0 ? 0.5 : difference > 0 === p > 0.5 ? 1 : 0;

const isRight = ({ chosen, rejected, p = 1 }: ScoredPair): number =>
  orderedRight(chosen - rejected, p);

const expectedAgreement = (margin: number, p: number): number =>
  margin === 0 ? 0.5 : margin > 0 ? p : 1 - p;

function settingsFor(
  pairs: readonly ScoredPair[],
  confidence: number | undefined,
): { confidence?: number; clusters?: (string | number)[] } {
  const clustered = pairs.some(({ cluster }) => cluster !== undefined);
  return {
    ...(confidence === undefined ? {} : { confidence }),
    ...(clustered ? { clusters: pairs.map(({ cluster }, i) => cluster ?? `pair ${i}`) } : {}),
  };
}

/**
 * Calibration of the model's own order: how sure it is, sigmoid(|margin|), against how often that
 * order is right. (Read as P(chosen), every label would be 1.) Log loss and Brier score are the
 * same in either reading.
 */
function orderCalibration(
  pairs: readonly ScoredPair[],
  { bins, clusters }: { bins: number | undefined; clusters: (string | number)[] | undefined },
): Calibration {
  const confidence = pairs.map(({ chosen, rejected }) => sigmoid(Math.abs(chosen - rejected)));
  const targets = pairs.map(({ chosen, rejected, p = 1 }) => (chosen >= rejected ? p : 1 - p));
  const { logLoss, entropy, brier } = calibration(confidence, targets);
  // Of two equal scores either order is as good, so half of them are right.
  const right = targets.map((target, i) =>
    pairs[i]!.chosen === pairs[i]!.rejected ? 0.5 : target,
  );
  return {
    ...calibration(confidence, right, { clusters, ...(bins === undefined ? {} : { bins }) }),
    logLoss,
    entropy,
    brier,
  };
}

function byGroup(
  decided: readonly ScoredPair[],
  confidence: number | undefined,
): { name: string; accuracy: Interval }[] {
  const groups = new Map<string, ScoredPair[]>();
  for (const pair of decided)
    if (pair.group !== undefined) groups.set(pair.group, [...(groups.get(pair.group) ?? []), pair]);
  return [...groups]
    .map(([name, members]) => ({
      name,
      accuracy: shareInterval(members.map(isRight), settingsFor(members, confidence)),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function correlation(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (const [i, value] of x.entries()) {
    xy += (value - mx) * (y[i]! - my);
    xx += (value - mx) ** 2;
    yy += (y[i]! - my) ** 2;
  }
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : NaN;
}

function check(pairs: readonly ScoredPair[]): void {
  if (pairs.length === 0)
    throw new AttuneError("data", "a reward model cannot be judged without pairs", {
      hint: "hold some out: --held-out 0.1",
    });
  checkFinite(
    pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]),
    "rewards",
  );
  checkFinite(
    pairs.flatMap(({ chosenLength, rejectedLength }) => [chosenLength, rejectedLength]),
    "lengths",
  );
  const index = pairs.findIndex(({ p = 1 }) => !(p >= 0 && p <= 1));
  if (index >= 0)
    throw new AttuneError("data", `pair ${index + 1}: p must be a probability`, {
      got: String(pairs[index]!.p),
      expected: "0 to 1",
    });
}

/** Accuracy beside its baselines, agreement and calibration. */
export function rewardModelTable(quality: RewardModelQuality): Table {
  const [longest, shortest] = quality.baselines;
  const { calibration: measured } = quality;
  return {
    caption: `Reward model on ${countOf(quality.decided, "held-out pair")}`,
    columns: [
      { name: "" },
      { name: "value", align: "right" },
      { name: "lead, points [95%]", align: "right" },
    ],
    rows: [
      ["right order", formatShare(quality.accuracy), ""],
      ...[longest, shortest].map(({ name, accuracy, lead }) => [
        name,
        formatShare(accuracy),
        differenceCell(formatPoints(lead), lead),
      ]),
      ...quality.groups.map(({ name, accuracy }) => [
        `right order, ${name} (${accuracy.n})`,
        formatShare(accuracy),
        "",
      ]),
      ["a person agrees", formatShare(quality.agreement), ""],
      ["the most anybody could agree", `${formatNumber(100 * quality.ceiling, 1)}%`, ""],
      ["log loss, nats", formatNumber(measured.logLoss, 4), ""],
      ["log loss of knowing p", formatNumber(measured.entropy, 4), ""],
      ["Brier score", formatNumber(measured.brier, 4), ""],
      [
        "calibration error",
        `${formatNumber(100 * measured.expectedCalibrationError, 1)} points`,
        "",
      ],
      ["correlation with length", formatNumber(quality.lengthCorrelation, 2), ""],
    ],
    note: "A model that says nothing has log loss 0.6931 and Brier score 0.25.",
  };
}
