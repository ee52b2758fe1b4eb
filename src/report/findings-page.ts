/**
 * What an evaluation found as one page that can be sent on: the verdict in words and one picture; a
 * section for each question; what was left out or may mislead; how it can be done again.
 */
import { countOf, formatCount } from "../core/counts.ts";
import type { Chart } from "../evaluation/chart.ts";
import type { Finding, Findings, Measure } from "../evaluation/findings.ts";
import { formatMeasure } from "../evaluation/measure-text.ts";
import type { ReportSection } from "../evaluation/page.ts";
import type { Table } from "../evaluation/table.ts";
import type { Report } from "./report.ts";
import { writeReport } from "./report.ts";

/** More measures than this fold away: the answer and the figures hold what matters. */
const MANY = 8;

/** What else a page may hold. */
export interface PageExtras {
  /** Below the verdict. */
  summary?: string;
  /** Between the verdict and the questions, such as a story. */
  before?: readonly ReportSection[];
  /** Behind the first question, such as examples to read. */
  after?: readonly ReportSection[];
  /** Behind the questions. */
  behind?: readonly ReportSection[];
}

export function findingsReport(
  { title, verdict, picture, findings, warnings, facts }: Findings,
  { summary = "", before = [], after = [], behind = [] }: PageExtras = {},
): Report {
  const beneath = before.length === 0 ? verdict.sentence : "";
  return {
    title,
    verdict,
    summary,
    ...(picture ? { picture } : {}),
    sections: [
      ...before,
      ...findings.slice(0, 1).map((finding) => findingSection(finding, { said: beneath, picture })),
      ...after,
      ...findings.slice(1).map((finding) => findingSection(finding, { said: "", picture })),
      ...(warnings.length > 0 ? [warningSection(warnings)] : []),
      ...behind,
    ],
    made: facts,
  };
}

/** Renders and writes the page, whole or not at all. */
export async function writeFindingsPage(path: string, findings: Findings): Promise<void> {
  await writeReport(path, findingsReport(findings));
}

/** The verdict is the answer. */
const ABOVE = "As the page begins.";

/**
 * A question: its chip with the answer, figures, numbers, and the rest folded.
 * @param shown.said what stands right above it, and is not said again
 * @param shown.picture what is drawn right above it, and not drawn again
 */
function findingSection(
  { question, conclusion, than, conclusions, answer, measures, figures, details }: Finding,
  { said, picture }: { said: string; picture: Chart | undefined },
): ReportSection {
  const rest =
    said !== "" && answer.startsWith(said) ? answer.slice(said.length).trim() : undefined;
  const measured = measures.length > 0;
  const concluded = { conclusion, than, ...(conclusions ? { conclusions } : {}) };
  return {
    title: question,
    concluded,
    parts: [
      { kind: "verdict", concluded, text: rest === undefined ? answer : rest || ABOVE },
      ...figures.filter((part) => part.kind !== "chart" || part.chart !== picture),
      ...(measured && measures.length <= MANY
        ? [{ kind: "table" as const, table: measureTable(measures) }]
        : []),
      ...(measured || details.length > 0
        ? [
            {
              kind: "folded" as const,
              title:
                measures.length > MANY
                  ? `All ${measures.length} numbers, and more on this question`
                  : "More on this question",
              parts: [
                ...(measures.length > MANY
                  ? [{ kind: "table" as const, table: measureTable(measures) }]
                  : []),
                ...details,
                ...(measured ? [{ kind: "table" as const, table: nameTable(measures) }] : []),
              ],
            },
          ]
        : []),
    ],
  };
}

/** Numbers with interval and n. */
export function measureTable(measures: readonly Measure[]): Table {
  return {
    caption: "What was measured",
    columns: [{ name: "" }, { name: "value [95%]", align: "right" }, { name: "n", align: "right" }],
    rows: measures.map((measure) => [
      measure.name,
      formatMeasure(measure),
      formatCount(measure.value.n),
    ]),
  };
}

const GOOD = { higher: "higher is better", lower: "lower is better", neither: "" } as const;

/** What the measures are called in files and by options. */
const nameTable = (measures: readonly Measure[]): Table => ({
  caption: "Names of the measures, for --fail-under and in JSON",
  columns: [{ name: "" }, { name: "name" }, { name: "good" }],
  rows: measures.map(({ name, id, good }) => [name, id, GOOD[good]]),
});

function warningSection(warnings: readonly string[]): ReportSection {
  return {
    title: "What may mislead",
    parts: [
      {
        kind: "text",
        text: `${countOf(warnings.length, "thing")} to know before these numbers are believed:`,
      },
      { kind: "list", items: warnings },
    ],
  };
}
