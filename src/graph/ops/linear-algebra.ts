/** Matrix products. */
import { AttuneError } from "../../core/errors.ts";
import { gemm, int8Product, matmul, sumTo } from "../build.ts";
import type { Dimension, Shape } from "../dimensions.ts";
import { broadcastShapes, formatShape, product, sameShape } from "../dimensions.ts";
import type { NodeWriter } from "../emission.ts";
import type { GraphNode, Value, ValueType } from "../ir.ts";
import type { Emission, OpDefinition } from "../op-definition.ts";
import { defineOp } from "../op-definition.ts";
import type { LinearAlgebraAttributes } from "../op-types.ts";
import { hadamard, rotationBlock } from "../rotation.ts";
import { asNode, everywhere, requireFloat } from "./shared.ts";

interface Transposes {
  transposeLeft: boolean;
  transposeRight: boolean;
}

/** Rows, inner and columns of a product; throws when the inner sizes differ. */
function productShape(
  a: Shape,
  b: Shape,
  { transposeLeft, transposeRight }: Transposes,
): [Dimension, Dimension] {
  const left = transposeLeft ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const right = transposeRight ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (left[1] !== right[0])
    throw new AttuneError("internal", `inner sizes differ: ${formatShape(a)} by ${formatShape(b)}`);
  return [left[0]!, right[1]!];
}

/** Numbers that each entry of a product is summed over. */
const innerSize = (
  { shape }: Value,
  { transposeLeft }: Pick<Transposes, "transposeLeft">,
): Dimension => shape.at(transposeLeft ? -2 : -1)!;

/** Of a product with so many numbers in each row of its left side. */
const operationsOf = ({ outputs: [y] }: GraphNode, inner: Dimension): Dimension =>
  product(2, inner, ...y!.shape);

function swapLastAxes(writer: NodeWriter, { name, shape: { length: rank } }: Value): string {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return writer.node("Transpose", [name], {
    attributes: { perm: [...axes.slice(0, -2), rank - 1, rank - 2] },
  });
}

const emitMatmul: Emission<"matmul"> = {
  cpu: asNode(
    "FusedMatMul",
    ({ attributes: { transposeLeft, transposeRight, scale } }) => ({
      transA: Number(transposeLeft),
      transB: Number(transposeRight),
      alpha: { float: scale },
    }),
    "com.microsoft",
  ),
  // WebGPU has no FusedMatMul kernel.
  webgpu(writer, node) {
    const { transposeLeft, transposeRight, scale } = node.attributes;
    const [a, b] = node.inputs as readonly [Value, Value];
    const outputs = [node.outputs[0]!.name];
    const left = transposeLeft ? swapLastAxes(writer, a) : a.name;
    const right = transposeRight ? swapLastAxes(writer, b) : b.name;
    if (scale === 1) writer.nodeOutputs("MatMul", [left, right], { outputs });
    else
      writer.nodeOutputs("Mul", [writer.node("MatMul", [left, right]), writer.scalar(scale)], {
        outputs,
      });
  },
};

const LARGEST_CODE = 127;
/** The byte that stands for 0: fast kernels multiply unsigned by signed bytes. */
const ZERO = 128;

/**
 * The rows of the left side turned, and the step between two codes of each.
 *
 * Rows that several products read are turned and rounded once: ONNX Runtime makes equal nodes one.
 * A scale for each row, not one for all, so that a row's result does not depend on what else is in
 * the batch.
 */
function emitTurned(writer: NodeWriter, x: Value): { turned: string; scale: string } {
  const turned = emitRotation(writer, x);
  const largest = writer.node("ReduceMax", [writer.node("Abs", [turned]), writer.integers([1])], {
    attributes: { keepdims: 1 },
  });
  // A row of zeros has any scale.
  const scale = writer.node("Mul", [
    writer.node("Max", [largest, writer.scalar(1e-30)]),
    writer.scalar(1 / LARGEST_CODE),
  ]);
  return { turned, scale };
}

const emitInt8Product: Emission<"int8Product"> = {
  cpu(writer, node) {
    const [x, codes, scales] = node.inputs as readonly [Value, Value, Value];
    const { turned, scale } = emitTurned(writer, x);
    const flat = writer.node("Reshape", [scale, writer.integers([-1])]);
    const zeros = writer.node("Expand", [writer.byte(ZERO), writer.node("Shape", [flat])]);
    const bytes = writer.node("QuantizeLinear", [turned, flat, zeros], { attributes: { axis: 0 } });
    const unscaled = writer.node(
      "MatMulIntegerToFloat",
      [bytes, codes.name, writer.scalar(1), scales.name, writer.byte(ZERO)],
      { domain: "com.microsoft" },
    );
    writer.nodeOutputs("Mul", [unscaled, scale], { outputs: [node.outputs[0]!.name] });
  },
  // WebGPU has no products of bytes: the same whole numbers in float32, exact below 2^24.
  webgpu(writer, node) {
    const [x, codes, scales] = node.inputs as readonly [Value, Value, Value];
    const { turned, scale } = emitTurned(writer, x);
    const rounded = writer.node("Round", [writer.node("Div", [turned, scale])]);
    const unscaled = writer.node("MatMul", [
      rounded,
      writer.node("Cast", [codes.name], { attributes: { to: { dtype: "float32" } } }),
    ]);
    writer.nodeOutputs("Mul", [writer.node("Mul", [unscaled, scales.name]), scale], {
      outputs: [node.outputs[0]!.name],
    });
  },
};

/** The rows turned in blocks, by a Hadamard matrix that is stored. */
function emitRotation(writer: NodeWriter, x: Value): string {
  const width = x.shape[1] as number;
  const block = rotationBlock(width);
  if (block === 1) return x.name;
  const blocks = writer.node("Reshape", [x.name, writer.integers([-1, block])]);
  const turned = writer.node("MatMul", [blocks, writer.constant(hadamard(block))]);
  return writer.node("Reshape", [turned, writer.integers([-1, width])]);
}

/**
 * Rows are turned and rounded before the product, and its result is scaled after it. Equal rows are
 * turned once, as in ONNX Runtime.
 */
function int8Steps(node: GraphNode<"int8Product">): readonly GraphNode[] {
  const [x, ...matrix] = node.inputs as readonly [Value, ...Value[]];
  const [y] = node.outputs as readonly [Value];
  const made = (name: string, like: Value, dtype = like.dtype): Value => ({
    ...like,
    name: `${name} of ${like.name}`,
    dtype,
    producer: undefined,
  });
  const [turned, sizes, bytes] = [made("turned", x), made("sizes", x), made("bytes", x, "int8")];
  const unscaled = made("unscaled", y);
  const none = {};
  return [
    { ...node, op: "negate", attributes: none, inputs: [x], outputs: [turned] },
    { ...node, op: "abs", attributes: none, inputs: [turned], outputs: [sizes] },
    { ...node, op: "maximum", attributes: none, inputs: [turned, sizes], outputs: [bytes] },
    { ...node, inputs: [bytes, ...matrix], outputs: [unscaled] },
    { ...node, op: "multiply", attributes: none, inputs: [unscaled], outputs: [y] },
  ];
}

export const linearAlgebra = {
  matmul: defineOp("matmul", {
    doc: "scale * op(a) op(b) over the last two axes, batch axes equal",
    infer(inputs, attributes) {
      requireFloat(inputs);
      const [a, b] = inputs as readonly [Value, Value];
      const batch = a.shape.slice(0, -2);
      if (!sameShape(batch, b.shape.slice(0, -2)))
        throw new AttuneError(
          "internal",
          `batch axes differ: ${formatShape(a.shape)} by ${formatShape(b.shape)}`,
        );
      return [
        { dtype: "float32", shape: [...batch, ...productShape(a.shape, b.shape, attributes)] },
      ];
    },
    emit: emitMatmul,
    gradient: ({
      inputs,
      gradients,
      attributes: { transposeLeft, transposeRight, scale },
      wanted,
    }) => {
      const [a, b] = inputs as readonly [Value, Value];
      const g = gradients[0]!;
      const left = () =>
        transposeLeft
          ? matmul(b, g, { transposeLeft: transposeRight, transposeRight: true, scale })
          : matmul(g, b, { transposeRight: !transposeRight, scale });
      const right = () =>
        transposeRight
          ? matmul(g, a, { transposeLeft: true, transposeRight: transposeLeft, scale })
          : matmul(a, g, { transposeLeft: !transposeLeft, scale });
      return [wanted(0) ? left() : undefined, wanted(1) ? right() : undefined];
    },
    product: {
      operations: (node) => operationsOf(node, innerSize(node.inputs[0]!, node.attributes)),
      // Attention's scores, which grow with the square of time: docs/decisions/op-records.md.
      kept: false,
    },
  }),
  gemm: defineOp("gemm", {
    doc: "op(a) op(b) + bias for matrices; the bias broadcasts",
    infer(inputs, attributes) {
      requireFloat(inputs);
      const [a, b, bias] = inputs;
      if (a!.shape.length !== 2 || b!.shape.length !== 2)
        throw new AttuneError(
          "internal",
          `needs matrices, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)}`,
        );
      const shape = productShape(a!.shape, b!.shape, attributes);
      if (bias && !sameShape(broadcastShapes(bias.shape, shape), shape))
        throw new AttuneError(
          "internal",
          `bias ${formatShape(bias.shape)} does not broadcast to ${formatShape(shape)}`,
        );
      return [{ dtype: "float32", shape }];
    },
    emit: everywhere(
      asNode("Gemm", ({ attributes: { transposeLeft, transposeRight } }) => ({
        transA: Number(transposeLeft),
        transB: Number(transposeRight),
      })),
    ),
    gradient: ({ inputs, gradients, attributes: { transposeLeft, transposeRight }, wanted }) => {
      const [a, b, bias] = inputs as readonly [Value, Value, Value?];
      const g = gradients[0]!;
      const left = () =>
        transposeLeft
          ? gemm(b, g, { transposeLeft: transposeRight, transposeRight: true })
          : gemm(g, b, { transposeRight: !transposeRight });
      const right = () =>
        transposeRight
          ? gemm(g, a, { transposeLeft: true, transposeRight: transposeLeft })
          : gemm(a, g, { transposeLeft: !transposeLeft });
      const result = [wanted(0) ? left() : undefined, wanted(1) ? right() : undefined];
      return bias ? [...result, wanted(2) ? sumTo(g, bias.shape) : undefined] : result;
    },
    product: {
      operations: (node) => operationsOf(node, innerSize(node.inputs[0]!, node.attributes)),
      kept: true,
      addend: ({ inputs: [, , bias] }) => bias,
    },
  }),
  int8Product: defineOp("int8Product", {
    doc:
      "x [N, K] by codes [K, M] with scales [M]: each row of x turned (rotation.ts) and rounded " +
      "to 8 bits; with the matrix from the other side [M, K], which its gradient multiplies by " +
      "in the same way",
    infer([x, codes, scales, transposed, transposedScales]) {
      requireFloat([x!, scales!, ...(transposedScales ? [transposedScales] : [])]);
      const [inner, columns] = codes!.shape as readonly [Dimension, Dimension];
      const isMatrix = (matrix: ValueType, rows: Dimension, width: Dimension): boolean =>
        matrix.dtype === "int8" && sameShape(matrix.shape, [rows, width]);
      const there =
        x!.shape.length === 2 &&
        x!.shape[1] === inner &&
        isMatrix(codes!, inner, columns) &&
        sameShape(scales!.shape, [columns]);
      const back =
        !transposed ||
        (isMatrix(transposed, columns, inner) && sameShape(transposedScales!.shape, [inner]));
      if (!there || !back)
        throw new AttuneError(
          "internal",
          `the matrix does not fit: ${formatShape(x!.shape)} by ` +
            `${codes!.dtype}${formatShape(codes!.shape)}`,
        );
      return [{ dtype: "float32", shape: [x!.shape[0]!, columns] }];
    },
    emit: emitInt8Product,
    // The straight-through estimator.
    gradient: ({ inputs: [, codes, scales, transposed, transposedScales], gradients, wanted }) => {
      if (!wanted(0)) return [undefined, undefined, undefined, undefined, undefined];
      if (!transposed)
        throw new AttuneError(
          "internal",
          "int8Product has no gradient without the matrix from the other side",
        );
      const slope = int8Product(
        gradients[0]!,
        { codes: transposed, scales: transposedScales! },
        { codes: codes!, scales: scales! },
      );
      return [slope, undefined, undefined, undefined, undefined];
    },
    product: {
      operations: (node) => operationsOf(node, node.inputs[0]!.shape[1]!),
      kept: true,
    },
    memory: { runAs: int8Steps },
  }),
} satisfies { [N in keyof LinearAlgebraAttributes]: OpDefinition<N> };
