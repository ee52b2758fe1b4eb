import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { meanInterval, pairedDifference, wilson } from "./intervals.ts";

test("Wilson's interval equals published values", () => {
  // Observed 55%: reference/labelling-and-evaluation.md, statistics practice.
  for (const [n, low, high] of [[100, 0.452, 0.644], [500, 0.506, 0.593], [1000, 0.519, 0.581]] as const) {
    const interval = wilson(0.55 * n, n);
    expect(interval.low).toBeCloseTo(low, 3);
    expect(interval.high).toBeCloseTo(high, 3);
  }
  expect(wilson(10, 10).low).toBeCloseTo(0.722, 3);
  expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 });
});

test("the interval of a mean covers the truth about 95 times in 100", () => {
  const random = new Random(3);
  let covered = 0;
  for (let round = 0; round < 2000; round++) {
    const { low, high } = meanInterval(Array.from({ length: 60 }, () => 2 + random.normal()));
    if (low <= 2 && 2 <= high) covered++;
  }
  expect(covered / 2000).toBeGreaterThan(0.93);
  expect(covered / 2000).toBeLessThan(0.965);
});

test("pairing removes what both share", () => {
  const random = new Random(4);
  const base = Array.from({ length: 200 }, () => 10 * random.normal());
  const difference = pairedDifference(base.map((x) => x + 0.5 + 0.1 * random.normal()), base);
  expect(difference.estimate).toBeCloseTo(0.5, 1);
  expect(difference.low).toBeGreaterThan(0.4);
});
