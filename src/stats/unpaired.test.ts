/** Two samples, and what treating pairs as two samples hides. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { pairedShareDifference } from "./paired.ts";
import {
  mcnemarTests,
  unpairedDifference,
  unpairedShareDifference,
  unpairedZTest,
} from "./unpaired.ts";

const golden = JSON.parse(
  readFileSync(new URL("./golden/estimators.json", import.meta.url), "utf8"),
) as {
  unpaired: {
    a: number[];
    b: number[];
    welch: [number, number];
    shares: [number, number, number, number, number, number][];
  };
  mcnemar: {
    counts: [number, number];
    exact: number;
    mid: number;
    chi_square: number;
    corrected: number;
  }[];
  same_items: { table: [number, number, number, number]; unpaired: number }[];
};

const some = (count: number, value: number): number[] => Array.from({ length: count }, () => value);
const ofCounts = (right: number, n: number): number[] => [...some(right, 1), ...some(n - right, 0)];

describe("against scipy and statsmodels", () => {
  test("Welch's interval of a difference of means", () => {
    const { a, b, welch } = golden.unpaired;
    const { low, high } = unpairedDifference(a, b);
    expect(low).toBeCloseTo(welch[0], 10);
    expect(high).toBeCloseTo(welch[1], 10);
  });

  test("Newcombe's interval of a difference of shares", () => {
    for (const [first, n, second, m, low, high] of golden.unpaired.shares) {
      const found = unpairedShareDifference(ofCounts(first, n), ofCounts(second, m));
      expect(found.low).toBeCloseTo(low, 10);
      expect(found.high).toBeCloseTo(high, 10);
    }
  });

  test("McNemar's tests", () => {
    for (const { counts, exact, mid, chi_square, corrected } of golden.mcnemar) {
      const found = mcnemarTests(...counts);
      expect(found.exact).toBeCloseTo(exact, 12);
      expect(found.midP).toBeCloseTo(mid, 12);
      expect(found.chiSquare).toBeCloseTo(chi_square, 10);
      // statsmodels takes (|b - c| - 1)² also where they are equal; Edwards's correction stops at 0
      if (counts[0] !== counts[1]) expect(found.chiSquareCorrected).toBeCloseTo(corrected, 10);
    }
    expect(mcnemarTests(0, 0)).toEqual({ exact: 1, midP: 1, chiSquare: 1, chiSquareCorrected: 1 });
  });
});

/**
 * EleutherAI/lm-evaluation-harness, issue 3831 and pull request 3868: 220 items that both models
 * answered, unpaired p 0.080, McNemar's 0.008. The data are not given. Of all tables of 220 pairs
 * six give both figures (`same_items` of the golden file, by enumeration with statsmodels and
 * scipy); this is the one whose accuracies are 63.6% and 55.5%.
 */
describe("220 items that two models answered", () => {
  const [both, onlyA, onlyB, neither] = [110, 30, 12, 68];
  const a = [...some(both + onlyA, 1), ...some(onlyB + neither, 0)];
  const b = [...some(both, 1), ...some(onlyA, 0), ...some(onlyB, 1), ...some(neither, 0)];

  test("the unpaired test says 0.080, McNemar's 0.008", () => {
    expect(a).toHaveLength(220);
    expect(golden.same_items).toHaveLength(6);
    const known = golden.same_items.find(({ table }) => table[0] === both && table[1] === onlyA)!;
    const unpaired = unpairedZTest(a, b);
    expect(unpaired.pValue).toBeCloseTo(known.unpaired, 10);
    expect(unpaired.pValue.toFixed(3)).toBe("0.080");
    expect(mcnemarTests(onlyA, onlyB).exact.toFixed(3)).toBe("0.008");
  });

  test("and what attune reports of them is clear of zero", () => {
    const found = pairedShareDifference(
      a.map((x) => x === 1),
      b.map((x) => x === 1),
    );
    expect(found).toMatchObject({ wins: onlyA, losses: onlyB, n: 220 });
    expect(found.pValue.toFixed(3)).toBe("0.008");
    expect(found.low).toBeGreaterThan(0.02);
  });
});

test("intervals of two clustered samples cover, few clusters included", () => {
  const random = new Random(4);
  const rounds = 500;
  const clusters = Array.from({ length: 48 }, (_, i) => Math.floor(i / 6));
  const draw = (p: number): number[] => {
    const own = Array.from({ length: 8 }, () => random.uniform());
    return clusters.map((group) =>
      (random.chance(0.5) ? own[group]! : random.uniform()) < p ? 1 : 0,
    );
  };
  const covered = { shares: 0, means: 0, ranged: 0 };
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [draw(0.8), draw(0.6)];
    const options = { clustersOfA: clusters, clustersOfB: clusters };
    const holds = ({ low, high }: { low: number; high: number }): number =>
      low <= 0.2 && 0.2 <= high ? 1 : 0;
    covered.shares += holds(unpairedShareDifference(a, b, options));
    covered.means += holds(unpairedDifference(a, b, options));
    covered.ranged += holds(unpairedDifference(a, b, { ...options, range: [0, 1] }));
  }
  for (const count of Object.values(covered)) expect(count / rounds).toBeGreaterThan(0.925);
});

test("what says nothing claims nothing", () => {
  expect(unpairedDifference([1], [1, 2])).toMatchObject({
    low: -Infinity,
    noClaim: expect.any(String),
  });
  expect(unpairedShareDifference([], [1, 0])).toMatchObject({
    low: -1,
    high: 1,
    noClaim: "nothing observed",
  });
  expect(unpairedZTest(some(5, 1), some(5, 0)).pValue).toBe(0);
  expect(unpairedZTest(some(5, 1), some(4, 1))).toEqual({ z: 0, pValue: 1 });
  expect(() => unpairedZTest([1], [0, 1])).toThrow(/two values each; got 1 and 2/);
});
