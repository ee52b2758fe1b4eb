/**
 * `--columns prompt=question,chosen=answers[0].text`: a row's own names for what a method reads. A
 * name that the row has as it stands comes first, then a way into what it holds, by dots and
 * numbers.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import { FORMATS } from "./formats/index.ts";
import { shapeColumns } from "./formats/format.ts";
import { INPUT_COLUMNS } from "./formats/inputs.ts";
import type { LabelColumn } from "./formats/labels.ts";
import { readCell } from "./readers/csv-cells.ts";
import { recordingParsing } from "./readers/json-text.ts";
import type { ReadLimits, Row } from "./readers/row.ts";

export interface Rename {
  /** The column's name in the formats. */
  readonly target: string;
  /** Where the row has it: a column, perhaps with a way into it. */
  readonly source: string;
}

/** @param texts `target=source` each @throws AttuneError `usage` */
export function parseRenames(texts: readonly string[]): Rename[] {
  const known = [...new Set([...FORMATS.flatMap(shapeColumns), ...INPUT_COLUMNS])];
  const renames = texts.map((text): Rename => {
    const [target, source] = [
      text.slice(0, text.indexOf("=")).trim(),
      text.slice(text.indexOf("=") + 1).trim(),
    ];
    if (!text.includes("=") || target === "" || source === "")
      throw new AttuneError("usage", "a column is named as NAME=COLUMN", {
        got: text,
        expected: "such as prompt=question or prompt=input.question",
      });
    if (!known.includes(target)) {
      const near = nearest(target, known);
      const turned = known.includes(source) ? `${source}=${target}` : undefined;
      throw new AttuneError("usage", `no format reads a column ${target}`, {
        got: text,
        expected: "what is read before =, the data's own name after it",
        ...((near ?? turned)
          ? { hint: `did you mean ${near === undefined ? turned : `${near}=${source}`}?` }
          : {}),
      });
    }
    return { target, source };
  });
  const twice = renames.find(
    ({ target }, index) => renames.findIndex((other) => other.target === target) < index,
  );
  if (twice !== undefined)
    throw new AttuneError("usage", `the column ${twice.target} is named twice`, {
      got: texts.join(", "),
      expected: "each once",
    });
  return renames;
}

export const labelRename = ({ name, label }: LabelColumn): Rename => ({
  target: label,
  source: name,
});

interface Found {
  readonly value: unknown;
  /** The column that it lies in. */
  readonly root: string;
  /** The way from there; empty for the column itself. */
  readonly steps: readonly string[];
}

/** Undefined where the row has nothing there. */
export function lookUp({ columns }: Row, source: string): Found | undefined {
  if (columns[source] !== undefined) return { value: columns[source], root: source, steps: [] };
  const steps = source
    .replaceAll(/\[(-?\d+)\]/g, ".$1")
    .split(".")
    .filter((step) => step !== "");
  // a column's name may hold dots itself
  for (let length = steps.length - 1; length > 0; length--) {
    const root = steps.slice(0, length).join(".");
    if (columns[root] === undefined) continue;
    const inside = steps.slice(length);
    const value = inside.reduce<unknown>(stepInto, columns[root]);
    return value === undefined ? undefined : { value, root, steps: inside };
  }
  return undefined;
}

function stepInto(holder: unknown, step: string): unknown {
  if (Array.isArray(holder))
    return /^-?\d+$/.test(step) ? (holder.at(Number(step)) as unknown) : undefined;
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, step))
    return undefined;
  return (holder as Record<string, unknown>)[step];
}

/** Whether a column holds more than what was taken out of it. */
function hasMore(holder: unknown, taken: readonly Found[]): boolean {
  if (
    taken.some(({ steps }) => steps.length === 0) ||
    typeof holder !== "object" ||
    holder === null
  )
    return false;
  return Object.keys(holder).some(
    (key) =>
      !taken.some(
        ({ steps }) =>
          steps[0] === key ||
          (Array.isArray(holder) && holder.at(Number(steps[0])) === holder[Number(key)]),
      ),
  );
}

/** The row under the names that the formats know; what it has beside them keeps its own. */
export function renameColumns(row: Row, renames: readonly Rename[], limits: ReadLimits): Row {
  if (renames.length === 0) return row;
  const { parsing, met } = recordingParsing(limits, row);
  const found = renames.flatMap(({ target, source }) => {
    const at = lookUp(row, source);
    return at === undefined ? [] : [{ target, ...at }];
  });
  const roots = new Set(found.map(({ root }) => root));
  const rest = [...roots].filter((root) =>
    hasMore(
      row.columns[root],
      found.filter((each) => each.root === root),
    ),
  );
  const columns: Record<string, unknown> = Object.fromEntries(
    Object.entries(row.columns).filter(([name]) => !roots.has(name)),
  );
  for (const { target, value, root } of found) {
    if (columns[target] !== undefined && columns[target] !== null)
      parsing.note(`the column ${target}, in whose place another is named`);
    // a table's cells are texts until their name says what they hold
    const isCell = typeof value === "string" && /\.(csv|tsv)(\.gz)?$/i.test(row.place.file ?? "");
    columns[target] = isCell
      ? readCell(target, value, { ...row.place, column: root }, parsing)
      : value;
  }
  for (const root of rest) parsing.note(`what else the column ${root} holds`);
  return { ...row, columns, ...met() };
}

/**
 * Data sets that are read together may have different names.
 * @returns what is said of columns that are named and not there, beside those that are called so
 * already
 * @throws AttuneError `data` where none of the rows has a column that is named, nor the one that it
 * stands for
 */
export function checkRenames(rows: readonly Row[], renames: readonly Rename[]): string[] {
  const missing = renames.filter(({ source }) =>
    rows.every((row) => lookUp(row, source) === undefined),
  );
  const lost = missing.find(({ target }) =>
    rows.every(({ columns }) => columns[target] === undefined),
  );
  if (lost === undefined)
    return missing.map(
      ({ target, source }) =>
        `${rows[0]!.place.file ?? "the data"} has no column ${source}: ${target} is read as it ` +
        "stands",
    );
  const names = [...new Set(rows.flatMap(({ columns }) => Object.keys(columns)))];
  const near = nearest(lost.source, names);
  throw new AttuneError("data", `there is no column ${lost.source}`, {
    ...rows[0]!.place,
    got: names.join(", ") || "no columns",
    expected: `${lost.source}, which --columns names for ${lost.target}`,
    ...(near === undefined ? {} : { hint: `did you mean ${lost.target}=${near}?` }),
  });
}
