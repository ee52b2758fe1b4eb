/**
 * Findings in the terminal: each question with its answer and numbers, what may mislead, and the
 * verdict last, where the eye is. What is folded on the page is left out.
 */
import { countOf, formatCount } from "../../core/counts.ts";
import { conclusionText } from "../../evaluation/conclusion.ts";
import type { Finding, Findings, Measure } from "../../evaluation/findings.ts";
import { claims, formatMeasure } from "../../evaluation/measure-text.ts";
import { formatTableIn } from "../../evaluation/table.ts";
import { LINE_WIDTH, printable, wrapText } from "./words.ts";

/** Wider lines than these nobody reads. */
const WIDEST = 120;
const INDENT = "  ";

/** @param columns of the terminal; undefined for a file or a pipe */
export function findingsText(found: Findings, columns?: number): string {
  const findings = safe(found);
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
    `Verdict: ${conclusionText(verdict)}\n${indented(verdict.sentence, width)}`,
  ].join("\n\n");
}

/** Names of models and texts of answers are anybody's, and a pipe may end in a terminal. */
function safe<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(safe) as T;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, safe(each)])) as T;
}

function findingText(finding: Finding, width: number): string {
  const { question, answer, measures, figures } = finding;
  const tables = figures.flatMap((part) => (part.kind === "table" ? [part.table] : []));
  return [
    `${question}  ${conclusionText(finding)}`,
    indented(answer, width),
    ...(measures.length === 0 ? [] : [`${measureLines(measures, width)}`]),
    ...tables.map((table) => indent(formatTableIn(table, width - INDENT.length))),
  ].join("\n");
}

/** Measures of one finding that are shown; the page has all of them. */
const MOST_MEASURES = 8;

/** Columns where they fit, else the number below its name. */
function measureLines(measures: readonly Measure[], width: number): string {
  const shown = measures.slice(0, MOST_MEASURES);
  const rows = shown.map((measure) => [
    measure.name,
    claims(measure.value)
      ? `${formatMeasure(measure)}  n = ${formatCount(measure.value.n)}`
      : formatMeasure(measure),
  ]);
  const names = Math.max(...rows.map(([name]) => name!.length));
  const room = width - INDENT.length - 2 - names;
  const fits = rows.every(([, value]) => value!.length <= room);
  const lines = rows.map(([name, value]) =>
    fits
      ? `${name!.padEnd(names)}  ${value!}`
      : `${wrapText(name!, width - INDENT.length)}\n${indented(value!, width - INDENT.length)}`,
  );
  const more = measures.length - shown.length;
  return indent(
    [...lines, ...(more > 0 ? [`and ${countOf(more, "number")} more on the page`] : [])].join("\n"),
  );
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
    .map((line, index) => (line === "" ? "" : `${INDENT}${index === 0 ? "" : hanging}${line}`))
    .join("\n");
