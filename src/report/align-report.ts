/**
 * The report of `attune align`: what was done, how the models compare by judges that nobody
 * optimised, and what they answer.
 */
import { countOf } from "../core/counts.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { showRun } from "../runs/compare.ts";
import { formatSeconds, wallClock } from "../runs/wall-clock.ts";
import { alignPathSection, readPath } from "./align-path.ts";
import type { Verdicts } from "./align-verdict.ts";
import { alignVerdict } from "./align-verdict.ts";
import { smallCurves } from "./run-report.ts";
import type { StageResult } from "../runs/pipeline.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import { attuneVersion, versions } from "../runs/versions.ts";
import { promptText } from "../text/messages.ts";
import { readHeldOut } from "../training/offline/held-out.ts";
import { inconclusiveText } from "../evaluation/inconclusive.ts";
import { contestTable } from "../evaluation/pairwise.ts";
import type { PolicyComparison } from "../evaluation/policy-evaluation.ts";
import { BASE_MODEL } from "../evaluation/evaluated-model.ts";
import type { EvaluatedAnswer, EvaluatedModel } from "../evaluation/evaluated-model.ts";
import { comparePolicies } from "../evaluation/policy-evaluation.ts";
import type { AlignProvenance } from "./provenance.ts";
import { fileTable, formatDate, optionTable } from "./provenance.ts";
import type { Report } from "./report.ts";
import type { ReportPart, ReportSection } from "../evaluation/page.ts";
import { rewardModelSection } from "./report-sections.ts";
import { rewardModelQuality } from "../evaluation/reward-model-quality.ts";
import type { Table } from "../evaluation/table.ts";
import { differenceCell, formatMean, formatNumber, formatShare } from "../evaluation/table.ts";
import { textStatistics, textStatisticsTable } from "../evaluation/text-statistics.ts";

export interface AlignOutcome {
  folder: string;
  stages: readonly StageResult[];
  /** Undefined where the file asks for no evaluation. */
  evaluated?: readonly EvaluatedModel[] | undefined;
  verdicts?: Verdicts | undefined;
  provenance: AlignProvenance;
}

/** Examples in the report. */
const EXAMPLES = 8;

export function alignReport(
  { folder, stages, evaluated, verdicts, provenance }: AlignOutcome,
  footer: string,
): Report {
  const rewards = stages.filter(({ stage }) => stage.name.endsWith("reward"));
  const paths = stages
    .map(({ stage, folder: own }) => ({ name: stage.name, ...readPath(own) }))
    .filter(({ points }) => points.length > 1);
  const judged = evaluated && verdicts ? { evaluated, verdicts } : undefined;
  return {
    title: "attune align: is it better?",
    verdict: judged
      ? alignVerdict(judged.evaluated, judged.verdicts)
      : {
          conclusion: "no conclusion",
          sentence: "The models were trained; the file asks for no evaluation.",
        },
    summary: "",
    ...pictureOf(judged),
    sections: [
      ...(evaluated ? [exampleSection(evaluated)] : []),
      ...(judged ? verdictSections(judged.evaluated, judged.verdicts) : []),
      ...(paths.length > 0 ? [alignPathSection(paths)] : []),
      ...rewards.flatMap(({ stage, folder: own }): ReportSection[] => {
        const pairs = readHeldOut(join(own, "model"));
        return pairs.length > 1
          ? [{ ...rewardModelSection(rewardModelQuality(pairs)), title: stage.title }]
          : [];
      }),
      detailSection({ stages, evaluated, provenance }),
      { title: "How to do it again", parts: [{ kind: "facts", facts: facts(provenance, stages) }] },
    ],
    footer: `attune ${attuneVersion()}, seed ${provenance.seed}: ${footer}; models in ${folder}`,
  };
}

/** Everything else, folded. */
function detailSection({
  stages,
  evaluated,
  provenance,
}: Pick<AlignOutcome, "stages" | "evaluated" | "provenance">): ReportSection {
  const folded = (title: string, ...tables: Table[]): ReportPart => ({
    kind: "folded",
    title,
    parts: tables.map((table) => ({ kind: "table", table })),
  });
  return {
    title: "Everything else",
    parts: [
      ...(evaluated
        ? [
            folded("How the answers are written: length, variety, repetition", {
              ...textStatisticsTable(
                evaluated.map(({ name, answers }) => ({
                  name,
                  statistics: textStatistics(answers),
                })),
              ),
              foldsFrom: 1,
            }),
          ]
        : []),
      ...stages.flatMap(({ stage, folder }): ReportPart[] => {
        const charts = existsSync(join(folder, "metrics.jsonl"))
          ? smallCurves(showRun(folder), stage.name)
          : [];
        return charts.length === 0
          ? []
          : [
              {
                kind: "folded",
                title: `Training curves: ${stage.title}`,
                parts: [{ kind: "small-charts", charts }],
              },
            ];
      }),
      folded("Stages and their time", stageTable(stages)),
      folded("Options that are not at their defaults", optionTable(provenance.options)),
      folded("Data files", fileTable(provenance)),
    ],
  };
}

/** Win rates against the first model, by each judge. */
function pictureOf(
  judged: { evaluated: readonly EvaluatedModel[]; verdicts: Verdicts } | undefined,
): Pick<Report, "picture"> {
  if (!judged) return {};
  const { evaluated, verdicts } = judged;
  const rows = [
    ...comparePolicies(evaluated).flatMap(({ name, wins }) =>
      wins ? [{ group: name, series: verdicts.reward?.name ?? "reward", interval: wins }] : [],
    ),
    ...(verdicts.critic?.entries ?? [])
      .filter(({ inconclusive }) => inconclusive === undefined)
      .map(({ name, raw }) => ({ group: name, series: verdicts.critic!.name, interval: raw })),
  ];
  if (rows.length === 0) return {};
  return {
    picture: {
      kind: "intervals",
      title: `How often each model's answer is better than that of ${evaluated[0]!.name}`,
      description:
        "Win rate on the same prompts with its 95% interval, by judge; a tie counts half " +
        `(n = ${evaluated[0]!.answers.length}).`,
      label: "win rate",
      percent: true,
      level: { x: 0.5, label: "as good" },
      rows,
    },
  };
}

function facts(
  { date, file, model, seed }: AlignProvenance,
  stages: readonly StageResult[],
): [string, string][] {
  const { elapsed, work, atOnce } = wallClock(stages);
  return [
    ["date", formatDate(date)],
    ["pipeline", file],
    ["model", model],
    ["seed", String(seed)],
    [
      "time of the stages",
      `${formatSeconds(elapsed)} on the clock` +
        (atOnce > 1 ? `; up to ${atOnce} at once, ${formatSeconds(work)} of work` : ""),
    ],
    [
      "versions",
      Object.entries(versions())
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
  ];
}

function stageTable(stages: readonly StageResult[]): Table {
  return {
    caption: "Stages and their time",
    columns: [
      { name: "stage" },
      { name: "folder" },
      { name: "now" },
      { name: "begun" },
      { name: "by attune" },
      { name: "seconds", align: "right" },
    ],
    rows: stages.map(({ stage, folder, action, because, seconds }) => {
      const { created, versions: made } = readRunInfo(folder);
      return [
        stage.title,
        stage.name,
        action === "skip" ? because : `${action}: ${because}`,
        formatDate(new Date(created)),
        made["attune"] ?? "",
        seconds.toFixed(1),
      ];
    }),
    note: "All options of a stage: config.resolved.json in its folder.",
  };
}

function verdictSections(
  evaluated: readonly EvaluatedModel[],
  { reward, critic }: Verdicts,
): ReportSection[] {
  const comparisons = {
    kind: "table" as const,
    table: comparisonTable(comparePolicies(evaluated)),
  };
  return [
    {
      title: reward ? `Judged by ${reward.name}` : "The models beside each other",
      parts: [comparisons],
    },
    ...(critic
      ? [
          {
            title: `Judged by ${critic.name}`,
            parts: [
              { kind: "table" as const, table: contestTable(critic.entries, evaluated[0]!.name) },
            ],
          },
        ]
      : []),
  ];
}

const none = (why: string | undefined): string => (why === undefined ? "" : "–");

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
      ({ name, score, difference, wins, winsAtEqualLength, kl, tokens, inconclusive: why }) => [
        name,
        ...(scored
          ? [
              score ? formatMean(score) : "",
              difference ? differenceCell(formatMean(difference), difference) : none(why),
              wins ? formatShare(wins) : none(why),
              winsAtEqualLength ? formatShare(winsAtEqualLength) : none(why),
            ]
          : []),
        formatNumber(kl.estimate, 1),
        formatNumber(tokens.estimate, 1),
      ],
    ),
    note:
      `${inconclusive === undefined ? "" : `${inconclusive} `}${countOf(prompts, "prompt")}, one ` +
      "answer each; " +
      (scored
        ? `differences and win rates against ${baseline}, paired by prompt; a tie counts half.`
        : `KL to ${baseline}.`),
  };
}

/**
 * The first prompts on which the trained models differ (all models, where one alone was trained):
 * answers that are alike show nothing.
 */
export function exampleSection(evaluated: readonly EvaluatedModel[]): ReportSection {
  const prompts = evaluated[0]!.answers;
  const trained = evaluated.filter(({ name }) => name !== BASE_MODEL);
  const compared = trained.length > 1 ? trained : evaluated;
  const differing = [...prompts.keys()].filter(
    (i) => new Set(compared.map(({ answers }) => answers[i]!.text.trim())).size > 1,
  );
  const chosen = (differing.length > 0 ? differing : [...prompts.keys()]).slice(0, EXAMPLES);
  const examples = chosen.map((i) => ({
    prompt: promptText(prompts[i]!.prompt),
    answers: evaluated.map(({ name, answers }) => ({
      name,
      text: answers[i]!.text,
      remarks: scoreRemark(answers[i]!),
    })),
  }));
  return {
    title: "The same prompts, answered by every model",
    parts: [
      {
        kind: "text",
        text:
          `${compared.map(({ name }) => name).join(", ")}: the answers differ on ` +
          `${differing.length} of ${countOf(prompts.length, "prompt")}` +
          (differing.length > EXAMPLES ? `, of which these are the first ${EXAMPLES}.` : "."),
      },
      { kind: "examples", examples },
    ],
  };
}

const scoreRemark = ({ score }: EvaluatedAnswer): string[] =>
  score === undefined ? [] : [`score ${formatNumber(score)}`];
