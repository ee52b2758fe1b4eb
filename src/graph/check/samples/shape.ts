/** Samples of the operations that move numbers. */
import type { Shape } from "../../dimensions.ts";
import type { ShapeAttributes } from "../../op-types.ts";
import type { Sample, SampleInput } from "./sample.ts";
import { NO_SYMBOLS, TWO_SIZES, below, float, integer } from "./sample.ts";

const reshape = (name: string, input: SampleInput, shape: Shape): Sample<"reshape"> => ({
  name,
  attributes: { shape },
  inputs: [input],
  sizes: TWO_SIZES,
});
const transpose = (shape: Shape, permutation: readonly number[]): Sample<"transpose"> => ({
  name: `[${shape.join(", ")}] by [${permutation.join(", ")}]`,
  attributes: { permutation },
  inputs: [float(shape)],
  sizes: TWO_SIZES,
});
const expand = (from: Shape, shape: Shape): Sample<"expand"> => ({
  name: `[${from.join(", ")}] to [${shape.join(", ")}]`,
  attributes: { shape },
  inputs: [float(from)],
  sizes: TWO_SIZES,
});

export const shape = {
  reshape: [
    reshape("splitting a known axis", float(["n", 6]), ["n", 2, 3]),
    reshape("merging unknown axes", float(["n", "m", 4]), ["m*n", 4]),
    reshape("splitting an unknown axis", float(["m*n", 4]), ["n", "m", 4]),
    reshape("a factor with a number", float(["n", 2, "m"]), ["n", "2*m"]),
    reshape("to a vector and of integers", integer(["n", "m"], below(9)), ["m*n"]),
    {
      name: "a scalar from one entry",
      attributes: { shape: [] },
      inputs: [float([1, 1])],
      sizes: NO_SYMBOLS,
    },
  ],
  transpose: [
    transpose(["n", "m"], [1, 0]),
    transpose(["n", "m", 2, 3], [0, 2, 1, 3]),
    transpose(["n", 2, "m"], [2, 0, 1]),
  ],
  concat: [
    {
      name: "two along the last axis",
      attributes: { axis: -1 },
      inputs: [float(["n", 2]), float(["n", 3])],
      sizes: TWO_SIZES,
    },
    {
      name: "three along the first axis",
      attributes: { axis: 0 },
      inputs: [float([1, "m"]), float([2, "m"]), float([1, "m"])],
      sizes: TWO_SIZES,
    },
    {
      name: "integers",
      attributes: { axis: 1 },
      inputs: [integer(["n", 2], below(9)), integer(["n", 1], below(9))],
      sizes: TWO_SIZES,
    },
  ],
  slice: [
    {
      name: "the middle",
      attributes: { axis: 1, start: 1, end: 3 },
      inputs: [float(["n", 5, "m"])],
      sizes: TWO_SIZES,
    },
    {
      name: "the start",
      attributes: { axis: -1, start: 0, end: 2 },
      inputs: [float(["n", 5])],
      sizes: TWO_SIZES,
    },
    {
      name: "the end",
      attributes: { axis: 0, start: 2, end: 4 },
      inputs: [float([4, "n"])],
      sizes: TWO_SIZES,
    },
    {
      name: "all",
      attributes: { axis: 0, start: 0, end: 4 },
      inputs: [float([4])],
      sizes: NO_SYMBOLS,
    },
  ],
  pad: [
    {
      name: "both sides",
      attributes: { axis: 1, before: 1, after: 2 },
      inputs: [float(["n", 3, "m"])],
      sizes: TWO_SIZES,
    },
    {
      name: "before",
      attributes: { axis: -1, before: 2, after: 0 },
      inputs: [float(["n", 2])],
      sizes: TWO_SIZES,
    },
    {
      name: "nothing",
      attributes: { axis: 0, before: 0, after: 0 },
      inputs: [float([2])],
      sizes: NO_SYMBOLS,
    },
  ],
  expand: [
    expand(["n", 1], ["n", "m"]),
    expand([3], ["n", 3]),
    expand([], ["n", "m"]),
    expand(["n", 1, 2], ["n", 4, 2]),
    expand(["m"], ["n", "m"]),
    {
      name: "known sizes",
      attributes: { shape: [3, 2] },
      inputs: [float([1, 2])],
      sizes: NO_SYMBOLS,
    },
  ],
  fill: [
    {
      name: "unknown sizes",
      attributes: { shape: ["n", "m", "2*n"], value: -1.5 },
      inputs: [],
      sizes: TWO_SIZES,
    },
    { name: "a product", attributes: { shape: ["m*n"], value: 2 }, inputs: [], sizes: TWO_SIZES },
    { name: "small", attributes: { shape: [2, 3], value: 0.25 }, inputs: [], sizes: NO_SYMBOLS },
    { name: "a scalar", attributes: { shape: [], value: 7 }, inputs: [], sizes: NO_SYMBOLS },
    { name: "large", attributes: { shape: [70, 70], value: 1 }, inputs: [], sizes: NO_SYMBOLS },
  ],
} satisfies { [N in keyof ShapeAttributes]: readonly Sample<N>[] };
