/**
 * Findings in the terminal: each question with its answer and numbers, what may mislead, and the
 * verdict last, where the eye is. What is folded on the page is left out.
 */
import { formatCount } from "../../core/counts.ts";
import type { Finding, Findings, Measure } from "../../evaluation/findings.ts";
import { claims, formatMeasure } from "../../evaluation/measure-text.ts";
import { formatTableIn } from "../../evaluation/table.ts";
import { formatHeadedTable, LINE_WIDTH, wrapText } from "./words.ts";

/** Wider lines than these nobody reads. */
const WIDEST = 120;
const INDENT = "  ";

/** @param columns of the terminal; undefined for a file or a pipe */
export function findingsText(findings: Findings, columns?: number): string {
  const width = Math.min(WIDEST, Math.max(40, columns ?? LINE_WIDTH));
  const { title, verdict, warnings } = findings;
  return [
    wrapText(title, width),
    ...findings.findings.map((finding) => findingText(finding, width)),
    ...(warnings.length === 0
      ? []
      : [
          [
            "To be borne in mind:",
            ...warnings.map((warning) => indented(`- ${warning}`, width, "  ")),
          ].join("\n"),
        ]),
    `Verdict: ${verdict.conclusion}\n${indented(verdict.sentence, width)}`,
  ].join("\n\n");
}

function findingText(
  { question, conclusion, answer, measures, figures }: Finding,
  width: number,
): string {
  const tables = figures.flatMap((part) => (part.kind === "table" ? [part.table] : []));
  return [
    `${question}  ${conclusion}`,
    indented(answer, width),
    ...(measures.length === 0 ? [] : [`${measureLines(measures, width)}`]),
    ...tables.map((table) => indent(formatTableIn(table, width - INDENT.length))),
  ].join("\n");
}

/** Columns where they fit; a measure without an interval says why on a line of its own. */
function measureLines(measures: readonly Measure[], width: number): string {
  const whole = measures.filter(({ value }) => claims(value));
  const table =
    whole.length === 0
      ? []
      : [
          formatHeadedTable(
            ["", "", "n"],
            whole.map((measure) => [
              measure.name,
              formatMeasure(measure),
              formatCount(measure.value.n),
            ]),
            width - INDENT.length,
          ),
        ];
  const others = measures
    .filter(({ value }) => !claims(value))
    .map((measure) => wrapText(`${measure.name}: ${formatMeasure(measure)}`, width - 2));
  return indent([...table, ...others].join("\n"));
}

const indent = (text: string, by = INDENT): string =>
  text
    .split("\n")
    .map((line) => (line === "" ? "" : `${by}${line}`))
    .join("\n");

/** @param hanging what further lines of a paragraph begin with */
const indented = (text: string, width: number, hanging = ""): string =>
  wrapText(text, width - INDENT.length - hanging.length)
    .split("\n")
    .map((line, index) => `${INDENT}${index === 0 ? "" : hanging}${line}`)
    .join("\n");
