/** Style of tables: rows become cards where a table's column of the page is too narrow for it. */

/** Widths of which a table needs one, rem; more than the widest is cards everywhere. */
export const TABLE_WIDTHS = [16, 20, 24, 28, 32, 36, 40, 44, 48] as const;

const cards = (select: string): string => `
${select} table, ${select} tbody, ${select} tr, ${select} caption { display: block; }
${select} thead {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
${select} tbody { display: grid; gap: .6rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
${select} tr {
  border: 1px solid var(--line); border-radius: 8px; padding: .45rem .7rem; break-inside: avoid;
}
${select} tr > * { display: flex; border: 0; padding: .15rem 0; gap: .25rem 1rem; }
${select} tbody th { font-weight: 600; border-bottom: 1px solid var(--line); margin-bottom: .2rem; }
${select} td { justify-content: space-between; text-align: right; flex-wrap: wrap; }
${select} td > * { margin-left: auto; }
${select} td::before { content: attr(data-label); color: var(--soft); text-align: left; }
${select} td:empty, ${select} tbody th:empty { display: none; }
${select} .carried { display: inline; }`;

export const TABLE_STYLE = `
.table { margin: 1.25rem 0 .5rem; container-type: inline-size; }
table {
  border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums;
}
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td {
  text-align: left; padding: .35rem .45rem; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere;
}
thead th { border-bottom: 2px solid var(--line); overflow-wrap: normal; vertical-align: bottom; }
tbody th { font-weight: 400; overflow-wrap: break-word; min-width: 6em; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
/* or a column of short words would be parted letter by letter */
td:not(.number) { min-width: 3.2em; }
.number { text-align: right; overflow-wrap: normal; }
.carried { display: none; }
.estimate, .bounds { white-space: nowrap; }
.bounds { color: var(--soft); font-weight: 400; }
${TABLE_WIDTHS.map(
  (width) => `@container (max-width: ${width}rem) {${cards(`.needs-${width}`)}
}`,
).join("\n")}
${cards(".needs-more")}
`;
