/**
 * Texts drawn through the masks satisfy their schema by an independent validator (zod), and what
 * satisfies it can be written.
 */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Random } from "../../core/random.ts";
import type { Encoder } from "../../text/encoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import { finish } from "../../text/slices.ts";
import { byteTokenizer } from "../../text/testing.ts";
import {
  Automaton,
  bytes,
  choice,
  CONTROL,
  literal,
  repeat,
  rule,
  sequence,
  until,
  without,
} from "./automaton.ts";
import { jsonGrammar } from "./json-grammar.ts";
import { TokenMasks, TokenTree } from "./token-masks.ts";

const encoder = createEncoder(byteTokenizer(), { maxLength: 64 });
const tree = finish(TokenTree.build(encoder));
const grammarOf = (schema?: unknown): Automaton => new Automaton(jsonGrammar(schema), "root");

/**
 * A text whose tokens are drawn among those that are allowed, closing brackets and quotes preferred
 * as it grows.
 */
function draw(automaton: Automaton, seed: number): string {
  const random = Random.for(seed);
  const constraint = new TokenMasks(automaton, tree).constrain();
  const ids: number[] = [];
  for (;;) {
    const mask = constraint.allowed();
    const allowed = Array.from({ length: tree.size }, (_, id) => id).filter(
      (id) => mask[id >>> 5]! & (1 << (id & 31)),
    );
    const stop = allowed.find((id) => encoder.stopIds.includes(id));
    if (stop !== undefined && (ids.length > 200 || random.uniform() < 0.5 || allowed.length === 1))
      return encoder.decodeCompletion(ids);
    const closing = allowed.filter((id) => '"]}'.includes(encoder.tokenizer.decode([id])));
    const from =
      closing.length > 0 && random.uniform() < (ids.length > 100 ? 1 : 0.4)
        ? closing
        : allowed.filter((id) => id !== stop);
    const id = from[Math.floor(random.uniform() * from.length)]!;
    ids.push(id);
    constraint.take(id);
    if (ids.length > 5_000) throw new Error("it never ends");
  }
}

const PERSON = {
  $defs: {
    tag: { type: "string", maxLength: 4 },
    tree: {
      type: "object",
      properties: {
        value: { type: "integer" },
        children: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 2 },
      },
      required: ["value"],
      additionalProperties: false,
    },
  },
  type: "object",
  title: "a person",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 8, description: "who" },
    age: { type: ["integer", "null"] },
    tags: { type: "array", items: { $ref: "#/$defs/tag" }, minItems: 1, maxItems: 3 },
    kind: { enum: ["a", 'b"\\', 3, null, true] },
    also: { anyOf: [{ type: "boolean" }, { $ref: "#/$defs/tree" }] },
    rest: { type: "object", additionalProperties: { type: "number" } },
    "odd key \u00e9\n": { const: { x: [1, "y"] } },
  },
  required: ["name", "tags", "also"],
  additionalProperties: false,
} as const;

const SCHEMAS: Record<string, object> = {
  person: PERSON,
  "any object": { type: "object" },
  number: { type: "number" },
  strings: { type: "array", items: { type: "string" } },
  "others beside": {
    type: "object",
    properties: { id: { type: "integer" }, ideal: { type: "boolean" } },
    required: ["ideal"],
    additionalProperties: { type: "string" },
  },
  "all optional": {
    type: "object",
    properties: { a: { type: "null" }, b: { type: "null" }, c: { type: "null" } },
    additionalProperties: false,
  },
  "exactly two": { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 2 },
  none: { type: "array", items: { type: "boolean" }, maxItems: 0 },
};

describe.each(Object.keys(SCHEMAS))("%s", (name) => {
  test("what is drawn satisfies it", () => {
    const automaton = grammarOf(SCHEMAS[name]);
    // zod does not read a const that is an object
    const validator = z.fromJSONSchema(
      JSON.parse(
        JSON.stringify(SCHEMAS[name]).replace('{"const":{"x":[1,"y"]}}', '{"type":"object"}'),
      ) as never,
    );
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const text = draw(automaton, seed);
      seen.add(text);
      const result = validator.safeParse(JSON.parse(text));
      expect([text, result.error?.issues]).toEqual([text, undefined]);
      expect(automaton.accepts(text)).toBe(true);
    }
    if (name !== "none") expect(seen.size).toBeGreaterThan(3);
  });
});

describe("what satisfies a schema can be written, and nothing else", () => {
  const automaton = grammarOf(PERSON);
  const ada = { name: "Ada", tags: ["x"], also: true };
  test.each([
    [JSON.stringify(ada)],
    [JSON.stringify(ada, null, 2)],
    [
      JSON.stringify({
        name: 'A\u{1F642}\u00e9\n"',
        age: null,
        tags: ["", "abcd"],
        kind: 'b"\\',
        also: { value: -12, children: [{ value: 0 }, { value: 1, children: [] }] },
        rest: { x: 1.5e-7, y: -0.25 },
        "odd key \u00e9\n": { x: [1, "y"] },
      }),
    ],
  ])("%s", (text) => {
    expect(automaton.accepts(text)).toBe(true);
    // and no shorter text is whole
    for (let end = 0; end < text.length; end++)
      expect(automaton.accepts(text.slice(0, end))).toBe(false);
  });

  test.each([
    ["", "nothing"],
    ["{}", "required properties are missing"],
    [JSON.stringify({ ...ada, extra: 1 }), "another property"],
    [JSON.stringify({ ...ada, name: "" }), "too short"],
    [JSON.stringify({ ...ada, name: "123456789" }), "too long"],
    [JSON.stringify({ ...ada, tags: [] }), "too few"],
    [JSON.stringify({ ...ada, tags: ["a", "b", "c", "d"] }), "too many"],
    [JSON.stringify({ name: "Ada", age: 1.5, tags: ["x"], also: true }), "no integer"],
    ['{"name":"A\tb","tags":["x"],"also":true}', "a control character"],
    ['{"name":"A","tags":["x"],"also":true,}', "a comma too many"],
    ['{"name":"A","tags":["x"],"also":01}', "a zero too many"],
    [`${JSON.stringify(ada)} `, "more after the end"],
    ['{"name":"\\ud83d","tags":["x"],"also":true}', "half of a pair"],
  ])("%s: %s", (text) => {
    expect(automaton.accepts(text)).toBe(false);
  });

  test("a key beside those that are named is none of them", () => {
    const beside = grammarOf(SCHEMAS["others beside"]);
    for (const [text, allowed] of [
      ['{"ideal":true,"idea":"x","ideals":"y","i":"","":""}', true],
      ['{"ideal":true,"id":"x"}', false],
      ['{"ideal":true,"\\u0069d":"x"}', false],
      ['{"id":1,"ideal":true}', true],
    ] as const)
      expect([text, beside.accepts(text)]).toEqual([text, allowed]);
  });

  test("bytes that are no UTF-8 are no characters", () => {
    const text = grammarOf({ type: "string" });
    const accepts = (...values: number[]): boolean => {
      let state: ReturnType<Automaton["step"]> = text.start;
      for (const value of [0x22, ...values, 0x22]) state = state && text.step(state, value);
      return state?.ends ?? false;
    };
    expect(
      [
        [0xc3, 0xa9],
        [0xf0, 0x9f, 0x99, 0x82],
      ].map((each) => accepts(...each)),
    ).toEqual([true, true]);
    expect(
      [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]].map(
        (each) => accepts(...each),
      ),
    ).toEqual([false, false, false, false, false]);
  });
});

describe("what is not supported is refused by its name and place", () => {
  test.each<[object | boolean, string]>([
    [{ type: "string", pattern: "^a" }, "schema.pattern"],
    [{ type: "string", format: "date" }, "schema.format"],
    [{ type: "integer", minimum: 3 }, "schema.minimum"],
    [{ type: "array", items: { type: "string" }, uniqueItems: true }, "schema.uniqueItems"],
    [{ type: "object", properties: { a: { not: {} } } }, "schema.properties.a.not"],
    [{ oneOf: [{ type: "string" }] }, "schema.oneOf"],
    [{ allOf: [{ type: "string" }, { type: "number" }] }, "schema.allOf"],
    [{ anyOf: [{ type: "string" }], minLength: 3 }, "schema.minLength"],
    [{ $ref: "#" }, "leads to something other than itself"],
    [{ anyOf: [{ $ref: "#/anyOf/0" }] }, "leads to something other than itself"],
    [{ $ref: "#/$defs/gone" }, "something that is there"],
    [{ $ref: "https://example.org/schema" }, "into the schema itself"],
    [{ type: "object", required: ["a"] }, "names that stand in properties"],
    [{ type: "strings" }, "schema.type"],
    [{ type: "string", minLength: 5, maxLength: 3 }, "schema.maxLength"],
    [false, "a schema is an object"],
    [{ enum: [] }, "schema.enum"],
    [
      {
        type: "array",
        items: { type: "array", items: { type: "string", maxLength: 9999 }, maxItems: 9999 },
      },
      "too large",
    ],
  ])("%j", (schema, says) => {
    expect(() => grammarOf(schema)).toThrow(says);
  });
});

test("a grammar whose readings multiply ends in an error, not in the server's memory", () => {
  const rules = new Map([
    [
      "root",
      choice(
        ...["a", "b", "c", "d"].map((each) => sequence(literal("["), rule("root"), literal(each))),
        literal("x"),
      ),
    ],
  ]);
  expect(() => new Automaton(rules, "root").accepts("[".repeat(40))).toThrow(/too many readings/);
  expect(
    () => new Automaton(new Map([["root", choice(rule("root"), literal("x"))]]), "root"),
  ).toThrow(/too many readings/);
  expect(
    () => new Automaton(new Map([["root", sequence(rule("root"), literal("x"))]]), "root"),
  ).toThrow(/too many readings/);
  expect(new Automaton(new Map([["root", repeat(bytes(0x61), 2, 3)]]), "root").accepts("aaa")).toBe(
    true,
  );
});

test("a mask is made once for each state, and looks only at tokens that begin as the grammar goes on", () => {
  const masks = new TokenMasks(grammarOf({ type: "array", items: { type: "string" } }), tree);
  const constraint = masks.constrain();
  const first = constraint.allowed();
  const looked = tree.visited;
  expect(masks.constrain().allowed()).toBe(first);
  expect(tree.visited).toBe(looked);
});

test("a mask that knows strings is the mask of looking at every token", () => {
  const tokens = [
    "a",
    "ab",
    "abcdef",
    '"',
    'a"',
    '"}',
    "\\n",
    "\n",
    "\u00e9",
    'x\u00e9"',
    "}",
    "a]",
    "  ",
  ];
  const own: Encoder = {
    ...encoder,
    tokenizer: {
      ...encoder.tokenizer,
      vocabularySize: tokens.length + 1,
      controlTokens: [],
      bytesOf: (id) => Buffer.from(tokens[id] ?? ""),
    },
    stopIds: [tokens.length],
  };
  const small = finish(TokenTree.build(own));
  for (const schema of [
    { type: "string" },
    { type: "string", maxLength: 5 },
    { type: "string", maxLength: 12, minLength: 2 },
    { type: "array", items: { type: "string" } },
    { type: "object" },
  ]) {
    const automaton = grammarOf(schema);
    for (const before of ['"', '"a', '"abcd', '["', '["x', '{"k":"', ""]) {
      let state: ReturnType<Automaton["step"]> = automaton.start;
      for (const byte of Buffer.from(before)) state = state && automaton.step(state, byte);
      if (state === null) continue;
      const plainly = tokens.map(
        (token) =>
          Buffer.from(token).reduce<ReturnType<Automaton["step"]>>(
            (at, byte) => at && automaton.step(at, byte),
            state,
          ) !== null,
      );
      const mask = ((): Uint32Array | undefined => {
        try {
          return small.mask(automaton, state);
        } catch {
          return undefined;
        }
      })();
      expect([before, tokens.map((_, id) => ((mask?.[0] ?? 0) & (1 << id)) !== 0)]).toEqual([
        before,
        plainly,
      ]);
    }
  }
});

test("a schema of two hundred optional properties is no matter", () => {
  const automaton = grammarOf({
    type: "object",
    properties: Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`p${index}`, { type: "string", maxLength: 100 }]),
    ),
  });
  expect([
    automaton.accepts('{"p3":"x","p150":"y"}'),
    automaton.accepts('{"p150":"x","p3":"y"}'),
    automaton.accepts("{}"),
  ]).toEqual([true, false, true]);
});

test("control tokens are never allowed, and tokens that end an answer only where the text may end", () => {
  const constraint = new TokenMasks(grammarOf({ type: "boolean" }), tree).constrain();
  const allowed = (): string[] => {
    const mask = constraint.allowed();
    return Array.from({ length: tree.size }, (_, id) => id)
      .filter((id) => mask[id >>> 5]! & (1 << (id & 31)))
      .map((id) => encoder.tokenizer.tokenOf(id)!);
  };
  expect(allowed().toSorted()).toEqual(["f", "t", "\u0120"].toSorted());
  for (const letter of "true") constraint.take(encoder.tokenizer.idOf(letter)!);
  expect(allowed()).toEqual(["<end>"]);
});

test("a mark ends a text the first time that it stands in it", () => {
  for (const mark of ["</think>", "aab", "a"]) {
    const automaton = new Automaton(
      new Map([["root", sequence(until(mark), literal("!"))]]),
      "root",
    );
    for (const before of ["", "a", "aa", "</thin</", "x\u{1F642}", "</t</think"]) {
      if (`${before}${mark}`.indexOf(mark) !== before.length) continue;
      expect(new Automaton(new Map([["root", without(mark)]]), "root").accepts(before)).toBe(true);
      expect(
        new Automaton(new Map([["root", without(mark)]]), "root").accepts(`${before}${mark}x`),
      ).toBe(false);
      expect([
        before,
        automaton.accepts(`${before}${mark}!`),
        automaton.accepts(`${before}!`),
        automaton.accepts(`${before}${mark}x${mark}!`),
      ]).toEqual([before, true, false, false]);
    }
  }
});

test("a control token is allowed where a grammar names it, and its letters are not it", () => {
  const marked = finish(TokenTree.build(encoder, ["<user>"]));
  const automaton = new Automaton(
    new Map([["root", sequence(bytes(CONTROL), literal("a"))]]),
    "root",
  );
  const constraint = new TokenMasks(automaton, marked).constrain();
  const allowed = (): number[] =>
    Array.from({ length: marked.size }, (_, id) => id).filter(
      (id) => constraint.allowed()[id >>> 5]! & (1 << (id & 31)),
    );
  expect(allowed()).toEqual([encoder.tokenizer.idOf("<user>")]);
  constraint.take(encoder.tokenizer.idOf("<user>")!);
  expect(allowed()).toEqual([encoder.tokenizer.idOf("a")]);
  expect(automaton.accepts("<user>a")).toBe(false);
});
