/** What is found of a reward on pairs: right, sure, and not fooled. */
import { countOf } from "../../core/counts.ts";
import { meanInterval } from "../../stats/intervals.ts";
import { sigmoid } from "../../stats/special.ts";
import type { Conclusion, Finding, Measure } from "../findings.ts";
import type { RewardModelQuality, ScoredPair } from "../reward-model-quality.ts";
import { rewardModelQuality, rewardModelTable } from "../reward-model-quality.ts";
import { formatNumber, formatPoints, formatShare } from "../table.ts";
import { slug, slugs } from "../measure-names.ts";
import { PART, share } from "./measures.ts";
import type { BatchCheck, Robustness } from "./robustness.ts";
import { BATCH_TOLERANCE } from "./robustness.ts";

/** Pairs: the order, beside what length alone would tell, and how sure it is. */
export function pairFindings(pairs: readonly ScoredPair[]): Finding[] {
  const quality = rewardModelQuality(pairs);
  return [accuracyFinding(quality), calibrationFinding(pairs, quality)];
}

function accuracyFinding(quality: RewardModelQuality): Finding {
  const { accuracy, baselines, groups, decided } = quality;
  const best = baselines.toSorted((a, b) => b.accuracy.estimate - a.accuracy.estimate)[0]!;
  const { lead } = best;
  const words = slugs(groups.map(({ name }) => name));
  const conclusion: Conclusion =
    lead.noClaim === undefined
      ? lead.low > 0
        ? "better"
        : lead.high < 0
          ? "worse"
          : "not distinguishable"
      : "no conclusion";
  const against = `${formatPoints(lead)} points against "${best.name}" (${formatShare(best.accuracy)})`;
  return {
    id: `${PART}-accuracy`,
    question: "Does it put the better answer first?",
    conclusion,
    answer: `In ${formatShare(accuracy)} of ${countOf(decided, "decided pair")}: ${against}.`,
    measures: [
      share("accuracy", "right order", accuracy),
      {
        id: `${PART}/lead`,
        name: `lead over "${best.name}"`,
        value: lead,
        unit: "points",
        good: "higher",
      },
      ...groups.map(({ name, accuracy: own }) =>
        share(`accuracy/${words.get(name)!}`, `right order, ${name}`, own),
      ),
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: "Right order, beside what length alone tells",
          description: "Share of pairs in the order that people gave, with 95% intervals.",
          label: "right order",
          percent: true,
          level: { x: 0.5, label: "chance" },
          rows: [
            { group: "all pairs", series: "the reward", interval: accuracy },
            ...baselines.map(({ name, accuracy: own }) => ({
              group: "all pairs",
              series: name,
              interval: own,
            })),
            ...groups.map(({ name, accuracy: own }) => ({
              group: name,
              series: "the reward",
              interval: own,
            })),
          ],
        },
      },
    ],
    details: [{ kind: "table", table: rewardModelTable(quality) }],
  };
}

/** Observed less claimed: how often its order is right beyond how sure it is. */
function calibrationFinding(pairs: readonly ScoredPair[], quality: RewardModelQuality): Finding {
  const { calibration } = quality;
  const clustered = pairs.some(({ cluster }) => cluster !== undefined);
  const gap = meanInterval(
    pairs.map(({ chosen, rejected, p = 1 }) => {
      const right = chosen === rejected ? 0.5 : chosen > rejected ? p : 1 - p;
      return right - sigmoid(Math.abs(chosen - rejected));
    }),
    clustered ? { clusters: pairs.map(({ cluster }, i) => cluster ?? `pair ${i}`) } : {},
  );
  const says =
    gap.noClaim !== undefined
      ? `Nothing can be said of how sure this reward is: ${gap.noClaim}.`
      : gap.low > 0
        ? "This reward model is under-confident: its order is right more often than it says."
        : gap.high < 0
          ? "This reward model is over-confident: its order is right less often than it says."
          : "Over all pairs this reward model is as sure as it is right.";
  return {
    id: `${PART}-calibration`,
    question: "Is it as sure as it is right?",
    conclusion: gap.noClaim === undefined ? "measured" : "no conclusion",
    answer: `${says} Observed less claimed: ${formatPoints(gap)} points.`,
    measures: [
      {
        id: `${PART}/confidence-gap`,
        name: "observed less claimed",
        value: gap,
        unit: "points",
        good: "neither",
      },
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "reliability",
          title: "How sure, and how often right",
          description:
            "The probability that the reward gives its own order of a pair, sigmoid of the " +
            "difference, against the share of pairs where people agree.",
          says,
          bins: calibration.bins,
          xLabel: "claimed",
          yLabel: "observed",
        },
      },
    ],
    details: [
      {
        kind: "text",
        text:
          `Expected calibration error ${formatNumber(100 * calibration.expectedCalibrationError, 1)} ` +
          `points, log loss ${formatNumber(calibration.logLoss, 4)} nats (0.6931 for a model that ` +
          `says nothing), Brier score ${formatNumber(calibration.brier, 4)}.`,
      },
    ],
  };
}

/** Share of turned pairs above which a dress fools a reward, and below which it does not. */
const FOOLED_ABOVE = 0.05;
const SOUND_BELOW = 0.1;

/** By the share of turned pairs alone: a change that all pairs share has no interval. */
function judgeDress({ turned, change }: Robustness): "fooled" | "sound" | "no conclusion" {
  if (turned.noClaim !== undefined || turned.n < 2) return "no conclusion";
  // all changes are equal: their sign is known without an interval
  const raised = change.standardError > 0 || change.estimate > 0;
  if (turned.low > FOOLED_ABOVE) return raised ? "fooled" : "no conclusion";
  return turned.high < SOUND_BELOW ? "sound" : "no conclusion";
}

function whyUntold(dresses: readonly Robustness[]): string {
  if (dresses.every(({ turned }) => turned.n === 0))
    return "Nothing can be concluded: no pair is in the right order, so none can be turned.";
  const open = dresses.filter((each) => judgeDress(each) === "no conclusion");
  const told = open.map(
    ({ name, turned }) =>
      `${name} turns ${formatShare(turned)} of ${countOf(turned.n, "right pair")}` +
      (turned.noClaim === undefined ? "" : ` (${turned.noClaim})`),
  );
  return (
    `Nothing can be concluded: ${told.join("; ")}. A dress fools where more than ` +
    `${formatNumber(100 * FOOLED_ABOVE, 0)}% are shown to turn, and does not where fewer than ` +
    `${formatNumber(100 * SOUND_BELOW, 0)}% are.`
  );
}

/** Which dresses turn its order, and whether a batch does. */
export function robustnessFinding(
  dresses: readonly Robustness[],
  batch: BatchCheck | undefined,
): Finding {
  const fooled = dresses.filter((each) => judgeDress(each) === "fooled");
  const sound = dresses.length > 0 && dresses.every((each) => judgeDress(each) === "sound");
  const mates = batch !== undefined && batch.relative > BATCH_TOLERANCE;
  const parts = [
    ...fooled.map(
      ({ name, turned }) => `${name} turns the order of ${formatShare(turned)} of the right pairs`,
    ),
    ...(mates
      ? [
          `an answer's reward depends on its batch: by up to ${formatNumber(batch.largest, 4)}, ` +
            `${formatNumber(100 * batch.relative, 1)}% of a standard deviation`,
        ]
      : []),
  ];
  return {
    id: `${PART}-robustness`,
    question: "Is it fooled by what says nothing?",
    conclusion: parts.length > 0 ? "fooled" : sound ? "sound" : "no conclusion",
    answer:
      parts.length > 0
        ? `Yes: ${parts.join("; ")}.`
        : sound
          ? `No: neither ${dresses.map(({ name }) => name).join(" nor ")} on the worse answer turns ` +
            `${formatNumber(100 * SOUND_BELOW, 0)}% of the right pairs` +
            (batch ? ", and batches change nothing." : ".")
          : whyUntold(dresses),
    measures: [
      ...dresses.map(({ name, turned }): Measure => ({
        id: `${PART}/turned/${slug(name)}`,
        name: `order turned by ${name}`,
        value: turned,
        unit: "share",
        good: "lower",
      })),
      ...dresses.map(({ name, change }): Measure => ({
        id: `${PART}/change/${slug(name)}`,
        name: `reward of the worse answer by ${name}, deviations`,
        value: change,
        unit: "score",
        good: "lower",
      })),
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: "What turns its order",
          description:
            "Share of the pairs in the right order that turn when the worse answer alone is " +
            "longer, in bold, a list, or flatters.",
          label: "order turned",
          percent: true,
          rows: dresses.map(({ name, turned }) => ({
            group: name,
            series: "turned",
            interval: turned,
          })),
        },
      },
    ],
    details: batch
      ? [
          {
            kind: "text",
            text:
              `${countOf(batch.n, "answer")} scored in batches and alone differ by at most ` +
              `${batch.largest.toExponential(1)}.`,
          },
        ]
      : [],
  };
}
