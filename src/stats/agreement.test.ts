import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { cohenKappa, fleissKappa, krippendorffAlpha } from "./agreement.ts";
import type { ItemLabels } from "./agreement.ts";
import { agreementInterval } from "./agreement-intervals.ts";

const transpose = (rows: readonly ItemLabels[]): ItemLabels[] =>
  rows[0]!.map((_, i) => rows.map((row) => row[i]));

describe("against other implementations", () => {
  const a = [1, 2, 3, 2, 1, 3, 3, 2, 1, 2, 2, 3];
  const b = [1, 2, 2, 2, 1, 3, 1, 2, 2, 2, 3, 3];

  test("cohen_kappa_score of scikit-learn 1.9.1", () => {
    const categories = [1, 2, 3];
    expect(cohenKappa(a, b).value).toBeCloseTo(0.4838709677419355, 12);
    expect(cohenKappa(a, b, { weights: "linear", categories }).value).toBeCloseTo(
      0.4736842105263158,
      12,
    );
    expect(cohenKappa(a, b, { weights: "quadratic", categories }).value).toBeCloseTo(
      0.46153846153846156,
      12,
    );
  });

  test("fleiss_kappa of statsmodels 0.15.0", () => {
    const items = [
      [1, 1, 2],
      [2, 2, 2],
      [3, 3, 1],
      [1, 1, 1],
      [2, 3, 3],
      [3, 3, 3],
      [1, 2, 3],
      [2, 2, 1],
    ];
    expect(fleissKappa(items).value).toBeCloseTo(0.3125, 12);
  });

  test("alpha of the PyPI package krippendorff 0.9.0, labels missing", () => {
    const no = undefined;
    const raters = [
      [no, no, no, no, no, 3, 4, 1, 2, 1, 1, 3, 3, no, 3],
      [1, no, 2, 1, 3, 3, 4, 3, no, no, no, no, no, no, no],
      [no, no, 2, 1, 3, 4, 4, no, 2, 1, 1, 3, 3, no, 4],
    ];
    const items = transpose(raters);
    expect(krippendorffAlpha(items).value).toBeCloseTo(0.691358024691358, 12);
    expect(krippendorffAlpha(items).items).toBe(12);
    expect(
      krippendorffAlpha(items, { level: "ordinal", categories: [1, 2, 3, 4] }).value,
    ).toBeCloseTo(0.8067214199413153, 12);
    expect(krippendorffAlpha(items, { level: "interval" }).value).toBeCloseTo(
      0.8108448928121059,
      12,
    );
  });
});

test("perfect agreement is 1; random labels are near 0, however unequal the categories", () => {
  const random = new Random(9);
  const draw = (): string => (random.chance(0.9) ? "good" : "bad");
  const items = Array.from({ length: 4000 }, () => [draw(), draw(), draw()]);
  const same = items.map(([first]) => [first!, first!, first!]);
  for (const measure of [fleissKappa, krippendorffAlpha] as const) {
    expect(measure(same).value).toBeCloseTo(1, 12);
    expect(Math.abs(measure(items).value)).toBeLessThan(0.03);
  }
  // 0.9² + 0.1²: what chance alone gives, and what a raw share hides.
  expect(Math.abs(agreementInterval(items).estimate - 0.82)).toBeLessThan(0.01);
  expect(
    Math.abs(
      cohenKappa(
        items.map((x) => x[0]),
        items.map((x) => x[1]),
      ).value,
    ),
  ).toBeLessThan(0.05);
});

test("names of labels, order of items and order of raters do not matter", () => {
  const labels = fc.array(fc.array(fc.constantFrom(0, 1, 2), { minLength: 3, maxLength: 3 }), {
    minLength: 3,
    maxLength: 20,
  });
  fc.assert(
    fc.property(labels, (items) => {
      const renamed = items.map((item) => item.map((label) => ["x", "y", "z"][label]));
      const moved = items.toReversed().map((item) => item.toReversed());
      for (const measure of [fleissKappa, krippendorffAlpha]) {
        const { value } = measure(items);
        for (const other of [renamed, moved])
          expect(measure(other).value).toSatisfy(
            (got: number) => Object.is(got, value) || Math.abs(got - value) < 1e-12,
          );
      }
    }),
    { seed: 5 },
  );
});

test("what is undefined is NaN, not 0 and not 1", () => {
  expect(
    krippendorffAlpha([
      ["a", "a"],
      ["a", "a"],
    ]).value,
  ).toBeNaN();
  expect(krippendorffAlpha([["a"], ["b"]])).toMatchObject({ value: NaN, items: 0 });
  expect(fleissKappa([]).value).toBeNaN();
  expect(cohenKappa([], []).value).toBeNaN();
  expect(cohenKappa(["a", undefined], [undefined, "b"]).items).toBe(0);
});

test("wrong use is refused with the item or label named", () => {
  expect(() => fleissKappa([["a", "b"], ["a"]])).toThrow(/1 for item 2[^]*krippendorffAlpha/);
  expect(() => krippendorffAlpha([["a", "b"]], { level: "interval" })).toThrow(
    /needs numbers; got "a"/,
  );
  expect(() => krippendorffAlpha([["a", "b"]], { level: "ordinal", categories: ["a"] })).toThrow(
    /label b is not one/,
  );
  expect(() => cohenKappa(["a"], ["c"], { categories: ["a", "b"] })).toThrow(/label c is not one/);
});
