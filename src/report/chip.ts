/** How conclusions look: a shape, an icon and the word, so that colour alone says nothing. */
import type { Concluded, Conclusion } from "../evaluation/conclusion.ts";
import { conclusionText } from "../evaluation/conclusion.ts";
import { escapeHtml } from "./escape.ts";

/** Drawn in a square of 16; `currentColor` alone. */
const ICONS: Readonly<Record<Conclusion, string>> = {
  better: '<path d="M8 2.5 14 13H2z" fill="currentColor"/>',
  "better at a cost":
    '<path d="M6 1.5 11.5 10H.5z" fill="currentColor"/>' +
    '<path d="M11.5 14.5 7.8 8.6h7.4z" fill="currentColor" stroke="currentColor"/>',
  worse: '<path d="M8 13.5 2 3h12z" fill="currentColor"/>',
  equal: '<path d="M2.5 5.5h11M2.5 10.5h11" stroke="currentColor" stroke-width="2.4"/>',
  "not distinguishable":
    '<path d="M2 6.2c2-2.6 4-2.6 6 0s4 2.6 6 0M2 11.2c2-2.6 4-2.6 6 0s4 2.6 6 0" fill="none" ' +
    'stroke="currentColor" stroke-width="1.8"/>',
  "fault shown":
    '<path d="M3.5 15V1.5h9L10 5l2.5 3.5H5" fill="none" stroke="currentColor" ' +
    'stroke-width="1.7"/>',
  "not shown":
    '<circle cx="7" cy="7" r="4.6" fill="none" stroke="currentColor" stroke-width="1.6"/>' +
    '<path d="m10.4 10.4 4 4" stroke="currentColor" stroke-width="2"/>',
  hacked:
    '<path d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5z" fill="none" stroke="currentColor" ' +
    'stroke-width="1.6"/><path d="M8 4.5v4.5M8 10.6v1.6" stroke="currentColor" ' +
    'stroke-width="2"/>',
  "not hacked":
    '<path d="M8 1.5 13.5 4v4c0 3.4-2.4 5.4-5.5 6.5C4.9 13.4 2.5 11.4 2.5 8V4z" fill="none" ' +
    'stroke="currentColor" stroke-width="1.6"/><path d="m5.2 8 2 2 3.6-4" fill="none" ' +
    'stroke="currentColor" stroke-width="1.8"/>',
  fooled:
    '<path d="M8 1.5 14.5 8 8 14.5 1.5 8z" fill="none" stroke="currentColor" ' +
    'stroke-width="1.6"/><path d="M8 4.8v3.9M8 10v1.5" stroke="currentColor" stroke-width="1.9"/>',
  sound:
    '<circle cx="8" cy="8" r="6.3" fill="none" stroke="currentColor" stroke-width="1.6"/>' +
    '<path d="m5 8.2 2 2 4-4.4" fill="none" stroke="currentColor" stroke-width="1.8"/>',
  measured:
    '<path d="M1.5 5h13v6h-13z" fill="none" stroke="currentColor" stroke-width="1.5"/>' +
    '<path d="M4.7 5v3M8 5v4M11.3 5v3" stroke="currentColor" stroke-width="1.4"/>',
  "no conclusion":
    '<circle cx="8" cy="8" r="6.3" fill="none" stroke="currentColor" stroke-width="1.5" ' +
    'stroke-dasharray="2.4 2"/><path d="M5 8h6" stroke="currentColor" stroke-width="1.8"/>',
};

const icon = (conclusion: Conclusion): string =>
  `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${ICONS[conclusion]}</svg>`;

export const classOfConclusion = (conclusion: Conclusion): string =>
  conclusion.replaceAll(" ", "-");

/** The chip of a conclusion. */
export const renderChip = (concluded: Concluded): string =>
  `<strong class="chip chip-${classOfConclusion(concluded.conclusion)}">` +
  `${icon(concluded.conclusion)}${escapeHtml(conclusionText(concluded))}</strong>`;

/** A number with the small icon of what it amounts to, which screen readers read out. */
export const renderMarked = (conclusion: Conclusion, html: string): string =>
  `<span class="${classOfConclusion(conclusion)}" title="${escapeHtml(conclusion)}">` +
  `${icon(conclusion)}<span class="unseen">${escapeHtml(conclusion)}: </span>${html}</span>`;
