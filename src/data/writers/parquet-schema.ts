/**
 * The Parquet schema of rows: types are found by looking at every value, and what does not fit
 * together becomes JSON text.
 */
import type { SchemaElement } from "hyparquet";
import { stringifyExactly } from "../../core/json.ts";

export type ColumnType =
  | { readonly type: "nothing" | "text" | "boolean" | "integer" | "big" | "number" | "json" }
  | { readonly type: "list"; readonly element: ColumnType }
  | { readonly type: "structure"; readonly fields: Readonly<Record<string, ColumnType>> };

/**
 * Messages may lack keys of other messages (`name`); other objects of differing keys are kept as
 * JSON, absent keys and all.
 */
const MESSAGE_KEYS = new Set([
  "role",
  "content",
  "name",
  "from",
  "value",
  "tool_calls",
  "tool_call_id",
  "reasoning_content",
  "weight",
]);
const NOTHING: ColumnType = { type: "nothing" };
const JSON_TEXT: ColumnType = { type: "json" };

export function typeOf(value: unknown): ColumnType {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === "string") return { type: "text" };
  if (typeof value === "boolean") return { type: "boolean" };
  if (typeof value === "number")
    return { type: Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "number" };
  if (typeof value === "bigint")
    return BigInt.asIntN(64, value) === value ? { type: "big" } : JSON_TEXT;
  if (Array.isArray(value))
    return { type: "list", element: value.map(typeOf).reduce(join, NOTHING) };
  const entries = Object.entries(value as object);
  // a key with a dot or none at all cannot be told from a path
  if (entries.length === 0 || entries.some(([name]) => name === "" || name.includes(".")))
    return JSON_TEXT;
  return {
    type: "structure",
    fields: Object.fromEntries(entries.map(([name, item]) => [name, typeOf(item)])),
  };
}

/** The type that holds both. */
export function join(a: ColumnType, b: ColumnType): ColumnType {
  if (a.type === "nothing") return b;
  if (b.type === "nothing") return a;
  if (a.type === "list" && b.type === "list")
    return { type: "list", element: join(a.element, b.element) };
  if (a.type === "structure" && b.type === "structure") return joinStructures(a.fields, b.fields);
  if (a.type === b.type) return a;
  const isWhole = ({ type }: ColumnType): boolean => type === "integer" || type === "big";
  if (isWhole(a) && isWhole(b)) return { type: "big" };
  const isNumber = ({ type }: ColumnType): boolean => type === "integer" || type === "number";
  return isNumber(a) && isNumber(b) ? { type: "number" } : JSON_TEXT;
}

function joinStructures(
  a: Readonly<Record<string, ColumnType>>,
  b: Readonly<Record<string, ColumnType>>,
): ColumnType {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const differ = names.some((name) => !Object.hasOwn(a, name) || !Object.hasOwn(b, name));
  if (differ && names.some((name) => !MESSAGE_KEYS.has(name))) return JSON_TEXT;
  return {
    type: "structure",
    fields: Object.fromEntries(
      names.map((name) => [name, join(a[name] ?? NOTHING, b[name] ?? NOTHING)]),
    ),
  };
}

/** Elements of one column, depth first. Lists have the three levels that the format asks for. */
export function schemaOf(name: string, type: ColumnType): SchemaElement[] {
  const element = { name, repetition_type: "OPTIONAL" as const };
  switch (type.type) {
    case "list":
      return [
        { ...element, converted_type: "LIST", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        ...schemaOf("element", type.element),
      ];
    case "structure": {
      const fields = Object.entries(type.fields);
      return [
        { ...element, num_children: fields.length },
        ...fields.flatMap(([field, fieldType]) => schemaOf(field, fieldType)),
      ];
    }
    case "boolean":
      return [{ ...element, type: "BOOLEAN" }];
    case "integer":
    case "big":
      return [{ ...element, type: "INT64" }];
    case "number":
      return [{ ...element, type: "DOUBLE" }];
    case "json":
      return [{ ...element, type: "BYTE_ARRAY", converted_type: "JSON" }];
    case "text":
    case "nothing":
      return [{ ...element, type: "BYTE_ARRAY", converted_type: "UTF8" }];
  }
}

/** A value as the writer takes it for its column. */
export function toColumn(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null;
  if (type.type === "integer" || type.type === "big") return BigInt(value as number | bigint);
  if (type.type === "json") return stringifyExactly(value);
  if (type.type === "list") return (value as unknown[]).map((item) => toColumn(item, type.element));
  if (type.type !== "structure") return value;
  return Object.fromEntries(
    Object.entries(type.fields).map(([name, field]) => [
      name,
      toColumn((value as Record<string, unknown>)[name], field),
    ]),
  );
}
