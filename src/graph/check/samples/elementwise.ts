/** Samples of the elementwise operations. */
import { halfToFloatTable, toHalf } from "../../../core/tensor.ts";
import type { ElementwiseAttributes, None } from "../../op-types.ts";
import type { PlainTensor } from "../../interpreter/plain.ts";
import type { Fill, Sample, SampleWith } from "./sample.ts";
import {
  NO_SYMBOLS,
  TWO_SIZES,
  apart,
  awayFromZero,
  below,
  float,
  integer,
  listed,
  normal,
  truth,
  uniform,
} from "./sample.ts";

/** For any operation of two numbers. */
function binary(left: Fill, right: Fill): SampleWith<None>[] {
  const sample = (
    name: string,
    a: readonly (number | string)[],
    b: readonly (number | string)[],
    sizes = TWO_SIZES,
  ): SampleWith<None> => ({
    name,
    attributes: {},
    inputs: [float(a, left), float(b, right)],
    sizes,
  });
  return [
    sample("equal shapes", ["n", "m"], ["n", "m"]),
    sample("a row", ["n", 3], [3]),
    sample("outer", ["n", 1], [1, "m"]),
    sample("a scalar on the left", [], ["n", "m"]),
    sample("a scalar on the right", ["n", "m"], []),
    sample("a mask over heads", ["n", 2, "m", "m"], ["n", 1, "m", "m"]),
    sample("missing and unit axes", [4, 1, 3], [2, 1], NO_SYMBOLS),
    sample("scalars", [], [], NO_SYMBOLS),
  ];
}

/** For any function of one number. */
function unary(fill: Fill, extremes: readonly number[]): SampleWith<None>[] {
  return [
    { name: "a matrix", attributes: {}, inputs: [float(["n", "m"], fill)], sizes: TWO_SIZES },
    { name: "a scalar", attributes: {}, inputs: [float([], fill)], sizes: NO_SYMBOLS },
    {
      name: "extremes",
      attributes: {},
      inputs: [float([extremes.length], listed(...extremes))],
      sizes: NO_SYMBOLS,
    },
  ];
}

const ties = listed(1, 2, 3, 2, -1);
const otherTies = listed(1, 3, 2, 2, -1);

const choosing: readonly SampleWith<None>[] = [
  ...binary(apart(), apart(0.1)),
  {
    name: "ties, shared by halves",
    attributes: {},
    inputs: [float([5], ties), float([5], otherTies)],
    sizes: NO_SYMBOLS,
  },
];

const identity = (
  _: readonly PlainTensor[],
  [upstream]: readonly PlainTensor[],
): Float64Array[] => [upstream!.data];

export const elementwise = {
  add: binary(normal(), normal()),
  subtract: binary(normal(), normal()),
  multiply: binary(normal(), normal()),
  divide: binary(normal(), awayFromZero),
  maximum: choosing,
  minimum: choosing,
  negate: unary(normal(), [0, 1e4, -1e-4]),
  exp: unary(normal(), [0, -1e9, -90, 10]),
  log: unary(uniform(0.2, 3), [0.01, 1, 1e4]),
  sqrt: unary(uniform(0.2, 3), [0.01, 1, 1e4]),
  abs: unary(awayFromZero, [0, 1e4, -1e4]),
  tanh: unary(normal(), [0, 30, -30]),
  sigmoid: unary(normal(), [0, 100, -100, 1e9, -1e9]),
  softplus: unary(normal(), [0, 100, -100, 1e4, -1e9]),
  silu: unary(normal(), [0, 30, -30, 1e4, -1e4]),
  gelu: (["none", "tanh"] as const).flatMap((approximation): Sample<"gelu">[] => [
    {
      name: `a matrix, ${approximation}`,
      attributes: { approximation },
      inputs: [float(["n", "m"], normal(2))],
      sizes: TWO_SIZES,
    },
    {
      name: `extremes, ${approximation}`,
      attributes: { approximation },
      inputs: [float([8], listed(0, 1e-4, -1e-4, 2e-3, 4, -4, 30, -30))],
      sizes: NO_SYMBOLS,
    },
  ]),
  greater: [
    {
      name: "broadcast",
      attributes: {},
      inputs: [float(["n", "m"], below(3)), float([1, "m"], below(3))],
      sizes: TWO_SIZES,
    },
    {
      name: "ties",
      attributes: {},
      inputs: [float([5], ties), float([5], otherTies)],
      sizes: NO_SYMBOLS,
    },
  ],
  equal: [
    {
      name: "integers",
      attributes: {},
      inputs: [integer(["n", "m"], below(3)), integer(["m"], below(3))],
      sizes: TWO_SIZES,
    },
    {
      name: "floats",
      attributes: {},
      inputs: [float([5], ties), float([5], otherTies)],
      sizes: NO_SYMBOLS,
    },
  ],
  where: [
    {
      name: "equal shapes",
      attributes: {},
      inputs: [truth(["n", "m"]), float(["n", "m"]), float(["n", "m"])],
      sizes: TWO_SIZES,
    },
    {
      name: "broadcast",
      attributes: {},
      inputs: [truth(["n", 1]), float(["m"]), float([])],
      sizes: TWO_SIZES,
    },
    {
      name: "a broadcast condition",
      attributes: {},
      inputs: [truth([3]), float(["n", 3]), float(["n", 1])],
      sizes: TWO_SIZES,
    },
    {
      name: "integers",
      attributes: {},
      inputs: [truth(["n"]), integer(["n"], below(9)), integer([], below(9))],
      sizes: TWO_SIZES,
    },
  ],
  cast: [
    {
      name: "float32 to int64, towards zero",
      attributes: { to: "int64" },
      inputs: [float(["n", "m"], normal(4))],
      sizes: TWO_SIZES,
    },
    {
      name: "float32 to int32",
      attributes: { to: "int32" },
      inputs: [float(["n"], normal(4))],
      sizes: TWO_SIZES,
    },
    {
      name: "int64 to float32",
      attributes: { to: "float32" },
      inputs: [integer(["n", "m"], below(9))],
      sizes: TWO_SIZES,
    },
    {
      name: "bool to float32",
      attributes: { to: "float32" },
      inputs: [truth(["n", "m"])],
      sizes: TWO_SIZES,
    },
    {
      name: "int64 to bool",
      attributes: { to: "bool" },
      inputs: [integer(["n", "m"], below(3))],
      sizes: TWO_SIZES,
    },
    {
      name: "float16 to float32",
      attributes: { to: "float32" },
      inputs: [{ dtype: "float16", shape: ["n", "m"], fill: normal() }],
      needs: "float16",
      sizes: TWO_SIZES,
      gradient: (_, [upstream]) => [upstream!.data.map((g) => halfToFloatTable()[toHalf(g)]!)],
    },
    // Rounding makes a staircase, whose slope on the whole is 1.
    {
      name: "float32 to float16",
      attributes: { to: "float16" },
      needs: "float16",
      inputs: [float(["n", "m"])],
      sizes: TWO_SIZES,
      gradient: identity,
    },
  ],
  stopGradient: [
    {
      name: "a matrix",
      attributes: {},
      inputs: [float(["n", "m"])],
      sizes: TWO_SIZES,
      outputs: [0],
      gradient: ([x]) => [new Float64Array(x!.data.length)],
    },
  ],
} satisfies { [N in keyof ElementwiseAttributes]: readonly Sample<N>[] };
