/**
 * Tables as HTML that never run off their page: each knows the width it needs, and where its column
 * of the page is narrower, a phone or paper, its rows become cards (style-tables.ts).
 */
import { countOf } from "../core/counts.ts";
import { cellText } from "../evaluation/table.ts";
import type { Cell, Table } from "../evaluation/table.ts";
import { renderMarked } from "./chip.ts";
import { escapeHtml } from "./escape.ts";
import { TABLE_WIDTHS } from "./style-tables.ts";
import type { Wording } from "./wording.ts";

type Row = Table["rows"][number];

/** Of a character of a table in rem, and of the room beside a cell. */
const [CHARACTER, PADDING] = [0.53, 0.9];
/** Longest word that is not parted, characters. */
const LONGEST_WORD = 22;
/** A text is set in lines of about this many characters where its column is narrow. */
const TEXT_LINE = 26;

const isNothing = (cell: string | Cell): boolean => ["", "–"].includes(cellText(cell).trim());

/** "2.1 [1.9, 2.3] nats" in its parts. */
const INTERVAL = /^(.*\S) (\[[^\]]*\](?: \w+)?)$/;

/** A table whose empty columns are left out and whose rows that differ in nothing are apart. */
interface Arranged {
  columns: Table["columns"];
  rows: readonly Row[];
  /** In which all compared cells are alike. */
  alike: readonly Row[];
  /** Names of columns without a value. */
  empty: readonly string[];
}

function arrange({ columns, rows, foldsFrom }: Table): Arranged {
  const kept = columns.map(
    (_, i) => i === 0 || rows.length === 0 || rows.some((row) => !isNothing(row[i] ?? "")),
  );
  const pick = <T>(cells: readonly T[]): T[] => cells.filter((_, i) => kept[i]);
  const isAlike = (row: Row): boolean => {
    if (foldsFrom === undefined) return false;
    const compared = row.flatMap((cell, i) => (i >= foldsFrom && kept[i] ? [cellText(cell)] : []));
    return compared.length > 1 && compared.every((text) => text === compared[0]);
  };
  const alike = rows.filter(isAlike);
  // A table of nothing else is shown as it is.
  const apart = alike.length < rows.length ? alike : [];
  return {
    columns: pick(columns),
    rows: rows.filter((row) => !apart.includes(row)).map(pick),
    alike: apart.map(pick),
    empty: columns.flatMap(({ name }, i) => (kept[i] || name === "" ? [] : [name])),
  };
}

/** What a column needs, rem. */
function widthOf(texts: readonly string[], isNumber: boolean): number {
  const characters = texts.map((text) => {
    const parts = INTERVAL.exec(text)?.slice(1) ?? [text];
    const words = parts.flatMap((part) => part.split(/\s+/)).map((word) => word.length);
    return isNumber
      ? Math.max(...parts.map((part) => part.length))
      : Math.max(Math.min(text.length, TEXT_LINE), Math.min(LONGEST_WORD, Math.max(...words)));
  });
  return CHARACTER * Math.max(1, ...characters) + PADDING;
}

/** The least of the known widths that holds the table; undefined where none does. */
export function neededWidth(columns: Table["columns"], rows: readonly Row[]): number | undefined {
  const needed = columns.reduce((sum, { name, align }, i) => {
    const longest = Math.max(...name.split(/\s+/).map((word) => word.length)) * CHARACTER + PADDING;
    const cells = rows.map((row) => cellText(row[i] ?? ""));
    return sum + Math.max(longest, widthOf(cells, align === "right"));
  }, 0);
  return TABLE_WIDTHS.find((width) => width >= needed);
}

function renderCell(cell: string | Cell): string {
  const text = cellText(cell);
  const [, estimate, interval] = INTERVAL.exec(text) ?? [];
  const html =
    estimate === undefined
      ? escapeHtml(text)
      : `<span class="estimate">${escapeHtml(estimate)}</span> ` +
        `<span class="bounds">${escapeHtml(interval!)}</span>`;
  return typeof cell !== "string" && cell.verdict
    ? renderMarked(cell.verdict, html)
    : estimate === undefined
      ? html
      : `<span>${html}</span>`;
}

/** Of a row without a name of its own that of the row above, which a card needs and a table not. */
function carried(rows: readonly Row[], at: number): string {
  const above = rows.slice(0, at).findLast((row) => cellText(row[0] ?? "") !== "");
  return above === undefined
    ? ""
    : `<span class="carried">${escapeHtml(cellText(above[0]!))}</span>`;
}

function renderRows({ columns, rows }: Pick<Arranged, "columns" | "rows">): string {
  const classOf = (i: number): string => (columns[i]?.align === "right" ? ' class="number"' : "");
  return rows
    .map((row, at) => {
      const cells = row.map((cell, i) => {
        const html = renderCell(cell);
        return i === 0
          ? `<th scope="row" role="rowheader">${html || carried(rows, at)}</th>`
          : `<td role="cell"${classOf(i)} data-label="${escapeHtml(columns[i]?.name ?? "")}">` +
              `${html}</td>`;
      });
      return `<tr role="row">${cells.join("")}</tr>`;
    })
    .join("\n");
}

function renderGrid(
  { columns, rows }: Pick<Arranged, "columns" | "rows">,
  caption: string,
): string {
  const head = columns
    .map(({ name, align }) => {
      const number = align === "right" ? ' class="number"' : "";
      return `<th scope="col" role="columnheader"${number}>${escapeHtml(name)}</th>`;
    })
    .join("");
  const width = neededWidth(columns, rows);
  return [
    `<div class="table ${width === undefined ? "needs-more" : `needs-${width}`}">`,
    '<table role="table">',
    caption,
    `<thead role="rowgroup"><tr role="row">${head}</tr></thead>`,
    '<tbody role="rowgroup">',
    renderRows({ columns, rows }),
    "</tbody>",
    "</table>",
    "</div>",
  ].join("\n");
}

export function renderTable(table: Table, wording: Wording): string {
  const arranged = arrange(table);
  const { columns, alike, empty } = arranged;
  const caption = table.caption ? `<caption>${wording.mark(table.caption)}</caption>` : "";
  const grid = renderGrid(arranged, caption);
  const note = [
    ...(table.note ? [table.note] : []),
    ...(empty.length > 0 ? [`Without a value, and left out: ${empty.join(", ")}.`] : []),
  ].join(" ");
  wording.note(
    ...columns.map(({ name }) => name),
    ...arranged.rows.map((row) => cellText(row[0] ?? "")),
    ...arranged.rows.flatMap((row) => row.slice(1).map(cellText)).slice(0, 50),
  );
  const after = [
    ...(note ? [`<p class="note">${wording.mark(note)}</p>`] : []),
    wording.definitions(),
  ].filter(Boolean);
  const inner = wording.fold();
  inner.note(...alike.map((row) => cellText(row[0] ?? "")));
  const folded =
    alike.length === 0
      ? []
      : [
          "<details>",
          `<summary>${countOf(alike.length, "row")} in which nothing differs: ` +
            `${alike.map((row) => escapeHtml(cellText(row[0] ?? ""))).join(", ")}</summary>`,
          renderGrid({ columns, rows: alike }, ""),
          inner.definitions(),
          "</details>",
        ];
  return [grid, ...after, ...folded].join("\n");
}
