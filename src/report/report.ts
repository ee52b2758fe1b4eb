/**
 * A report as one HTML file that needs nothing else: no script, no network (its policy forbids
 * both), light and dark by the reader's setting, good on a phone and on paper. Every text is
 * untrusted and escaped; nothing takes HTML.
 */
import { dirname, resolve } from "node:path";
import type { Chart } from "../evaluation/chart.ts";
import type { Verdict } from "../evaluation/findings.ts";
import type { ReportPart, ReportSection } from "../evaluation/page.ts";
import { makeFolder, writeFileAtomic } from "../runs/files.ts";
import { renderChip } from "./chip.ts";
import { escapeHtml } from "./escape.ts";
import { renderChart } from "./render-chart.ts";
import type { Fact } from "./made.ts";
import { renderMade } from "./made.ts";
import { journeyStyle } from "./render-journey.ts";
import { paragraphs, renderParts, renderVerdict } from "./render-part.ts";
import { STYLE } from "./report-style.ts";
import { Wording } from "./wording.ts";

export interface Report {
  title: string;
  /** What came of it, with its chip: the first thing on the page. */
  verdict?: Verdict;
  /** A sentence or two: what was done, and what came of it. */
  summary: string;
  /** The one picture of the verdict. */
  picture?: Chart;
  sections: readonly ReportSection[];
  /** How it was made, as {@link madeFacts} says it. */
  made: readonly Fact[];
}

/** Draws the charts and writes the whole page. The same report gives the same bytes. */
export async function renderReport(report: Report): Promise<string> {
  const wording = new Wording();
  const header = await renderHeader(report, wording);
  const sections: string[] = [];
  for (const [i, section] of report.sections.entries()) {
    sections.push(
      [
        `<section id="section-${i + 1}">`,
        `<h2>${escapeHtml(section.title)}</h2>`,
        await renderParts(section.parts, wording, 3),
        "</section>",
      ].join("\n"),
    );
  }
  const stops = Math.max(0, ...report.sections.flatMap(({ parts }) => parts.flatMap(stopsIn)));
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
    `<style>${STYLE}${journeyStyle(stops)}</style>`,
    "</head>",
    "<body>",
    header,
    ...(report.sections.length > 2 ? [contents(report.sections)] : []),
    `<main>\n${sections.join("\n")}\n</main>`,
    renderMade(report.made, wording),
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

async function renderHeader(
  { title, verdict, summary, picture }: Report,
  wording: Wording,
): Promise<string> {
  return [
    "<header>",
    `<h1>${escapeHtml(title)}</h1>`,
    ...(verdict
      ? [renderVerdict({ concluded: verdict, text: verdict.sentence }, wording, true)]
      : []),
    paragraphs(summary, wording, true),
    wording.definitions(),
    ...(picture ? [await renderChart(picture, wording, { level: 2 })] : []),
    "</header>",
  ].join("\n");
}

function contents(sections: readonly ReportSection[]): string {
  const items = sections.map(
    ({ title, concluded }, i) =>
      `<li><a href="#section-${i + 1}">${escapeHtml(title)}</a>` +
      `${concluded ? ` ${renderChip(concluded)}` : ""}</li>`,
  );
  const list = sections.some(({ concluded }) => concluded) ? ' class="questions"' : "";
  return `<nav aria-label="Contents"><ol${list}>${items.join("")}</ol></nav>`;
}

/** Stops of the ways in a part. */
function stopsIn(part: ReportPart): number[] {
  if (part.kind === "journey") return [part.journey.stops.length];
  return part.kind === "group" || part.kind === "folded" ? part.parts.flatMap(stopsIn) : [];
}

/** Renders and writes a report, whole or not at all. Folders that are missing are made. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const html = await renderReport(report);
  makeFolder(dirname(resolve(path)), "shared");
  writeFileAtomic(path, html);
}
