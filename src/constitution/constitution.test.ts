import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { checkConstitution } from "./check.ts";
import {
  constitutionJsonSchema,
  drawPrinciples,
  isComparisonPrinciple,
  isCritiquePrinciple,
  parseConstitution,
  principlesFor,
  readConstitution,
} from "./constitution.ts";
import { DEFAULT_CONSTITUTION, defaultConstitution } from "./default-constitution.ts";

const SMALL = `name: small
principles:
  - id: kind
    critique: Is it kind?
    revision: Make it kind.
    comparison: Which is kinder?
  - id: short
    comparison: Which is shorter?
    weight: 3
    tags: [style]
`;

const errorsOf = (yaml: string): string[] =>
  readConstitution(yaml).errors.map(
    ({ line, what, hint }) => `${line}: ${what}${hint === undefined ? "" : ` (${hint})`}`,
  );
const warningsOf = (yaml: string): string[] =>
  checkConstitution(yaml).remarks.map(({ level, line, what }) => `${level} ${line}: ${what}`);

describe("a constitution file", () => {
  it("is read with its defaults", () => {
    const { principles, examples, hash } = parseConstitution(SMALL);
    expect(principles.map(({ id, weight, tags }) => ({ id, weight, tags }))).toEqual([
      { id: "kind", weight: 1, tags: [] },
      { id: "short", weight: 3, tags: ["style"] },
    ]);
    expect(examples).toEqual({ critiques: [], comparisons: [] });
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("has a hash of what it says: comments and the order of keys do not count, a word does", () => {
    const { hash } = parseConstitution(SMALL);
    expect(
      parseConstitution(
        "# a " +
          `comment\n${SMALL.replace("    weight: 3\n    tags: [style]", "    tags: [style]\n    weight: 3")}`,
      ).hash,
    ).toBe(hash);
    expect(parseConstitution(SMALL.replace("kinder", "nicer")).hash).not.toBe(hash);
  });

  it("is refused with the line of every mistake", () => {
    expect(
      errorsOf(SMALL.replace("comparison: Which is kinder?", "comparision: Which is kinder?")),
    ).toEqual(["6: principle kind: there is no key comparision (did you mean comparison?)"]);
    expect(errorsOf(SMALL.replace("    revision: Make it kind.\n", ""))).toEqual([
      "3: principle kind: has a critique without a revision (one asks what is wrong, the other " +
        "to mend it: give both or neither)",
    ]);
    expect(errorsOf(SMALL.replace("id: short", "id: kind"))).toEqual([
      "7: two principles have the id kind",
    ]);
    expect(errorsOf(SMALL.replace("weight: 3", "weight: 0"))).toEqual([
      expect.stringMatching(/^9: principle short, weight: /),
    ]);
    expect(errorsOf("principles: []\n")).toEqual([
      expect.stringContaining("name: is missing"),
      expect.stringMatching(/^1: principles: /),
    ]);
    expect(
      errorsOf(
        `${SMALL}examples:\n  comparisons:\n    - prompt: Hi\n      first: a\n      second: ` +
          `b\n      principle: knd\n      better: first\n`,
      ),
    ).toEqual([
      '16: the example names the principle "knd", which is not there (did you mean kind?)',
    ]);
    expect(
      errorsOf(
        `${SMALL}examples:\n  critiques:\n    - prompt: Hi\n      answer: a\n      principle: ` +
          `short\n      critique: c\n      revision: r\n`,
      ),
    ).toEqual(["15: the example of a critique names the principle short, which has no critique"]);
    expect(errorsOf("name: [\n")[0]).toMatch(/^\d: not valid YAML/);
    expect(errorsOf("a: &a [*a]\n")).toHaveLength(1);
    expect(errorsOf("")).toHaveLength(1);
    expect(() => parseConstitution(SMALL.replace("id: short", "id: kind"), "c.yaml")).toThrow(
      /^c\.yaml:7: two principles/,
    );
    expect(() => parseConstitution("", "c.yaml")).toThrow(AttuneError);
  });
});

describe("advice", () => {
  it("says what is missing", () => {
    const said = warningsOf(
      "name: x\nprinciples:\n  - id: kind\n    comparison: Which is kinder?\n",
    ).join("\n");
    for (const part of [
      "no principle has a critique and a revision",
      "there is one comparison only",
      "no examples of comparisons",
      "helpful, engaged or preachy",
    ])
      expect(said).toContain(part);
  });

  it("finds contradictions, with their lines", () => {
    const said = (first: string, second: string): string[] =>
      warningsOf(
        `name: x\nprinciples:\n  - id: one\n    comparison: ${first}\n    tags: [helpful]\n  - ` +
          `id: two\n    comparison: ${second}\n`,
      ).filter((text) => !/examples of comparisons|no principle has a critique/.test(text));
    expect(said("Which answer is longer?", "Which answer is shorter?")).toEqual([
      "warning 7: the comparisons of one and two contradict each other (longer against shorter)",
    ]);
    expect(said("Which answer is more formal?", "Which answer is less formal?")).toEqual([
      "warning 7: the comparisons of one and two contradict each other (formal: one asks for " +
        "more of it, the other for less)",
    ]);
    expect(said("Which answer is kinder?", "Which answer is more harmful?")).toEqual([
      expect.stringContaining("warning 7: the comparison of two seems to ask for the worse answer"),
    ]);
    expect(said("Which answer is kinder?", "Which is the worse answer?")).toEqual([
      expect.stringContaining("seems to ask for the worse"),
    ]);
    expect(said("Which answer is kinder?", "Which answer is kinder?")).toEqual([
      expect.stringContaining("is that of one, word for word"),
    ]);
    expect(said("Which answer is kinder?", "Which answer is clearer?")).toEqual([]);
  });

  it("finds examples that teach the place", () => {
    const example = (better: string): string =>
      `    - {prompt: Hi, first: a, second: b, principle: kind, better: ${better}}\n`;
    const examples = (...better: string[]): string =>
      `${SMALL}examples:\n  comparisons:\n${better.map(example).join("")}`;
    expect(warningsOf(examples("first", "first")).join()).toContain(
      "in every example the first answer is the better one",
    );
    expect(warningsOf(examples("first", "second")).join()).not.toContain("in every example");
  });
});

describe("the default constitution", () => {
  it("has nothing wrong with it, and covers what it should", () => {
    expect(checkConstitution(DEFAULT_CONSTITUTION).remarks).toEqual([]);
    const { principles, examples } = defaultConstitution();
    expect(principles.map(({ id }) => id)).toEqual([
      "no-harm",
      "honest",
      "useful",
      "engaged",
      "no-sermon",
      "privacy",
      "fair",
    ]);
    expect(
      principles.every((each) => isCritiquePrinciple(each) && isComparisonPrinciple(each)),
    ).toBe(true);
    expect(examples.comparisons.filter(({ better }) => better === "first")).toHaveLength(
      examples.comparisons.length / 2,
    );
  });

  it("shares no sentence with the published one, where that is beside the checkout", async () => {
    const { sharedData } = await import("../../tests/support/shared.ts");
    const path = sharedData("constitution-alignment-handbook.json");
    if (path === undefined) return;
    const published = readFileSync(path, "utf8").toLowerCase();
    const strings = (value: unknown): string[] =>
      typeof value === "string"
        ? [value]
        : typeof value === "object" && value !== null
          ? Object.values(value).flatMap(strings)
          : [];
    const sentences = strings(parse(DEFAULT_CONSTITUTION))
      .flatMap((value) => value.toLowerCase().split(/(?<=[.?!])\s/))
      .filter((sentence) => sentence.split(" ").length > 4);
    expect(sentences.length).toBeGreaterThan(40);
    expect(sentences.filter((sentence) => published.includes(sentence))).toEqual([]);
  });

  it("points editors at the schema, which describes every key", () => {
    expect(DEFAULT_CONSTITUTION).toMatch(
      /^# yaml-language-server: \$schema=\.\/constitution\.schema\.json\n/,
    );
    const schema = constitutionJsonSchema() as {
      properties: {
        principles: {
          items: {
            properties: Record<string, { description?: string }>;
            required: string[];
            additionalProperties: boolean;
          };
        };
      };
    };
    const { properties, required, additionalProperties } = schema.properties.principles.items;
    expect(Object.keys(properties)).toEqual([
      "id",
      "critique",
      "revision",
      "comparison",
      "weight",
      "tags",
    ]);
    expect(Object.values(properties).every(({ description }) => description !== undefined)).toBe(
      true,
    );
    expect([required, additionalProperties]).toEqual([["id"], false]);
  });
});

describe("drawing principles", () => {
  const principles = principlesFor(parseConstitution(SMALL), isComparisonPrinciple);

  it("follows the weights", () => {
    const drawn = Array.from(
      { length: 4000 },
      (_, index) => drawPrinciples(principles, 1, Random.for(1, index))[0]!.id,
    );
    const share = drawn.filter((id) => id === "short").length / drawn.length;
    // 3 / 4, five standard errors
    expect(Math.abs(share - 0.75)).toBeLessThan(5 * Math.sqrt((0.75 * 0.25) / 4000));
  });

  it("draws different ones, and no more than there are", () => {
    expect(
      drawPrinciples(principles, 5, Random.for(1))
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(["kind", "short"]);
  });

  it("may keep to tags", () => {
    const constitution = parseConstitution(SMALL);
    expect(
      principlesFor(constitution, isComparisonPrinciple, ["style"]).map(({ id }) => id),
    ).toEqual(["short"]);
    expect(() => principlesFor(constitution, isCritiquePrinciple, ["style"])).toThrow(
      /no principle for this stage/,
    );
    expect(() => principlesFor(constitution, isComparisonPrinciple, ["styl"])).toThrow(
      /did you mean style/,
    );
  });
});
