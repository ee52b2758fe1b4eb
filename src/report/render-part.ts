/** Parts of a page as HTML. Every text is untrusted and escaped. */
import type { ReportPart } from "../evaluation/page.ts";
import { renderChip } from "./chip.ts";
import { escapeHtml } from "./escape.ts";
import { renderChart } from "./render-chart.ts";
import { renderExample } from "./render-example.ts";
import { renderJourney } from "./render-journey.ts";
import { renderTable } from "./render-table.ts";
import type { Wording } from "./wording.ts";

const DEEPEST = 6;

/** @param level of the headings of these parts */
export async function renderParts(
  parts: readonly ReportPart[],
  wording: Wording,
  level: number,
): Promise<string> {
  const rendered: string[] = [];
  for (const part of parts)
    rendered.push(await renderPart(part, wording, Math.min(DEEPEST, level)));
  return rendered.join("\n");
}

async function renderPart(part: ReportPart, wording: Wording, level: number): Promise<string> {
  switch (part.kind) {
    case "text":
      return paragraphs(part.text, wording);
    case "list":
      return [
        `<ul>${part.items.map((item) => `<li>${wording.mark(item)}</li>`).join("")}</ul>`,
        wording.definitions(),
      ].join("\n");
    case "verdict":
      return renderVerdict(part, wording);
    case "facts":
      return renderFacts(part.facts, wording);
    case "table":
      return renderTable(part.table, wording);
    case "chart":
      return renderChart(part.chart, wording, { level });
    case "small-charts": {
      const charts: string[] = [];
      for (const chart of part.charts)
        charts.push(await renderChart(chart, wording, { level, small: true }));
      return `<div class="small-charts">${charts.join("\n")}</div>\n${wording.definitions()}`;
    }
    case "examples":
      return part.examples.map(renderExample).join("\n");
    case "journey":
      return renderJourney(part.journey, wording, level);
    case "group":
      return [
        '<div class="group">',
        `<h${level}>${wording.mark(part.title)}</h${level}>`,
        wording.definitions(),
        await renderParts(part.parts, wording, level + 1),
        "</div>",
      ].join("\n");
    case "folded":
      return [
        "<details>",
        `<summary>${escapeHtml(part.title)}</summary>`,
        await renderParts(part.parts, wording.fold(), level),
        "</details>",
      ].join("\n");
  }
}

/**
 * A chip, the sentence beside it, and what its terms mean.
 * @param waits explanations of terms are asked for by the caller
 */
export function renderVerdict(
  { concluded, text }: Omit<Extract<ReportPart, { kind: "verdict" }>, "kind">,
  wording: Wording,
  waits = false,
): string {
  const [first = "", ...rest] = text.split(/\n{2,}/);
  return [
    `<p class="verdict">${renderChip(concluded)} ${wording.mark(first.trim())}</p>`,
    ...(waits ? [] : [wording.definitions()]),
    ...(rest.length > 0 ? [paragraphs(rest.join("\n\n"), wording, waits)] : []),
  ].join("\n");
}

/** Values of more characters than this have a row of their own. */
const LONG = 48;

export function renderFacts(
  facts: readonly (readonly [name: string, value: string])[],
  wording: Wording,
): string {
  const items = facts.map(([name, value]) => {
    const long = value.length > LONG ? ' class="long"' : "";
    return `<div${long}><dt>${wording.mark(name)}</dt><dd>${escapeHtml(value)}</dd></div>`;
  });
  return `<dl class="facts">${items.join("")}</dl>\n${wording.definitions()}`;
}

/**
 * Blank lines part paragraphs.
 * @param waits explanations of terms are asked for by the caller
 */
export function paragraphs(text: string, wording: Wording, waits = false): string {
  return text
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map(
      (paragraph) =>
        `<p>${wording.mark(paragraph.trim())}</p>\n${waits ? "" : wording.definitions()}`,
    )
    .join("\n");
}
