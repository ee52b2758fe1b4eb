/** What is announced of pairs is what a judge is asked. */
import { expect, test } from "vitest";
import { compareModels, plannedPairs } from "../../evaluation/compare/compare.ts";
import { judgeOf, PLAIN, setOf, times } from "../../evaluation/compare/testing/sets.ts";
import { expectedMatch } from "./costs.ts";
import type { Source } from "../judging/sources.ts";

const answersOf = (name: string, count: number): Source => ({
  kind: "answers",
  name,
  set: setOf(
    name,
    times(count, (i) => `${name} answers ${i}`),
  ),
});
const prompts = Array.from({ length: 500 }, (_, i) => ({
  kind: "prompt" as const,
  prompt: `prompt ${i}`,
  place: {},
}));
const asksModel: Source = { kind: "model", name: "new", model: "runs/new" };

test.each([
  ["two files of 500", [answersOf("old", 500), answersOf("new", 500)], 900],
  ["a file of 500 and a model", [answersOf("old", 500), asksModel], 900],
  ["three files, one of them of 120", [120, 500, 500].map((n, i) => answersOf(`m${i}`, n)), 640],
])("%s", async (_, sources, pairs) => {
  const options = { ...PLAIN, controls: true, probes: 50 };
  const expected = expectedMatch(sources, prompts);
  let asked = 0;
  const judge = judgeOf(
    "fair",
    (first, second) => {
      asked++;
      return 0.5 + (Number(first.includes("answers")) - Number(second.includes("answers"))) / 2;
    },
    { symmetric: true },
  );
  const sets = sources.map((source) =>
    source.kind === "answers"
      ? source.set
      : setOf(
          source.name,
          times(500, (i) => `${source.name} answers ${i}`),
        ),
  );
  await compareModels({ sets, judges: [judge], options });
  expect([plannedPairs(judge, expected, options), asked]).toEqual([pairs, pairs]);
  expect(plannedPairs({ kind: "votes" }, expected, options)).toBe(
    expected.prompts.length * (sources.length - 1),
  );
});
