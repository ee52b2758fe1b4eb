/**
 * A null where a format needs a value makes a bad row. Without this a row whose `rejected` is null
 * would be reported as one that lacks a column, and one whose `completion` is null would turn into
 * a prompt.
 */
import { preview } from "../../core/errors.ts";
import { BAD_ROWS, BadRow } from "../bad-row.ts";
import type { Row } from "../readers/row.ts";
import type { DataFormat, Shape } from "./format.ts";

const isNull = (row: Row, name: string): boolean => row.columns[name] === null;

/** Shapes that the row's columns belong to and that it does not fill. */
function holedShapes(row: Row, { shapes }: DataFormat): Shape[] {
  return shapes.filter(
    ({ required }) =>
      required.every((name) => row.columns[name] !== undefined) &&
      required.some((name) => isNull(row, name)),
  );
}

/** Whether the row would be of the format, were it not for nulls. */
export const fitsButForNulls = (row: Row, format: DataFormat): boolean =>
  holedShapes(row, format).length > 0;

/**
 * A row may leave whole groups of columns null, as tables of several kinds of row do; it may not
 * have part of one.
 * @throws BadRow
 */
export function refuseNulls(row: Row, format: DataFormat): void {
  const holed = holedShapes(row, format);
  if (holed.length === 0) return;
  const filled = format.shapes.filter(({ required }) =>
    required.every((name) => row.columns[name] !== undefined && row.columns[name] !== null),
  );
  // the fullest reading of the row; a prompt alone is what is left of anything
  const best = filled.toSorted((a, b) => b.required.length - a.required.length)[0];
  const torn = holed.find(
    ({ required }) =>
      best === undefined ||
      best.kind === "prompt" ||
      best.required.every((name) => required.includes(name)),
  );
  if (torn === undefined) return;
  const name = torn.required.find((column) => isNull(row, column))!;
  const reason = format.nullReasons?.[name];
  throw reason === undefined
    ? new BadRow(BAD_ROWS.nullColumn, { ...row.place, column: name }, preview(row.columns))
    : new BadRow(reason, row.place);
}
