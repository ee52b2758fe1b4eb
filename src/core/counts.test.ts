import { expect, test } from "vitest";
import { countOf, formatCount } from "./counts.ts";

test("one thing has no s", () => {
  expect([0, 1, 2, 1200].map((count) => countOf(count, "row"))).toEqual([
    "0 rows",
    "1 row",
    "2 rows",
    "1,200 rows",
  ]);
  expect([1, 3].map((count) => countOf(count, "minibatch", "minibatches"))).toEqual([
    "1 minibatch",
    "3 minibatches",
  ]);
  expect(formatCount(12345.4)).toBe("12,345");
});
