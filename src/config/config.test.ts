import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { AttuneError } from "../core/errors.ts";
import { type ConfigOf, defineConfig, field, type GivenOf, requiredField } from "./config.ts";
import { configMarkdown, flagWords } from "./faces.ts";
import { type ConfigSources, parseConfig } from "./sources.ts";

const pond = defineConfig({
  name: "pond",
  fields: {
    water: requiredField({
      type: z.string().min(1),
      description: "where the water comes from",
      group: "Site",
    }),
    loss: field({
      type: z.enum(["still", "wavy", "tidal"]),
      default: "still",
      description: "how it moves",
      source: "Izaak Walton 1653, ch. 4",
      group: "Motion",
    }),
    strength: field({
      type: z.number().positive(),
      default: 0.1,
      defaultWhen: [{ when: { loss: ["tidal"] }, value: 2, source: "tide tables" }],
      description: "how strongly it moves",
      unit: "metres",
      source: "measured",
      group: "Motion",
      appliesWhen: { loss: ["wavy", "tidal"] },
    }),
    frogs: {
      count: field({
        type: z.int().min(0),
        default: 3,
        description: "how many frogs",
        source: "a guess",
        group: "Frogs",
      }),
      names: field({
        type: z.array(z.string()),
        default: [],
        description: "what they are called",
        source: "none",
        group: "Frogs",
      }),
      sing: field({
        type: z.boolean(),
        default: false,
        description: "whether they sing",
        source: "Aristophanes",
        group: "Frogs",
        appliesWhen: {
          says: "with at least one frog",
          test: (config) => Number(config("frogs.count")) > 0,
        },
      }),
    },
    depth: field({
      type: z.number().nullable(),
      default: null,
      description: "depth, or null where unknown",
      source: "none",
      group: "Site",
    }),
    lilyPads: field({
      type: z.int().positive(),
      default: 4,
      description: "lily pads",
      source: "none",
      group: "Site",
    }),
  },
  check: ({ frogs, lilyPads }) =>
    frogs.count > lilyPads
      ? {
          option: "frogs.count",
          what: "more frogs than lily pads",
          expected: `at most ${lilyPads}`,
          hint: "raise lilyPads",
        }
      : undefined,
});

function parse(sources: ConfigSources<typeof pond>): ConfigOf<typeof pond> {
  return parseConfig(pond, sources).resolved;
}

/** The whole message of the error, so that wording is pinned. */
function refusal(sources: ConfigSources<typeof pond>): string {
  try {
    parseConfig(pond, sources);
  } catch (error) {
    expect(error).toBeInstanceOf(AttuneError);
    expect((error as AttuneError).exitCode).toBe(2);
    return (error as AttuneError).message;
  }
  throw new Error("nothing was refused");
}

const set = (text: string): ConfigOf<typeof pond> => parse({ values: { water: "x" }, set: [text] });
const yaml = (text: string): ConfigSources<typeof pond> => ({ yaml: { text, file: "pond.yaml" } });

describe("resolving a config", () => {
  it("fills in the defaults", () => {
    expect(parse({ values: { water: "rain" } })).toEqual({
      water: "rain",
      loss: "still",
      strength: 0.1,
      frogs: { count: 3, names: [], sing: false },
      depth: null,
      lilyPads: 4,
    });
  });

  it("lets flags win over --set, --set over the file, the file over a program's values", () => {
    const values = { water: "rain", lilyPads: 10, frogs: { count: 1 } };
    const file = yaml("water: spring\nlilyPads: 20\nfrogs:\n  count: 2\n");
    expect(parse({ values, ...file }).water).toBe("spring");
    expect(parse({ values, ...file, set: ["frogs.count=3"] }).frogs.count).toBe(3);
    expect(
      parse({ values, ...file, set: ["frogs.count=3"], flags: { "frogs.count": "4" } }).frogs.count,
    ).toBe(4);
    expect(
      parse({ values, ...file, set: ["frogs.count=3"], flags: { "frogs.count": undefined } }).frogs
        .count,
    ).toBe(3);
  });

  it("reads keys with underscores and hyphens, dotted keys, aliases and JSON", () => {
    expect(parse(yaml("water: x\nlily_pads: 7\nfrogs.count: 5")).lilyPads).toBe(7);
    expect(parse(yaml("water: x\nlily-pads: 7\nfrogs.count: 5")).frogs.count).toBe(5);
    expect(parse(yaml("water: &w rain\nfrogs: {names: [*w]}")).frogs.names).toEqual(["rain"]);
    expect(parse(yaml('{"water": "x", "frogs": {"count": 4}}')).frogs.count).toBe(4);
  });

  it("reads texts from the command line as the schema wants them", () => {
    expect(set("water=123").water).toBe("123");
    expect(set("water=a=b").water).toBe("a=b");
    expect(set("water=C: [").water).toBe("C: [");
    expect(set("depth=1e-4").depth).toBe(0.0001);
    expect(set("depth=null").depth).toBe(null);
    expect(set("frogs.sing=true").frogs.sing).toBe(true);
    expect(set("frogs.names=Kermit, Jeremy").frogs.names).toEqual(["Kermit", "Jeremy"]);
    expect(set("frogs.names=1,2").frogs.names).toEqual(["1", "2"]);
    expect(set("frogs.names=[Kermit]").frogs.names).toEqual(["Kermit"]);
    expect(set("lilyPads = 7").lilyPads).toBe(7);
    expect(set("water = rain").water).toBe("rain");
  });

  it("takes a text on the command line as it stands, also where YAML sees a comment, quotes or an anchor", () => {
    for (const water of [
      "my #1 run",
      "a: b #c",
      "#",
      " x ",
      '"x" y',
      '"x"',
      "'x'",
      "&a b",
      "!x y",
      "> x",
      "- x",
    ]) {
      expect(parse({ flags: { water } }).water).toBe(water);
      expect(set(`water=${water}`).water).toBe(water);
    }
    expect(set("frogs.names=Kermit #1,no #2").frogs.names).toEqual(["Kermit #1", "no #2"]);
    expect(set(String.raw`frogs.names="\n",x`).frogs.names).toEqual(["\n", "x"]);
    expect(set("frogs.count=4 # a few").frogs.count).toBe(4);
  });

  it("takes another default where an earlier option says so, and the given value before it", () => {
    expect(parse({ values: { water: "x", loss: "tidal" } }).strength).toBe(2);
    expect(parse({ values: { water: "x", loss: "wavy" } }).strength).toBe(0.1);
    expect(parse({ values: { water: "x", loss: "tidal", strength: 5 } }).strength).toBe(5);
  });

  it("keeps what was given apart, and saves only options with an effect, which resolve to the same again", () => {
    const first = parseConfig(pond, yaml("water: x\nlily_pads: 7"));
    expect(first.given).toEqual({ water: "x", lilyPads: 7 });
    expect(first.effective).toEqual({
      water: "x",
      loss: "still",
      frogs: { count: 3, names: [], sing: false },
      depth: null,
      lilyPads: 7,
    });
    const again = parseConfig(pond, { values: first.effective as GivenOf<typeof pond> });
    expect(again.resolved).toEqual(first.resolved);
    expect(again.effective).toEqual(first.effective);
  });

  it("gives the types of what is resolved and of what may be given", () => {
    expectTypeOf<ConfigOf<typeof pond>["loss"]>().toEqualTypeOf<"still" | "wavy" | "tidal">();
    expectTypeOf<ConfigOf<typeof pond>["frogs"]["names"]>().toEqualTypeOf<string[]>();
    expectTypeOf<{ water: string; frogs: { sing: true } }>().toExtend<GivenOf<typeof pond>>();
    expectTypeOf<{ loss: "still" }>().not.toExtend<GivenOf<typeof pond>>();
    expectTypeOf<{ water: string; loss: "stormy" }>().not.toExtend<GivenOf<typeof pond>>();
  });
});

describe("refusals", () => {
  it("names file, line and the nearest option for an unknown key", () => {
    expect(refusal(yaml("water: x\n\n# comment\nfrogs:\n  cuont: 5\n"))).toBe(
      "pond.yaml:5: frogs.cuont is not an option of pond\n  try: did you mean frogs.count?",
    );
    expect(refusal(yaml("water: x\ncount: 5\n"))).toBe(
      "pond.yaml:2: count is not an option of pond\n  try: did you mean frogs.count?",
    );
    expect(refusal({ set: ["lily_padz=2"] })).toBe(
      "--set lily_padz is not an option of pond\n  try: did you mean lilyPads?",
    );
    expect(refusal(yaml("water: x\ncompletely_other: 1"))).toBe(
      "pond.yaml:2: completely_other is not an option of pond\n  try: attune pond --help lists " +
        "the options",
    );
    expect(refusal(yaml("water: x\n__proto__: {count: 1}"))).toContain(
      "pond.yaml:2: __proto__ is not an option of pond",
    );
    expect(refusal(yaml("constructor: 1"))).toContain(
      "pond.yaml:1: constructor is not an option of pond",
    );
  });

  it("says what a value should have been", () => {
    expect(refusal(yaml("water: x\nloss: wavey"))).toBe(
      'pond.yaml:2: loss does not take this value\n  got: "wavey"\n  expected: one of still, ' +
        "wavy, tidal\n  try: did you mean wavy?",
    );
    expect(
      refusal({ values: { water: "x" }, set: ["loss=tidal"], flags: { strength: "-1" } }),
    ).toBe(
      "--strength does not take this value\n  got: -1\n  expected: number > 0 (metres)\n  try: " +
        "strength: how strongly it moves",
    );
    expect(refusal(yaml('water: x\nfrogs: {count: "3"}'))).toBe(
      'pond.yaml:2: frogs.count does not take this value\n  got: "3"\n  expected: integer >= ' +
        "0\n  try: frogs.count: how many frogs",
    );
    expect(refusal(yaml("water: x\nfrogs:\n  names: [a, 2]"))).toBe(
      'pond.yaml:3: frogs.names does not take this value (at 1)\n  got: ["a",2]\n  expected: ' +
        "list of texts\n  try: frogs.names: what they are called",
    );
    const names = z.array(z.enum(["kermit", "rana"]));
    const asked = defineConfig({
      name: "choir",
      fields: {
        names: field({
          type: names,
          default: [],
          source: "none",
          description: "who sings",
          group: "Choir",
          instead: { toad: "toads croak: use bog" },
        }),
      },
    });
    for (const flag of ["toad", "kermit,toad"])
      expect(() => parseConfig(asked, { flags: { names: flag } })).toThrow(
        /some of kermit, rana\n {2}try: toads croak: use bog$/,
      );
    expect(() => parseConfig(asked, { values: { names: ["rana", "toad"] as never } })).toThrow(
      /try: toads croak: use bog$/,
    );
    expect(refusal(yaml("water: x\nfrogs: 3"))).toBe(
      "pond.yaml:2: frogs is a group of options\n  expected: frogs.count, frogs.names, frogs.sing",
    );
    expect(refusal(yaml("water: x\ndepth: .nan"))).toContain(
      "pond.yaml:2: depth does not take this value",
    );
  });

  it("refuses an option that the chosen method ignores, and says which ones use it", () => {
    expect(refusal(yaml("water: x\nstrength: 0.5"))).toBe(
      "pond.yaml:2: strength has no effect with loss still\n  got: loss: still\n  expected: " +
        "strength is used with loss wavy, tidal\n  try: remove strength, or change loss",
    );
    expect(refusal({ values: { water: "x" }, flags: { strength: "0.1" } })).toBe(
      "--strength has no effect with loss still\n  got: loss: still\n  expected: strength is " +
        "used with loss wavy, tidal\n  try: remove strength, or change loss",
    );
    expect(refusal(yaml("water: x\nfrogs: {count: 0, sing: true}"))).toBe(
      "pond.yaml:2: frogs.sing has no effect here\n  expected: frogs.sing is only used with at " +
        "least one frog\n  try: remove frogs.sing",
    );
  });

  it("refuses a missing option, a broken rule, a doubled key and broken YAML", () => {
    expect(refusal({})).toBe(
      'pond needs the option water\n  try: --water on the command line, or "water" in the config ' +
        "file",
    );
    expect(refusal(yaml("water: x\nfrogs:\n  count: 9"))).toBe(
      "pond.yaml:3: frogs.count: more frogs than lily pads\n  got: 9\n  expected: at most 4\n  " +
        "try: raise lilyPads",
    );
    expect(refusal(yaml("water: x\nlilyPads: 1\nlily_pads: 2"))).toBe(
      "pond.yaml:3: lilyPads is given twice\n  got: also on line 2\n  try: keep one of the two",
    );
    expect(refusal(yaml("water: x\nwater: y"))).toBe(
      "pond.yaml:2: not valid YAML: Map keys must be unique\n  expected: lines such as " +
        "`learningRate: 1e-4`\n  try: mend the line, or the one before it",
    );
    expect(refusal(yaml("water: [1, 2"))).toContain("pond.yaml:1: not valid YAML");
    expect(refusal(yaml("- water"))).toBe(
      'pond.yaml:1: a config file holds options by name\n  got: "- water"\n  expected: lines ' +
        "such as `learningRate: 1e-4`",
    );
    expect(refusal({ set: ["water"] })).toBe(
      '--set takes NAME=VALUE\n  got: "water"\n  expected: for example --set lora.rank=8',
    );
  });
});

describe("hostile config files", () => {
  it("are refused without a crash", () => {
    expect(refusal(yaml("water: *nowhere"))).toContain("pond.yaml:1:");
    expect(refusal(yaml("water: x\nfrogs: &a {count: *a}"))).toContain("pond.yaml:2:");
    expect(refusal(yaml("water: x\nfrogs: *b"))).toContain("pond.yaml:2:");
    const bomb = [
      "a: &a [x, x, x, x, x, x, x, x, x]",
      ..."bcdefghi"
        .split("")
        .map((name, index) => `${name}: &${name} [${`*${"abcdefgh"[index]}, `.repeat(9)}]`),
    ];
    expect(
      refusal(yaml(`frogs:\n  names: [${bomb.map((line) => `{${line}}`).join(", ")}, *i]`)),
    ).toContain("pond.yaml:2:");
    expect(refusal(yaml("? [1, 2]\n: x"))).toContain("pond.yaml:1:");
    expect(refusal(yaml("<<: {water: x}"))).toContain("pond.yaml:1: << is not an option of pond");
    expect(refusal(yaml("water: x\n---\nwater: y"))).toContain("not valid YAML");
  });

  it("resolve or are refused with a clear error, whatever they hold", () => {
    const fragment = fc.constantFrom(
      "water",
      "frogs",
      "count",
      ": ",
      "\n",
      "  ",
      "- ",
      "{",
      "}",
      "[",
      "]",
      "&a ",
      "*a",
      "'",
      '"',
      "|",
      ">",
      "#",
      "!!set",
      "1e400",
      "x",
      "\t",
      "---",
      "%",
      "\u0000",
      ",",
      "?",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fragment).map((parts) => parts.join("")),
        ),
        (text) => {
          for (const sources of [
            yaml(text),
            { set: [text] },
            { set: [`frogs.names=${text}`] },
            { flags: { water: text } },
          ]) {
            try {
              parseConfig(pond, sources);
            } catch (error) {
              if (!(error instanceof AttuneError) || error.exitCode !== 2) throw error;
            }
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("definitions that contradict themselves", () => {
  const text = { description: "d", source: "s", group: "g" };

  it("are refused when they are made", () => {
    expect(() =>
      defineConfig({
        name: "bad",
        fields: { a: field({ type: z.number().positive(), default: -1, ...text }) },
      }),
    ).toThrow("the default -1 of a does not fit its own schema");
    expect(() =>
      defineConfig({
        name: "bad",
        fields: { a_b: field({ type: z.number(), default: 1, ...text }) },
      }),
    ).toThrow("the option name a_b is not in camel case");
    const one = field({ type: z.number(), default: 1, ...text });
    expect(() => defineConfig({ name: "bad", fields: { a: { b: one }, aB: one } })).toThrow(
      "two options have the flag --a-b",
    );
    expect(() =>
      defineConfig({
        name: "bad",
        fields: { a: field({ type: z.number(), default: 1, ...text, appliesWhen: { b: [1] } }) },
      }),
    ).toThrow("appliesWhen names the unknown option b");
    const late = field({
      type: z.number(),
      default: 1,
      ...text,
      defaultWhen: [{ when: { b: [1] }, value: 2, source: "s" }],
    });
    expect(() => defineConfig({ name: "bad", fields: { a: late, b: one } })).toThrow(
      "defaultWhen names b, which does not come earlier",
    );
  });
});

describe("the other faces of a definition", () => {
  it("is a documentation table", () => {
    expect(configMarkdown(pond)).toMatchInlineSnapshot(`
      "### Site

      | option | takes | default | what it does | where the default comes from |
      |---|---|---|---|---|
      | \`water\` | text | required | where the water comes from |  |
      | \`depth\` | number or null | none | depth, or null where unknown | none |
      | \`lilyPads\` | integer > 0 | 4 | lily pads | none |

      ### Motion

      | option | takes | default | what it does | where the default comes from |
      |---|---|---|---|---|
      | \`loss\` | one of still, wavy, tidal | still | how it moves | Izaak Walton 1653, ch. 4 |
      | \`strength\` | number > 0 (metres) | 0.1, 2 with loss tidal | how strongly it moves. Only with loss wavy, tidal | measured; tide tables |

      ### Frogs

      | option | takes | default | what it does | where the default comes from |
      |---|---|---|---|---|
      | \`frogs.count\` | integer >= 0 | 3 | how many frogs | a guess |
      | \`frogs.names\` | list of texts | none | what they are called | none |
      | \`frogs.sing\` | true or false | false | whether they sing. Only with at least one frog | Aristophanes |
      "
    `);
  });

  it("is flags", () => {
    expect(pond.options.map((option) => flagWords(option))).toMatchInlineSnapshot(`
      [
        {
          "group": "Site",
          "help": "where the water comes from (required)",
          "negated": undefined,
          "usage": "--water <text>",
        },
        {
          "group": "Motion",
          "help": "how it moves (one of still, wavy, tidal)
      default still [Izaak Walton 1653, ch. 4]",
          "negated": undefined,
          "usage": "--loss <name>",
        },
        {
          "group": "Motion",
          "help": "how strongly it moves (number > 0; metres; only with loss wavy, tidal)
      default 0.1 [measured], 2 with loss tidal [tide tables]",
          "negated": undefined,
          "usage": "--strength <number>",
        },
        {
          "group": "Frogs",
          "help": "how many frogs (integer >= 0)
      default 3 [a guess]",
          "negated": undefined,
          "usage": "--frogs-count <integer>",
        },
        {
          "group": "Frogs",
          "help": "what they are called
      default none [none]",
          "negated": undefined,
          "usage": "--frogs-names <a,b>",
        },
        {
          "group": "Frogs",
          "help": "whether they sing (only with at least one frog)
      default false [Aristophanes]",
          "negated": "--no-frogs-sing",
          "usage": "--frogs-sing",
        },
        {
          "group": "Site",
          "help": "depth, or null where unknown (number or null)
      default none [none]",
          "negated": undefined,
          "usage": "--depth <number>",
        },
        {
          "group": "Site",
          "help": "lily pads (integer > 0)
      default 4 [none]",
          "negated": undefined,
          "usage": "--lily-pads <integer>",
        },
      ]
    `);
  });
});
