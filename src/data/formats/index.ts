/** All formats, and which of them a file is in. */
import { AttuneError, nearest } from "../../core/errors.ts";
import { stringifyExactly } from "../../core/json.ts";
import type { Row } from "../readers/row.ts";
import { alpacaEval } from "./alpaca-eval.ts";
import { alpaca } from "./alpaca.ts";
import { anthropicHh } from "./anthropic-hh.ts";
import { argilla } from "./argilla.ts";
import { arena140k, arena33k } from "./arena.ts";
import { attune } from "./attune.ts";
import { anthropicEvals, openaiModeration, xstest } from "./evaluation-sets.ts";
import { fineGrainedRlhf } from "./fine-grained-rlhf.ts";
import type { DataRecord, RecordKind } from "../records.ts";
import { compact } from "../records.ts";
import type { DataFormat, Notes, Shape, WrittenRow } from "./format.ts";
import {
  callsWithoutPlace,
  columnsOf,
  hasColumns,
  isMetadataColumn,
  shapeColumns,
} from "./format.ts";
import { INPUT_COLUMNS, readInputs, wrapped } from "./inputs.ts";
import { looksLikeJudgement } from "./labels.ts";
import { isMedia, refuseMedia } from "./media.ts";
import { FORMAT_NAMES } from "./names.ts";
import { satisfiesNeed, guessedColumns, lackingError } from "./needs.ts";
import { fitsButForNulls, refuseNulls } from "./nulls.ts";
import { labelStudio } from "./label-studio.ts";
import { llamaFactoryKto } from "./llama-factory-kto.ts";
import { openaiChat, openaiPreference } from "./openai.ts";
import { sharegpt } from "./sharegpt.ts";
import { trl } from "./trl.ts";
import { ultrafeedback } from "./ultrafeedback.ts";

/** All formats in the order in which they are tried: the more particular first. */
export const FORMATS: readonly DataFormat[] = [
  argilla,
  labelStudio,
  arena140k,
  arena33k,
  fineGrainedRlhf,
  alpacaEval,
  openaiPreference,
  anthropicEvals,
  xstest,
  openaiModeration,
  ultrafeedback,
  llamaFactoryKto,
  sharegpt,
  alpaca,
  openaiChat,
  anthropicHh,
  attune,
  trl,
];

/** Passes over whole rows. @throws BadRow for pictures, and for a null where a value belongs */
export function refuseUnreadable(row: Row, format: DataFormat, ignored: ReadonlySet<string>): void {
  refuseMedia(row, ignored);
  refuseNulls(row, format);
}

/** A row's record with what the row gives the template. @throws as a format's `read` */
export function readRecord(row: Row, format: DataFormat, notes: Notes): DataRecord {
  return withInputs(format.read(row, notes), row, { format, notes });
}

/** Every record of a row; one but of formats that have several. @throws as a format's `read` */
export function readRecords(row: Row, format: DataFormat, notes: Notes): DataRecord[] {
  const records = format.readAll?.(row, notes) ?? [format.read(row, notes)];
  return records.map((record) => withInputs(record, row, { format, notes }));
}

function withInputs(
  record: DataRecord,
  row: Row,
  { format, notes }: { format: DataFormat; notes: Notes },
): DataRecord {
  const { tools, templateArguments } = readInputs(row);
  if (record.kind === "text" && (tools ?? templateArguments) !== undefined)
    notes.note("tools and template arguments beside a text, which goes through no template");
  // LLaMA-Factory writes bare definitions
  const read = compact({
    tools: format.toolColumn === "text" ? tools?.map(wrapped) : tools,
    templateArguments,
  });
  return record.kind === "text" || Object.keys(read).length === 0 ? record : { ...record, ...read };
}

/**
 * A record as a row, with its tools and template arguments where the format has a place for them.
 */
export function writeRecord(record: DataRecord, format: DataFormat): WrittenRow {
  const reason = callsWithoutPlace(record, format);
  const written = reason === undefined ? format.write!(record) : { leftOut: reason };
  if ("leftOut" in written) return written;
  const { tools, templateArguments } = record;
  return {
    row: compact({
      ...written.row,
      tools:
        format.toolColumn === undefined
          ? undefined
          : format.toolColumn === "text" && tools !== undefined
            ? stringifyExactly(tools)
            : tools,
      chat_template_kwargs: format.keeps.includes("templateArguments")
        ? templateArguments
        : undefined,
    }),
  };
}

/** @throws AttuneError `usage` for an unknown name */
export function formatNamed(name: string): DataFormat {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format !== undefined) return format;
  const names = FORMATS.map((candidate) => candidate.name).toSorted();
  const near = nearest(name, names);
  throw new AttuneError("usage", `there is no data format named ${name}`, {
    expected: names.join(", "),
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}

/**
 * The first format that all rows look like.
 * @param rows the first rows of a file; at least one
 * @param needs what the method reads, for the error
 * @throws AttuneError `data` that names the columns found and those that the method needs, else the
 * nearest format and what it lacks
 */
export function detectFormat(rows: readonly Row[], needs?: RecordKind): DataFormat {
  // a row with a null where a value belongs is of the format, and bad
  const fits = (candidate: DataFormat): boolean =>
    rows.every((row) => candidate.detect(row) || fitsButForNulls(row, candidate));
  const format =
    FORMATS.find((candidate) => rows.some((row) => candidate.detect(row)) && fits(candidate)) ??
    FORMATS.find(fits);
  if (format !== undefined) return format;
  const stranger =
    rows.find((row) => !FORMATS.some((candidate) => candidate.detect(row))) ?? rows[0]!;
  throw (
    (needs === undefined ? undefined : lackingError(stranger, needs, "data")) ??
    unknownColumns(stranger)
  );
}

/**
 * The error for a column that has no place in its row, so that none is lost in silence: one that
 * the format does not know, or one that belongs to another shape of it.
 */
export function columnError(
  row: Row,
  format: DataFormat,
  { name, needs }: { name: string; needs?: RecordKind | undefined },
): AttuneError {
  // what is strange may be what the method lacks, whatever format the row happens to be near
  const lacked =
    needs === undefined ||
    format.shapes.some(
      ({ kind, required }) => satisfiesNeed(kind, needs) && hasColumns(row, ...required),
    )
      ? undefined
      : lackingError(row, needs, "row");
  if (lacked !== undefined) return lacked;
  const names = presentColumns(row);
  const places = readableColumns(names, format);
  const near = nearest(
    name,
    shapeColumns(format).filter((candidate) => !names.includes(candidate)),
  );
  const leave = looksLikeJudgement(name)
    ? "it looks like a judgement: if it says whether the answer is good, name it with --columns " +
      `label=${name} (true or false)`
    : `leave the column out with --ignore-columns ${name}`;
  const lacking = lackingBeside(name, names, format);
  const renames = renamesFor(
    lacking ?? [],
    names.filter((candidate) => !shapeColumns(format).includes(candidate)),
  );
  return new AttuneError(
    "data",
    lacking === undefined
      ? `the format ${format.name} has no column ${name}`
      : `the column ${name} needs ${lacking.join(", ")} beside it`,
    {
      ...row.place,
      got: columnNames(row),
      expected: lacking === undefined ? places.join(", ") : [...names, ...lacking].join(", "),
      hint:
        renames !== ""
          ? renames
          : near === undefined || lacking !== undefined
            ? leave
            : `did you mean ${near}? ${leave.startsWith("it") ? "Else i" : "Or l"}${leave.slice(1)}`,
    },
  );
}

/** Columns of a row that have no place in the format's shape and do not describe the row. */
export function columnsWithoutPlace(
  row: Row,
  format: DataFormat,
  ignored: ReadonlySet<string>,
): string[] {
  if (format.knowsAllColumns === true) return [];
  const names = presentColumns(row);
  const places = readableColumns(names, format);
  return names.filter(
    (name) =>
      !places.includes(name) &&
      !ignored.has(name) &&
      !isMetadataColumn(name, format) &&
      !INPUT_COLUMNS.includes(name) &&
      !isMedia(name) &&
      format.derived?.includes(name) !== true,
  );
}

const presentColumns = ({ columns }: Row): string[] =>
  Object.keys(columns).filter((name) => columns[name] !== null && columns[name] !== undefined);

/**
 * Columns of the first shape that a row has all required columns of; of all shapes where there is
 * none.
 */
function readableColumns(names: readonly string[], format: DataFormat): string[] {
  const shape = format.shapes.find(({ required }) =>
    required.every((name) => names.includes(name)),
  );
  return shape === undefined ? shapeColumns(format) : columnsOf(shape);
}

/** What a column of another shape lacks to be read; undefined for a column of none. */
function lackingBeside(
  name: string,
  names: readonly string[],
  format: DataFormat,
): string[] | undefined {
  const shapes = format.shapes
    .filter((shape) => columnsOf(shape).includes(name))
    .map(({ required }) => required.filter((column) => !names.includes(column)));
  return shapes.toSorted((a, b) => a.length - b.length)[0];
}

/**
 * `rename choosen to chosen`, for columns that are missing and look misspelled; empty where none
 * does.
 */
function renamesFor(missing: readonly string[], strange: readonly string[]): string {
  return missing
    .flatMap((name) => {
      const near = nearest(name, strange);
      return near === undefined ? [] : [`rename ${near} to ${name}`];
    })
    .join(", ");
}

const columnNames = ({ columns }: Row): string => {
  const names = Object.keys(columns);
  return names.length === 0 ? "no columns" : names.join(", ");
};

function unknownColumns(row: Row): AttuneError {
  const names = Object.keys(row.columns);
  const guess = guessedColumns(names);
  if (guess !== undefined)
    return new AttuneError("data", "the columns fit no known format", {
      ...row.place,
      got: columnNames(row),
      expected: `one of the formats ${FORMAT_NAMES.join(", ")}`,
      hint: guess,
    });
  const { format, shape, missing } = nearestShape(names);
  const renames = renamesFor(
    missing,
    names.filter((candidate) => !shape.required.includes(candidate)),
  );
  const isHolder = Object.values(row.columns).every(Array.isArray);
  const hint = isHolder
    ? "the file seems to hold one object of lists: rows must be a list of objects, or objects " +
      "line by line"
    : renames !== ""
      ? renames
      : `add ${missing.join(", ")}, or say which columns hold what: --columns ` +
        "prompt=COLUMN,completion=COLUMN, or name the format: --format";
  return new AttuneError("data", "the columns fit no known format", {
    ...row.place,
    got: columnNames(row),
    expected:
      `${shape.required.join(", ")} (${format.name}, the nearest format; ` +
      `${missing.length === 0 ? "its values look different" : `missing: ${missing.join(", ")}`})`,
    hint,
  });
}

/** The shape that lacks the least, then says the most about the columns that are there. */
function nearestShape(names: readonly string[]): {
  format: DataFormat;
  shape: Shape;
  missing: string[];
} {
  const candidates = FORMATS.flatMap((format) =>
    format.shapes.map((shape) => {
      const missing = shape.required.filter((name) => !names.includes(name));
      const strange = names.filter(
        (name) => !columnsOf(shape).includes(name) && !isMetadataColumn(name, format),
      );
      const misspelled = missing.filter((name) => nearest(name, strange) !== undefined).length;
      return {
        format,
        shape,
        missing,
        cost:
          missing.length +
          strange.length -
          1.5 * misspelled -
          0.5 * (shape.required.length - missing.length),
      };
    }),
  );
  return candidates.reduce((best, candidate) =>
    candidate.cost < best.cost || (candidate.cost === best.cost && candidate.format.name === "trl")
      ? candidate
      : best,
  );
}
