/** Can the reward model be trusted, on pairs that it has not seen? */
import { slug } from "../evaluation/measure-names.ts";
import type { Finding } from "../evaluation/findings.ts";
import { rewardModelTable } from "../evaluation/reward-model-quality.ts";
import { formatShare, verdictOf } from "../evaluation/table.ts";
import { reliabilityChart } from "../report/report-sections.ts";
import type { PipelineResult } from "./pipeline.ts";
import { plainInterval } from "../stats/intervals.ts";
import { inPoints, listOf, pointsMeasure, shareMeasure } from "./report-words.ts";

const PLACES = {
  better: "ahead of",
  worse: "behind",
  "not distinguishable": "not to be told from",
} as const;

export function trustFinding({ rewardModel }: PipelineResult): Finding {
  const { accuracy, baselines, decided } = rewardModel;
  const beats = baselines.every(({ lead }) => verdictOf(lead) === "better");
  const places = baselines.map(
    ({ name, lead }) => `${PLACES[verdictOf(lead)]} "${name}" (${inPoints(plainInterval(lead))})`,
  );
  return {
    id: "is-the-reward-model-right",
    question: "Does the reward model know what people prefer?",
    conclusion:
      accuracy.noClaim !== undefined ? "no conclusion" : beats ? "sound" : "not distinguishable",
    answer:
      `It puts ${formatShare(accuracy)} of ${decided} pairs that it has not seen in the right order; ` +
      "of rules that only look at length it is " +
      `${listOf(places)}.`,
    measures: [
      shareMeasure("reward-model/accuracy", "right order", plainInterval(accuracy)),
      ...baselines.map(({ name, lead }) =>
        pointsMeasure(
          `reward-model/lead-over-${slug(name)}`,
          `lead over "${name}"`,
          plainInterval(lead),
        ),
      ),
      shareMeasure(
        "reward-model/agreement",
        "a person agrees",
        plainInterval(rewardModel.agreement),
      ),
    ],
    figures: [{ kind: "chart", chart: reliabilityChart(rewardModel) }],
    details: [{ kind: "table", table: rewardModelTable(rewardModel) }],
  };
}
