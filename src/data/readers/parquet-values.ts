/**
 * Values of a Parquet file as exactly as they are stored: whole numbers of any size, times to the
 * digit that their unit has, decimals digit by digit. hyparquet turns decimals into doubles, so
 * their columns are decoded as what they are stored in.
 *
 * Source: apache/parquet-format, LogicalTypes.md.
 */
import type { FileMetaData, SchemaElement } from "hyparquet";
import { isUtf8 } from "node:buffer";
import { preview } from "../../core/errors.ts";
import { parseJsonExactly } from "../../core/json.ts";
import { jsonShape } from "./json-fault.ts";
import { doubledKey } from "./json-keys.ts";
import { ParquetFault } from "./parquet-fault.ts";

/** Stands for a value that could not be decoded, until its row is known. */
export class Undecodable {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

function decodeText(value: Uint8Array | undefined): unknown {
  if (value === undefined || value === null) return value;
  return isUtf8(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8")
    : new Undecodable("the text is not valid UTF-8");
}

const MAX_JSON_DEPTH = 64;

function decodeJson(value: Uint8Array | undefined): unknown {
  const text = decodeText(value);
  if (typeof text !== "string") return text;
  try {
    const { depth, allKeys } = jsonShape(text);
    if (depth > MAX_JSON_DEPTH)
      return new Undecodable("the JSON has too many lists and objects inside one another");
    const { value: parsed } = parseJsonExactly(text);
    const doubled = doubledKey(text, parsed, allKeys);
    return doubled === undefined
      ? parsed
      : new Undecodable(`the column holds JSON that gives the key ${preview(doubled)} twice`);
  } catch {
    return new Undecodable("the column holds JSON that is not valid");
  }
}

/** @param count since 1970 @param digits of its unit: 3 for milliseconds, 9 for nanoseconds */
function toIso(count: bigint, digits: number): string | Undecodable {
  const unit = 10n ** BigInt(digits);
  const fraction = ((count % unit) + unit) % unit;
  const seconds = Number((count - fraction) / unit);
  if (Math.abs(seconds) > 8.64e12) return new Undecodable("the date is out of range");
  const text = fraction.toString().padStart(digits, "0");
  // milliseconds as JavaScript writes them; more digits only where they say something
  const shown = /^0*$/.test(text.slice(3)) ? text.slice(0, 3) : text;
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, `.${shown}Z`);
}

const time = (digits: number) => (value: bigint | undefined) =>
  value === undefined || value === null ? value : toIso(BigInt(value), digits);

export const PARSERS = {
  stringFromBytes: decodeText,
  jsonFromBytes: decodeJson,
  timestampFromMilliseconds: time(3),
  timestampFromMicroseconds: time(6),
  timestampFromNanoseconds: time(9),
  dateFromDays: (value: number) =>
    value === undefined || value === null ? value : toIso(BigInt(value) * 86_400_000n, 3),
  // the stand-in for decimals stored in bytes
  geometryFromBytes: (value: Uint8Array) => value,
};

/** Digits after the point of the columns that hold decimals, by name. */
export type Decimals = ReadonlyMap<string, number>;

/**
 * Takes the decimal type off columns that have it, so that their values come as integers and bytes.
 * @throws ParquetFault for decimals inside lists and structures
 */
export function withoutDecimalTypes(metadata: FileMetaData): {
  metadata: FileMetaData;
  decimals: Decimals;
} {
  const decimals = new Map<string, number>();
  const top = topLevel(metadata.schema);
  const schema = metadata.schema.map((element): SchemaElement => {
    if (element.converted_type !== "DECIMAL" && element.logical_type?.type !== "DECIMAL")
      return element;
    if (!top.has(element))
      throw new ParquetFault(
        `the column ${element.name} holds decimals inside a list or a structure, which are not ` +
          "read",
      );
    const { converted_type: _, logical_type: type, ...rest } = element;
    decimals.set(element.name, element.scale ?? (type?.type === "DECIMAL" ? type.scale : 0));
    return element.type === "BYTE_ARRAY" || element.type === "FIXED_LEN_BYTE_ARRAY"
      ? { ...rest, logical_type: { type: "GEOMETRY" } }
      : rest;
  });
  return { metadata: decimals.size === 0 ? metadata : { ...metadata, schema }, decimals };
}

/** The columns that are neither groups nor inside one. */
function topLevel(schema: readonly SchemaElement[]): Set<SchemaElement> {
  const found = new Set<SchemaElement>();
  let index = 1;
  const skip = (): void => {
    const children = schema[index++]?.num_children ?? 0;
    for (let child = 0; child < children; child++) skip();
  };
  while (index < schema.length) {
    const element = schema[index]!;
    if ((element.num_children ?? 0) === 0 && element.repetition_type !== "REPEATED")
      found.add(element);
    skip();
  }
  return found;
}

/** A number where a double says the same, else a whole number or its digits as text. */
export function decimalValue(value: unknown, scale: number): unknown {
  const unscaled =
    value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number | bigint);
  if (scale <= 0) return wholeNumber(unscaled * 10n ** BigInt(-scale));
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const text = `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  const { value: number, rounded } = parseJsonExactly(text);
  return rounded === undefined ? number : text;
}

/** A number where it is one exactly and is written with the same digits. */
export const wholeNumber = (value: bigint): number | bigint =>
  String(Number(value)) === value.toString() ? Number(value) : value;

function bigEndian(bytes: Uint8Array): bigint {
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return BigInt.asIntN(8 * bytes.length, value);
}
