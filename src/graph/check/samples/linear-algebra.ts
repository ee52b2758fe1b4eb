/** Samples of the matrix products: every combination of transposes, with and without batch axes and biases. */
import type { Shape } from "../../dimensions.ts";
import type { OpName } from "../../op-types.ts";
import type { Sample } from "./sample.ts";
import { NO_SYMBOLS, TWO_SIZES, float } from "./sample.ts";

const TRANSPOSES = [false, true].flatMap((transposeLeft) => [false, true].map((transposeRight) => ({ transposeLeft, transposeRight })));
const nameOf = ({ transposeLeft, transposeRight }: (typeof TRANSPOSES)[number]): string => `${transposeLeft ? "a^T" : "a"} ${transposeRight ? "b^T" : "b"}`;
const turn = (shape: Shape, transposed: boolean): Shape => (transposed ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape);

const matmul = TRANSPOSES.flatMap((transposes): Sample<"matmul">[] => {
  const { transposeLeft, transposeRight } = transposes;
  const sample = (name: string, a: Shape, b: Shape, scale: number): Sample<"matmul"> => ({
    name: `${nameOf(transposes)}, ${name}`,
    attributes: { ...transposes, scale },
    inputs: [float(turn(a, transposeLeft)), float(turn(b, transposeRight))],
    sizes: TWO_SIZES,
  });
  return [sample("matrices", ["n", 4], [4, "m"], 1), sample("batches, scaled", ["n", 2, "m", 3], ["n", 2, 3, 4], 0.125), sample("unknown inner size", [2, 3, "n"], [2, "n", 2], -2)];
});

const gemm = TRANSPOSES.flatMap((transposes): Sample<"gemm">[] => {
  const inputs = [float(turn(["n", 4], transposes.transposeLeft)), float(turn([4, 3], transposes.transposeRight))];
  return [
    { name: nameOf(transposes), attributes: transposes, inputs, sizes: TWO_SIZES },
    { name: `${nameOf(transposes)} + row`, attributes: transposes, inputs: [...inputs, float([3])], sizes: TWO_SIZES },
  ];
});

const plain = { transposeLeft: false, transposeRight: false };

export const linearAlgebra = {
  matmul,
  gemm: [
    ...gemm,
    { name: "a b + matrix", attributes: plain, inputs: [float(["n", 4]), float([4, 3]), float(["n", 3])], sizes: TWO_SIZES },
    { name: "a b + column", attributes: plain, inputs: [float(["n", 4]), float([4, 3]), float(["n", 1])], sizes: TWO_SIZES },
    { name: "a b + scalar", attributes: plain, inputs: [float(["n", 4]), float([4, 3]), float([])], sizes: TWO_SIZES },
    { name: "one by one", attributes: plain, inputs: [float([1, 1]), float([1, 1]), float([1])], sizes: NO_SYMBOLS },
    { name: "unknown inner size", attributes: plain, inputs: [float([2, "n"]), float(["n", "m"])], sizes: TWO_SIZES },
  ],
} satisfies { [N in OpName]?: readonly Sample<N>[] };
