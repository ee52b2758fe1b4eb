/** Which control an option has, told from its schema. */
import { z } from "zod";

interface Json {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Json[];
  items?: Json;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

export type Control =
  | { is: "yes-no" }
  | { is: "number"; integer: boolean; optional: boolean }
  | { is: "text"; long: boolean; optional: boolean }
  | { is: "choice"; words: readonly string[]; optional: boolean }
  | { is: "choices"; words: readonly string[] }
  | { is: "lines" }
  /** Anything else is written as JSON. */
  | { is: "json" };

/** Texts that may be longer have a box of several lines. */
const LONG = 1000;

export function controlOf(type: z.ZodType): Control {
  return of(z.toJSONSchema(type, { io: "input", unrepresentable: "any" }) as Json, false);
}

function of(schema: Json, optional: boolean): Control {
  if (schema.anyOf) {
    const parts = schema.anyOf.filter(({ type }) => type !== "null");
    const withNull = optional || parts.length < schema.anyOf.length;
    const words = parts.flatMap(wordsOf);
    if (parts.length === 1) return of(parts[0]!, withNull);
    if (words.length === parts.length) return { is: "choice", words, optional: withNull };
    return { is: "json" };
  }
  if (schema.enum) return { is: "choice", words: schema.enum.map(String), optional };
  if (schema.const !== undefined) return { is: "choice", words: [String(schema.const)], optional };
  if (schema.type === "boolean" && !optional) return { is: "yes-no" };
  if (schema.type === "integer" || schema.type === "number")
    return { is: "number", integer: schema.type === "integer", optional };
  if (schema.type === "string")
    return { is: "text", long: (schema.maxLength ?? 0) >= LONG, optional };
  if (schema.type === "array" && schema.items && !optional) {
    if (schema.items.enum) return { is: "choices", words: schema.items.enum.map(String) };
    if (schema.items.type === "string") return { is: "lines" };
  }
  return { is: "json" };
}

const wordsOf = ({ enum: words, const: one }: Json): string[] =>
  words?.map(String) ?? (one === undefined ? [] : [String(one)]);
