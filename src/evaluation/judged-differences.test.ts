import { expect, test } from "vitest";
import { judgedTogether } from "./judged-differences.ts";

const difference = (estimate: number, pValue: number, half = 0.1) => ({
  estimate,
  low: estimate - half,
  high: estimate + half,
  n: 50,
  pValue,
  good: "higher" as const,
});

test("an interval that clears zero alone is no gain among many", () => {
  const all = judgedTogether([
    difference(0.3, 0.0001),
    difference(0.105, 0.04),
    difference(0.02, 0.7),
    { ...difference(-0.3, 0.0002), good: "lower" },
    { ...difference(0.4, 0.0001), good: "either" },
    { ...difference(NaN, NaN) },
  ]);
  expect(all.map(({ verdict }) => verdict)).toEqual([
    "better",
    "not distinguishable",
    "not distinguishable",
    "better",
    undefined,
    undefined,
  ]);
  // four are counted: neither what has no good direction, nor what claims nothing
  expect(all.map(({ adjusted }) => adjusted)).toEqual([
    0.0004,
    0.08,
    0.7,
    expect.closeTo(0.0006, 12),
    NaN,
    NaN,
  ]);
});
