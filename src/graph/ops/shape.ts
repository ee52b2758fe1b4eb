/** Operations that move numbers without changing them. */
import { AttuneError } from "../../core/errors.ts";
import { ELEMENT_BYTES, elementCount, float32 } from "../../core/tensor.ts";
import { pad, reshape, slice, sumTo, transpose } from "../build.ts";
import {
  broadcastShapes,
  formatShape,
  normalizeAxis,
  product,
  sameShape,
  symbolsOf,
} from "../dimensions.ts";
import { staticDimension } from "../ir.ts";
import type { OpDefinition } from "../op-definition.ts";
import { defineOp } from "../op-definition.ts";
import type { ShapeAttributes } from "../op-types.ts";
import { asNode, everywhere, requireFloat } from "./shared.ts";

const replaceAt = <T>(items: readonly T[], index: number, item: T): T[] =>
  items.map((old, i) => (i === index ? item : old));

/** Numbers of the largest tensor of one repeated value that is written into the model. */
const LARGEST_STORED_FILL = 4096;

export const shape = {
  reshape: defineOp("reshape", {
    doc: "the same numbers in row-major order under another shape",
    infer([x], attributes) {
      if (product(...x!.shape) !== product(...attributes.shape)) {
        throw new AttuneError(
          "internal",
          `cannot reshape ${formatShape(x!.shape)} to ${formatShape(attributes.shape)}`,
        );
      }
      return [{ dtype: x!.dtype, shape: attributes.shape }];
    },
    emit: everywhere(
      (writer, { inputs, attributes, outputs }) =>
        void writer.nodeOutputs(
          "Reshape",
          [inputs[0]!.name, writer.shape(attributes.shape, { allowInfer: true })],
          { outputs: [outputs[0]!.name] },
        ),
    ),
    gradient: ({ inputs, gradients }) => [reshape(gradients[0]!, inputs[0]!.shape)],
    memory: { shares: 0 },
  }),
  transpose: defineOp("transpose", {
    doc: "reorders axes: output axis i is input axis permutation[i]",
    infer([x], { permutation }) {
      const wanted = x!.shape.map((_, axis) => axis);
      if (
        !sameShape(
          permutation.toSorted((a, b) => a - b),
          wanted,
        )
      ) {
        throw new AttuneError(
          "internal",
          `[${permutation.join(", ")}] is no permutation of ${x!.shape.length} axes`,
        );
      }
      return [{ dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis]!) }];
    },
    emit: everywhere(asNode("Transpose", ({ attributes }) => ({ perm: attributes.permutation }))),
    gradient: ({ gradients, attributes }) => [
      transpose(
        gradients[0]!,
        attributes.permutation.map((_, axis) => attributes.permutation.indexOf(axis)),
      ),
    ],
  }),
  concat: defineOp("concat", {
    doc: "joins values along an axis of known sizes",
    infer(inputs, { axis }) {
      const first = inputs[0]!;
      const along = normalizeAxis(axis, first.shape.length);
      for (const input of inputs) {
        if (
          input.dtype !== first.dtype ||
          !sameShape(replaceAt(input.shape, along, 0), replaceAt(first.shape, along, 0))
        ) {
          throw new AttuneError("internal", `cannot join along axis ${axis}`);
        }
      }
      const total = inputs.reduce(
        (sum, input) => sum + staticDimension(input.shape[along], "the axis of concat"),
        0,
      );
      return [{ dtype: first.dtype, shape: replaceAt(first.shape, along, total) }];
    },
    emit: everywhere(asNode("Concat", ({ attributes }) => ({ axis: attributes.axis }))),
    gradient: ({ inputs, gradients, attributes, wanted }) => {
      let start = 0;
      return inputs.map((input, index) => {
        const size = staticDimension(
          input.shape[normalizeAxis(attributes.axis, input.shape.length)],
          "the axis of concat",
        );
        start += size;
        return wanted(index)
          ? slice(gradients[0]!, attributes.axis, start - size, start)
          : undefined;
      });
    },
  }),
  slice: defineOp("slice", {
    doc: "elements start (included) to end (excluded) along an axis of known size",
    infer([x], { axis, start, end }) {
      const along = normalizeAxis(axis, x!.shape.length);
      const size = staticDimension(x!.shape[along], "the axis of slice");
      if (!(start >= 0 && start < end && end <= size))
        throw new AttuneError("internal", `slice ${start} to ${end} is outside 0 to ${size}`);
      return [{ dtype: x!.dtype, shape: replaceAt(x!.shape, along, end - start) }];
    },
    emit: everywhere((writer, node) => {
      const { axis, start, end } = node.attributes;
      const inputs = [
        node.inputs[0]!.name,
        writer.integers([start]),
        writer.integers([end]),
        writer.integers([axis]),
      ];
      writer.nodeOutputs("Slice", inputs, { outputs: [node.outputs[0]!.name] });
    }),
    gradient: ({ inputs, gradients, attributes: { axis, start, end } }) => {
      const x = inputs[0]!;
      const size = staticDimension(
        x.shape[normalizeAxis(axis, x.shape.length)],
        "the axis of slice",
      );
      return [pad(gradients[0]!, axis, start, size - end)];
    },
  }),
  pad: defineOp("pad", {
    doc: "zeros before and after along an axis of known size",
    infer([x], { axis, before, after }) {
      requireFloat([x!]);
      const along = normalizeAxis(axis, x!.shape.length);
      const size = staticDimension(x!.shape[along], "the axis of pad");
      return [{ dtype: x!.dtype, shape: replaceAt(x!.shape, along, size + before + after) }];
    },
    emit: everywhere((writer, node) => {
      const { axis, before, after } = node.attributes;
      const inputs = [
        node.inputs[0]!.name,
        writer.integers([before, after]),
        writer.scalar(0),
        writer.integers([axis]),
      ];
      writer.nodeOutputs("Pad", inputs, { outputs: [node.outputs[0]!.name] });
    }),
    gradient: ({ inputs, gradients, attributes: { axis, before } }) => {
      const x = inputs[0]!;
      const size = staticDimension(x.shape[normalizeAxis(axis, x.shape.length)], "the axis of pad");
      return [slice(gradients[0]!, axis, before, before + size)];
    },
  }),
  expand: defineOp("expand", {
    doc: "repeats along axes of size 1 until the shape is reached",
    infer([x], attributes) {
      if (!sameShape(broadcastShapes(x!.shape, attributes.shape), attributes.shape)) {
        throw new AttuneError(
          "internal",
          `cannot expand ${formatShape(x!.shape)} to ${formatShape(attributes.shape)}`,
        );
      }
      return [{ dtype: x!.dtype, shape: attributes.shape }];
    },
    emit: everywhere(
      (writer, { inputs, attributes, outputs }) =>
        void writer.nodeOutputs("Expand", [inputs[0]!.name, writer.shape(attributes.shape)], {
          outputs: [outputs[0]!.name],
        }),
    ),
    gradient: ({ inputs, gradients }) => [sumTo(gradients[0]!, inputs[0]!.shape)],
  }),
  fill: defineOp("fill", {
    doc: "a float32 tensor of one repeated value",
    infer: (_, attributes) => [{ dtype: "float32", shape: attributes.shape }],
    emit: everywhere((writer, node) => {
      const { shape: target, value } = node.attributes;
      const size = product(...target);
      // A stored constant, since ONNX Runtime 1.30 mishandles Expand to a scalar when it folds
      // constants.
      if (typeof size === "number" && size <= LARGEST_STORED_FILL) {
        writer.initializer(
          node.outputs[0]!.name,
          float32(target as readonly number[], new Float32Array(size).fill(value)),
        );
        return;
      }
      writer.nodeOutputs("Expand", [writer.scalar(value), writer.shape(target)], {
        outputs: [node.outputs[0]!.name],
      });
    }),
    gradient: () => [],
    memory: {
      constantBytes({ outputs: [output] }) {
        const { shape: target, dtype } = output!;
        if (symbolsOf(target).length > 0) return undefined;
        const size = elementCount(target as readonly number[]);
        return size > LARGEST_STORED_FILL ? ELEMENT_BYTES[dtype] * size : 0;
      },
    },
  }),
} satisfies { [N in keyof ShapeAttributes]: OpDefinition<N> };
