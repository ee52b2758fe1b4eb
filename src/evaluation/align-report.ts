/** The report of `attune align`: what was done, how the models compare by a judge that nobody optimised, and what they answer. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJsonLines } from "../runs/json-lines.ts";
import type { StageResult } from "../runs/pipeline.ts";
import { readRunInfo } from "../runs/run.ts";
import { attuneVersion, versions } from "../runs/versions.ts";
import { readHeldOut } from "../training/held-out.ts";
import type { EvaluatedModel, PolicyComparison } from "./policy-evaluation.ts";
import { comparePolicies } from "./policy-evaluation.ts";
import type { AlignProvenance } from "./provenance.ts";
import { fileTable, formatDate, optionTable } from "./provenance.ts";
import type { Report, ReportPart, ReportSection } from "./report.ts";
import { rewardModelSection, textSection } from "./report-sections.ts";
import { rewardModelQuality } from "./reward-model-quality.ts";
import type { Table } from "./table.ts";
import { formatMean, formatNumber, formatShare, verdictOf } from "./table.ts";
import { textStatistics } from "./text-statistics.ts";

export interface AlignOutcome {
  folder: string;
  stages: readonly StageResult[];
  /** Undefined where the file asks for no evaluation. */
  evaluated?: readonly EvaluatedModel[] | undefined;
  /** What judged the answers, and whether a policy was optimised against it. */
  judge?: { name: string; optimised: boolean } | undefined;
  provenance: AlignProvenance;
}

/** Examples in the report. */
const EXAMPLES = 8;

export function alignReport({ folder, stages, evaluated, judge, provenance }: AlignOutcome, footer: string): Report {
  const rewards = stages.filter(({ stage }) => stage.name.endsWith("reward"));
  const paths = stages.map(({ stage, folder: own }) => ({ name: stage.name, points: readPath(own) })).filter(({ points }) => points.length > 1);
  return {
    title: "attune align",
    summary: evaluated && judge ? summary(comparePolicies(evaluated), judge) : "The models were trained; the file asks for no evaluation.",
    sections: [
      { title: "What was done", parts: [{ kind: "facts", facts: facts(provenance) }, { kind: "table", table: stageTable(stages) }] },
      ...(evaluated && judge ? [comparisonSection(evaluated, judge)] : []),
      ...(paths.length > 0 ? [pathSection(paths)] : []),
      ...rewards.flatMap(({ stage, folder: own }): ReportSection[] => {
        const pairs = readHeldOut(join(own, "model"));
        return pairs.length > 1 ? [{ ...rewardModelSection(rewardModelQuality(pairs)), title: stage.title }] : [];
      }),
      ...(evaluated ? [exampleSection(evaluated), textSection(evaluated.map(({ name, answers }) => ({ name, statistics: textStatistics(answers) })))] : []),
      { title: "Options and data", parts: [{ kind: "table", table: optionTable(provenance.options) }, { kind: "table", table: fileTable(provenance) }] },
    ],
    footer: `attune ${attuneVersion()}, seed ${provenance.seed}: ${footer}; models in ${folder}`,
  };
}

function summary(comparisons: readonly PolicyComparison[], { name, optimised }: { name: string; optimised: boolean }): string {
  const [baseline, ...others] = comparisons;
  const lines = others.map(({ name: model, wins }) => `${model} wins ${formatShare(wins!)} of prompts against ${baseline!.name}`);
  const warning = optimised ? " That judge is the reward that was optimised, so this says how well it was climbed, not whether people would agree: give heldOutReward pairs of their own." : "";
  return `Judged by ${name}: ${lines.join("; ")}.${warning}`;
}

function facts({ date, file, model, seed }: AlignProvenance): [string, string][] {
  return [["date", formatDate(date)], ["pipeline", file], ["model", model], ["seed", String(seed)], ["versions", Object.entries(versions()).map(([name, version]) => `${name} ${version}`).join(", ")]];
}

function stageTable(stages: readonly StageResult[]): Table {
  return {
    caption: "Stages and their time",
    columns: [{ name: "stage" }, { name: "folder" }, { name: "now" }, { name: "begun" }, { name: "by attune" }, { name: "seconds", align: "right" }],
    rows: stages.map(({ stage, folder, action, because, seconds }) => {
      const { created, versions: made } = readRunInfo(folder);
      return [stage.title, stage.name, action === "skip" ? because : `${action}: ${because}`, formatDate(new Date(created)), made["attune"] ?? "", seconds.toFixed(1)];
    }),
    note: "All options of a stage: config.resolved.json in its folder.",
  };
}

function comparisonSection(evaluated: readonly EvaluatedModel[], judge: { name: string; optimised: boolean }): ReportSection {
  return { title: `Judged by ${judge.name}`, parts: [{ kind: "table", table: comparisonTable(comparePolicies(evaluated)) }] };
}

/** All models beside the first. */
export function comparisonTable(comparisons: readonly PolicyComparison[]): Table {
  const right = "right" as const;
  return {
    caption: "Scores on the same prompts, mean [95%]",
    columns: [{ name: "model" }, { name: "score", align: right }, { name: "difference", align: right }, { name: "win rate", align: right }, { name: "at equal length", align: right }, { name: "KL, nats", align: right }, { name: "tokens", align: right }],
    rows: comparisons.map(({ name, score, difference, wins, winsAtEqualLength, kl, tokens }) => [
      name,
      formatMean(score),
      difference ? { text: formatMean(difference), verdict: verdictOf(difference) } : "",
      wins ? formatShare(wins) : "",
      winsAtEqualLength ? formatShare(winsAtEqualLength) : "",
      formatNumber(kl.estimate, 1),
      formatNumber(tokens.estimate, 1),
    ]),
    note: `${comparisons[0]!.score.n} prompts, one answer each; differences and win rates against ${comparisons[0]!.name}, paired by prompt; a tie counts half.`,
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
    const [kl, proxy, heldOut] = [at["objective/kl"], at["objective/scores"], at["objective/held_out_scores"]];
    return kl === undefined || proxy === undefined ? [] : [{ distance: Math.sqrt(Math.max(0, kl)), proxy, ...(heldOut === undefined ? {} : { heldOut }) }];
  });
}

function pathSection(paths: readonly { name: string; points: readonly PathPoint[] }[]): ReportSection {
  const chart = (title: string, description: string, value: (point: PathPoint) => number | undefined): ReportPart => ({
    kind: "chart",
    chart: {
      kind: "lines",
      title,
      description,
      xLabel: "distance from the start: square root of the KL, sqrt(nats)",
      yLabel: "reward",
      series: paths.map(({ name, points }) => ({ name, points: points.flatMap((point) => (value(point) === undefined ? [] : [{ x: point.distance, y: value(point)! }])) })),
    },
  });
  const watched = paths.some(({ points }) => points.some(({ heldOut }) => heldOut !== undefined));
  return {
    title: "Is the reward hacked?",
    parts: [
      chart("What is optimised: the reward", "Mean reward of each roll-out.", ({ proxy }) => proxy),
      ...(watched ? [chart("What a second reward model says", "Mean score by the held-out reward model, which is never optimised: where it stops following, the reward is being hacked.", ({ heldOut }) => heldOut)] : []),
    ],
  };
}

function exampleSection(evaluated: readonly EvaluatedModel[]): ReportSection {
  const [first] = evaluated;
  const examples = first!.answers.slice(0, EXAMPLES).map(({ prompt }, i) => ({ prompt, answers: evaluated.map(({ name, answers }) => ({ name, text: answers[i]!.text, remarks: [`score ${formatNumber(answers[i]!.score)}`] })) }));
  return { title: "The same prompts, answered by every model", parts: [{ kind: "examples", examples }] };
}
