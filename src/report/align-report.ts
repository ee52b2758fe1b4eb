/**
 * The report of `attune align`: what was done, how the models compare by judges that nobody
 * optimised, and what they answer.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { countOf } from "../core/counts.ts";
import { BASE_MODEL } from "../evaluation/evaluated-model.ts";
import type { EvaluatedAnswer, EvaluatedModel } from "../evaluation/evaluated-model.ts";
import type { Finding, Findings } from "../evaluation/findings.ts";
import type { ReportPart, ReportSection } from "../evaluation/page.ts";
import { comparePolicies } from "../evaluation/policy-evaluation.ts";
import { rewardModelQuality } from "../evaluation/reward-model-quality.ts";
import type { Table } from "../evaluation/table.ts";
import { formatNumber } from "../evaluation/table.ts";
import { textStatistics, textStatisticsTable } from "../evaluation/text-statistics.ts";
import { showRun } from "../runs/compare.ts";
import type { StageResult } from "../runs/pipeline.ts";
import { readRunInfo } from "../runs/run-folder.ts";
import { formatSeconds, wallClock } from "../runs/wall-clock.ts";
import { promptText } from "../text/messages.ts";
import { readHeldOut } from "../training/offline/held-out.ts";
import type { HackingOfStages } from "./align-findings.ts";
import { hackedFindings, judgedFindings, rewardFinding } from "./align-findings.ts";
import type { Verdicts } from "./align-verdict.ts";
import { alignVerdict } from "./align-verdict.ts";
import { findingsReport } from "./findings-page.ts";
import type { Fact } from "./made.ts";
import { madeFacts } from "./made.ts";
import type { AlignProvenance } from "./provenance.ts";
import { fileTable, formatDate, optionTable } from "./provenance.ts";
import type { Report } from "./report.ts";
import { smallCurves } from "./run-report.ts";

export interface AlignOutcome extends HackingOfStages {
  folder: string;
  /** Undefined where the file asks for no evaluation. */
  evaluated?: readonly EvaluatedModel[] | undefined;
  verdicts?: Verdicts | undefined;
  provenance: AlignProvenance;
  /** What was typed. */
  command: string;
}

/** Examples in the report. */
const EXAMPLES = 8;

/** The whole report as data: the page, report.json, JUnit and `--fail-under` are made of it. */
export function alignFindings(outcome: AlignOutcome): Findings {
  const { stages, evaluated, verdicts } = outcome;
  const rewards = stages.filter(({ stage }) => stage.name.endsWith("reward"));
  const judged = evaluated && verdicts ? { evaluated, verdicts } : undefined;
  const verdict = judged
    ? alignVerdict(judged.evaluated, judged.verdicts)
    : {
        conclusion: "no conclusion" as const,
        sentence: "The models were trained; the file asks for no evaluation.",
      };
  return {
    title: "attune align: is it better?",
    verdict,
    ...pictureOf(judged),
    findings: [
      ...(judged ? judgedFindings(judged.evaluated, judged.verdicts, verdict) : []),
      ...hackedFindings(outcome),
      ...rewards.flatMap(({ stage, folder: own }): Finding[] => {
        const pairs = readHeldOut(join(own, "model"));
        return pairs.length > 1 ? [rewardFinding(stage, rewardModelQuality(pairs))] : [];
      }),
    ],
    warnings: [],
    facts: facts(outcome),
  };
}

export function alignReport(outcome: AlignOutcome): Report {
  const { stages, evaluated, provenance } = outcome;
  return findingsReport(alignFindings(outcome), {
    ...(evaluated ? { after: [exampleSection(evaluated)] } : {}),
    behind: [detailSection({ stages, evaluated, provenance })],
  });
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

function facts({ stages, provenance, folder, command }: AlignOutcome): readonly Fact[] {
  const { elapsed, work, atOnce } = wallClock(stages);
  const { date, file, model, seed, files } = provenance;
  return madeFacts({
    command,
    seed,
    date,
    more: [
      ["pipeline", file],
      ["model", model],
      ["models", `${countOf(stages.length, "stage")} in ${folder}`],
      [
        "time of the stages",
        `${formatSeconds(elapsed)} on the clock` +
          (atOnce > 1 ? `; up to ${atOnce} at once, ${formatSeconds(work)} of work` : ""),
      ],
    ],
    hashes: [
      ...files.map(({ path, sha256 = "" }) => [path, sha256] as const),
      ...stages.map(
        ({ stage, folder: own }) =>
          [`the options of ${stage.name}`, readRunInfo(own).configHash ?? ""] as const,
      ),
    ],
  });
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
