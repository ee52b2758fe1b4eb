/**
 * A way with stops: one control, whose stops are radio buttons, moves along it; the style sheet
 * shows what belongs to the chosen one, so no script is needed. Where that cannot be, on paper or in
 * an old browser, the whole way stands there as a strip.
 */
import type { Journey } from "../evaluation/journey.ts";
import { escapeHtml } from "./escape.ts";
import { renderAnswers } from "./render-example.ts";
import { renderChart } from "./render-chart.ts";
import type { Wording } from "./wording.ts";

/** Shows what belongs to the stop that is chosen. */
export function journeyStyle(stops: number): string {
  return Array.from(
    { length: stops },
    (_, i) => `.journey:has(.stop-${i} :checked) :is(.moment-${i}, .at-${i}) { display: block; }`,
  ).join("\n");
}

export async function renderJourney(
  journey: Journey,
  wording: Wording,
  level: number,
): Promise<string> {
  const { title, description, unit, stops, charts } = journey;
  const name = wording.identifier("journey");
  const steps = stops.map(({ step }) => step);
  const control = stops.map(
    ({ step, remark }, i) =>
      `<label class="stop stop-${i}${remark ? " remarked" : ""}">` +
      `<input type="radio" name="${name}"${i === 0 ? " checked" : ""}>` +
      `<span>${step}${remark ? `<small>${escapeHtml(remark)}</small>` : ""}</span></label>`,
  );
  const drawn: string[] = [];
  for (const chart of charts)
    drawn.push(await renderChart(chart, wording, { level: level + 1, stops: steps, waits: true }));
  return [
    '<div class="journey">',
    `<h${level}>${wording.mark(title)}</h${level}>`,
    `<p>${wording.mark(description)}</p>`,
    wording.definitions(),
    `<div class="pair">${drawn.join("\n")}</div>`,
    wording.definitions(),
    `<fieldset class="stops"><legend>${escapeHtml(unit)}</legend>${control.join("")}</fieldset>`,
    '<div class="moments">',
    ...stops.map((_, i) => renderMoment(journey, i)),
    "</div>",
    '<details class="strip">',
    "<summary>The whole way at once</summary>",
    renderStrip(journey),
    "</details>",
    "</div>",
  ].join("\n");
}

/** All requests as they were answered at one stop. */
function renderMoment({ unit, stops, requests }: Journey, at: number): string {
  const { step, remark, facts = [] } = stops[at]!;
  const values = facts
    .map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join("");
  const answered = requests.map(({ prompt, note, runs }) =>
    [
      '<article class="example">',
      `<blockquote><bdi>${escapeHtml(prompt)}</bdi></blockquote>`,
      ...(note ? [`<p class="note">${escapeHtml(note)}</p>`] : []),
      renderAnswers(runs.map(({ name, answers }) => ({ name, ...(answers[at] ?? { text: "" }) }))),
      "</article>",
    ].join("\n"),
  );
  return [
    `<div class="moment moment-${at}">`,
    `<p class="moment-title">${escapeHtml(unit)} ${step}${remark ? `: ${escapeHtml(remark)}` : ""}</p>`,
    ...(values ? [`<dl class="facts">${values}</dl>`] : []),
    ...answered,
    "</div>",
  ].join("\n");
}

/** Each answer once, with the stops between which it was given. */
function renderStrip({ unit, stops, requests }: Journey): string {
  return requests
    .map(({ prompt, note, runs }) => {
      const ways = runs.map(({ name, answers }) => {
        const spells: { from: number; to: number; at: number }[] = [];
        for (const [i, { text }] of answers.entries()) {
          const last = spells.at(-1);
          if (last && answers[last.at]!.text === text) last.to = i;
          else spells.push({ from: i, to: i, at: i });
        }
        const items = spells.map(({ from, to, at }) => ({
          name: `${unit} ${stops[from]!.step}${to > from ? ` to ${stops[to]!.step}` : ""}`,
          ...answers[at]!,
        }));
        return `<p class="run-name">${escapeHtml(name)}</p>${renderAnswers(items)}`;
      });
      return [
        '<article class="example">',
        `<blockquote><bdi>${escapeHtml(prompt)}</bdi></blockquote>`,
        ...(note ? [`<p class="note">${escapeHtml(note)}</p>`] : []),
        ...ways,
        "</article>",
      ].join("\n");
    })
    .join("\n");
}
