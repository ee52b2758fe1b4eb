/** Reductions over axes, and running totals. */
import { int64 } from "../../core/tensor.ts";
import { cast, cumulativeSum, divide, equal, expand, multiply, reshape, sum } from "../build.ts";
import type { Dimension, Shape } from "../dimensions.ts";
import { normalizeAxis, product } from "../dimensions.ts";
import type { Value } from "../ir.ts";
import { staticDimension } from "../ir.ts";
import type { Emission, EmitRule, OpDefinition } from "../op-definition.ts";
import { defineOp, nonDifferentiable } from "../op-definition.ts";
import type { Axes, ReduceAttributes } from "../op-types.ts";
import { asNode, everywhere, requireFloat, sameType } from "./shared.ts";

type ReduceOp = "sum" | "mean" | "max";

/** Shape with the reduced axes kept as 1. */
function keptShape(shape: Shape, axes: readonly number[]): Dimension[] {
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, shape.length)));
  return shape.map((dimension, axis) => (reduced.has(axis) ? 1 : dimension));
}

function reducedShape(shape: Shape, { axes, keepDimensions }: Axes): Shape {
  if (keepDimensions) return keptShape(shape, axes);
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, shape.length)));
  return shape.filter((_, axis) => !reduced.has(axis));
}

function asReduction<N extends ReduceOp>(opType: string): EmitRule<N> {
  return (writer, node) => {
    const [x] = node.inputs as readonly [Value];
    const output = node.outputs[0]!.name;
    if (node.attributes.axes.length === 0) {
      writer.nodeOutputs("Identity", [x.name], { outputs: [output] });
      return;
    }
    const axes = node.attributes.axes.map((axis) => normalizeAxis(axis, x.shape.length));
    writer.nodeOutputs(opType, [x.name, writer.integers(axes)], {
      attributes: { keepdims: node.attributes.keepDimensions ? 1 : 0 },
      outputs: [output],
    });
  };
}

/** A reduced value spread over the shape it was reduced from. */
function spread(x: Value, shape: Shape, axes: readonly number[]): Value {
  return expand(reshape(x, keptShape(shape, axes)), shape);
}

function reduction<N extends ReduceOp>(
  doc: string,
  emit: Emission<N>,
  gradient: OpDefinition<N>["gradient"],
): OpDefinition<N> {
  return {
    doc,
    infer(inputs, attributes) {
      requireFloat(inputs);
      return [{ dtype: "float32", shape: reducedShape(inputs[0]!.shape, attributes) }];
    },
    emit,
    gradient,
  };
}

/** 1 / (number of elements reduced), as a value where that number is known only at run time. */
function inverseCount(x: Value, axes: readonly number[]): Value | number {
  const count = product(...axes.map((axis) => x.shape[normalizeAxis(axis, x.shape.length)]!));
  if (typeof count === "number") return 1 / count;
  const ones = x.graph.apply("fill", [], { shape: [count], value: 1 })[0]!;
  return divide(1, sum(ones, [0]));
}

export const reduce = {
  sum: reduction<"sum">(
    "sum over axes",
    everywhere(asReduction("ReduceSum")),
    ({ inputs, gradients, attributes }) => [
      spread(gradients[0]!, inputs[0]!.shape, attributes.axes),
    ],
  ),
  mean: reduction<"mean">(
    "mean over axes",
    everywhere(asReduction("ReduceMean")),
    ({ inputs, gradients, attributes }) => {
      const x = inputs[0]!;
      return [
        spread(multiply(gradients[0]!, inverseCount(x, attributes.axes)), x.shape, attributes.axes),
      ];
    },
  ),
  max: reduction<"max">(
    "largest over axes; the gradient is shared evenly between ties",
    everywhere(asReduction("ReduceMax")),
    ({ inputs, outputs, gradients, attributes }) => {
      const x = inputs[0]!;
      const hits = cast(equal(x, spread(outputs[0]!, x.shape, attributes.axes)), "float32");
      const share = divide(hits, sum(hits, attributes.axes, true));
      return [multiply(spread(gradients[0]!, x.shape, attributes.axes), share)];
    },
  ),
  argmax: defineOp("argmax", {
    doc: "index of the largest entry along an axis, int64, the first of ties",
    infer: ([x], { axis }) => {
      const removed = normalizeAxis(axis, x!.shape.length);
      staticDimension(x!.shape[removed], "the axis of argmax");
      return [{ dtype: "int64", shape: x!.shape.filter((_, index) => index !== removed) }];
    },
    emit: everywhere(
      asNode("ArgMax", ({ attributes }) => ({ axis: attributes.axis, keepdims: 0 })),
    ),
    gradient: nonDifferentiable("an index is not a continuous quantity"),
  }),
  cumulativeSum: defineOp("cumulativeSum", {
    doc: "running total over the last axis, from its start or (reverse) from its end",
    infer: sameType,
    emit: everywhere(
      (writer, { inputs, attributes, outputs }) =>
        void writer.nodeOutputs("CumSum", [inputs[0]!.name, writer.constant(int64([], [-1]))], {
          attributes: { reverse: attributes.reverse ? 1 : 0 },
          outputs: [outputs[0]!.name],
        }),
    ),
    gradient: ({ gradients, attributes }) => [cumulativeSum(gradients[0]!, !attributes.reverse)],
  }),
} satisfies { [N in keyof ReduceAttributes]: OpDefinition<N> };
