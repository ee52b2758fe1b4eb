/**
 * Samples of the matrix products: every combination of transposes, with and without batch axes and
 * biases.
 */
import type { Shape } from "../../dimensions.ts";
import type { LinearAlgebraAttributes } from "../../op-types.ts";
import { linearAlgebra as linearAlgebraReferences } from "../../interpreter/references/linear-algebra.ts";
import type { Sample, SampleInput } from "./sample.ts";
import { NO_SYMBOLS, TWO_SIZES, float } from "./sample.ts";

const TRANSPOSES = [false, true].flatMap((transposeLeft) =>
  [false, true].map((transposeRight) => ({ transposeLeft, transposeRight })),
);
const nameOf = ({ transposeLeft, transposeRight }: (typeof TRANSPOSES)[number]): string =>
  `${transposeLeft ? "a^T" : "a"} ${transposeRight ? "b^T" : "b"}`;
const turn = (shape: Shape, transposed: boolean): Shape =>
  transposed ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;

const matmul = TRANSPOSES.flatMap((transposes): Sample<"matmul">[] => {
  const { transposeLeft, transposeRight } = transposes;
  const sample = (name: string, a: Shape, b: Shape, scale: number): Sample<"matmul"> => ({
    name: `${nameOf(transposes)}, ${name}`,
    attributes: { ...transposes, scale },
    inputs: [float(turn(a, transposeLeft)), float(turn(b, transposeRight))],
    sizes: TWO_SIZES,
  });
  return [
    sample("matrices", ["n", 4], [4, "m"], 1),
    sample("batches, scaled", ["n", 2, "m", 3], ["n", 2, 3, 4], 0.125),
    sample("unknown inner size", [2, 3, "n"], [2, "n", 2], -2),
  ];
});

const gemm = TRANSPOSES.flatMap((transposes): Sample<"gemm">[] => {
  const inputs = [
    float(turn(["n", 4], transposes.transposeLeft)),
    float(turn([4, 3], transposes.transposeRight)),
  ];
  return [
    { name: nameOf(transposes), attributes: transposes, inputs, sizes: TWO_SIZES },
    {
      name: `${nameOf(transposes)} + row`,
      attributes: transposes,
      inputs: [...inputs, float([3])],
      sizes: TWO_SIZES,
    },
  ];
});

const code: SampleInput["fill"] = ({ random }) => random.integer(255) - 127;
const scale: SampleInput["fill"] = ({ random }) => 0.001 + 0.01 * random.uniform();

/** The rounding is no function that has slopes: its gradient is the product from the other side. */
function int8Sample(name: string, inner: number, columns: number): Sample<"int8Product"> {
  const codes = (shape: Shape): SampleInput => ({ dtype: "int8", shape, fill: code });
  return {
    name,
    attributes: {},
    inputs: [
      float(["n", inner]),
      codes([inner, columns]),
      float([columns], scale),
      codes([columns, inner]),
      float([inner], scale),
    ],
    sizes: TWO_SIZES,
    needs: "exact bytes",
    constants: [2, 4],
    gradient: ([, , , transposed, scales], [upstream]) => [
      linearAlgebraReferences.int8Product([upstream!, transposed!, scales!])[0]!.data,
    ],
  };
}

const plain = { transposeLeft: false, transposeRight: false };

export const linearAlgebra = {
  matmul,
  gemm: [
    ...gemm,
    {
      name: "a b + matrix",
      attributes: plain,
      inputs: [float(["n", 4]), float([4, 3]), float(["n", 3])],
      sizes: TWO_SIZES,
    },
    {
      name: "a b + column",
      attributes: plain,
      inputs: [float(["n", 4]), float([4, 3]), float(["n", 1])],
      sizes: TWO_SIZES,
    },
    {
      name: "a b + scalar",
      attributes: plain,
      inputs: [float(["n", 4]), float([4, 3]), float([])],
      sizes: TWO_SIZES,
    },
    {
      name: "one by one",
      attributes: plain,
      inputs: [float([1, 1]), float([1, 1]), float([1])],
      sizes: NO_SYMBOLS,
    },
    {
      name: "unknown inner size",
      attributes: plain,
      inputs: [float([2, "n"]), float(["n", "m"])],
      sizes: TWO_SIZES,
    },
  ],
  int8Product: [
    int8Sample("rows of one block", 8, 3),
    int8Sample("blocks of two", 6, 16),
    int8Sample("blocks of 64, odd on the other side", 192, 5),
    int8Sample("nothing to turn", 7, 9),
  ],
} satisfies { [N in keyof LinearAlgebraAttributes]: readonly Sample<N>[] };
