/**
 * Which modules an adapter lies on, against peft's own answers (scripts/golden/peft_targets.py).
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readPeftConfig } from "./config.ts";
import { toJavaScript } from "./python-pattern.ts";
import { matchModules } from "./targets.ts";

interface Golden {
  models: Record<string, string[]>;
  cases: { model: string; config: Record<string, unknown>; matched: [number, number, number][] }[];
}

const { models, cases } = JSON.parse(
  readFileSync(new URL("../golden/peft-targets.json", import.meta.url), "utf8"),
) as Golden;

test(`${cases.length} configurations match what peft matches, with its ranks and alphas`, () => {
  for (const { model, config, matched } of cases) {
    const names = models[model]!;
    const candidates = names.map((name) => ({ name, linear: /\.(layers|h)\./.test(name) }));
    const found = matchModules(readPeftConfig({ peft_type: "LORA", ...config }, "f"), candidates, {
      file: "f",
      defaults: [],
    });
    expect(
      found.map(({ name, rank, alpha }) => [names.indexOf(name), rank, alpha]),
      JSON.stringify([model, config]),
    ).toEqual(matched);
  }
});

test.each([
  ["(?P<a>x)(?P=a)", "(?<a>x)\\k<a>", ""],
  ["(?is)\\Ax{,3}\\Z", "^x{0,3}$", "i"],
  ["[]a][^]b][\\]{,3}]\\{,3}", "[\\]a][^\\]b][\\]{,3}]\\{,3}", ""],
  ["(?s:a)(?:b)(?=c)", "(?:a)(?:b)(?=c)", ""],
])("%s is written %s", (pattern, source, flags) => {
  expect(toJavaScript(pattern)).toEqual({ source, flags });
});
