/** Equal within a margin: against statsmodels, and beside the interval of the difference. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  equivalence,
  pairedEquivalence,
  pairedShareEquivalence,
  plausibleWinRate,
  winRateEquivalence,
} from "./equivalence.ts";
import { clopperPearson, meanInterval } from "./intervals.ts";
import { pairedDifference, pairedShareDifference } from "./paired.ts";

const { equivalence: golden } = JSON.parse(
  readFileSync(new URL("./golden/estimators.json", import.meta.url), "utf8"),
) as { equivalence: { a: number[]; b: number[]; margin: number; p: number }[] };

test("the p-value is statsmodels' of two one-sided paired t tests", () => {
  for (const { a, b, margin, p } of golden) {
    const found = pairedEquivalence(a, b, { margin });
    expect(found.pValue).toBeCloseTo(p, 8);
    expect(found.equal).toBe(p < 0.05);
  }
  expect(golden.map(({ p }) => p < 0.05)).toContain(false);
});

test("equal exactly where the 90% interval of the difference lies within the margin", () => {
  const { a, b } = golden[1]!;
  const { low, high } = pairedDifference(a, b, { confidence: 0.9 });
  const reach = Math.max(-low, high);
  expect(pairedEquivalence(a, b, { margin: reach + 1e-6 }).equal).toBe(true);
  const short = pairedEquivalence(a, b, { margin: reach - 1e-6 });
  expect(short).toMatchObject({ equal: false, interval: { low, high } });
  expect(short.pValue).toBeGreaterThan(0.05);
  expect(short.pValue).toBeLessThan(0.0501);
});

test("shares and win rates are judged by their own 90% intervals", () => {
  const clusters = Array.from({ length: 60 }, (_, i) => Math.floor(i / 3));
  const [a, b] = [clusters.map((_, i) => i % 2 > 0), clusters.map((_, i) => i % 4 > 1)];
  const outcomes = clusters.map((_, i) => (i % 3) / 2);
  const difference = pairedShareDifference(a, b, { clusters, confidence: 0.9 });
  const rate = plausibleWinRate(outcomes, { clusters, confidence: 0.9 });
  const found = pairedShareEquivalence(a, b, { margin: 0.9, clusters });
  expect(found.interval.low).toBeCloseTo(difference.low, 2);
  expect(found.interval.low).toBeLessThanOrEqual(difference.low);
  expect(found.interval.high).toBeGreaterThanOrEqual(difference.high);
  expect(found.equal).toBe(true);
  for (const [change, equal] of [
    [1e-6, true],
    [-1e-6, false],
  ] as const) {
    const margin = Math.max(rate.high - 0.5, 0.5 - rate.low) + change;
    expect(winRateEquivalence(outcomes, { margin, clusters }).equal).toBe(equal);
  }
});

test("wins in one direction among ties are judged by their exact interval too", () => {
  const outcomes = Array.from({ length: 400 }, (_, i) => (i < 28 ? 1 : 0.5));
  const plain = meanInterval(outcomes, { confidence: 0.9, range: [0, 1] });
  const { low, high } = plausibleWinRate(outcomes);
  expect(high).toBeCloseTo(0.5 + clopperPearson(28, 400, 0.9).high / 2, 12);
  expect(low).toBeLessThanOrEqual(plain.low);
  const margin = (plain.high + high) / 2 - 0.5;
  expect(winRateEquivalence(outcomes, { margin }).equal).toBe(false);
  expect(winRateEquivalence(outcomes, { margin: high - 0.5 + 1e-9 }).equal).toBe(true);
  // in either direction, and of few that differ in both the plain interval is the wider
  expect(plausibleWinRate(outcomes.map((each) => 1 - each)).low).toBeCloseTo(1 - high, 12);
  expect(plausibleWinRate([1, 0, 1, 0]).high).toBeGreaterThan(0.8);
});

test("what allows no claim is not equal, and nonsense is refused", () => {
  const two = pairedEquivalence([1, 2, 3, 4], [1, 2, 3, 4], {
    margin: 1,
    clusters: ["a", "a", "b", "b"],
  });
  expect(two).toMatchObject({
    equal: false,
    pValue: 1,
    interval: { noClaim: "2 independent groups" },
  });
  expect(pairedEquivalence([5, 6, 7.5], [1, 1, 1], { margin: 1 })).toMatchObject({
    equal: false,
    pValue: 1,
  });
  const interval = { estimate: 0, low: 0, high: 0, n: 1 };
  expect(() => equivalence(() => interval, { margin: 0 })).toThrow(/above 0; got 0/);
  expect(() => equivalence(() => interval, { margin: 1, alpha: 0.5 })).toThrow(/\(0, 0.5\)/);
});
