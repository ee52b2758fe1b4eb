import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import type { ItemLabels } from "./agreement.ts";
import { cohenKappa, fleissKappa, krippendorffAlpha } from "./agreement.ts";
import {
  agreementInterval,
  alphaInterval,
  fleissInterval,
  weightedKappaInterval,
} from "./agreement-intervals.ts";
import { gwetAgreement } from "./gwet.ts";
import { clopperPearson, wilson } from "./intervals.ts";

interface Found {
  kappa: number;
  se: number;
  low: number;
  high: number;
}
interface Golden {
  pairs: {
    a: number[];
    b: number[];
    classes: number;
    found: Record<"plain" | "linear" | "quadratic", Found>;
  }[];
  crowds: {
    items: (number | null)[][];
    classes: number;
    fleiss?: number;
    alpha: Record<"nominal" | "ordinal" | "interval", number>;
    gwet: Record<
      "identity" | "linear" | "quadratic",
      { value: number; se: number; low: number; high: number }
    >;
  }[];
}
const golden = JSON.parse(
  readFileSync(new URL("golden/agreement.json", import.meta.url), "utf8"),
) as Golden;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, k) => k);
const labelsOf = (items: (number | null)[][]): ItemLabels[] =>
  items.map((row) => row.map((label) => label ?? undefined));

describe("against other implementations, to 1e-9", () => {
  test("Cohen's kappa with standard error and interval: statsmodels", () => {
    expect(golden.pairs.length).toBe(3);
    for (const { a, b, classes, found } of golden.pairs)
      for (const weights of ["plain", "linear", "quadratic"] as const) {
        const options = weights === "plain" ? {} : { weights, categories: numbers(classes) };
        const got = weightedKappaInterval(a, b, options);
        const want = found[weights];
        expect(got.estimate).toBeCloseTo(want.kappa, 9);
        expect(got.estimate).toBe(cohenKappa(a, b, options).value);
        expect(got.standardError).toBeCloseTo(want.se, 9);
        expect(got.low).toBeCloseTo(Math.max(-1, want.low), 9);
        expect(got.high).toBeCloseTo(Math.min(1, want.high), 9);
      }
  });

  test("Fleiss' kappa: statsmodels; alpha: krippendorff; AC1 and AC2: irrCAC", () => {
    expect(golden.crowds.length).toBe(4);
    for (const { items, classes, fleiss, alpha, gwet } of golden.crowds) {
      const labels = labelsOf(items);
      const categories = numbers(classes);
      if (fleiss !== undefined) expect(fleissKappa(labels).value).toBeCloseTo(fleiss, 9);
      for (const level of ["nominal", "ordinal", "interval"] as const)
        expect(krippendorffAlpha(labels, { level, categories }).value).toBeCloseTo(alpha[level], 9);
      for (const [name, want] of Object.entries(gwet)) {
        const weights = name === "identity" ? {} : { weights: name as "linear" };
        const got = gwetAgreement(labels, { categories, ...weights });
        expect(got.value).toBeCloseTo(want.value, 9);
        expect(got.standardError).toBeCloseTo(want.se, 9);
        expect(got.interval.low).toBeCloseTo(want.low, 9);
        expect(got.interval.high).toBeCloseTo(want.high, 9);
      }
    }
  });
});

/** Labels of so many raters, each right with the same probability. */
function crowd(
  items: number,
  { raters, right, share = 0.5 }: { raters: number; right: number; share?: number },
  random: Random,
): number[][] {
  return Array.from({ length: items }, () => {
    const truth = random.chance(share) ? 1 : 0;
    return Array.from({ length: raters }, () => (random.chance(right) ? truth : 1 - truth));
  });
}

test("the intervals over items hold the estimate, whatever the number of items", () => {
  for (const items of [5, 20, 80]) {
    const labels = crowd(items, { raters: 3, right: 0.8 }, new Random(items));
    const random = new Random(1);
    for (const [interval, value] of [
      [alphaInterval(labels, { random, resamples: 400 }), krippendorffAlpha(labels).value],
      [fleissInterval(labels, { random, resamples: 400 }), fleissKappa(labels).value],
    ] as const) {
      expect(interval.estimate).toBeCloseTo(value, 12);
      expect(interval.low).toBeLessThan(value);
      expect(interval.high).toBeGreaterThan(value);
      expect(interval.high).toBeLessThanOrEqual(1);
      expect(interval.n).toBe(items);
    }
  }
});

test("the bootstrap of alpha resamples what krippendorffAlpha computes, at every level", () => {
  const labels = crowd(60, { raters: 3, right: 0.7 }, new Random(3)).map((row) => [
    ...row,
    undefined,
  ]);
  for (const level of ["nominal", "ordinal", "interval"] as const) {
    const how = { level, categories: [0, 1] };
    const whole = alphaInterval(labels, { ...how, random: new Random(4), resamples: 600 });
    const half = alphaInterval(labels.slice(0, 30), { ...how, random: new Random(4) });
    expect(whole.estimate).toBeCloseTo(krippendorffAlpha(labels, how).value, 12);
    expect(half.high - half.low).toBeGreaterThan(whole.high - whole.low);
  }
});

test("where all agree the interval has a width, and where nothing varies there is no claim", () => {
  const same = Array.from({ length: 20 }, (_, i) => [i % 2, i % 2, i % 2]);
  const random = new Random(5);
  const share = wilson(20, 20);
  const alpha = alphaInterval(same, { random });
  expect([alpha.estimate, alpha.high]).toEqual([1, 1]);
  expect(alpha.low).toBeCloseTo((share.low - 29 / 59) / (1 - 29 / 59), 12);
  expect(fleissInterval(same, { random }).low).toBeCloseTo((share.low - 0.5) / 0.5, 12);
  const one = [[1, 1], [1, 1], [1]];
  const sayings = [
    alphaInterval(one, { random }).noClaim,
    fleissInterval(one.slice(0, 2), { random }).noClaim,
    weightedKappaInterval([1, 1], [1, 1]).noClaim,
    weightedKappaInterval([1, 2, 1], [1, 2, 1]).noClaim,
    gwetAgreement(same).interval.noClaim,
    gwetAgreement([[1], [2]]).interval.noClaim,
    agreementInterval([[1], []]).noClaim,
    alphaInterval([[1], []], { random }).noClaim,
    alphaInterval([[1, 2], [2], [1, 1]], { random }).noClaim,
  ];
  expect(sayings).toEqual([
    "all labels are the same",
    "all labels are the same",
    "all labels are the same",
    "the two agree on every item",
    "every item is labelled alike",
    "no item has two labels",
    "no item has two labels",
    "no item has two labels",
    "fewer than three items have two labels",
  ]);
  expect(gwetAgreement([[1, 1], [1, 1], [1]]).value).toBe(1);
});

test("a category that one item alone holds allows no claim", () => {
  const rare = [[1, 0], ...Array.from({ length: 9 }, () => [0, 0])];
  const interval = alphaInterval(rare, { random: new Random(6) });
  expect(interval.noClaim).toBe("one item holds all labels of a category");
  const many = [[1, 0], ...Array.from({ length: 60 }, () => [0, 0])];
  expect(alphaInterval(many, { random: new Random(6) }).noClaim).toBe(
    "one category is so rare that resamples lack it",
  );
});

test("percentage agreement counts each item once, and clusters", () => {
  const items = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? ["a", "b"] : ["a", "a"]));
  expect(agreementInterval([...items, ["a"]])).toEqual(wilson(20, 30));
  const clustered = agreementInterval([...items, ["a"]], {
    clusters: [...items.map((_, i) => i % 6), 9],
  });
  expect(clustered.n).toBe(30);
  expect(clustered.low).toBeLessThan(clopperPearson(20, 30).low);
  // the shares of three labels are thirds, which vary less than a coin does
  const thirds = agreementInterval(items.map((labels) => [...labels, "a"]));
  expect(thirds.high - thirds.low).toBeLessThan(wilson(23.3, 30).high - wilson(23.3, 30).low);
});

test("weights want the order of the categories, and know them all", () => {
  expect(() => gwetAgreement([["a", "b"]], { weights: "linear" })).toThrow(/order/);
  expect(() => gwetAgreement([["a", "b"]], { categories: ["a"] })).toThrow(/label b is not one/);
});
