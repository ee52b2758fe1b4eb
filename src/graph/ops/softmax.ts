/** Softmaxes over the last axis, and log-probabilities of tokens. */
import { AttuneError } from "../../core/errors.ts";
import { exp, fill, multiply, negate, reshape, scatterAddPicked, subtract, sum } from "../build.ts";
import { formatShape } from "../dimensions.ts";
import type { NodeWriter } from "../emission.ts";
import type { GraphNode, Value } from "../ir.ts";
import type { Emission, GradientContext, OpDefinition } from "../op-definition.ts";
import { defineOp } from "../op-definition.ts";
import type { SoftmaxAttributes } from "../op-types.ts";
import { asNode, everywhere, requireFloat, sameType } from "./shared.ts";

interface OneToOne {
  input: string;
  output: string;
}

/** x - max - log sum e^(x - max), for devices without a kernel of LogSoftmax. */
function emitLogSoftmaxInParts(writer: NodeWriter, { input, output }: OneToOne): void {
  const axis = writer.integers([-1]);
  const shifted = writer.node("Sub", [input, writer.node("ReduceMax", [input, axis])]);
  const total = writer.node("ReduceSum", [writer.node("Exp", [shifted]), axis]);
  writer.nodeOutputs("Sub", [shifted, writer.node("Log", [total])], { outputs: [output] });
}

const emitLogSoftmax: Emission<"logSoftmax"> = {
  cpu: asNode("LogSoftmax", { axis: -1 }),
  webgpu: (writer, { inputs: [x], outputs: [y] }) =>
    emitLogSoftmaxInParts(writer, { input: x!.name, output: y!.name }),
};

const emitTokenLogProbabilities: Emission<"tokenLogProbabilities"> = {
  cpu(writer, node) {
    const [logits, all] = [node.inputs[0]!, node.outputs[1]!];
    const outputs = [all.name];
    writer.nodeOutputs("LogSoftmax", [logits.name], { attributes: { axis: -1 }, outputs });
    emitPicked(writer, node);
  },
  webgpu(writer, node) {
    const [logits, all] = [node.inputs[0]!, node.outputs[1]!];
    emitLogSoftmaxInParts(writer, { input: logits.name, output: all.name });
    emitPicked(writer, node);
  },
};

/** log p(target), read from all log-probabilities. */
function emitPicked(
  writer: NodeWriter,
  { inputs: [, targets], outputs: [selected, all] }: GraphNode<"tokenLogProbabilities">,
): void {
  const axis = writer.integers([1]);
  const column = writer.node("Unsqueeze", [targets!.name, axis]);
  const picked = writer.node("GatherElements", [all!.name, column], { attributes: { axis: 1 } });
  writer.nodeOutputs("Squeeze", [picked, axis], { outputs: [selected!.name] });
}

/** What picks may run long after the softmax. */
function softmaxThenPick(node: GraphNode<"tokenLogProbabilities">): readonly GraphNode[] {
  const [logits, targets] = node.inputs as readonly [Value, Value];
  const [selected, all] = node.outputs as readonly [Value, Value];
  return [
    { ...node, op: "logSoftmax", inputs: [logits], outputs: [all] },
    { ...node, op: "pick", inputs: [all, targets], outputs: [selected] },
  ];
}

const column = (v: Value): Value => reshape(v, [...v.shape, 1]);

/**
 * (softmax - onehot) scaled: gradient of log p(target) with respect to the logits, in three passes
 * over [N, V].
 */
function tokenLogProbabilitiesGradient({
  inputs,
  outputs,
  gradients,
}: GradientContext<"tokenLogProbabilities">): readonly (Value | undefined)[] {
  const [, targets] = inputs;
  const all = outputs[1]!;
  const [selected, whole] = gradients;
  let result: Value | undefined;
  // Scattering first lets the product write over the copy that scattering makes.
  if (selected)
    result = multiply(
      scatterAddPicked(exp(all), targets!, fill(all.graph, targets!.shape, -1)),
      column(negate(selected)),
    );
  if (whole) {
    const rest = subtract(whole, multiply(exp(all), sum(whole, [-1], true)));
    result = result ? subtract(result, negate(rest)) : rest;
  }
  return [result, undefined];
}

export const softmaxes = {
  softmax: defineOp("softmax", {
    doc: "e^x / sum e^x over the last axis",
    infer: sameType,
    emit: everywhere(asNode("Softmax", { axis: -1 })),
    gradient: ({ outputs, gradients }) => {
      const [y, g] = [outputs[0]!, gradients[0]!];
      return [multiply(y, subtract(g, sum(multiply(g, y), [-1], true)))];
    },
    memory: { overwrites: 0 },
  }),
  logSoftmax: defineOp("logSoftmax", {
    doc: "x - log sum e^x over the last axis",
    infer: sameType,
    emit: emitLogSoftmax,
    gradient: ({ outputs, gradients }) => [
      subtract(gradients[0]!, multiply(exp(outputs[0]!), sum(gradients[0]!, [-1], true))),
    ],
    memory: { overwrites: 0 },
  }),
  tokenLogProbabilities: defineOp("tokenLogProbabilities", {
    doc: "logits [N, V], targets [N] -> log p(target) [N] and all log-probabilities [N, V]",
    infer([logits, targets]) {
      requireFloat([logits!]);
      if (
        logits!.shape.length !== 2 ||
        targets!.dtype !== "int64" ||
        targets!.shape[0] !== logits!.shape[0]
      ) {
        throw new AttuneError(
          "internal",
          `needs [N, V] and int64 [N], got ${formatShape(logits!.shape)} and ` +
            `${targets!.dtype}${formatShape(targets!.shape)}`,
        );
      }
      return [{ dtype: "float32", shape: targets!.shape }, logits!];
    },
    emit: emitTokenLogProbabilities,
    differentiable: [0, 1],
    gradient: tokenLogProbabilitiesGradient,
    memory: { runAs: softmaxThenPick },
  }),
} satisfies { [N in keyof SoftmaxAttributes]: OpDefinition<N> };
