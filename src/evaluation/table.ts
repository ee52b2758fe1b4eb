/**
 * Tables of results, and how numbers with intervals are written; one table serves the terminal and
 * the report.
 */
import type { Interval } from "../stats/intervals.ts";
import type { Conclusion } from "./conclusion.ts";

/** What a difference amounts to, for colour in the report and for words in the terminal. */
export type Verdict = "better" | "worse" | "not distinguishable";

export interface Cell {
  text: string;
  verdict?: Conclusion;
}

export interface Table {
  caption: string;
  columns: readonly { name: string; align?: "left" | "right" }[];
  rows: readonly (readonly (string | Cell)[])[];
  /** What a reader must know to read the numbers. */
  note?: string;
  /**
   * Cells from this column on are compared: rows in which all of them are alike fold away on a
   * page.
   */
  foldsFrom?: number;
}

export const cellText = (cell: string | Cell): string =>
  typeof cell === "string" ? cell : cell.text;

/** Characters that a terminal has at least. */
const WIDTH = 80;

/**
 * The table as aligned lines without trailing spaces: caption, columns, rows, note. One that is too
 * wide is a block for each row.
 */
export const formatTable = (table: Table): string => formatTableIn(table, WIDTH);

/** As {@link formatTable}, for a line of so many characters. */
export function formatTableIn({ caption, columns, rows, note }: Table, width: number): string {
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => row.map(cellText))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const line = (cells: readonly string[]): string => {
    const padded = columns.map(({ align }, i) =>
      align === "right"
        ? (cells[i] ?? "").padStart(widths[i]!)
        : (cells[i] ?? "").padEnd(widths[i]!),
    );
    return padded.join("  ").trimEnd();
  };
  const table = lines.map(line);
  const shown = table.every(({ length }) => length <= width)
    ? table
    : rows.flatMap((row) => block(row.map(cellText), columns));
  return [
    ...(caption ? [wrapped(caption, width)] : []),
    ...shown,
    ...(note ? [wrapped(note, width)] : []),
  ].join("\n");
}

/** A row below its first cell: a line for each of the others, with the name of its column. */
function block([first, ...cells]: readonly string[], columns: Table["columns"]): string[] {
  const names = Math.max(...columns.slice(1).map(({ name }) => name.length));
  return [
    first!,
    ...cells.flatMap((cell, i) =>
      cell === "" ? [] : [`  ${columns[i + 1]!.name.padEnd(names)}  ${cell}`],
    ),
  ];
}

function wrapped(text: string, width: number): string {
  return text.replace(
    new RegExp(String.raw`(?![^\n]{1,${width}}$)([^\n]{1,${width}}) `, "gm"),
    "$1\n",
  );
}

/**
 * A number with a fixed count of decimals; an en dash where it is not a number, and a true minus
 * sign.
 */
export function formatNumber(value: number, decimals = 2): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** An estimate with its interval, or with why there is none; a dash where nothing was observed. */
function formatInterval(
  { estimate, low, high, noClaim }: Interval,
  write: (value: number) => string,
  unit = "",
): string {
  if (Number.isNaN(estimate)) return "–";
  return (
    `${write(estimate)}${unit} ` +
    `${noClaim === undefined ? `[${write(low)}, ${write(high)}]` : `(no interval: ${noClaim})`}`
  );
}

/** "55.0% [45.2, 64.4]", or "55.0% (no interval: 2 independent groups)". */
export function formatShare(interval: Interval, decimals = 1): string {
  return formatInterval(interval, (share) => formatNumber(100 * share, decimals), "%");
}

/** "1.25 [1.10, 1.40]". */
export function formatMean(interval: Interval, decimals = 2): string {
  return formatInterval(interval, (value) => formatNumber(value, decimals));
}

/** A difference of shares, in points: "+3.2 [−0.1, +6.5]". */
export function formatPoints(interval: Interval, decimals = 1): string {
  const signed = (value: number): string =>
    (Number(Math.abs(100 * value).toFixed(decimals)) !== 0 && value > 0 ? "+" : "") +
    formatNumber(100 * value, decimals);
  return formatInterval(interval, signed);
}

/** p-values small enough for a sentence. */
export function formatPValue(p: number): string {
  if (Number.isNaN(p)) return "–";
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}

/**
 * Whether an interval of a difference lies clear of zero.
 * @param good which sign is an improvement
 */
export function verdictOf(
  { low, high }: Pick<Interval, "low" | "high">,
  good: "higher" | "lower" = "higher",
): Verdict {
  if (low > 0) return good === "higher" ? "better" : "worse";
  if (high < 0) return good === "higher" ? "worse" : "better";
  return "not distinguishable";
}

/** A difference with its mark; none where the interval claims nothing. */
export const differenceCell = (
  text: string,
  difference: Interval,
  good: "higher" | "lower" = "higher",
): Cell =>
  difference.noClaim === undefined ? { text, verdict: verdictOf(difference, good) } : { text };
