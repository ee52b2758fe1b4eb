/**
 * The report's style sheet. Series colours are Okabe and Ito's set for colour-blind readers,
 * darkened for white paper and lightened for dark screens until each has a contrast of at least 3
 * to 1 with its background.
 */
const LIGHT = `
  --paper: #ffffff; --ink: #1c2024; --soft: #5a636c; --line: #d5dade; --panel: #f5f7f8;
  --link: #0059a8; --better: #00644a; --worse: #a33000;
  --series-1: #0072b2; --series-2: #c44e00; --series-3: #00805c; --series-4: #a84a85;
  --series-5: #8a6d00; --series-6: #2b7fb8; --series-7: #555c63; --series-8: #7a4fbf;`;

const DARK = `
  --paper: #14181b; --ink: #e4e8eb; --soft: #a3adb5; --line: #353c42; --panel: #1d2327;
  --link: #7cbcf0; --better: #4fd0a5; --worse: #ff9466;
  --series-1: #56b4e9; --series-2: #f08a4b; --series-3: #35c49a; --series-4: #dd8fbf;
  --series-5: #e0c040; --series-6: #8fc9f0; --series-7: #b0b8bf; --series-8: #b79af0;`;

const series = Array.from(
  { length: 8 },
  (_, i) => `.series-${i + 1}::before { background: var(--series-${i + 1}); }`,
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
body {
  margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 46rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 {
  font-size: 1.35rem; margin: 2.75rem 0 .75rem; border-bottom: 1px solid var(--line);
  padding-bottom: .25rem;
}
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: .75rem 0; white-space: pre-line; }
header p { font-size: 1.1rem; }
a { color: var(--link); }
nav ol {
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none;
  font-size: .95rem;
}
.table { margin: 1.25rem 0; overflow-x: auto; }
table {
  border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums;
}
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td {
  text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top;
}
thead th { border-bottom: 2px solid var(--line); }
tbody th { font-weight: 400; }
.number { text-align: right; white-space: nowrap; }
.better { color: var(--better); font-weight: 600; }
.better::before { content: "\\2713\\00A0"; }
.worse { color: var(--worse); font-weight: 600; }
.worse::before { content: "\\2717\\00A0"; }
.not-distinguishable { color: var(--soft); }
.note, figcaption, footer { color: var(--soft); font-size: .88rem; }
figure { margin: 1.5rem 0; }
svg.chart { max-width: 100%; height: auto; display: block; }
.legend {
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: 0 0 .5rem;
  list-style: none; font-size: .9rem;
}
.legend li::before {
  content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .4em;
  border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
${series}
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--link); }
dl { margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
.facts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr));
  gap: .75rem 1.5rem; margin: 1rem 0;
}
.facts dt { color: var(--soft); font-size: .88rem; }
.example {
  background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: .9rem 1.1rem; margin: 1rem 0;
}
.example blockquote {
  margin: 0 0 .6rem; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere;
}
.example dl > div {
  display: grid; grid-template-columns: 8rem 1fr; gap: .75rem; padding: .3rem 0;
  border-top: 1px solid var(--line);
}
.example dt { color: var(--soft); overflow-wrap: anywhere; }
.example dd { white-space: pre-wrap; }
.remark {
  display: inline-block; border: 1px solid currentColor; border-radius: 4px; padding: 0 .3em;
  font-size: .8em;
}
.nothing { color: var(--soft); font-style: italic; }
footer {
  margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .75rem;
  overflow-wrap: anywhere;
}
@media (max-width: 34rem) {
.example dl > div { grid-template-columns: 1fr; gap: 0; }
/* letters of a chart would become too small to read */
figure { overflow-x: auto; }
svg.chart { min-width: 34rem; }
}
@media print {
:root {${LIGHT}
}
body { max-width: none; padding: 0; font-size: 10.5pt; }
nav { display: none; }
/* paper has no clicks */
details::details-content { content-visibility: visible; display: block; block-size: auto; }
section { break-inside: auto; }
h2, h3, caption { break-after: avoid; }
figure, .example, table, .facts > div { break-inside: avoid; }
footer { margin-top: 1rem; }
.table { overflow: visible; }
table { font-size: 7.5pt; }
td, th { white-space: normal; padding: 2px 4px; }
a { color: inherit; text-decoration: none; }
}
`;
