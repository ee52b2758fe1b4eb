/** Intervals of differences beside Wilson's, with ties, clusters, chains and no losses at all. */
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { wilson } from "./intervals.ts";
import type { LogisticData } from "./logistic.ts";
import { logisticDifferences } from "./logistic-difference.ts";
import { sigmoid } from "./special.ts";

const RIDGE = 0.001;
const versus = (a: number, b: number) => ({ indices: [a, b], values: [1, -1] });
const interval = (data: LogisticData, pair: readonly [number, number] = [1, 0]) =>
  logisticDifferences(data).interval({ pair, confidence: 0.95 });

describe("the difference of two coefficients", () => {
  test.each([
    [50, 100],
    [180, 200],
    [3, 400],
  ])("of two players is Wilson's on log-odds: %d of %d", (wins, n) => {
    const { low, high } = interval({
      columns: 2,
      rows: Array.from({ length: n }, () => versus(1, 0)),
      targets: Array.from({ length: n }, (_, i) => (i < wins ? 1 : 0)),
      ridge: RIDGE,
    });
    const expected = wilson(wins, n);
    expect(sigmoid(low)).toBeCloseTo(expected.low, 2);
    expect(sigmoid(high)).toBeCloseTo(expected.high, 2);
  });

  test("ties make it narrower, clusters wider", () => {
    const width = (targets: number[], clusters?: number[]): number => {
      const { low, high } = interval({
        columns: 2,
        rows: targets.map(() => versus(1, 0)),
        targets,
        clusters,
        ridge: RIDGE,
      });
      return high - low;
    };
    const coins = Array.from({ length: 200 }, (_, i) => i % 2);
    const ties = coins.map((value, i) => (i % 8 < 6 ? 0.5 : value));
    // a quarter decides: half as wide
    expect(width(ties) / width(coins)).toBeCloseTo(0.5, 1);
    const alike = Array.from({ length: 200 }, (_, i) => Math.floor(i / 10) % 2);
    const labels = alike.map((_, i) => Math.floor(i / 10));
    expect(width(alike, labels) / width(alike)).toBeGreaterThan(2.8);
  });

  test("who never lost has a low end, and no high one", () => {
    const found = interval({
      columns: 2,
      rows: Array.from({ length: 100 }, () => versus(1, 0)),
      targets: Array.from({ length: 100 }, () => 1),
      ridge: 0.01,
    });
    expect(sigmoid(found.low)).toBeCloseTo(wilson(100, 100).low, 2);
    expect(found.unbounded).toBe("above");
    const turned = interval({
      columns: 2,
      rows: Array.from({ length: 100 }, () => versus(0, 1)),
      targets: Array.from({ length: 100 }, () => 1),
      ridge: 0.01,
    });
    expect(turned.unbounded).toBe("below");
    expect(turned.high).toBeCloseTo(-found.low, 6);
  });

  test("a few clusters that all agree are not many comparisons", () => {
    const { low } = interval({
      columns: 2,
      rows: Array.from({ length: 200 }, () => versus(1, 0)),
      targets: Array.from({ length: 200 }, () => 1),
      clusters: Array.from({ length: 200 }, (_, i) => i % 4),
      ridge: 0.01,
    });
    expect(sigmoid(low)).toBeLessThan(0.6);
  });

  test("covers the truth through a chain, of players that never met", () => {
    let covered = 0;
    const rounds = 200;
    for (let round = 0; round < rounds; round++) {
      const random = Random.for(1, "chain", round);
      const rows = Array.from({ length: 120 }, (_, i) => (i % 2 ? versus(1, 0) : versus(2, 1)));
      const targets = rows.map((_, i) => (random.chance(sigmoid(i % 2 ? 2 : 0.5)) ? 1 : 0));
      const { low, high } = interval({ columns: 3, rows, targets, ridge: 0.01 }, [2, 0]);
      if (low <= 2.5 && 2.5 <= high) covered++;
    }
    expect(covered / rounds).toBeGreaterThan(0.93 - 0.05);
    expect(covered / rounds).toBeLessThan(0.99);
  });
});
