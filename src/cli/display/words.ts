/** Numbers, durations and tables as people read them. */
import { countOf, formatCount } from "../../core/counts.ts";

export { countOf, formatCount } from "../../core/counts.ts";

/** Numbers from here on are written with an exponent: nobody counts so many digits. */
const TOO_LONG = 1e15;

/** `0.6931`, `12,345`, `1.00e-4`, `2.50e+30`, `NaN`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if ((size !== 0 && size < 0.001) || size >= TOO_LONG) return value.toExponential(2);
  if (Number.isInteger(value)) return formatCount(value);
  return size < 100
    ? value.toFixed(4)
    : value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** `1.2M`, `135M`, `980`: three digits at most. */
export function formatShort(value: number): string {
  for (const [unit, size] of [
    ["B", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toFixed(value / size < 10 ? 1 : 0)}${unit}`;
  }
  return String(Math.round(value));
}

/** `980 bytes`, `12.3 MB`, `1.4 GB` (decimal). */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return countOf(bytes, "byte");
}

/** `45s`, `2m 03s`, `1h 05m`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${twoDigits(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${twoDigits(Math.floor((whole % 3600) / 60))}m`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

const BETWEEN = "  ";
/** Columns that results keep to: the narrowest usual terminal, and the same text in a log. */
export const LINE_WIDTH = 80;
/** Characters that a wrapped column needs at least. */
const NARROWEST = 24;

/**
 * Columns padded to their widest cell and two spaces apart; no header rule, no trailing spaces.
 * What is too long in the last column goes on below.
 */
export function formatTable(rows: readonly (readonly string[])[], width = LINE_WIDTH): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  const last = widths.length - 1;
  const before = widths.slice(0, last).reduce((sum, each) => sum + each + BETWEEN.length, 0);
  const room = width - before;
  const written = (cell: string, column: number): string =>
    column === last && room >= NARROWEST
      ? wrapText(cell, room).replaceAll("\n", `\n${" ".repeat(before)}`)
      : cell.padEnd(widths[column]!);
  return rows.map((row) => row.map(written).join(BETWEEN).trimEnd()).join("\n");
}

/**
 * As {@link formatTable}, the first row naming the columns; where that is too wide, a block for
 * each row under its first cell.
 */
export function formatHeadedTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width = LINE_WIDTH,
): string {
  const table = formatTable([header, ...rows], Infinity);
  if (table.split("\n").every((line) => line.length <= width)) return table;
  const names = Math.max(...header.slice(1).map(({ length }) => length));
  return rows
    .map(([first, ...cells]) =>
      [
        first,
        ...cells.flatMap((cell, index) =>
          cell === "" ? [] : [`  ${header[index + 1]!.padEnd(names)}  ${cell}`],
        ),
      ].join("\n"),
    )
    .join("\n");
}

/**
 * The text with line breaks instead of spaces, so that lines have at most `width` characters where
 * words allow it.
 */
export function wrapText(text: string, width: number): string {
  return text
    .split("\n")
    .map((line) => {
      if (line.length <= width) return line;
      const lines: string[] = [];
      let at = "";
      for (const word of line.split(" ")) {
        if (at !== "" && at.length + 1 + word.length > width) {
          lines.push(at);
          at = word;
        } else at = at === "" ? word : `${at} ${word}`;
      }
      return [...lines, at].join("\n");
    })
    .join("\n");
}

/**
 * What is done of work that is counted in units with an s at their end: `1 step`, `12 steps`; begun
 * ones do not count.
 */
export const unitsOf = (done: number, units: string): string =>
  countOf(Math.floor(done), units.replace(/s$/, ""), units);

const LEFT_OUT = "…";

/**
 * Parts in one line of at most `width` characters: those that do not fit are dropped from the end,
 * whole, and an ellipsis tells.
 */
export function fitParts(parts: readonly string[], width: number): string {
  for (let count = parts.length; count >= 0; count--) {
    const line = [...parts.slice(0, count), ...(count === parts.length ? [] : [LEFT_OUT])].join(
      BETWEEN,
    );
    if (line.length <= width) return line;
  }
  return "";
}

/**
 * Makes text of unknown origin safe for a terminal: control characters other than line breaks and
 * tabs become visible.
 */
export function printable(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** A word of a command line, quoted where the shell would take it apart. */
export const shellWord = (word: string): string =>
  /^[\w./:@=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A command as it can be given again. */
export const commandLine = (argv: readonly string[]): string =>
  ["attune", ...argv.map(shellWord)].join(" ");
