/** The questions that the report of `attune align` answers. */
import { countOf } from "../core/counts.ts";
import { gravest } from "../evaluation/conclusion.ts";
import type { EvaluatedModel } from "../evaluation/evaluated-model.ts";
import type { Finding, Findings, Measure } from "../evaluation/findings.ts";
import { inconclusiveText } from "../evaluation/inconclusive.ts";
import { slug, slugs } from "../evaluation/measure-names.ts";
import type { HackingFindings } from "../evaluation/over-optimisation/hacking-findings.ts";
import { contestTable } from "../evaluation/pairwise.ts";
import type { PolicyComparison } from "../evaluation/policy-evaluation.ts";
import { comparePolicies } from "../evaluation/policy-evaluation.ts";
import type { RewardModelQuality } from "../evaluation/reward-model-quality.ts";
import { judgedTogether } from "../evaluation/judged-differences.ts";
import type { JudgedDifference } from "../evaluation/judged-differences.ts";
import type { Cell, Table } from "../evaluation/table.ts";
import { formatMean, formatShare } from "../evaluation/table.ts";
import type { Stage, StageResult } from "../runs/pipeline.ts";
import { plainInterval } from "../stats/intervals.ts";
import { alignPathParts, readPath } from "./align-path.ts";
import type { Verdicts } from "./align-verdict.ts";
import { rewardModelSection } from "./report-sections.ts";

/** What is said of the ways of stages that learned from their own answers. */
export interface HackingOfStages {
  stages: readonly StageResult[];
  /** By `attune eval over-optimisation`'s rule. */
  hacking: readonly { stage: string; findings: HackingFindings }[];
}

/** One number of a model beside the first, under the name of the pipeline. */
type MeasureOf = (
  name: string,
  what: string,
  rest: Pick<Measure, "unit" | "value" | "good"> & { says: string },
) => Measure;

function measuresBy(names: readonly string[]): MeasureOf {
  const ids = slugs(names);
  return (name, what, { unit, value, good, says }) => ({
    id: `align/${ids.get(name)!}/${what}`,
    name: `${name}: ${says}`,
    value: plainInterval(value),
    unit,
    good,
  });
}

/** A question a judge: the models beside the first. */
export function judgedFindings(
  evaluated: readonly EvaluatedModel[],
  { reward, critic }: Verdicts,
  { sentence, ...concluded }: Findings["verdict"],
): Finding[] {
  const comparisons = comparePolicies(evaluated);
  const [{ name: baseline }] = comparisons as [PolicyComparison];
  const measureOf = measuresBy(evaluated.map(({ name }) => name));
  return [
    {
      id: "is-it-better",
      question: "Is it better?",
      ...concluded,
      answer: sentence,
      measures: comparisons
        .filter(({ name }) => name !== baseline)
        .flatMap((each) =>
          policyMeasures(each, { baseline, judge: reward?.name ?? "", measureOf }),
        ),
      figures: [{ kind: "table", table: comparisonTable(comparisons) }],
      details: [],
    },
    ...(critic ? [criticFinding(critic, { baseline, measureOf })] : []),
  ];
}

function policyMeasures(
  { name, wins, difference, kl }: PolicyComparison,
  { baseline, judge, measureOf }: { baseline: string; judge: string; measureOf: MeasureOf },
): Measure[] {
  return [
    ...(wins
      ? [
          measureOf(name, "reward-win-rate", {
            unit: "share",
            value: wins,
            good: "higher",
            says: `win rate against ${baseline}, by ${judge}`,
          }),
        ]
      : []),
    ...(difference
      ? [
          measureOf(name, "score", {
            unit: "score",
            value: difference,
            good: "higher",
            says: `score of ${judge} less that of ${baseline}`,
          }),
        ]
      : []),
    measureOf(name, "kl", {
      unit: "nats",
      value: kl,
      good: "neither",
      says: `KL from ${baseline}`,
    }),
  ];
}

const criticFinding = (
  { name: critic, optimised, entries }: NonNullable<Verdicts["critic"]>,
  { baseline, measureOf }: { baseline: string; measureOf: MeasureOf },
): Finding => ({
  id: "what-does-the-critic-say",
  question: `What does ${critic} say?`,
  conclusion: optimised ? "no conclusion" : "measured",
  answer: optimised
    ? "That critic also made the labels that were learned from."
    : `It compared every model's answers with those of ${baseline}, in both orders.`,
  measures: entries
    .filter(({ control, inconclusive }) => !control && inconclusive === undefined)
    .map(({ name, raw }) =>
      measureOf(name, "critic-win-rate", {
        unit: "share",
        value: raw,
        good: "higher",
        says: `win rate against ${baseline}, by ${critic}`,
      }),
    ),
  figures: [{ kind: "table", table: contestTable(entries, baseline) }],
  details: [],
});

/** What `attune eval over-optimisation` says of each run, with the charts of all of them. */
export function hackedFindings({ stages, hacking }: HackingOfStages): Finding[] {
  const paths = stages
    .map(({ stage, folder }) => ({ name: stage.name, ...readPath(folder) }))
    .filter(({ points }) => points.length > 1);
  if (paths.length === 0) return [];
  const said = hacking.flatMap(({ stage, findings: { findings } }) => {
    const [found] = findings;
    return found ? [{ stage, found }] : [];
  });
  const conclusions = said.map(({ found }) => found.conclusion);
  const { figures, details } = alignPathParts(paths);
  return [
    {
      id: "was-the-reward-hacked",
      question: "Was the reward hacked?",
      conclusion: gravest(conclusions),
      ...(conclusions.length > 1 ? { conclusions } : {}),
      answer: said.map(({ stage, found }) => `${stage}. ${found.answer}`).join("\n\n"),
      measures: said.flatMap(({ stage, found }) =>
        found.measures.map((measure) => ({
          ...measure,
          id: `align/${slug(stage)}/${measure.id.split("/").at(-1)!}`,
          name: `${stage}: ${measure.name}`,
          value: plainInterval(measure.value),
        })),
      ),
      figures,
      details: [
        ...details,
        ...said.flatMap(({ found }) => found.details.filter(({ kind }) => kind === "text")),
      ],
    },
  ];
}

export const rewardFinding = ({ name, title }: Stage, quality: RewardModelQuality): Finding => {
  const { accuracy, decided } = quality;
  return {
    id: `does-${slug(name)}-know`,
    question: `Does the ${title.toLowerCase()} know what people prefer?`,
    conclusion: accuracy.noClaim === undefined ? "measured" : "no conclusion",
    answer:
      `It puts ${formatShare(accuracy)} of ${countOf(decided, "pair")} that it has not seen in the ` +
      "right order.",
    measures: [
      {
        id: `align/${slug(name)}/accuracy`,
        name: `${title}: pairs in the right order`,
        value: plainInterval(accuracy),
        unit: "share",
        good: "higher",
      },
    ],
    figures: rewardModelSection(quality).parts,
    details: [],
  };
};

const none = (why: string | undefined): string => (why === undefined ? "" : "–");

/** The first model, and models whose answers show nothing. */
const NOT_COMPARED = { estimate: NaN, low: -Infinity, high: Infinity, n: 0, pValue: NaN };

const markedCell = (text: string, { verdict }: JudgedDifference): Cell =>
  verdict === undefined ? { text } : { text, verdict };

/** All models beside the first. */
export function comparisonTable(comparisons: readonly PolicyComparison[]): Table {
  const right = "right" as const;
  const scored = comparisons.some(({ score }) => score !== undefined);
  const [{ name: baseline, prompts }] = comparisons as [PolicyComparison];
  const inconclusive = inconclusiveText(
    new Map(
      comparisons.flatMap(({ name, inconclusive: why }) =>
        why === undefined ? [] : [[name, why] as const],
      ),
    ),
    baseline,
  );
  const judged = judgedTogether(
    comparisons.map(({ difference = NOT_COMPARED }) => ({ ...difference, good: "higher" })),
  );
  return {
    caption: scored ? "Scores on the same prompts, mean [95%]" : "Answers to the same prompts",
    columns: [
      { name: "model" },
      ...(scored ? ["score", "difference", "win rate", "at equal length"] : []).map((name) => ({
        name,
        align: right,
      })),
      { name: "KL, nats", align: right },
      { name: "tokens", align: right },
    ],
    rows: comparisons.map(
      ({ name, score, difference, wins, winsAtEqualLength, kl, tokens, inconclusive: why }, i) => [
        name,
        ...(scored
          ? [
              score ? formatMean(score) : "",
              difference ? markedCell(formatMean(difference), judged[i]!) : none(why),
              wins ? formatShare(wins) : none(why),
              winsAtEqualLength ? formatShare(winsAtEqualLength) : none(why),
            ]
          : []),
        formatMean(kl, 1),
        formatMean(tokens, 1),
      ],
    ),
    note:
      `${inconclusive === undefined ? "" : `${inconclusive} `}${countOf(prompts, "prompt")}, one ` +
      "answer each; " +
      (scored
        ? `differences and win rates against ${baseline}, paired by prompt; a tie counts half. What is ` +
          "marked as better or worse is so with all differences counted (Holm's correction)."
        : `KL to ${baseline}.`),
  };
}
