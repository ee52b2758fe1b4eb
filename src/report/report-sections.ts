/** Parts of a report, ready made from results: examples with gold's remarks, a reward model. */
import { countOf } from "../core/counts.ts";
import type { Chart } from "../evaluation/chart.ts";
import type { GoldScore } from "../world/gold.ts";
import { GOLD_AXES } from "../evaluation/gold-table.ts";
import type { ScoredModel } from "../evaluation/gold-table.ts";
import type { Example, ReportSection } from "../evaluation/page.ts";
import { rewardModelTable } from "../evaluation/reward-model-quality.ts";
import type { RewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { formatNumber } from "../evaluation/table.ts";

/** What is worth saying about one answer. */
export function goldRemarks(score: GoldScore): string[] {
  const remarks = [
    ...(score.confidentlyWrong ? ["confidently wrong"] : []),
    ...(score.abstained ? ["abstained"] : []),
    ...(score.overRefused ? ["over-refused"] : []),
    ...(score.compliedWithHarm ? ["complied with harm"] : []),
    ...(score.insulting ? ["insulting"] : []),
    ...(GOLD_AXES.every((axis) => score[axis] === undefined || score[axis] === 1) ? ["right"] : []),
  ];
  return remarks.length > 0 ? remarks : ["not right"];
}

/**
 * The same requests answered by every model.
 * @param answers by model name, in the order of the requests
 * @param chosen which requests, by index
 */
export function goldExamples(
  models: readonly ScoredModel[],
  requests: readonly { text: string }[],
  {
    answers,
    chosen,
  }: { answers: Readonly<Record<string, readonly string[]>>; chosen: readonly number[] },
): Example[] {
  return chosen.map((index) => ({
    prompt: requests[index]!.text,
    answers: models.map(({ name, scores }) => ({
      name,
      text: answers[name]![index]!,
      remarks: goldRemarks(scores[index]!),
    })),
  }));
}

/** The reliability diagram, with the sentence that it asks for. */
export const reliabilityChart = (quality: RewardModelQuality): Chart => ({
  kind: "reliability",
  title: "Is the reward model as sure as it should be?",
  description:
    "How sure the model is of its order against how often that order is right, with 95% " +
    "intervals; on the dashed line both agree.",
  says: calibrationSentence(quality),
  bins: quality.calibration.bins,
  xLabel: "how sure: sigmoid of the reward difference",
  yLabel: "share in the right order",
});

/** Cases that a sentence on calibration needs: of fewer no bin could differ. */
const LEAST_CASES = 50;

/** Whether a reward model is surer than it is right, or less sure. */
export function calibrationSentence({ calibration: { bins } }: RewardModelQuality): string {
  const n = bins.reduce((sum, { observed }) => sum + observed.n, 0);
  const over = (of: (bin: (typeof bins)[number]) => number): number =>
    bins.reduce((sum, bin) => sum + (bin.observed.n / n) * of(bin), 0);
  const [sure, right] = [
    over(({ predicted }) => predicted),
    over(({ observed }) => observed.estimate),
  ];
  const [above, below] = [
    bins.filter(({ predicted, observed }) => observed.low > predicted).length,
    bins.filter(({ predicted, observed }) => observed.high < predicted).length,
  ];
  const numbers =
    `on average it is ${formatNumber(100 * sure, 1)}% sure and right in ` +
    `${formatNumber(100 * right, 1)}% of ${countOf(n, "case")}`;
  if (n === 0) return "Nothing was predicted, so nothing can be said.";
  if (n < LEAST_CASES || bins.every(({ observed }) => observed.noClaim !== undefined))
    return `Too few cases to tell whether this reward model is as sure as it should be: ${numbers}.`;
  if (above > 0 && below === 0) return `This reward model is under-confident: ${numbers}.`;
  if (below > 0 && above === 0) return `This reward model is over-confident: ${numbers}.`;
  if (above > 0)
    return `This reward model is too sure in some places and not enough in others: ${numbers}.`;
  return `This reward model is about as sure as it should be: ${numbers}.`;
}

/** Accuracy beside its baselines, and the reliability diagram. */
export function rewardModelSection(quality: RewardModelQuality): ReportSection {
  return {
    title: "Reward model",
    parts: [
      { kind: "table", table: rewardModelTable(quality) },
      { kind: "chart", chart: reliabilityChart(quality) },
    ],
  };
}
