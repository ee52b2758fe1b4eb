import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import type { ItemLabels } from "./agreement.ts";
import { cohenKappa, fleissKappa, krippendorffAlpha } from "./agreement.ts";
import {
  agreementInterval,
  alphaInterval,
  fleissInterval,
  kappaInterval,
} from "./agreement-intervals.ts";
import { gwetAgreement } from "./gwet.ts";
import type { Interval } from "./intervals.ts";
import { clopperPearson, wilson } from "./intervals.ts";
import { measureCoverage } from "./testing/coverage.ts";

interface Golden {
  pairs: {
    a: number[];
    b: number[];
    classes: number;
    found: Record<"plain" | "linear" | "quadratic", { kappa: number }>;
  }[];
  crowds: {
    items: (number | null)[][];
    classes: number;
    fleiss?: number;
    alpha: Record<"nominal" | "ordinal" | "interval", number>;
    gwet: Record<"identity" | "linear" | "quadratic", { value: number }>;
  }[];
}
const golden = JSON.parse(
  readFileSync(new URL("golden/agreement.json", import.meta.url), "utf8"),
) as Golden;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, k) => k);
const labelsOf = (items: (number | null)[][]): ItemLabels[] =>
  items.map((row) => row.map((label) => label ?? undefined));

describe("against other implementations, to 1e-9", () => {
  test("Cohen's kappa: statsmodels", () => {
    expect(golden.pairs.length).toBe(3);
    for (const { a, b, classes, found } of golden.pairs)
      for (const weights of ["plain", "linear", "quadratic"] as const) {
        const options = weights === "plain" ? {} : { weights, categories: numbers(classes) };
        const got = kappaInterval(a, b, options);
        expect(got.estimate).toBeCloseTo(found[weights].kappa, 9);
        expect(got.estimate).toBe(cohenKappa(a, b, options).value);
        expect(got.low).toBeLessThan(got.estimate);
        expect(got.high).toBeGreaterThan(got.estimate);
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
        expect(gwetAgreement(labels, { categories, ...weights }).value).toBeCloseTo(want.value, 9);
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

/** By name, of raters whose number is the same for every item. */
const measuresOf = (
  labels: readonly number[][],
  clusters?: readonly number[],
): Record<string, Interval> => ({
  kappa: kappaInterval(
    labels.map(([a]) => a),
    labels.map(([, b]) => b),
    { clusters },
  ),
  fleiss: fleissInterval(labels, { clusters }),
  alpha: alphaInterval(labels, { clusters }),
  gwet: gwetAgreement(labels, { clusters }).interval,
});

test("the intervals hold the estimate, and narrow with the number of items", () => {
  const widths = [5, 20, 80].map((items) => {
    const labels = crowd(items, { raters: 3, right: 0.8 }, new Random(items));
    return Object.values(measuresOf(labels)).map(({ estimate, low, high, n }) => {
      expect(low).toBeLessThan(estimate);
      expect(high).toBeGreaterThan(estimate);
      expect(high).toBeLessThanOrEqual(1);
      expect(n).toBe(items);
      return high - low;
    });
  });
  for (const [i, narrow] of widths[2]!.entries()) expect(narrow).toBeLessThan(widths[0]![i]!);
});

test("items of one prompt that are alike count as one", () => {
  const labels = crowd(30, { raters: 3, right: 0.8 }, new Random(2));
  const repeated = labels.flatMap((row) => [row, row, row, row]);
  const clusters = repeated.map((_, i) => Math.floor(i / 4));
  const [once, apart, together] = [
    measuresOf(labels),
    measuresOf(repeated),
    measuresOf(repeated, clusters),
  ];
  for (const name of Object.keys(once)) {
    const width = ({ low, high }: Interval): number => high - low;
    expect(width(together[name]!) / width(once[name]!), name).toBeCloseTo(1, 1);
    expect(width(apart[name]!) / width(once[name]!), name).toBeLessThan(0.65);
  }
});

test("30 prompts of six pairs that are alike: stated 95% intervals cover, of rare classes too", () => {
  const rounds = 150;
  for (const { estimator, covered, claimed } of measureCoverage(
    { shape: "equal", groups: 30, correlation: 1 },
    {
      rounds,
      seed: 3,
      only: ["Cohen's kappa", "Fleiss' kappa", "Krippendorff's alpha", "Gwet's AC1"].flatMap(
        (name) => [`${name}, even, right in 97%`, `${name}, one class 85%, right in 90%`],
      ),
    },
  )) {
    // less three standard errors of so many rounds
    expect(covered, estimator).toBeGreaterThan(0.93 - 3 * Math.sqrt((0.07 * 0.93) / rounds));
    expect(claimed, estimator).toBeGreaterThan(0.95);
  }
});

test("alpha has an interval at every level", () => {
  const labels = crowd(60, { raters: 3, right: 0.7 }, new Random(3)).map((row) => [
    ...row,
    undefined,
  ]);
  for (const level of ["nominal", "ordinal", "interval"] as const) {
    const how = { level, categories: [0, 1] };
    const [whole, half] = [alphaInterval(labels, how), alphaInterval(labels.slice(0, 30), how)];
    expect(whole.estimate).toBeCloseTo(krippendorffAlpha(labels, how).value, 12);
    expect(half.high - half.low).toBeGreaterThan(whole.high - whole.low);
  }
});

test("where all agree the interval has a width, and where nothing varies there is no claim", () => {
  const same = Array.from({ length: 20 }, (_, i) => [i % 2, i % 2, i % 2]);
  for (const { estimate, low, high } of Object.values(measuresOf(same))) {
    expect(estimate).toBeCloseTo(1, 12);
    expect(high).toBe(1);
    // 20 throws of a coin that all fell on one side; of three labels a third agrees at least
    expect(low).toBeGreaterThan(2 * clopperPearson(20, 20).low - 1 - 0.01);
    expect(low).toBeLessThan(0.8);
  }
  const one = [[1, 1], [1, 1], [1]];
  const sayings = [
    alphaInterval(one).noClaim,
    fleissInterval(one.slice(0, 2)).noClaim,
    kappaInterval([1, 1], [1, 1]).noClaim,
    kappaInterval([1, 2], [1, 2]).noClaim,
    gwetAgreement(one).interval.noClaim,
    gwetAgreement([[1], [2]]).interval.noClaim,
    agreementInterval([[1], []]).noClaim,
    alphaInterval([[1], []]).noClaim,
    alphaInterval([[1, 2], [2], [1, 1]]).noClaim,
    kappaInterval([1, undefined, 2], [1, 2, undefined]).noClaim,
    alphaInterval(same, { clusters: same.map((_, i) => i % 2) }).noClaim,
  ];
  expect(sayings).toEqual([
    "all labels are the same",
    "all labels are the same",
    "all labels are the same",
    "2 independent groups",
    "all labels are the same",
    "no item has two labels",
    "no item has two labels",
    "no item has two labels",
    "2 independent groups",
    "all labels are the same",
    "2 independent groups",
  ]);
  expect(gwetAgreement([[1, 1], [1, 1], [1]]).value).toBe(1);
});

test("of a category that one item alone holds the interval tells next to nothing", () => {
  const rare = [[1, 0], ...Array.from({ length: 9 }, () => [0, 0])];
  const { low, high, estimate } = alphaInterval(rare);
  expect(estimate).toBeCloseTo(0, 12);
  expect(low).toBe(-1);
  expect(high).toBeGreaterThan(0.7);
  expect(gwetAgreement(rare).interval.low).toBeGreaterThan(0.3);
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
