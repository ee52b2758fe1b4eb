/** Matrix products. */
import { AttuneError } from "../../core/errors.ts";
import { gemm, int8Product, matmul, sumTo } from "../build.ts";
import type { Dimension, Shape } from "../dimensions.ts";
import { broadcastShapes, formatShape, sameShape } from "../dimensions.ts";
import type { GraphNode, Value, ValueType } from "../ir.ts";
import type { Emitter } from "../onnx/emitter.ts";
import { ONNX_TYPE } from "../onnx/emitter.ts";
import { hadamard, rotationBlock } from "../rotation.ts";
import type { OpDefinition, OpName } from "../op-types.ts";
import { defineOp } from "../op-types.ts";
import { requireFloat } from "./elementwise.ts";

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

function swapLastAxes(emitter: Emitter, name: string, rank: number): string {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return emitter.node("Transpose", [name], {
    attributes: { perm: [...axes.slice(0, -2), rank - 1, rank - 2] },
  });
}

function emitMatmul(emitter: Emitter, node: GraphNode<"matmul">): void {
  const { transposeLeft, transposeRight, scale } = node.attributes;
  const [a, b] = node.inputs as readonly [Value, Value];
  const outputs = [node.outputs[0]!.name];
  if (emitter.device === "cpu") {
    const attributes = {
      transA: Number(transposeLeft),
      transB: Number(transposeRight),
      alpha: { float: scale },
    };
    emitter.nodeOutputs("FusedMatMul", [a.name, b.name], {
      domain: "com.microsoft",
      attributes,
      outputs,
    });
    return;
  }
  // WebGPU has no FusedMatMul kernel.
  const left = transposeLeft ? swapLastAxes(emitter, a.name, a.shape.length) : a.name;
  const right = transposeRight ? swapLastAxes(emitter, b.name, b.shape.length) : b.name;
  if (scale === 1) emitter.nodeOutputs("MatMul", [left, right], { outputs });
  else
    emitter.nodeOutputs("Mul", [emitter.node("MatMul", [left, right]), emitter.scalar(scale)], {
      outputs,
    });
}

const LARGEST_CODE = 127;
/** The byte that stands for 0: fast kernels multiply unsigned by signed bytes. */
const ZERO = 128;

/**
 * Rows that several products read are turned and rounded once: ONNX Runtime makes equal nodes one.
 * A scale for each row, not one for all, so that a row's result does not depend on what else is in
 * the batch.
 */
function emitInt8Product(emitter: Emitter, node: GraphNode<"int8Product">): void {
  const [x, codes, scales] = node.inputs as readonly [Value, Value, Value];
  const turned = emitRotation(emitter, x);
  const largest = emitter.node(
    "ReduceMax",
    [emitter.node("Abs", [turned]), emitter.integers([1])],
    { attributes: { keepdims: 1 } },
  );
  // A row of zeros has any scale.
  const scale = emitter.node("Mul", [
    emitter.node("Max", [largest, emitter.scalar(1e-30)]),
    emitter.scalar(1 / LARGEST_CODE),
  ]);
  const outputs = [node.outputs[0]!.name];
  if (emitter.device !== "cpu") {
    // WebGPU has no products of bytes: the same whole numbers in float32, exact below 2^24.
    const rounded = emitter.node("Round", [emitter.node("Div", [turned, scale])]);
    const product = emitter.node("MatMul", [
      rounded,
      emitter.node("Cast", [codes.name], { attributes: { to: ONNX_TYPE.float32 } }),
    ]);
    emitter.nodeOutputs("Mul", [emitter.node("Mul", [product, scales.name]), scale], { outputs });
    return;
  }
  const flat = emitter.node("Reshape", [scale, emitter.integers([-1])]);
  const zeros = emitter.node("Expand", [emitter.byte(ZERO), emitter.node("Shape", [flat])]);
  const bytes = emitter.node("QuantizeLinear", [turned, flat, zeros], { attributes: { axis: 0 } });
  const product = emitter.node(
    "MatMulIntegerToFloat",
    [bytes, codes.name, emitter.scalar(1), scales.name, emitter.byte(ZERO)],
    { domain: "com.microsoft" },
  );
  emitter.nodeOutputs("Mul", [product, scale], { outputs });
}

/** The rows turned in blocks, by a Hadamard matrix that is stored. */
function emitRotation(emitter: Emitter, x: Value): string {
  const width = x.shape[1] as number;
  const block = rotationBlock(width);
  if (block === 1) return x.name;
  const blocks = emitter.node("Reshape", [x.name, emitter.integers([-1, block])]);
  const turned = emitter.node("MatMul", [blocks, emitter.constant(hadamard(block))]);
  return emitter.node("Reshape", [turned, emitter.integers([-1, width])]);
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
    emit: (emitter, node) =>
      void emitter.nodeOutputs(
        "Gemm",
        node.inputs.map((input) => input.name),
        {
          attributes: {
            transA: Number(node.attributes.transposeLeft),
            transB: Number(node.attributes.transposeRight),
          },
          outputs: [node.outputs[0]!.name],
        },
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
  }),
} satisfies { [N in OpName]?: OpDefinition<N> };
