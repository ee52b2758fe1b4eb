/** Held against Python's and Jinja's own results (scripts/golden/task_python.py). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { readLiteral } from "./python-literal.ts";
import { findAll, patternOf, replaceAll } from "./python-pattern.ts";
import { PythonRandom } from "./python-random.ts";
import { TaskTemplate } from "./task-template.ts";

const golden = JSON.parse(readFileSync(new URL("golden/python.json", import.meta.url), "utf8")) as {
  samples: [seed: number, n: number, count: number, draws: number[][]][];
  patterns: [pattern: string, text: string, found: unknown][];
  replaced: [pattern: string, by: string, text: string, result: string][];
  literals: [text: string, value: unknown][];
  document: Record<string, unknown>;
  templates: [template: string, text: string | null][];
};

/** What JavaScript's expressions have not. */
const REFUSED = new Set(["(?x) a b", "a++b", "(?>a)b"]);

describe("Python's", () => {
  test.each(golden.samples)("random samples: seed %d, %d, %d", (seed, n, count, draws) => {
    const random = new PythonRandom(seed);
    const all = Array.from({ length: n }, (_, index) => index);
    for (const draw of draws) expect(random.sample(all, count)).toEqual(draw);
  });

  test.each(golden.patterns)("findall: %j in %j", (pattern, text, found) => {
    if (REFUSED.has(pattern) || found === null)
      return expect(() => patternOf(pattern)).toThrow(AttuneError);
    expect(findAll(patternOf(pattern), text)).toEqual(found);
  });

  test.each(golden.replaced)("sub: %j by %j in %j", (pattern, by, text, result) => {
    expect(replaceAll(patternOf(pattern), text, by)).toBe(result);
  });

  test("literals", () => {
    for (const [text, value] of golden.literals)
      expect(readLiteral(text) ?? null, text).toEqual(value);
  });

  test("templates, with an error for what is not there", () => {
    for (const [template, text] of golden.templates) {
      const render = (): string =>
        new TaskTemplate(template, { file: "task.yaml" }).render(golden.document, {
          fractions: new Set(["price"]),
          row: 1,
        });
      if (text === null) expect(render, template).toThrow(AttuneError);
      else expect(render(), template).toBe(text);
    }
  });

  test("a pattern that takes exponential time is ended", () => {
    expect(() => findAll(patternOf("(a+)+b"), "a".repeat(60))).toThrow("takes too long");
  });
});
