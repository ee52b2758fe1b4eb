/** Matrix products. */
import { AttuneError } from "../../core/errors.ts";
import { gemm, matmul, sumTo } from "../build.ts";
import type { Dimension, Shape } from "../dimensions.ts";
import { broadcastShapes, formatShape, sameShape } from "../dimensions.ts";
import type { GraphNode, Value } from "../ir.ts";
import type { Emitter } from "../onnx/emitter.ts";
import type { OpDefinition, OpName } from "../op-types.ts";
import { defineOp } from "../op-types.ts";
import { requireFloat } from "./elementwise.ts";

interface Transposes {
  transposeLeft: boolean;
  transposeRight: boolean;
}

/** Rows, inner and columns of a product; throws when the inner sizes differ. */
function productShape(a: Shape, b: Shape, { transposeLeft, transposeRight }: Transposes): [Dimension, Dimension] {
  const left = transposeLeft ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const right = transposeRight ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (left[1] !== right[0]) throw new AttuneError("internal", `inner sizes differ: ${formatShape(a)} by ${formatShape(b)}`);
  return [left[0]!, right[1]!];
}

function swapLastAxes(emitter: Emitter, name: string, rank: number): string {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return emitter.node("Transpose", [name], { attributes: { perm: [...axes.slice(0, -2), rank - 1, rank - 2] } });
}

function emitMatmul(emitter: Emitter, node: GraphNode<"matmul">): void {
  const { transposeLeft, transposeRight, scale } = node.attributes;
  const [a, b] = node.inputs as readonly [Value, Value];
  const outputs = [node.outputs[0]!.name];
  if (emitter.device === "cpu") {
    const attributes = { transA: Number(transposeLeft), transB: Number(transposeRight), alpha: { float: scale } };
    emitter.nodeOutputs("FusedMatMul", [a.name, b.name], { domain: "com.microsoft", attributes, outputs });
    return;
  }
  // WebGPU has no FusedMatMul kernel.
  const left = transposeLeft ? swapLastAxes(emitter, a.name, a.shape.length) : a.name;
  const right = transposeRight ? swapLastAxes(emitter, b.name, b.shape.length) : b.name;
  if (scale === 1) emitter.nodeOutputs("MatMul", [left, right], { outputs });
  else emitter.nodeOutputs("Mul", [emitter.node("MatMul", [left, right]), emitter.scalar(scale)], { outputs });
}

export const linearAlgebra = {
  matmul: defineOp("matmul", {
    doc: "scale * op(a) op(b) over the last two axes, batch axes equal",
    infer(inputs, attributes) {
      requireFloat(inputs);
      const [a, b] = inputs as readonly [Value, Value];
      const batch = a.shape.slice(0, -2);
      if (!sameShape(batch, b.shape.slice(0, -2))) throw new AttuneError("internal", `batch axes differ: ${formatShape(a.shape)} by ${formatShape(b.shape)}`);
      return [{ dtype: "float32", shape: [...batch, ...productShape(a.shape, b.shape, attributes)] }];
    },
    emit: emitMatmul,
    gradient: ({ inputs, gradients, attributes: { transposeLeft, transposeRight, scale }, wanted }) => {
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
      if (a!.shape.length !== 2 || b!.shape.length !== 2) throw new AttuneError("internal", `needs matrices, got ${formatShape(a!.shape)} and ${formatShape(b!.shape)}`);
      const shape = productShape(a!.shape, b!.shape, attributes);
      if (bias && !sameShape(broadcastShapes(bias.shape, shape), shape)) throw new AttuneError("internal", `bias ${formatShape(bias.shape)} does not broadcast to ${formatShape(shape)}`);
      return [{ dtype: "float32", shape }];
    },
    emit: (emitter, node) =>
      void emitter.nodeOutputs(
        "Gemm",
        node.inputs.map((input) => input.name),
        {
          attributes: { transA: Number(node.attributes.transposeLeft), transB: Number(node.attributes.transposeRight) },
          outputs: [node.outputs[0]!.name],
        },
      ),
    gradient: ({ inputs, gradients, attributes: { transposeLeft, transposeRight }, wanted }) => {
      const [a, b, bias] = inputs as readonly [Value, Value, Value?];
      const g = gradients[0]!;
      const left = () => (transposeLeft ? gemm(b, g, { transposeLeft: transposeRight, transposeRight: true }) : gemm(g, b, { transposeRight: !transposeRight }));
      const right = () => (transposeRight ? gemm(g, a, { transposeLeft: true, transposeRight: transposeLeft }) : gemm(a, g, { transposeLeft: !transposeLeft }));
      const result = [wanted(0) ? left() : undefined, wanted(1) ? right() : undefined];
      return bias ? [...result, wanted(2) ? sumTo(g, bias.shape) : undefined] : result;
    },
  }),
} satisfies { [N in OpName]?: OpDefinition<N> };
