/** Symbolic dimensions behave like the numbers that they stand for. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { broadcastSizes } from "./interpreter/plain.ts";
import type { Dimension, Shape } from "./dimensions.ts";
import {
  broadcastShapes,
  decompose,
  fitsSize,
  formatShape,
  normalizeAxis,
  product,
  resolveShape,
  sameShape,
} from "./dimensions.ts";

const SYMBOLS = { batch: 3, time: 5, heads: 2 };
const factor = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constantFrom(...Object.keys(SYMBOLS)));
const dimension: fc.Arbitrary<Dimension> = fc
  .array(factor, { maxLength: 4 })
  .map((factors) => product(...factors));
const size = (of: Dimension): number => resolveShape([of], SYMBOLS)[0]!;

describe("products", () => {
  test("have the size of the product of the sizes", () => {
    fc.assert(
      fc.property(fc.array(dimension, { maxLength: 4 }), (parts) => {
        expect(size(product(...parts))).toBe(parts.map(size).reduce((a, b) => a * b, 1));
      }),
    );
  });

  test("are equal whatever the order and grouping", () => {
    fc.assert(
      fc.property(dimension, dimension, dimension, (a, b, c) => {
        expect(product(a, b)).toBe(product(b, a));
        expect(product(product(a, b), c)).toBe(product(a, product(b, c)));
        expect(product(a)).toBe(a);
        expect(product(a, 1)).toBe(a);
        expect(product(a, 0)).toBe(0);
      }),
    );
  });

  test("are written in one canonical way", () => {
    expect(product("time", 4, "batch")).toBe("4*batch*time");
    expect(product("time", 4, "batch", 2)).toBe("8*batch*time");
    expect(product(2, 3)).toBe(6);
    expect(product()).toBe(1);
    expect(product("time", "time")).toBe("time*time");
  });

  test("come apart into what they were made of", () => {
    fc.assert(
      fc.property(dimension, (whole) => {
        const { coefficient, symbols } = decompose(whole);
        expect(product(coefficient, ...symbols)).toBe(whole);
      }),
    );
  });
});

describe("broadcasting", () => {
  /**
   * Two shapes that broadcast: a common one, with axes of either made 1 and leading axes left out.
   */
  const pair = fc
    .array(
      fc.record({
        dimension: fc.constantFrom<Dimension>(1, 2, 7, "batch", "time", "batch*time"),
        left: fc.boolean(),
        right: fc.boolean(),
      }),
      { maxLength: 4 },
    )
    .chain((axes) =>
      fc
        .record({
          dropLeft: fc.integer({ min: 0, max: axes.length }),
          dropRight: fc.integer({ min: 0, max: axes.length }),
        })
        .map(({ dropLeft, dropRight }) => ({
          a: axes.map(({ dimension, left }): Dimension => (left ? 1 : dimension)).slice(dropLeft),
          b: axes
            .map(({ dimension, right }): Dimension => (right ? 1 : dimension))
            .slice(dropRight),
        })),
    );

  test("agrees with broadcasting the numbers, in either order", () => {
    fc.assert(
      fc.property(pair, ({ a, b }) => {
        const shape = broadcastShapes(a, b);
        expect(resolveShape(shape, SYMBOLS)).toEqual(
          broadcastSizes(resolveShape(a, SYMBOLS), resolveShape(b, SYMBOLS)),
        );
        expect(sameShape(shape, broadcastShapes(b, a))).toBe(true);
        expect(sameShape(broadcastShapes(shape, a), shape)).toBe(true);
      }),
    );
  });

  test("refuses sizes that differ, and symbols that may", () => {
    expect(() => broadcastShapes([2, 3], [2, 4])).toThrow(
      "shapes [2, 3] and [2, 4] do not broadcast: axis 1 has 3 and 4",
    );
    expect(() => broadcastShapes(["batch"], ["time"])).toThrow(/axis 0 has batch and time/);
    expect(() => broadcastShapes(["batch", 3], [5, 3])).toThrow(/axis 0 has batch and 5/);
  });
});

test("a symbol without a size is named", () => {
  expect(() => resolveShape(["batch", "2*depth"], SYMBOLS)).toThrow(
    "dimension 2*depth: the symbol depth has no size here",
  );
});

test("axes count from both ends", () => {
  expect([0, 1, -1, -2].map((axis) => normalizeAxis(axis, 2))).toEqual([0, 1, 1, 0]);
  expect(() => normalizeAxis(2, 2)).toThrow("axis 2 is out of range for rank 2");
  expect(() => normalizeAxis(-3, 2)).toThrow(/out of range/);
});

test("a size fits its own number, any symbol, and multiples of a symbol's factor", () => {
  expect([
    fitsSize(3, 3),
    fitsSize(3, 4),
    fitsSize("time", 7),
    fitsSize("4*block", 8),
    fitsSize("4*block", 6),
    fitsSize("2*batch*time", 6),
  ]).toEqual([true, false, true, true, false, true]);
});

test("shapes are equal axis by axis", () => {
  const shape: Shape = ["batch", 3];
  expect(sameShape(shape, ["batch", 3])).toBe(true);
  expect(sameShape(shape, ["batch"])).toBe(false);
  expect(sameShape(shape, [3, "batch"])).toBe(false);
  expect(formatShape(shape)).toBe("[batch, 3]");
});
