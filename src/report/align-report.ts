/**
 * The report of `attune align`: what was done, how the models compare by judges that nobody
 * optimised, and what they answer.
 */
import { countOf } from "../core/counts.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { showRun } from "../runs/compare.ts";
import { formatSeconds, wallClock } from "../runs/wall-clock.ts";
import type { Interval } from "../stats/intervals.ts";
import { alignPathSection, readPath } from "./align-path.ts";
import { smallCurves } from "./run-report.ts";
import type { StageResult } from "../runs/pipeline.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import { attuneVersion, versions } from "../runs/versions.ts";
import { promptText } from "../text/messages.ts";
import { readHeldOut } from "../training/offline/held-out.ts";
import { inconclusiveModels, inconclusiveText } from "../evaluation/inconclusive.ts";
import type { ContestEntry, WinRate } from "../evaluation/pairwise.ts";
import { contestTable } from "../evaluation/pairwise.ts";
import type { PolicyComparison } from "../evaluation/policy-evaluation.ts";
import type { EvaluatedAnswer, EvaluatedModel } from "../evaluation/evaluated-model.ts";
import { comparePolicies } from "../evaluation/policy-evaluation.ts";
import type { AlignProvenance } from "./provenance.ts";
import { fileTable, formatDate, optionTable } from "./provenance.ts";
import type { Report } from "./report.ts";
import type { ReportPart, ReportSection } from "../evaluation/page.ts";
import { rewardModelSection } from "./report-sections.ts";
import { rewardModelQuality } from "../evaluation/reward-model-quality.ts";
import type { Table } from "../evaluation/table.ts";
import {
  formatMean,
  formatNumber,
  formatShare,
  verdictOf as verdictOfInterval,
} from "../evaluation/table.ts";
import { textStatistics, textStatisticsTable } from "../evaluation/text-statistics.ts";

export interface AlignOutcome {
  folder: string;
  stages: readonly StageResult[];
  /** Undefined where the file asks for no evaluation. */
  evaluated?: readonly EvaluatedModel[] | undefined;
  verdicts?: Verdicts | undefined;
  provenance: AlignProvenance;
}

/** What judged the answers, and whether a policy was optimised against it. */
export interface NamedJudge {
  name: string;
  optimised: boolean;
}

/** Who judged: a reward model by scores, a critic by comparisons with the first model, or both. */
export interface Verdicts {
  reward?: NamedJudge | undefined;
  critic?: (NamedJudge & { entries: readonly ContestEntry[] }) | undefined;
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
      ? verdictOf(judged.evaluated, judged.verdicts)
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

const REWARD_WARNING =
  "That judge is the reward that was optimised, so this says how well it was climbed, not " +
  "whether people would agree: give heldOutReward pairs of their own.";
const CRITIC_WARNING =
  "That critic also made the labels that were learned from, so this says how well they were " +
  "learned, not whether people would agree: let another critic judge.";

/** The summary with what it amounts to: a judge that was optimised against decides nothing. */
function verdictOf(
  evaluated: readonly EvaluatedModel[],
  verdicts: Verdicts,
): NonNullable<Report["verdict"]> {
  const { reward, critic } = verdicts;
  const found = [
    ...(reward && !reward.optimised
      ? comparePolicies(evaluated).flatMap(({ difference }) => (difference ? [difference] : []))
      : []),
    ...(critic && !critic.optimised ? contestIntervals(critic.entries) : []),
  ].map((interval) => (interval.noClaim === undefined ? verdictOfInterval(interval) : undefined));
  const all = found.filter((each) => each !== undefined);
  const conclusion = all.includes("worse")
    ? "worse"
    : all.includes("better")
      ? "better"
      : all.length > 0
        ? "not distinguishable"
        : "no conclusion";
  return { conclusion, sentence: summary(evaluated, verdicts) };
}

/** Win rates less a half. */
const contestIntervals = (entries: readonly ContestEntry[]): Interval[] =>
  entries
    .filter(({ control, inconclusive }) => !control && inconclusive === undefined)
    .map(({ raw }) => ({
      ...raw,
      estimate: raw.estimate - 0.5,
      low: raw.low - 0.5,
      high: raw.high - 0.5,
    }));

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

function summary(evaluated: readonly EvaluatedModel[], { reward, critic }: Verdicts): string {
  const baseline = evaluated[0]!.name;
  const wins = (name: string, rate: WinRate): string =>
    `${name} wins ${formatShare(rate)} of prompts against ${baseline}`;
  const byReward = comparePolicies(evaluated).flatMap(({ name, wins: rate }) =>
    rate ? [wins(name, rate)] : [],
  );
  const byCritic =
    critic?.entries
      .filter(({ control, inconclusive }) => !control && inconclusive === undefined)
      .map(({ name, raw }) => wins(name, raw)) ?? [];
  const nothing = inconclusiveText(inconclusiveModels(evaluated), baseline);
  return [
    ...(nothing === undefined ? [] : [nothing]),
    ...(reward
      ? [
          `Judged by ${reward.name}: ${byReward.join("; ") || "no verdict"}.`,
          ...(reward.optimised ? [REWARD_WARNING] : []),
        ]
      : []),
    ...(critic
      ? [
          `Judged by ${critic.name}: ${byCritic.join("; ") || "no verdict"}.`,
          ...(critic.optimised ? [CRITIC_WARNING] : []),
        ]
      : []),
  ].join(" ");
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
              difference
                ? { text: formatMean(difference), verdict: verdictOfInterval(difference) }
                : none(why),
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

function exampleSection(evaluated: readonly EvaluatedModel[]): ReportSection {
  const [first] = evaluated;
  const examples = first!.answers.slice(0, EXAMPLES).map(({ prompt }, i) => ({
    prompt: promptText(prompt),
    answers: evaluated.map(({ name, answers }) => ({
      name,
      text: answers[i]!.text,
      remarks: scoreRemark(answers[i]!),
    })),
  }));
  return {
    title: "The same prompts, answered by every model",
    parts: [{ kind: "examples", examples }],
  };
}

const scoreRemark = ({ score }: EvaluatedAnswer): string[] =>
  score === undefined ? [] : [`score ${formatNumber(score)}`];
