/**
 * The report of `attune align`: what was done, how the models compare by judges that nobody
 * optimised, and what they answer.
 */
import { countOf } from "../core/counts.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonLines } from "../runs/json-lines.ts";
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
import { rewardModelSection, textSection } from "./report-sections.ts";
import { rewardModelQuality } from "../evaluation/reward-model-quality.ts";
import type { Table } from "../evaluation/table.ts";
import { formatMean, formatNumber, formatShare, verdictOf } from "../evaluation/table.ts";
import { textStatistics } from "../evaluation/text-statistics.ts";

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
    .map(({ stage, folder: own }) => ({ name: stage.name, points: readPath(own) }))
    .filter(({ points }) => points.length > 1);
  return {
    title: "attune align",
    summary:
      evaluated && verdicts
        ? summary(evaluated, verdicts)
        : "The models were trained; the file asks for no evaluation.",
    sections: [
      {
        title: "What was done",
        parts: [
          { kind: "facts", facts: facts(provenance) },
          { kind: "table", table: stageTable(stages) },
        ],
      },
      ...(evaluated && verdicts ? verdictSections(evaluated, verdicts) : []),
      ...(paths.length > 0 ? [pathSection(paths)] : []),
      ...rewards.flatMap(({ stage, folder: own }): ReportSection[] => {
        const pairs = readHeldOut(join(own, "model"));
        return pairs.length > 1
          ? [{ ...rewardModelSection(rewardModelQuality(pairs)), title: stage.title }]
          : [];
      }),
      ...(evaluated
        ? [
            exampleSection(evaluated),
            textSection(
              evaluated.map(({ name, answers }) => ({ name, statistics: textStatistics(answers) })),
            ),
          ]
        : []),
      {
        title: "Options and data",
        parts: [
          { kind: "table", table: optionTable(provenance.options) },
          { kind: "table", table: fileTable(provenance) },
        ],
      },
    ],
    footer: `attune ${attuneVersion()}, seed ${provenance.seed}: ${footer}; models in ${folder}`,
  };
}

const REWARD_WARNING =
  "That judge is the reward that was optimised, so this says how well it was climbed, not " +
  "whether people would agree: give heldOutReward pairs of their own.";
const CRITIC_WARNING =
  "That critic also made the labels that were learned from, so this says how well they were " +
  "learned, not whether people would agree: let another critic judge.";

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

function facts({ date, file, model, seed }: AlignProvenance): [string, string][] {
  return [
    ["date", formatDate(date)],
    ["pipeline", file],
    ["model", model],
    ["seed", String(seed)],
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
                ? { text: formatMean(difference), verdict: verdictOf(difference) }
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

interface PathPoint {
  distance: number;
  proxy: number;
  heldOut?: number;
}

/** What a run over roll-outs logged of its way. */
function readPath(folder: string): PathPoint[] {
  const file = join(folder, "metrics.jsonl");
  if (!existsSync(file)) return [];
  return readJsonLines(file).flatMap((line): PathPoint[] => {
    const at = line as Record<string, number>;
    const [kl, proxy, heldOut] = [
      at["objective/kl"],
      at["objective/scores"],
      at["objective/held_out_scores"],
    ];
    return kl === undefined || proxy === undefined
      ? []
      : [
          {
            distance: Math.sqrt(Math.max(0, kl)),
            proxy,
            ...(heldOut === undefined ? {} : { heldOut }),
          },
        ];
  });
}

function pathSection(
  paths: readonly { name: string; points: readonly PathPoint[] }[],
): ReportSection {
  const chart = (
    title: string,
    description: string,
    value: (point: PathPoint) => number | undefined,
  ): ReportPart => ({
    kind: "chart",
    chart: {
      kind: "lines",
      title,
      description,
      xLabel: "distance from the start: square root of the KL, sqrt(nats)",
      yLabel: "reward",
      series: paths.map(({ name, points }) => ({
        name,
        points: points.flatMap((point) =>
          value(point) === undefined ? [] : [{ x: point.distance, y: value(point)! }],
        ),
      })),
    },
  });
  const watched = paths.some(({ points }) => points.some(({ heldOut }) => heldOut !== undefined));
  return {
    title: "Is the reward hacked?",
    parts: [
      chart("What is optimised: the reward", "Mean reward of each roll-out.", ({ proxy }) => proxy),
      ...(watched
        ? [
            chart(
              "What a second reward model says",
              "Mean score by the held-out reward model, which is never optimised: where it stops " +
                "following, the reward is being hacked.",
              ({ heldOut }) => heldOut,
            ),
          ]
        : []),
    ],
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
