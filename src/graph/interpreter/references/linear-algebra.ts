/** References of the matrix products. */
import { rotate, rotationBlock } from "../../rotation.ts";
import type { LinearAlgebraAttributes } from "../../op-types.ts";
import type { PlainTensor } from "../plain.ts";
import { at, broadcastAt, build, mapRows } from "../plain.ts";
import type { Reference } from "./reference.ts";

/** op(a) op(b) over the last two axes; batch axes are equal. */
function productOf(
  a: PlainTensor,
  b: PlainTensor,
  { transposeLeft, transposeRight }: { transposeLeft: boolean; transposeRight: boolean },
): PlainTensor {
  const rank = a.shape.length;
  const [rows, inner] = transposeLeft
    ? [a.shape[rank - 1]!, a.shape[rank - 2]!]
    : [a.shape[rank - 2]!, a.shape[rank - 1]!];
  const columns = b.shape[transposeRight ? rank - 2 : rank - 1]!;
  return build("float32", [...a.shape.slice(0, -2), rows, columns], (index) => {
    const batch = index.slice(0, -2);
    const [row, column] = index.slice(-2) as [number, number];
    let total = 0;
    for (let i = 0; i < inner; i++) {
      total +=
        at(a, [...batch, ...(transposeLeft ? [i, row] : [row, i])]) *
        at(b, [...batch, ...(transposeRight ? [column, i] : [i, column])]);
    }
    return total;
  });
}

/** Rows turned, and rounded to 127 steps on either side of zero. */
function int8Rows(x: PlainTensor): PlainTensor {
  return mapRows(x, (row) => {
    const turned = row.slice();
    rotate(turned, rotationBlock(row.length));
    const step = Math.max(1e-30, ...turned.map(Math.abs)) / 127;
    return turned.map((entry) => Math.round(entry / step) * step);
  });
}

export const linearAlgebra = {
  matmul: ([a, b], attributes) => {
    const product = productOf(a!, b!, attributes);
    return [{ ...product, data: product.data.map((x) => x * attributes.scale) }];
  },
  gemm: ([a, b, bias], attributes) => {
    const product = productOf(a!, b!, attributes);
    return [
      bias
        ? build("float32", product.shape, (index) => at(product, index) + broadcastAt(bias, index))
        : product,
    ];
  },
  int8Product: ([x, codes, scales]) => {
    const rounded = int8Rows(x!);
    return [
      build("float32", [x!.shape[0]!, codes!.shape[1]!], ([row, column]) => {
        let total = 0;
        for (let i = 0; i < codes!.shape[0]!; i++)
          total += at(rounded, [row!, i]) * at(codes!, [i, column!]);
        return total * at(scales!, [column!]);
      }),
    ];
  },
} satisfies { [N in keyof LinearAlgebraAttributes]: Reference<N> };
