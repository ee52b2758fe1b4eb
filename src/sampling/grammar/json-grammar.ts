/**
 * JSON by a JSON schema as a grammar. What a schema may say and what is refused: docs/serve.md.
 * Whatever is written satisfies the schema; not everything that satisfies it can be written:
 * properties stand in the schema's order, white space is at most one space or one new line with its
 * indent, numbers have at most 15 digits before and after the point.
 *
 * Source of meanings: JSON Schema 2020-12. Difference: an object with `properties` and no
 * `additionalProperties` has no others, as OpenAI's strict schemas have it.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import type { Expression } from "./automaton.ts";
import { bytes, choice, literal, optional, repeat, rule, sequence } from "./automaton.ts";

type Schema = Readonly<Record<string, unknown>>;

const digit = bytes([0x30, 0x39]);
const DIGITS = 15;
const integer = sequence(
  optional(literal("-")),
  choice(literal("0"), sequence(bytes([0x31, 0x39]), repeat(digit, 0, DIGITS - 1))),
);
const number = sequence(
  integer,
  optional(sequence(literal("."), repeat(digit, 1, DIGITS))),
  optional(sequence(bytes(0x65, 0x45), optional(bytes(0x2b, 0x2d)), repeat(digit, 1, 2))),
);

const tail = bytes([0x80, 0xbf]);
/** Characters beyond ASCII in UTF-8, none overlong and no surrogates. */
const wide = choice(
  sequence(bytes([0xc2, 0xdf]), tail),
  sequence(bytes(0xe0), bytes([0xa0, 0xbf]), tail),
  sequence(bytes([0xe1, 0xec], [0xee, 0xef]), tail, tail),
  sequence(bytes(0xed), bytes([0x80, 0x9f]), tail),
  sequence(bytes(0xf0), bytes([0x90, 0xbf]), tail, tail),
  sequence(bytes([0xf1, 0xf3]), tail, tail, tail),
  sequence(bytes(0xf4), bytes([0x80, 0x8f]), tail, tail),
);
const hex = bytes([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]);
const PLAIN: readonly (readonly [number, number])[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x7e],
];
/**
 * One character of a string; a pair of surrogates would be two, so that they are written as they
 * are.
 */
const oneCharacter = choice(
  bytes(...PLAIN),
  wide,
  sequence(
    literal("\\"),
    choice(
      bytes(...[...'"\\/bfnrt'].map((each) => each.charCodeAt(0))),
      sequence(
        literal("u"),
        choice(
          sequence(
            bytes([0x30, 0x39], [0x41, 0x43], 0x45, 0x46, [0x61, 0x63], 0x65, 0x66),
            hex,
            hex,
            hex,
          ),
          sequence(bytes(0x44, 0x64), bytes([0x30, 0x37]), hex, hex),
        ),
      ),
    ),
  ),
);
/** Rules, so that a thousand of them are not laid a thousand times. */
const character = rule("character");
const quoted = (inner: Expression): Expression => sequence(literal('"'), inner, literal('"'));
const LONGEST_INDENT = 40;
const oneSpace = optional(
  choice(
    literal(" "),
    sequence(literal("\n"), repeat(choice(literal(" "), literal("\t")), 0, LONGEST_INDENT)),
  ),
);
const space = rule("space");

/** What annotates and asks for nothing. */
const ANNOTATIONS = new Set([
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
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "minItems", "maxItems"],
  string: ["minLength", "maxLength"],
  number: [],
  integer: [],
  boolean: [],
  null: [],
};
const TYPES = Object.keys(KEYWORDS);
/** Alone in their schema, but for annotations and, of the last two, a type that says the same. */
const WHOLE = ["$ref", "anyOf", "allOf", "enum", "const"];

/** Longest list or string whose length a schema may bound from above. */
const MOST = 10_000;

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

function listOf(
  of: Expression,
  { least, most }: { least: number; most: number | undefined },
): Expression {
  const more = sequence(space, literal(","), space, of);
  const filled = sequence(
    of,
    repeat(more, Math.max(0, least - 1), most === undefined ? undefined : Math.max(0, most - 1)),
  );
  const items = most === 0 ? sequence() : least === 0 ? optional(filled) : filled;
  return sequence(literal("["), space, items, space, literal("]"));
}

function typesOf(schema: Schema, place: string): string[] {
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

function bounds(
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

function isOf(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  return type === "object"
    ? typeof value === "object" && value !== null && !Array.isArray(value)
    : typeof value === type;
}

/** A key that is none of the names, written without escapes. */
function otherKey(names: readonly string[], place: string): Expression {
  if (names.length === 0) return quoted(repeat(character, 0));
  const strange = names.find((name) => !/^[ !#-[\]-~]*$/.test(name));
  if (strange !== undefined)
    throw unsupported(
      place,
      strange,
      "further properties beside names of plain ASCII alone, or additionalProperties: false",
    );
  const plain = (not: ReadonlySet<number>): Expression => ({
    kind: "bytes",
    set: new Set(
      PLAIN.flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index),
      ).filter((byte) => !not.has(byte)),
    ),
  });
  const any = choice(plain(new Set()), wide);
  /** What may follow a beginning of names. */
  const behind = (beginning: string): Expression => {
    const taken = new Map<number, string>();
    for (const each of names)
      if (each.startsWith(beginning) && each.length > beginning.length)
        taken.set(each.charCodeAt(beginning.length), each.slice(0, beginning.length + 1));
    const apart = sequence(choice(plain(new Set(taken.keys())), wide), repeat(any, 0));
    const along = [...taken].map(([byte, longer]) => sequence(bytes(byte), behind(longer)));
    return choice(apart, ...along, ...(names.includes(beginning) ? [] : [sequence()]));
  };
  return quoted(behind(""));
}

function unsupported(place: string, got: unknown, expected: string): AttuneError {
  return new AttuneError("data", "the schema asks for what attune cannot hold an answer to", {
    got: `${place}: ${preview(got, 60)}`,
    expected,
  });
}
