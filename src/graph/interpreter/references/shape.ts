/** References of the operations that move numbers. */
import { normalizeAxis } from "../../dimensions.ts";
import type { ShapeAttributes } from "../../op-types.ts";
import { at, broadcastAt, build } from "../plain.ts";
import type { Reference } from "./reference.ts";

const replaceAt = (index: readonly number[], axis: number, position: number): number[] =>
  index.map((old, other) => (other === axis ? position : old));

export const shape = {
  reshape: ([x], attributes, resolve) => [{ ...x!, shape: resolve(attributes.shape) }],
  transpose: ([x], { permutation }) => {
    const sizes = permutation.map((axis) => x!.shape[axis]!);
    return [
      build(x!.dtype, sizes, (index) =>
        at(
          x!,
          x!.shape.map((_, axis) => index[permutation.indexOf(axis)]!),
        ),
      ),
    ];
  },
  concat: (inputs, { axis }) => {
    const along = normalizeAxis(axis, inputs[0]!.shape.length);
    const size = inputs.reduce((sum, input) => sum + input.shape[along]!, 0);
    return [
      build(inputs[0]!.dtype, replaceAt(inputs[0]!.shape, along, size), (index) => {
        let position = index[along]!;
        let piece = 0;
        while (position >= inputs[piece]!.shape[along]!) position -= inputs[piece++]!.shape[along]!;
        return at(inputs[piece]!, replaceAt(index, along, position));
      }),
    ];
  },
  slice: ([x], { axis, start, end }) => {
    const along = normalizeAxis(axis, x!.shape.length);
    return [
      build(x!.dtype, replaceAt(x!.shape, along, end - start), (index) =>
        at(x!, replaceAt(index, along, index[along]! + start)),
      ),
    ];
  },
  pad: ([x], { axis, before, after }) => {
    const along = normalizeAxis(axis, x!.shape.length);
    const size = x!.shape[along]!;
    return [
      build(x!.dtype, replaceAt(x!.shape, along, before + size + after), (index) => {
        const position = index[along]! - before;
        return position >= 0 && position < size ? at(x!, replaceAt(index, along, position)) : 0;
      }),
    ];
  },
  expand: ([x], attributes, resolve) => [
    build(x!.dtype, resolve(attributes.shape), (index) => broadcastAt(x!, index)),
  ],
  fill: (_, attributes, resolve) => [
    build("float32", resolve(attributes.shape), () => attributes.value),
  ],
} satisfies { [N in keyof ShapeAttributes]: Reference<N> };
