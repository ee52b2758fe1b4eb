import { describe, expect, test } from "vitest";
import { SOME_FINDINGS } from "./testing.ts";
import { judgeFindings, parseThresholds } from "./thresholds.ts";

const met = (failUnder: string): boolean =>
  judgeFindings(SOME_FINDINGS, { failUnder: [failUnder], failOn: [] })[0]!.met;
const mistake = (failUnder: string): unknown => {
  try {
    met(failUnder);
  } catch (error) {
    return error;
  }
  return undefined;
};

test("the lower end of the interval decides, the upper where less is better", () => {
  expect(met("compare/dpo/win-rate=0.52")).toBe(true);
  expect(met("compare/dpo/win-rate=52%")).toBe(true);
  // the estimate is 0.64
  expect(met("compare/dpo/win-rate=0.53")).toBe(false);
  expect(met("compare/dpo/refusals=0.12")).toBe(true);
  // the estimate is 0.05
  expect(met("compare/dpo/refusals=0.1")).toBe(false);
});

test("what was not observed reaches nothing", () => {
  expect(met("compare/judge/agreement=0")).toBe(false);
});

describe("refused, with what would be right:", () => {
  test.each([
    ["compare/dpo/win-rat=0.5", { hint: "did you mean compare/dpo/win-rate?" }],
    ["win-rate=0.5", { hint: "did you mean compare/dpo/win-rate?" }],
    ["compare/dpo/win-rate=55", { expected: "between 0 and 1, or with a per cent sign" }],
    ["compare/dpo/length=5", { got: "compare/dpo/length=5" }],
    ["compare/dpo/win-rate", { expected: "such as compare/dpo/win-rate=0.5" }],
    ["compare/dpo/win-rate=much", { expected: "such as compare/dpo/win-rate=0.5" }],
  ])("%s", (text, details) => {
    expect(mistake(text)).toMatchObject({ code: "usage", details });
  });
});

test("conclusions may be written with hyphens", () => {
  const judged = judgeFindings(SOME_FINDINGS, {
    failUnder: [],
    failOn: ["no-conclusion", "worse"],
  });
  expect(judged.map(({ name, met: fine }) => [name, fine])).toEqual([
    ["not no conclusion", false],
    ["not worse", true],
  ]);
  expect(() => judgeFindings(SOME_FINDINGS, { failUnder: [], failOn: ["worst"] })).toThrow(
    /no conclusion worst/,
  );
});

test("values are read as they are written", () => {
  expect(parseThresholds(["a/b = -1.5e-2", "c=.5", "d=50%"]).map(({ value }) => value)).toEqual([
    -0.015, 0.5, 0.5,
  ]);
});
