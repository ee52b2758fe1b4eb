import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import {
  mcnemarExact,
  pairedBootstrap,
  pairedDifference,
  pairedShareDifference,
  permutationTest,
  signTest,
} from "./paired.ts";

const a = [3.1, 2.2, 4.5, 1.0, 2.0, 3.3, 5.1, 2.2, 0.4, 4.4];
const b = [2.0, 2.2, 3.1, 1.4, 1.1, 3.0, 3.2, 2.4, 0.9, 2.1];

describe("against scipy 1.17.1 and statsmodels 0.15.0", () => {
  test("ttest_rel", () => {
    const difference = pairedDifference(a, b);
    expect(difference.estimate / difference.standardError).toBeCloseTo(2.175141713405589, 10);
    expect(difference.pValue).toBeCloseTo(0.057628819850309716, 11);
    expect(difference.low).toBeCloseTo(-0.02720305772369036, 11);
    expect(difference.high).toBeCloseTo(1.3872030577236905, 11);
    expect(difference).toMatchObject({ wins: 6, ties: 1, losses: 3 });
  });

  test("permutation_test with all sign patterns", () => {
    expect(permutationTest(a, b, { random: new Random(1) })).toMatchObject({
      pValue: 0.06640625,
      exact: true,
    });
  });

  test("binomtest as sign test, mcnemar", () => {
    expect(signTest(a, b).pValue).toBeCloseTo(0.5078125, 12);
    for (const [onlyA, onlyB, pValue] of [
      [10, 3, 0.09228515625],
      [30, 12, 0.007915897334896727],
      [5, 5, 1],
      [1, 0, 1],
      [0, 0, 1],
    ] as const) {
      expect(mcnemarExact(onlyA, onlyB).pValue).toBeCloseTo(pValue, 12);
    }
  });
});

test("random permutations approach the exact p-value and never give 0", () => {
  const random = new Random(2);
  const x = Array.from({ length: 14 }, () => random.normal() + 0.5);
  const zeros = x.map(() => 0);
  const exact = permutationTest(x, zeros, { random });
  // Two more pairs without a difference change nothing but push the test over to random patterns.
  const sampled = permutationTest([...x, 0, 0], [...zeros, 0, 0], { random, permutations: 40_000 });
  expect([exact.exact, sampled.exact]).toEqual([true, false]);
  expect(Math.abs(sampled.pValue - exact.pValue)).toBeLessThan(0.01);
  const clear = Array.from({ length: 60 }, () => 1);
  expect(
    permutationTest(
      clear,
      clear.map(() => 0),
      { random, permutations: 999 },
    ).pValue,
  ).toBe(0.001);
  expect(permutationTest([], [], { random }).pValue).toBeNaN();
});

test("swapping the two systems mirrors everything", () => {
  const finite = fc.double({ min: -100, max: 100, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(finite, finite), { minLength: 2, maxLength: 12 }), (pairs) => {
      const [x, y] = [pairs.map(([first]) => first), pairs.map(([, second]) => second)];
      const [there, back] = [pairedDifference(x, y), pairedDifference(y, x)];
      expect(there.low).toBeCloseTo(-back.high, 9);
      expect(there.pValue).toBeCloseTo(back.pValue, 9);
      expect([there.wins, there.losses]).toEqual([back.losses, back.wins]);
      const random = new Random(1);
      expect(permutationTest(x, y, { random }).pValue).toBe(
        permutationTest(y, x, { random }).pValue,
      );
    }),
    { seed: 3 },
  );
});

test("pairing finds what separate intervals hide", () => {
  const random = new Random(4);
  const base = Array.from({ length: 200 }, () => 10 * random.normal());
  const better = base.map((x) => x + 0.5 + 0.1 * random.normal());
  const difference = pairedDifference(better, base);
  expect(difference.estimate).toBeCloseTo(0.5, 1);
  expect(difference.low).toBeGreaterThan(0.4);
  const boot = pairedBootstrap(better, base, { random });
  expect(boot.low).toBeCloseTo(difference.low, 2);
});

test("no difference anywhere: p is 1, and shares still have a width", () => {
  expect(pairedDifference([1, 2, 3], [1, 2, 3]).pValue).toBe(1);
  const same = Array.from({ length: 20 }, () => true);
  const { low, high, pValue } = pairedShareDifference(same, same);
  expect(pValue).toBe(1);
  expect(low).toBeLessThan(-0.05);
  expect(high).toBeCloseTo(-low, 12);
});

test("a difference of shares covers the truth about 95 times in 100", () => {
  // Both rare, and mostly on the same prompts: the hard case for Wald's interval.
  const random = new Random(6);
  let covered = 0;
  const rounds = 3000;
  for (let round = 0; round < rounds; round++) {
    const pairs = Array.from({ length: 60 }, () => {
      const u = random.uniform();
      return u < 0.05
        ? [true, true]
        : u < 0.11
          ? [true, false]
          : u < 0.13
            ? [false, true]
            : [false, false];
    });
    const { low, high } = pairedShareDifference(
      pairs.map(([x]) => x!),
      pairs.map(([, y]) => y!),
    );
    if (low <= 0.04 && 0.04 <= high) covered++;
  }
  expect(covered / rounds).toBeGreaterThan(0.935);
  expect(covered / rounds).toBeLessThan(0.985);
});

test("lists of different length are refused", () => {
  expect(() => pairedDifference([1], [1, 2])).toThrow(/differ in number: 1 and 2/);
  expect(() => mcnemarExact(1.5, 2)).toThrow(RangeError);
});
