/** Charts as figures: title, legend, drawing, what it shows and what it says. */
import type { Chart, MomentKind } from "../evaluation/chart.ts";
import { DASHES, SERIES } from "./chart-frame.ts";
import { drawChart } from "./charts.ts";
import { MOMENTS } from "./chart-moments.ts";
import { escapeHtml } from "./escape.ts";
import type { Wording } from "./wording.ts";

/** Texts in the drawing, where no link can stand. */
function textsIn(chart: Chart): string[] {
  switch (chart.kind) {
    case "intervals":
      return [chart.label, ...chart.rows.flatMap(({ group, series }) => [group, series])];
    case "lines":
    case "path":
      return [chart.xLabel, chart.yLabel, ...chart.series.map(({ name }) => name)];
    case "scatter":
      return [
        chart.xLabel,
        chart.yLabel,
        ...chart.points.flatMap(({ name, series }) => [name, series]),
        ...(chart.curves ?? []).map(({ name }) => name),
      ];
    case "reliability":
      return [chart.xLabel ?? "", chart.yLabel ?? ""];
    case "bars":
      return [chart.label, ...chart.bars.map(({ name }) => name)];
  }
}

/** How a series is drawn: by points, by a line with its dashes, or by both. */
function markOf(chart: Chart, series: number, count: number): { point: boolean; dash?: string } {
  switch (chart.kind) {
    case "lines": {
      const { dots = true, dashed, smoothed } = chart.series[series]!;
      return {
        point: dots || smoothed !== undefined,
        dash: dashed ? "4 4" : DASHES[series % SERIES]!,
      };
    }
    case "path":
      return { point: true, dash: "none" };
    case "scatter": {
      const curves = chart.curves ?? [];
      const curve = curves[series - (count - curves.length)];
      return curve ? { point: false, dash: curve.dashed ? "5 4" : "none" } : { point: true };
    }
    default:
      return { point: true };
  }
}

/** An entry of a legend, with the mark as it is drawn; shapes are the style sheet's. */
function renderKey(
  name: string,
  series: number,
  { point, dash }: ReturnType<typeof markOf>,
): string {
  const number = (series % SERIES) + 1;
  const line =
    dash === undefined
      ? ""
      : `<svg class="key" width="26" height="10" aria-hidden="true"><path d="M0 5h26" ` +
        `stroke="var(--series-${number})" stroke-width="2.2" stroke-dasharray="${dash}"/></svg>`;
  return `<li class="series-${number}${point ? "" : " no-point"}">${line}${escapeHtml(name)}</li>`;
}

/** The badge of a moment, as the charts have it. */
export const renderMoment = (kind: MomentKind): string =>
  `<span class="badge badge-${kind}" aria-hidden="true"><span>${MOMENTS[kind].letter}</span></span>`;

/**
 * @param level of the heading
 * @param options.waits explanations of terms are asked for by the caller
 */
export async function renderChart(
  chart: Chart,
  wording: Wording,
  {
    level,
    small = false,
    stops = [],
    waits = small,
  }: { level: number; small?: boolean; stops?: readonly number[]; waits?: boolean },
): Promise<string> {
  const { svg, narrow, legend, moments } = await drawChart(chart, { small, stops });
  const items = [
    ...legend.map((name, i) => renderKey(name, i, markOf(chart, i, legend.length))),
    ...moments.map((kind) => `<li>${renderMoment(kind)} ${MOMENTS[kind].says}</li>`),
  ].join("");
  const title = wording.mark(chart.title);
  const caption = wording.mark(chart.description);
  if (!small) wording.note(...textsIn(chart));
  return [
    `<figure${small ? ' class="small"' : ""}>`,
    `<h${level}>${title}</h${level}>`,
    ...(items ? [`<ul class="legend">${items}</ul>`] : []),
    ...(narrow === undefined
      ? [svg]
      : [`<div class="wide">${svg}</div>`, `<div class="narrow">${narrow}</div>`]),
    `<figcaption>${chart.says ? `<p class="says">${wording.mark(chart.says)}</p>` : ""}` +
      `<p>${caption}</p></figcaption>`,
    "</figure>",
    ...(waits ? [] : [wording.definitions()].filter(Boolean)),
  ].join("\n");
}
