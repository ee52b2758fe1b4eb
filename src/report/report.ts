/**
 * A report as one HTML file that needs nothing else: no script, no network (its policy forbids
 * both), light and dark by the reader's setting, good on paper. Every text is untrusted and
 * escaped; nothing takes HTML.
 */
import { dirname, resolve } from "node:path";
import { makeFolder, writeFileAtomic } from "../runs/files.ts";
import { drawChart } from "./charts.ts";
import { escapeHtml } from "./escape.ts";
import { STYLE } from "./report-style.ts";
import type { Chart } from "../evaluation/chart.ts";
import type { Example, ReportPart, ReportSection } from "../evaluation/page.ts";
import { cellText } from "../evaluation/table.ts";
import type { Table } from "../evaluation/table.ts";

export interface Report {
  title: string;
  /** A sentence or two: what was done, and what came of it. */
  summary: string;
  sections: readonly ReportSection[];
  /** Last line: version, seed, command. */
  footer?: string;
}

/** Draws the charts and writes the whole page. The same report gives the same bytes. */
export async function renderReport(report: Report): Promise<string> {
  const sections: string[] = [];
  for (const [i, section] of report.sections.entries()) {
    sections.push(
      [
        `<section id="section-${i + 1}">`,
        `<h2>${escapeHtml(section.title)}</h2>`,
        await renderParts(section.parts),
        "</section>",
      ].join("\n"),
    );
  }
  const contents = report.sections
    .map(({ title }, i) => `<li><a href="#section-${i + 1}">${escapeHtml(title)}</a></li>`)
    .join("");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ` +
      `'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(report.title)}</title>`,
    `<style>${STYLE}</style>`,
    "</head>",
    "<body>",
    `<header>\n<h1>${escapeHtml(report.title)}</h1>\n${paragraphs(report.summary)}\n</header>`,
    ...(report.sections.length > 2
      ? [`<nav aria-label="Contents"><ol>${contents}</ol></nav>`]
      : []),
    `<main>\n${sections.join("\n")}\n</main>`,
    ...(report.footer ? [`<footer>${escapeHtml(report.footer)}</footer>`] : []),
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/** Renders and writes a report, whole or not at all. Folders that are missing are made. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const html = await renderReport(report);
  makeFolder(dirname(resolve(path)), "shared");
  writeFileAtomic(path, html);
}

async function renderParts(parts: readonly ReportPart[]): Promise<string> {
  const rendered: string[] = [];
  for (const part of parts) rendered.push(await renderPart(part));
  return rendered.join("\n");
}

async function renderPart(part: ReportPart): Promise<string> {
  switch (part.kind) {
    case "text":
      return paragraphs(part.text);
    case "facts":
      return `<dl class="facts">${part.facts.map(renderFact).join("")}</dl>`;
    case "table":
      return renderTable(part.table);
    case "chart":
      return renderChart(part.chart);
    case "examples":
      return part.examples.map(renderExample).join("\n");
    case "folded":
      return [
        "<details>",
        `<summary>${escapeHtml(part.title)}</summary>`,
        await renderParts(part.parts),
        "</details>",
      ].join("\n");
  }
}

const renderFact = ([name, value]: readonly [string, string]): string =>
  `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`;

/** Blank lines part paragraphs. */
function paragraphs(text: string): string {
  return text
    .split(/\n{2,}/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => `<p>${escapeHtml(paragraph.trim())}</p>`)
    .join("\n");
}

function renderTable({ caption, columns, rows, note }: Table): string {
  const classOf = (i: number): string => (columns[i]?.align === "right" ? ' class="number"' : "");
  const head = columns
    .map(({ name }, i) => `<th scope="col"${classOf(i)}>${escapeHtml(name)}</th>`)
    .join("");
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const verdict = typeof cell === "string" ? undefined : cell.verdict;
      const text = verdict
        ? `<span class="${verdict.replaceAll(" ", "-")}" ` +
          `title="${verdict}">${escapeHtml(cellText(cell))}</span>`
        : escapeHtml(cellText(cell));
      return i === 0 ? `<th scope="row">${text}</th>` : `<td${classOf(i)}>${text}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  return [
    '<div class="table">',
    "<table>",
    `<caption>${escapeHtml(caption)}</caption>`,
    `<thead><tr>${head}</tr></thead>`,
    "<tbody>",
    body.join("\n"),
    "</tbody>",
    "</table>",
    ...(note ? [`<p class="note">${escapeHtml(note)}</p>`] : []),
    "</div>",
  ].join("\n");
}

async function renderChart(chart: Chart): Promise<string> {
  const { svg, legend } = await drawChart(chart);
  const items = legend
    .map((name, i) => `<li class="series-${(i % 8) + 1}">${escapeHtml(name)}</li>`)
    .join("");
  return [
    "<figure>",
    `<h3>${escapeHtml(chart.title)}</h3>`,
    ...(items ? [`<ul class="legend">${items}</ul>`] : []),
    svg,
    `<figcaption>${escapeHtml(chart.description)}</figcaption>`,
    "</figure>",
  ].join("\n");
}

function renderExample({ prompt, answers }: Example): string {
  const items = answers.map(({ name, text, remarks = [] }) => {
    const badges = remarks
      .map((remark) => ` <span class="remark">${escapeHtml(remark)}</span>`)
      .join("");
    const shown = escapeHtml(text) || '<span class="nothing">(nothing)</span>';
    return `<div><dt>${escapeHtml(name)}${badges}</dt><dd><bdi>${shown}</bdi></dd></div>`;
  });
  return [
    '<article class="example">',
    `<blockquote><bdi>${escapeHtml(prompt)}</bdi></blockquote>`,
    `<dl>${items.join("")}</dl>`,
    "</article>",
  ].join("\n");
}
