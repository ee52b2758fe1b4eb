import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { mean, shareInterval } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import { stratifiedMean } from "./strata.ts";

const evenly = (intervals: readonly Interval[]): Interval =>
  stratifiedMean(intervals.map((interval) => ({ interval, weight: 1 / intervals.length })));
const shareOf = (right: number, n: number): Interval =>
  shareInterval(Array.from({ length: n }, (_, i) => Number(i < right)));

describe("the mean of several estimates", () => {
  test("of symmetric intervals has the error of a stratified sample", () => {
    const of = (estimate: number, half: number): Interval => ({
      estimate,
      low: estimate - half,
      high: estimate + half,
      n: 10,
    });
    const found = stratifiedMean([
      { interval: of(0.5, 0.1), weight: 0.25 },
      { interval: of(0.7, 0.2), weight: 0.75 },
    ]);
    const half = Math.sqrt((0.25 * 0.1) ** 2 + (0.75 * 0.2) ** 2);
    expect(found.estimate).toBeCloseTo(0.65, 12);
    expect(found.low).toBeCloseTo(0.65 - half, 12);
    expect(found.high).toBeCloseTo(0.65 + half, 12);
    expect(found.n).toBe(20);
  });

  test("stays within 0 and 1, claims nothing of what claims nothing, and of one is that one", () => {
    const all = evenly([shareOf(5, 5), shareOf(9, 9)]);
    expect(all.high).toBe(1);
    expect(all.low).toBeGreaterThan(0.6);
    const none = { estimate: 1, low: 0, high: 1, n: 2, noClaim: "2 independent groups" };
    expect(evenly([shareOf(5, 9), none])).toMatchObject({ noClaim: "2 independent groups" });
    expect(stratifiedMean([]).estimate).toBeNaN();
    const one = shareOf(3, 7);
    expect(evenly([one]).low).toBeCloseTo(one.low, 12);
    expect(evenly([one]).high).toBeCloseTo(one.high, 12);
  });

  test("covers what it says, of unequal shares and sizes", () => {
    const strata = [
      { truth: 0.95, n: 20 },
      { truth: 0.5, n: 60 },
      { truth: 0.3, n: 12 },
    ];
    const truth = mean(strata.map(({ truth: each }) => each));
    const trials = 4000;
    let covered = 0;
    for (let trial = 0; trial < trials; trial++) {
      const random = Random.for(7, "strata", trial);
      const found = evenly(
        strata.map(({ truth: p, n }) =>
          shareInterval(Array.from({ length: n }, () => Number(random.uniform() < p))),
        ),
      );
      if (found.low <= truth && truth <= found.high) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.93);
    expect(covered / trials).toBeLessThan(0.97);
  });
});
