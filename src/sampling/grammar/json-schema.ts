/** Keywords of JSON Schema: which are read, and what is refused. */
import { AttuneError, preview } from "../../core/errors.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** What annotates and asks for nothing. */
export const ANNOTATIONS = new Set([
  "title",
  "description",
  "default",
  "examples",
  "$schema",
  "$id",
  "$comment",
  "deprecated",
  "readOnly",
  "writeOnly",
  "$defs",
  "definitions",
]);
/** Further keywords, by the type that reads them. */
export const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "minItems", "maxItems"],
  string: ["minLength", "maxLength"],
  number: [],
  integer: [],
  boolean: [],
  null: [],
};
export const TYPES = Object.keys(KEYWORDS);
/**
 * Keywords that stand alone in their schema (annotations aside; beside the last two also a type).
 */
export const WHOLE = ["$ref", "anyOf", "allOf", "enum", "const"];

/** Longest list or string whose length a schema may bound from above. */
const MOST = 10_000;

export function typesOf(schema: Schema, place: string): string[] {
  const given = schema["type"];
  if (given === undefined) {
    const meant = TYPES.find((type) =>
      KEYWORDS[type]!.some((keyword) => Object.hasOwn(schema, keyword)),
    );
    return meant === undefined ? TYPES.filter((type) => type !== "integer") : [meant];
  }
  const types = [given].flat();
  if (
    types.length === 0 ||
    !types.every((type): type is string => typeof type === "string" && TYPES.includes(type))
  )
    throw unsupported(`${place}.type`, given, TYPES.join(", "));
  return types.includes("number") ? types.filter((type) => type !== "integer") : types;
}

export function bounds(
  schema: Schema,
  [low, high]: readonly [string, string],
  place: string,
): { least: number; most: number | undefined } {
  const read = (keyword: string): number | undefined => {
    const value = schema[keyword];
    if (
      value === undefined ||
      (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST)
    )
      return value;
    throw unsupported(`${place}.${keyword}`, value, `a whole number up to ${MOST}`);
  };
  const [least, most] = [read(low) ?? 0, read(high)];
  if (most !== undefined && most < least)
    throw unsupported(`${place}.${high}`, most, `at least ${low}`);
  return { least, most };
}

/** Whether a value is of a type. */
export function isOf(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  return type === "object"
    ? typeof value === "object" && value !== null && !Array.isArray(value)
    : typeof value === type;
}

export function unsupported(place: string, got: unknown, expected: string): AttuneError {
  return new AttuneError("data", "the schema asks for what attune cannot hold an answer to", {
    got: `${place}: ${preview(got, 60)}`,
    expected,
  });
}
