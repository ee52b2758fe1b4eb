import { expect, test } from "vitest";
import { largestOf, smallestOf } from "./extremes.ts";

test("a million values have extremes, nothing has none, and NaN is not hidden", () => {
  const many = Float64Array.from({ length: 1_000_000 }, (_, i) => Math.abs(i - 400_000));
  expect([largestOf(many), smallestOf(many)]).toEqual([599_999, 0]);
  expect([largestOf([]), smallestOf([])]).toEqual([-Infinity, Infinity]);
  expect([largestOf([1, NaN, 2]), smallestOf([1, NaN, 2])]).toEqual([NaN, NaN]);
});
