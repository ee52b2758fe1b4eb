/** Operations that move numbers without changing them. */
import { AttuneError } from "../../core/errors.ts";
import { float32 } from "../../core/tensor.ts";
import { pad, reshape, slice, sumTo, transpose } from "../build.ts";
import { broadcastShapes, formatShape, normalizeAxis, product, sameShape } from "../dimensions.ts";
import { staticDimension } from "../ir.ts";
import type { OpDefinition, OpName } from "../op-types.ts";
import { defineOp } from "../op-types.ts";
import { requireFloat } from "./elementwise.ts";

const replaceAt = <T>(items: readonly T[], index: number, item: T): T[] =>
  items.map((old, i) => (i === index ? item : old));

/** Numbers of the largest tensor of one repeated value that is written into the model. */
export const LARGEST_STORED_FILL = 4096;

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
    emit: (emitter, node) =>
      void emitter.nodeOutputs(
        "Reshape",
        [node.inputs[0]!.name, emitter.shape(node.attributes.shape, { allowInfer: true })],
        { outputs: [node.outputs[0]!.name] },
      ),
    gradient: ({ inputs, gradients }) => [reshape(gradients[0]!, inputs[0]!.shape)],
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
    emit: (emitter, node) =>
      void emitter.nodeOutputs("Transpose", [node.inputs[0]!.name], {
        attributes: { perm: node.attributes.permutation },
        outputs: [node.outputs[0]!.name],
      }),
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
    emit: (emitter, node) =>
      void emitter.nodeOutputs(
        "Concat",
        node.inputs.map((input) => input.name),
        { attributes: { axis: node.attributes.axis }, outputs: [node.outputs[0]!.name] },
      ),
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
    emit: (emitter, node) => {
      const { axis, start, end } = node.attributes;
      const inputs = [
        node.inputs[0]!.name,
        emitter.integers([start]),
        emitter.integers([end]),
        emitter.integers([axis]),
      ];
      emitter.nodeOutputs("Slice", inputs, { outputs: [node.outputs[0]!.name] });
    },
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
    emit: (emitter, node) => {
      const { axis, before, after } = node.attributes;
      const inputs = [
        node.inputs[0]!.name,
        emitter.integers([before, after]),
        emitter.scalar(0),
        emitter.integers([axis]),
      ];
      emitter.nodeOutputs("Pad", inputs, { outputs: [node.outputs[0]!.name] });
    },
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
    emit: (emitter, node) =>
      void emitter.nodeOutputs(
        "Expand",
        [node.inputs[0]!.name, emitter.shape(node.attributes.shape)],
        { outputs: [node.outputs[0]!.name] },
      ),
    gradient: ({ inputs, gradients }) => [sumTo(gradients[0]!, inputs[0]!.shape)],
  }),
  fill: defineOp("fill", {
    doc: "a float32 tensor of one repeated value",
    infer: (_, attributes) => [{ dtype: "float32", shape: attributes.shape }],
    emit: (emitter, node) => {
      const { shape: target, value } = node.attributes;
      const size = product(...target);
      // A stored constant, since ONNX Runtime 1.30 mishandles Expand to a scalar when it folds
      // constants.
      if (typeof size === "number" && size <= LARGEST_STORED_FILL) {
        emitter.initializer(
          node.outputs[0]!.name,
          float32(target as readonly number[], new Float32Array(size).fill(value)),
        );
        return;
      }
      emitter.nodeOutputs("Expand", [emitter.scalar(value), emitter.shape(target)], {
        outputs: [node.outputs[0]!.name],
      });
    },
    gradient: () => [],
  }),
} satisfies { [N in OpName]?: OpDefinition<N> };
