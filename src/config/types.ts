/**
 * Words for a schema: what an option takes, for error messages, `--help` and the documentation
 * table. Read from the JSON Schema that zod derives, never from zod's internals.
 */
import { z } from "zod";

interface JsonSchema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
}

export interface TypeWords {
  /** `number`, `sigmoid | ipo`, `list of integers`, `integer or null`. */
  readonly type: string;
  /** `> 0`, `0 to 1`; empty where the schema sets no bounds. */
  readonly range: string;
  /** The words that are allowed, where only certain ones are. */
  readonly words: readonly string[];
  readonly boolean: boolean;
}

export function describeType(type: z.ZodType): TypeWords {
  const schema = z.toJSONSchema(type, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return {
    type: typeOf(schema),
    range: rangeOf(schema),
    words: wordsOf(schema),
    boolean: schema.type === "boolean",
  };
}

/**
 * Type and range in one phrase: `number > 0`, `one of sigmoid, ipo`, `some of sigmoid, ipo` for a
 * list.
 */
export function expectation(type: z.ZodType): string {
  const { type: name, range, words } = describeType(type);
  if (words.length > 1 && name.includes(" | "))
    return `${name.startsWith("list") ? "some" : "one"} of ${words.join(", ")}`;
  return range === "" ? name : `${name} ${range}`;
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(String).join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (Array.isArray(schema.type))
    return schema.type.map((type) => typeOf({ ...schema, type })).join(" or ");
  if (schema.type === "array")
    return `list of ${schema.items === undefined ? "values" : plural(schema.items)}`;
  if (schema.type === "object") return "names with values";
  if (schema.type === "string") return "text";
  if (schema.type === "boolean") return "true or false";
  return schema.type ?? "any value";
}

function plural(items: JsonSchema): string {
  if (items.enum) return `(${typeOf(items)})`;
  if (items.type === "integer" || items.type === "number") return `${items.type}s`;
  return items.type === "string" ? "texts" : typeOf(items);
}

function rangeOf(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(rangeOf).find((range) => range !== "") ?? "";
  if (schema.type === "array" && schema.items !== undefined)
    return rangeOf(schema.items) === "" ? "" : `each ${rangeOf(schema.items)}`;
  const { minimum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  // zod bounds every integer by the largest safe one, which says nothing
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const step = multipleOf === undefined ? [] : [`multiple of ${multipleOf}`];
  if (least !== undefined && maximum !== undefined)
    return [`${least} to ${maximum}`, ...step].join(", ");
  const bounds = [
    ...(least === undefined ? [] : [`>= ${least}`]),
    ...(exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`]),
    ...(maximum === undefined ? [] : [`<= ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`< ${exclusiveMaximum}`]),
  ];
  return [...bounds, ...step].join(", ");
}

function wordsOf(schema: JsonSchema): string[] {
  if (schema.enum) return schema.enum.map(String);
  if (schema.const !== undefined) return [String(schema.const)];
  if (schema.items) return wordsOf(schema.items);
  return (schema.anyOf ?? []).flatMap(wordsOf);
}
