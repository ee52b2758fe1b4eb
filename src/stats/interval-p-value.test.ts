import { expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { pValueOfInterval } from "./interval-p-value.ts";
import { meanInterval, wilson } from "./intervals.ts";
import { studentTwoSided } from "./special.ts";

test("of a t interval it is the p-value of the t test", () => {
  const values = [0.4, -0.1, 0.9, 0.3, 0.2, -0.3, 0.8, 0.5];
  const { estimate, standardError } = meanInterval(values);
  expect(pValueOfInterval((confidence) => meanInterval(values, { confidence }))).toBeCloseTo(
    studentTwoSided(estimate / standardError, values.length - 1),
    8,
  );
});

test("of Wilson's it is that of the score test", () => {
  // scipy.stats: 2 * norm.sf((61 - 50) / 5)
  expect(pValueOfInterval((confidence) => wilson(61, 100, confidence), 0.5)).toBeCloseTo(
    0.027806895026,
    8,
  );
});

test("says at every confidence what the interval says, and nothing where that claims nothing", () => {
  const random = new Random(2);
  for (let round = 0; round < 40; round++) {
    const values = Array.from({ length: 30 }, () =>
      random.chance(0.4) ? 0 : random.chance(0.7) ? 0.5 : -0.5,
    );
    const at = (confidence: number) => meanInterval(values, { confidence, range: [-1, 1] });
    const p = pValueOfInterval(at);
    for (const confidence of [0.8, 0.9, 0.95, 0.99]) {
      const { low, high } = at(confidence);
      if (Math.abs(p - (1 - confidence)) > 1e-9)
        expect(p < 1 - confidence).toBe(low > 0 || high < 0);
    }
  }
  expect(pValueOfInterval((confidence) => meanInterval([1], { confidence }))).toBeNaN();
  expect(
    pValueOfInterval((confidence) => meanInterval([3, 3.001], { confidence })),
  ).toBeGreaterThan(1e-9);
});
