/**
 * A way with stops: one control, whose stops are radio buttons, moves along it; the style sheet
 * shows what belongs to the chosen one, so no script is needed. Where that cannot be, on paper or in
 * an old browser, the whole way stands there as a strip.
 */
import type { Journey } from "../evaluation/journey.ts";
import { escapeHtml } from "./escape.ts";
import { renderAnswers } from "./render-example.ts";
import { renderChart, renderMoment } from "./render-chart.ts";
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
  const { title, description, stops, charts, below = [] } = journey;
  const steps = stops.map(({ step }) => step);
  const drawn = async (those: Journey["charts"]): Promise<string> => {
    const figures: string[] = [];
    for (const chart of those)
      figures.push(
        await renderChart(chart, wording, { level: level + 1, stops: steps, waits: true }),
      );
    return figures.length === 0 ? "" : `<div class="pair">${figures.join("\n")}</div>`;
  };
  return [
    '<div class="journey">',
    `<h${level}>${wording.mark(title)}</h${level}>`,
    `<p>${wording.mark(description)}</p>`,
    wording.definitions(),
    await drawn(charts),
    wording.definitions(),
    renderControl(journey, wording.identifier("journey")),
    '<div class="moments">',
    ...stops.map((_, i) => renderMoments(journey, i)),
    "</div>",
    await drawn(below),
    wording.definitions(),
    `<label class="whole"><input type="checkbox"> <span>The whole way at once</span></label>`,
    `<div class="strip">${renderStrip(journey)}</div>`,
    "</div>",
  ]
    .filter(Boolean)
    .join("\n");
}

/** Steps that are told on a phone too, beside those at which something happens. */
const TOLD = 4;

/** One line of radio buttons: arrow keys and screen readers know them as one control. */
function renderControl({ unit, stops, start }: Journey, name: string): string {
  const told = new Set(
    Array.from({ length: TOLD + 1 }, (_, i) => Math.round((i * (stops.length - 1)) / TOLD)),
  );
  const knobs = stops.map(({ step, remark, kinds = [] }, i) => {
    const said = `${unit} ${step}${remark ? `: ${remark}` : ""}`;
    return (
      `<label class="stop stop-${i}${told.has(i) ? " told" : ""}" title="${escapeHtml(said)}">` +
      `<input type="radio" name="${name}" aria-label="${escapeHtml(said)}"` +
      `${i === start ? " checked" : ""}>` +
      `<span class="signs">${[...new Set(kinds)].map(renderMoment).join("")}</span>` +
      `<span class="knob"></span><span class="step">${step}</span></label>`
    );
  });
  return (
    `<fieldset class="stops"><legend>${escapeHtml(unit)}: click along the line, or move with the ` +
    `arrow keys</legend><div class="track">${knobs.join("")}</div></fieldset>`
  );
}

/** All requests as they were answered at one stop. */
function renderMoments({ unit, stops, requests }: Journey, at: number): string {
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
