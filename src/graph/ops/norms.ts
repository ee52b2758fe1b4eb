/**
 * Normalisations over the last axis. SimplifiedLayerNormalization and its twin that adds first are
 * ONNX Runtime's own operators.
 */
import { AttuneError } from "../../core/errors.ts";
import { mean, multiply, subtract, sumTo } from "../build.ts";
import { formatShape, sameShape } from "../dimensions.ts";
import type { AttributeValue, NodeWriter } from "../emission.ts";
import type { GraphNode, Value, ValueType } from "../ir.ts";
import type { Emission, GradientContext, OpDefinition } from "../op-definition.ts";
import { defineOp } from "../op-definition.ts";
import type { NormAttributes } from "../op-types.ts";
import { asNode, everywhere, namesOf, requireFloat } from "./shared.ts";

const lastAsOne = (shape: ValueType["shape"]): ValueType["shape"] => [...shape.slice(0, -1), 1];

function requireVector(name: string, vector: ValueType, x: ValueType): void {
  if (vector.shape.length !== 1 || vector.shape[0] !== x.shape.at(-1)) {
    throw new AttuneError(
      "internal",
      `${name} must be ${formatShape([x.shape.at(-1)!])}, got ${formatShape(vector.shape)}`,
    );
  }
}

const normAttributes = ({
  attributes: { epsilon },
}: GraphNode<keyof NormAttributes>): Record<string, AttributeValue> => ({
  axis: -1,
  epsilon: { float: epsilon },
  stash_type: 1,
});

const emitRmsNorm: Emission<"rmsNorm"> = {
  cpu: asNode("SimplifiedLayerNormalization", normAttributes),
  // On WebGPU, ONNX Runtime 1.30 gives the mean of x as second output.
  webgpu(writer, node) {
    const [x, weight] = namesOf(node.inputs) as [string, string];
    const [normal, inverse] = namesOf(node.outputs) as [string, string];
    const attributes = normAttributes(node);
    writer.nodeOutputs("SimplifiedLayerNormalization", [x, weight], {
      attributes,
      outputs: [normal],
    });
    const square = writer.node("ReduceMean", [writer.node("Mul", [x, x]), writer.integers([-1])]);
    const shifted = writer.node("Add", [square, writer.scalar(node.attributes.epsilon)]);
    writer.nodeOutputs("Reciprocal", [writer.node("Sqrt", [shifted])], { outputs: [inverse] });
  },
};

/** Without 1 / rms, which the kernel does not give. */
function emitSumAndNorm(writer: NodeWriter, node: GraphNode<"rmsNorm">, sum: GraphNode): void {
  const [, weight] = node.inputs;
  const [normal] = node.outputs;
  writer.nodeOutputs("SkipSimplifiedLayerNormalization", [...namesOf(sum.inputs), weight!.name], {
    domain: "com.microsoft",
    attributes: { epsilon: { float: node.attributes.epsilon } },
    outputs: [normal!.name, "", "", sum.outputs[0]!.name],
  });
}

/**
 * Zhang and Sennrich 2019: with n = x / rms, dx = (w dy - n mean(w dy n)) / rms, dw = sum(dy n).
 */
function rmsNormGradient({
  inputs,
  outputs,
  gradients,
  wanted,
}: GradientContext<"rmsNorm">): readonly (Value | undefined)[] {
  const [x, weight] = inputs as readonly [Value, Value];
  const inverse = outputs[1]!;
  const g = gradients[0]!;
  const normal = multiply(x, inverse);
  const inner = multiply(g, weight);
  const dx = () =>
    multiply(subtract(inner, multiply(normal, mean(multiply(inner, normal), [-1], true))), inverse);
  return [
    wanted(0) ? dx() : undefined,
    wanted(1) ? sumTo(multiply(g, normal), weight.shape) : undefined,
  ];
}

/** Ba et al. 2016: as rmsNorm, with the mean of w dy taken out as well. */
function layerNormGradient({
  inputs,
  outputs,
  gradients,
  wanted,
}: GradientContext<"layerNorm">): readonly (Value | undefined)[] {
  const [x, weight, bias] = inputs as readonly [Value, Value, Value];
  const [, average, inverse] = outputs as readonly [Value, Value, Value];
  const g = gradients[0]!;
  const normal = multiply(subtract(x, average), inverse);
  const dx = (): Value => {
    const inner = multiply(g, weight);
    const projected = multiply(normal, mean(multiply(inner, normal), [-1], true));
    return multiply(subtract(subtract(inner, mean(inner, [-1], true)), projected), inverse);
  };
  return [
    wanted(0) ? dx() : undefined,
    wanted(1) ? sumTo(multiply(g, normal), weight.shape) : undefined,
    wanted(2) ? sumTo(g, bias.shape) : undefined,
  ];
}

export const norms = {
  rmsNorm: defineOp("rmsNorm", {
    doc: "x [..., d] / sqrt(mean x^2 + epsilon) * weight [d]; second output: 1 / rms [..., 1]",
    infer(inputs) {
      requireFloat(inputs);
      const [x, weight] = inputs as readonly [ValueType, ValueType];
      requireVector("weight", weight, x);
      return [x, { dtype: "float32", shape: lastAsOne(x.shape) }];
    },
    emit: emitRmsNorm,
    gradient: rmsNormGradient,
    fusion: {
      // The kernel adds tensors of one shape alone.
      fits: ({ op, inputs: [a, b] }) => op === "add" && sameShape(a!.shape, b!.shape),
      emit: { cpu: emitSumAndNorm, webgpu: undefined },
    },
  }),
  layerNorm: defineOp("layerNorm", {
    doc:
      "(x - mean) / std * weight + bias over the last axis; further outputs: mean and 1 / std " +
      "[..., 1]",
    infer(inputs) {
      requireFloat(inputs);
      const [x, weight, bias] = inputs as readonly [ValueType, ValueType, ValueType];
      requireVector("weight", weight, x);
      requireVector("bias", bias, x);
      const statistic: ValueType = { dtype: "float32", shape: lastAsOne(x.shape) };
      return [x, statistic, statistic];
    },
    emit: everywhere(asNode("LayerNormalization", normAttributes)),
    gradient: layerNormGradient,
  }),
} satisfies { [N in keyof NormAttributes]: OpDefinition<N> };
