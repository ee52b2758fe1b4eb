/** The report's style sheet. */
import { DARK, LIGHT } from "./colours.ts";
import { CHIP_STYLE } from "./style-chips.ts";
import { JOURNEY_STYLE } from "./style-journey.ts";
import { TABLE_STYLE } from "./style-tables.ts";

/** The shapes that charts draw their points in. */
const SHAPES = ["●", "■", "▲", "◆", "★", "✚", "Y", "✖"] as const;

const series = Array.from(
  { length: 8 },
  (_, i) => `.series-${i + 1}::before { content: "${SHAPES[i]}"; color: var(--series-${i + 1}); }`,
).join("\n");

export const STYLE = `
:root {${LIGHT}
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
:root {${DARK}
}
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) {
* { scroll-behavior: auto !important; transition: none !important; animation: none !important; }
}
body {
  margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 50rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word;
}
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 {
  font-size: 1.4rem; line-height: 1.25; margin: 3rem 0 .75rem; border-bottom: 1px solid var(--line);
  padding-bottom: .25rem;
}
header h2 { font-size: 1rem; border: 0; margin: 0 0 .5rem; padding: 0; }
h3 { font-size: 1.1rem; line-height: 1.3; margin: 1.75rem 0 .5rem; }
h4, h5, h6, figure > h3 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: .75rem 0; white-space: pre-line; }
header > p, .verdict { font-size: 1.1rem; }
a { color: var(--link); }
nav ol {
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none;
  font-size: .95rem;
}
nav ol.questions { display: grid; gap: .5rem; }
a.term { color: inherit; text-decoration: underline dotted; text-underline-offset: .2em; }
p.terms, header > p.terms {
  color: var(--soft); font-size: .86rem; line-height: 1.45; margin: .35rem 0 .9rem;
  border-left: 3px solid var(--line); padding-left: .75rem; white-space: normal;
}
dfn { font-style: normal; font-weight: 600; color: var(--ink); scroll-margin-top: 40vh; }
dfn:target { background: var(--panel); outline: 2px solid var(--link); }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
${CHIP_STYLE}
${TABLE_STYLE}
.note, figcaption, footer { color: var(--soft); font-size: .88rem; }
figure { margin: 1.5rem 0; container-type: inline-size; }
figcaption p { margin: .35rem 0; }
.says { color: var(--ink); font-size: 1rem; font-weight: 600; }
svg.chart { max-width: 100%; height: auto; display: block; }
.narrow { display: none; }
@container (max-width: 30rem) {
.wide { display: none; }
.narrow { display: block; }
.narrow svg.chart { width: 100%; }
}
.small-charts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .5rem 1.5rem;
}
figure.small { margin: .5rem 0; }
figure.small :is(h3, h4, h5, h6) { font-size: .9rem; margin: 0; }
figure.small figcaption { font-size: .8rem; }
.legend {
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: 0 0 .5rem;
  list-style: none; font-size: .9rem;
}
.legend li::before {
  display: inline-block; margin-right: .4em; print-color-adjust: exact;
  -webkit-print-color-adjust: exact;
}
${series}
.legend .no-point::before { content: none; }
.key { display: inline-block; vertical-align: middle; margin-right: .4em; }
details { margin: 1rem 0; }
details > details, .group { margin-left: 0; }
summary { cursor: pointer; color: var(--link); padding: .25rem 0; }
dl { margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.facts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14rem), 1fr));
  gap: .75rem 1.5rem; margin: 1rem 0;
}
.facts .long { grid-column: 1 / -1; }
.facts dt { color: var(--soft); font-size: .88rem; }
.example {
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: .9rem 1.1rem; margin: 1rem 0;
}
.example blockquote {
  margin: 0 0 .6rem; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere;
}
.example dl > div {
  display: grid; grid-template-columns: 9rem 1fr; gap: .75rem; padding: .3rem 0;
  border-top: 1px solid var(--line);
}
.example dt { color: var(--soft); overflow-wrap: anywhere; }
.example dd { white-space: pre-wrap; }
.remark {
  display: inline-block; border: 1px solid currentColor; border-radius: 4px; padding: 0 .3em;
  font-size: .8em; color: var(--soft); white-space: normal;
}
.nothing { color: var(--soft); font-style: italic; }
${JOURNEY_STYLE}
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .75rem; }
footer, code { overflow-wrap: anywhere; }
@media (max-width: 34rem) {
.example dl > div { grid-template-columns: 1fr; gap: 0; }
}
@media print {
:root {${LIGHT}
}
html { font-size: 12px; }
body { max-width: none; padding: 0; }
nav { display: none; }
/* what is folded stays so, and says it: with everything open a page is forty */
details:not([open]) > summary::after { content: " (folded: open it to print it)"; }
summary { color: inherit; }
section { break-inside: auto; }
h1, h2, h3, h4, caption, blockquote, .legend, .run-name { break-after: avoid; }
.verdict { break-inside: avoid; }
/* what is tall may be parted between its parts: whole, it would leave half a sheet empty */
.wide, .narrow, .small, .example dl > div, .terms, tr, .facts > div { break-inside: avoid; }
h2 { margin-top: 1.75rem; }
.wide { display: block; }
.wide svg.chart { max-height: 7cm; margin: 0 auto; }
.narrow, .pair .wide { display: none; }
.pair .narrow { display: block; }
table { font-size: 8pt; }
th, td { padding: 2px 4px; }
a, a.term { color: inherit; text-decoration: none; }
.small-charts { grid-template-columns: repeat(3, 1fr); }
}
`;
