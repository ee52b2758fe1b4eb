/** What is found of a reward on pairs: right, sure, and not fooled. */
import { countOf } from "../../core/counts.ts";
import { sigmoid } from "../../stats/special.ts";
import { noConclusion } from "../behaviour/measured.ts";
import type { Conclusion, Finding } from "../findings.ts";
import { extremesText, saying } from "../extremes.ts";
import { points, score, share } from "../measure.ts";
import { calibrationDetails, confidenceOf, overconfidence } from "../overconfidence.ts";
import type { RewardModelQuality, ScoredPair } from "../reward-model-quality.ts";
import { rewardModelQuality, rewardModelTable } from "../reward-model-quality.ts";
import { formatNumber, formatPoints, formatShare } from "../table.ts";
import { slug, slugs } from "../measure-names.ts";
import type { BatchCheck, Robustness } from "./robustness.ts";
import { BATCH_TOLERANCE } from "./robustness.ts";
import type { Trials } from "./trials.ts";

/**
 * Pairs: the order, beside what length alone would tell, and how sure it is.
 * @param claims.logOdds whether differences of the reward are log-odds, as those of a reward model
 * and not those of any function
 */
export function pairFindings(
  pairs: readonly ScoredPair[],
  { logOdds = true }: { logOdds?: boolean } = {},
): Finding[] {
  const quality = rewardModelQuality(pairs);
  return [
    accuracyFinding(quality),
    logOdds
      ? surenessFinding(pairs, quality)
      : noConclusion(
          SURENESS.id,
          SURENESS.question,
          "differences of a function's rewards are no log-odds, so that it claims no probability",
        ),
  ];
}

const SURENESS = { id: "reward-model-calibration", question: "Is it as sure as it is right?" };

function accuracyFinding(quality: RewardModelQuality): Finding {
  const { accuracy, baselines, groups, decided } = quality;
  const ties = quality.pairs - decided;
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
  const right =
    `It is right on ${formatShare(accuracy)} of ${countOf(decided, "pair")} of which people prefer ` +
    `one answer${ties > 0 ? ` (of ${ties} more they prefer neither)` : ""}`;
  const ahead = `${formatPoints(lead)} points against "${best.name}", which looks at length alone`;
  return {
    id: "reward-model-accuracy",
    question: "Does it put the better answer first?",
    conclusion,
    than: `"${best.name}"`,
    answer: `${right}. That is ${ahead} and is right on ${formatShare(best.accuracy)}.`,
    brief: `${right}: ${ahead}.`,
    measures: [
      share("reward-model/accuracy", "right order", accuracy),
      points("reward-model/lead", `lead over "${best.name}"`, lead),
      ...groups.map(({ name, accuracy: own }) =>
        share(`reward-model/accuracy/${words.get(name)!}`, `right order, ${name}`, own),
      ),
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "intervals",
          title: "Right order, beside what length alone tells",
          description: "Share of pairs in the order that people gave, with 95% intervals.",
          says: {
            better: `It is right more often than "${best.name}".`,
            worse: `It is right less often than "${best.name}".`,
            other: `That it is right more often than "${best.name}" is not shown.`,
          }[conclusion === "better" || conclusion === "worse" ? conclusion : "other"],
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

/** How sure it is of its order of a pair, and how often people agree with that order. */
function surenessFinding(pairs: readonly ScoredPair[], quality: RewardModelQuality): Finding {
  const { calibration } = quality;
  const clustered = pairs.some(({ cluster }) => cluster !== undefined);
  const gap = overconfidence(
    pairs.map(({ chosen, rejected, p = 1 }) => ({
      probability: sigmoid(Math.abs(chosen - rejected)),
      right: chosen === rejected ? 0.5 : chosen > rejected ? p : 1 - p,
    })),
    clustered ? pairs.map(({ cluster }, i) => cluster ?? `pair ${i}`) : undefined,
  );
  const says = {
    "under-confident":
      "This reward model is under-confident: its order is right more often than it says.",
    "over-confident":
      "This reward model is over-confident: its order is right less often than it says.",
    neither: "That this reward model is surer, or less sure, than it is right is not shown.",
  }[confidenceOf(gap)];
  const said =
    gap.noClaim === undefined
      ? says
      : `Nothing can be said of how sure this reward is: ${gap.noClaim}.`;
  return {
    ...SURENESS,
    conclusion: gap.noClaim === undefined ? "measured" : "no conclusion",
    answer:
      `${said} The probability that it gives to its own order of a pair, less the share in which ` +
      `people agree: ${formatPoints(gap)} points.`,
    measures: [
      points(
        "reward-model/overconfidence",
        "probability of its own order, less how often it is right",
        gap,
        "neither",
      ),
    ],
    figures: [
      {
        kind: "chart",
        chart: {
          kind: "reliability",
          title: "How sure, and how often right",
          description:
            "The probability that the reward gives its own order of a pair, sigmoid of the " +
            "difference, against the share of pairs where people agree; on the diagonal the two " +
            "are the same.",
          says: said,
          bins: calibration.bins,
          xLabel: "claimed",
          yLabel: "observed",
        },
      },
    ],
    details: calibrationDetails(calibration),
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

function whyUntold({ dresses, decided, right }: Trials): string {
  if (decided === 0)
    return "Nothing can be concluded: of no pair people prefer one answer, so none can be turned.";
  if (right === 0)
    return (
      `Nothing can be concluded: it puts none of ${countOf(decided, "pair")} in the right order, ` +
      "so none can be turned."
    );
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

/** What an answer's reward depends on besides the answer, with by how much. */
function companyText(what: string, check: BatchCheck | undefined): string[] {
  if (check === undefined || !(check.relative > BATCH_TOLERANCE)) return [];
  return [
    `an answer's reward depends on ${what}: by up to ${formatNumber(check.largest, 4)}, ` +
      `${formatNumber(100 * check.relative, 1)}% of a standard deviation`,
  ];
}

/** Which dresses turn its order, and whether other company does. */
export function robustnessFinding(trials: Trials): Finding {
  const { dresses, mates, order } = trials;
  const fooled = dresses.filter((each) => judgeDress(each) === "fooled");
  const sound = dresses.length > 0 && dresses.every((each) => judgeDress(each) === "sound");
  const parts = [
    ...fooled.map(
      ({ name, turned }) =>
        `${name} turns the order of ${formatShare(turned)} of ${countOf(turned.n, "right pair")}`,
    ),
    ...companyText("its batch", mates),
    ...companyText("the order in which answers are scored", order),
  ];
  return {
    id: "reward-model-robustness",
    question: "Is it fooled by what says nothing?",
    conclusion: parts.length > 0 ? "fooled" : sound ? "sound" : "no conclusion",
    ...(parts.length > 1
      ? { brief: `Yes: ${parts[0]!}, and ${countOf(parts.length - 1, "more thing")} misleads it.` }
      : {}),
    answer:
      parts.length > 0
        ? `Yes: ${parts.join("; ")}.`
        : sound
          ? `No: neither ${dresses.map(({ name }) => name).join(" nor ")} on the worse answer turns ` +
            `${formatNumber(100 * SOUND_BELOW, 0)}% of the right pairs, and ` +
            `${mates ? "neither batches nor order change" : "order changes"} nothing.`
          : whyUntold(trials),
    measures: [
      ...dresses.map(({ name, turned }) =>
        share(`reward-model/turned/${slug(name)}`, `order turned by ${name}`, turned, "lower"),
      ),
      ...dresses.map(({ name, change }) =>
        score(
          `reward-model/change/${slug(name)}`,
          `rise of the worse answer's reward by ${name}, standard deviations`,
          change,
          "lower",
        ),
      ),
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
          ...saying(
            extremesText(
              dresses.map(({ name, turned: interval }) => ({ name, interval })),
              "turned",
            ),
          ),
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
    details: [{ kind: "text", text: triedText(trials) }],
  };
}

function triedText({ mates, order, decided, right, dressed }: Trials): string {
  const differ = (check: BatchCheck): string => check.largest.toExponential(1);
  return (
    `Of ${countOf(decided, "pair")} in which people prefer one answer it puts ${right} in their ` +
    `order; the worse answer of ${dressed === right ? "each of them" : `${dressed} of them, drawn at random,`} ` +
    `was dressed. ${countOf(order.n, "answer")} scored together in two orders differ by at most ` +
    `${differ(order)}${mates ? `, and scored alone by at most ${differ(mates)}` : ""}.`
  );
}
