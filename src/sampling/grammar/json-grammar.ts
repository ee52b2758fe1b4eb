/**
 * JSON by a JSON schema as a grammar. What a schema may say and what is refused: docs/serve.md.
 * Whatever is written satisfies the schema; not everything that satisfies it can be written:
 * properties stand in the schema's order, white space is at most one space or one new line with its
 * indent, numbers have at most 15 digits before and after the point.
 *
 * Source of meanings: JSON Schema 2020-12. Difference: an object with `properties` and no
 * `additionalProperties` has no others, as OpenAI's strict schemas have it.
 */
import type { Expression } from "./automaton.ts";
import { choice, literal, optional, repeat, rule, sequence } from "./automaton.ts";
import type { Schema } from "./json-schema.ts";
import {
  ANNOTATIONS,
  KEYWORDS,
  TYPES,
  WHOLE,
  bounds,
  isOf,
  typesOf,
  unsupported,
} from "./json-schema.ts";
import {
  character,
  integer,
  listOf,
  number,
  oneCharacter,
  oneSpace,
  otherKey,
  quoted,
  space,
} from "./json-text.ts";

/** Rules of an automaton, whose root is the rule `root`. */
export type Grammar = ReadonlyMap<string, Expression>;

/**
 * A text that holds one value by each of the schemas.
 * @param build puts the values' expressions into the text
 * @throws AttuneError `data` naming the keyword that is not supported and where it stands
 */
export function grammarWith(
  schemas: readonly unknown[],
  build: (values: readonly Expression[]) => Expression,
): Grammar {
  const rules = new Map<string, Expression>([
    ["character", oneCharacter],
    ["space", oneSpace],
  ]);
  const values = schemas.map((schema, index) => new Compiler(schema, rules, `${index}`).value);
  rules.set("root", build(values));
  return rules;
}

/** @param schema undefined for any object */
export const jsonGrammar = (schema: unknown): Grammar =>
  // the space that SentencePiece begins words with
  grammarWith([schema ?? { type: "object" }], ([value]) =>
    sequence(optional(literal(" ")), value!),
  );

class Compiler {
  readonly value: Expression;
  private readonly rules: Map<string, Expression>;
  private readonly name: string;
  private readonly document: unknown;
  /** References that are followed without anything being read between. */
  private following: string[] = [];

  /** @param name sets its rules apart from those of other schemas */
  constructor(document: unknown, rules: Map<string, Expression>, name: string) {
    this.document = document;
    this.rules = rules;
    this.name = name;
    this.rules.set(
      "any",
      choice(...TYPES.filter((type) => type !== "integer").map((type) => rule(`any ${type}`))),
    );
    for (const type of TYPES) this.rules.set(`any ${type}`, this.anyOf(type));
    this.value = this.compile(document, "schema");
  }

  private anyOf(type: string): Expression {
    if (type === "object")
      return this.members([], { key: quoted(repeat(character, 0)), value: rule("any") });
    if (type === "array") return listOf(rule("any"), { least: 0, most: undefined });
    if (type === "string") return quoted(repeat(character, 0));
    if (type === "boolean") return choice(literal("true"), literal("false"));
    return type === "null" ? literal("null") : type === "integer" ? integer : number;
  }

  private compile(schema: unknown, place: string): Expression {
    if (schema === true) return rule("any");
    if (typeof schema !== "object" || schema === null || Array.isArray(schema))
      throw unsupported(place, schema, "a schema is an object");
    const known = schema as Schema;
    const whole = WHOLE.find((keyword) => Object.hasOwn(known, keyword));
    if (whole) return this.compileWhole(known, whole, place);
    const types = typesOf(known, place);
    const read = new Set(types.flatMap((type) => KEYWORDS[type]!));
    for (const keyword of Object.keys(known))
      if (keyword !== "type" && !ANNOTATIONS.has(keyword) && !read.has(keyword))
        throw unsupported(
          `${place}.${keyword}`,
          known[keyword],
          `keywords of ${types.join(", ")} that are supported: ${[...read].join(", ") || "none"}`,
        );
    this.following = [];
    return types.length === 1
      ? this.ofType(known, types[0]!, place)
      : choice(...types.map((type) => this.ofType(known, type, place)));
  }

  private compileWhole(schema: Schema, keyword: string, place: string): Expression {
    const besides = Object.keys(schema).find(
      (other) =>
        other !== keyword &&
        !ANNOTATIONS.has(other) &&
        !(other === "type" && (keyword === "enum" || keyword === "const")),
    );
    if (besides)
      throw unsupported(`${place}.${besides}`, schema[besides], `${keyword} stands alone`);
    const value = schema[keyword];
    const inside = `${place}.${keyword}`;
    if (keyword === "$ref") return this.reference(value, inside);
    if (keyword === "const") return jsonText([value], { schema, place: inside });
    if (!Array.isArray(value) || value.length === 0)
      throw unsupported(inside, value, "a list that is not empty");
    if (keyword === "enum") return jsonText(value, { schema, place: inside });
    if (keyword === "allOf" && value.length > 1)
      throw unsupported(inside, value, "allOf of one schema");
    const outer = this.following;
    return choice(
      ...value.map((each, index) => {
        this.following = outer;
        return this.compile(each, `${inside}[${index}]`);
      }),
    );
  }

  private reference(value: unknown, place: string): Expression {
    if (typeof value !== "string" || !/^#(\/|$)/.test(value))
      throw unsupported(place, value, "a reference into the schema itself, such as #/$defs/name");
    if (this.following.includes(value))
      throw unsupported(place, value, "a reference that leads to something other than itself");
    const name = `ref ${this.name} ${value}`;
    if (this.rules.has(name)) return rule(name);
    let target: unknown = this.document;
    for (const part of value.split("/").slice(1)) {
      const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      target =
        typeof target === "object" && target !== null && Object.hasOwn(target, key)
          ? (target as Schema)[key]
          : undefined;
    }
    if (target === undefined)
      throw unsupported(place, value, "a reference to something that is there");
    const outer = this.following;
    this.following = [...outer, value];
    // stands for itself while it is read, as it may hold itself
    this.rules.set(name, choice());
    this.rules.set(name, this.compile(target, value));
    this.following = outer;
    return rule(name);
  }

  private ofType(schema: Schema, type: string, place: string): Expression {
    if (type === "object") return this.object(schema, place);
    if (type === "array") {
      const of =
        schema["items"] === undefined
          ? rule("any")
          : this.compile(schema["items"], `${place}.items`);
      return listOf(of, bounds(schema, ["minItems", "maxItems"], place));
    }
    if (type !== "string") return rule(`any ${type}`);
    const { least, most } = bounds(schema, ["minLength", "maxLength"], place);
    return quoted(repeat(character, least, most));
  }

  private object(schema: Schema, place: string): Expression {
    const properties = Object.entries((schema["properties"] ?? {}) as Schema);
    const required = schema["required"] ?? [];
    if (!Array.isArray(required))
      throw unsupported(`${place}.required`, required, "a list of names");
    const more = schema["additionalProperties"] ?? properties.length === 0;
    const missing = required.find((name) => !properties.some(([property]) => property === name));
    if (missing !== undefined)
      throw unsupported(`${place}.required`, missing, "names that stand in properties");
    const members = properties.map(([name, value]) => ({
      name,
      required: required.includes(name),
      value: this.compile(value, `${place}.properties.${name}`),
    }));
    if (more === false) return this.members(members, undefined);
    return this.members(members, {
      key: otherKey(
        properties.map(([name]) => name),
        `${place}.additionalProperties`,
      ),
      value: this.compile(more, `${place}.additionalProperties`),
    });
  }

  /**
   * Members in their order, then others. A comma stands before every member that is not the first.
   */
  private members(
    members: readonly { name: string; required: boolean; value: Expression }[],
    others: { key: Expression; value: Expression } | undefined,
  ): Expression {
    const member = (key: Expression, value: Expression): Expression =>
      sequence(key, space, literal(":"), space, value);
    const comma = sequence(space, literal(","), space);
    const written = members.map(({ name, value }) =>
      this.named(member(literal(JSON.stringify(name)), value)),
    );
    const other = others && this.named(member(others.key, others.value));
    const rest = other && repeat(sequence(comma, other), 0);
    // what follows once a member stands, and once none does, from the last on
    let behind = rest ?? sequence();
    let before = other ? choice(sequence(), sequence(other, rest!)) : sequence();
    members.toReversed().forEach(({ required }, index) => {
      const own = written[members.length - 1 - index]!;
      const tailRule = this.named(behind);
      before = choice(sequence(own, tailRule), ...(required ? [] : [before]));
      behind = choice(sequence(comma, own, tailRule), ...(required ? [] : [tailRule]));
    });
    return sequence(literal("{"), space, before, space, literal("}"));
  }

  /** A rule, so that what is used twice is laid once. */
  private named(expression: Expression): Expression {
    const name = `part ${this.rules.size}`;
    this.rules.set(name, expression);
    return rule(name);
  }
}

/** Values as they are written. */
function jsonText(
  values: readonly unknown[],
  { schema, place }: { schema: Schema; place: string },
): Expression {
  const types = schema["type"] === undefined ? undefined : typesOf(schema, place);
  const fits = (value: unknown): boolean =>
    types === undefined || types.some((type) => isOf(value, type));
  const kept = values.filter(fits);
  if (kept.length === 0) throw unsupported(place, values, "values of the type that is named");
  return choice(...kept.map((value) => literal(JSON.stringify(value))));
}
