/**
 * Elementwise operations: arithmetic, functions, comparisons and choices. Gradients are the
 * textbook derivatives.
 */
import { AttuneError } from "../../core/errors.ts";
import {
  abs,
  add,
  cast,
  divide,
  equal,
  exp,
  greater,
  multiply,
  negate,
  sigmoid,
  subtract,
  sumTo,
  where,
  fill,
} from "../build.ts";
import { broadcastShapes } from "../dimensions.ts";
import type { NodeWriter } from "../emission.ts";
import type { GraphNode, Value } from "../ir.ts";
import type { Emission, GradientContext, GradientRule, OpDefinition } from "../op-definition.ts";
import { defineOp, nonDifferentiable } from "../op-definition.ts";
import type { ElementwiseAttributes, OpName } from "../op-types.ts";
import { asNode, everywhere, namesOf, requireFloat, sameType } from "./shared.ts";

/** The record of an operation of two numbers. */
function binary<N extends OpName>(
  doc: string,
  emit: Emission<N>,
  gradient: (context: GradientContext<N>, gradient: Value) => readonly [() => Value, () => Value],
): OpDefinition<N> {
  return {
    doc,
    infer(inputs) {
      requireFloat(inputs);
      return [{ dtype: "float32", shape: broadcastShapes(inputs[0]!.shape, inputs[1]!.shape) }];
    },
    emit,
    gradient: (context) =>
      gradient(context, context.gradients[0]!).map((rule, index) =>
        context.wanted(index) ? sumTo(rule(), context.inputs[index]!.shape) : undefined,
      ),
  };
}

/** The record of a function of one number. */
function unary<N extends OpName>(
  doc: string,
  emit: Emission<N>,
  gradient: (g: Value, x: Value, y: Value) => Value,
): OpDefinition<N> {
  return {
    doc,
    infer: sameType,
    emit,
    gradient: ({ inputs, outputs, gradients }) => [
      gradient(gradients[0]!, inputs[0]!, outputs[0]!),
    ],
  };
}

/** Gradient of maximum and minimum: ties give half to each side, as in PyTorch. */
function chooseGradient(larger: boolean) {
  return (
    { inputs }: { inputs: readonly Value[] },
    gradient: Value,
  ): readonly [() => Value, () => Value] => {
    const [a, b] = inputs as [Value, Value];
    const share = (chosen: Value, other: Value): Value => {
      const wins = cast(larger ? greater(chosen, other) : greater(other, chosen), "float32");
      return multiply(gradient, add(wins, multiply(cast(equal(chosen, other), "float32"), 0.5)));
    };
    return [() => share(a, b), () => share(b, a)];
  };
}

/** Sign of x in {-1, 0, 1}. */
const sign = (x: Value): Value =>
  subtract(cast(greater(x, 0), "float32"), cast(greater(0, x), "float32"));

const emitSilu: Emission<"silu"> = {
  cpu: asNode("QuickGelu", { alpha: { float: 1 } }, "com.microsoft"),
  webgpu: (writer, { inputs: [x], outputs }) =>
    void writer.nodeOutputs("Mul", [x!.name, writer.node("Sigmoid", [x!.name])], {
      outputs: namesOf(outputs),
    }),
};

function geluGradient({
  inputs,
  gradients,
  attributes,
}: GradientContext<"gelu">): readonly Value[] {
  const x = inputs[0]!;
  const slope = attributes.approximation === "tanh" ? geluTanhSlope(x) : geluExactSlope(x);
  return [multiply(gradients[0]!, slope)];
}

/** d/dx of x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3), with tanh(u) = 2 sigma(2u) - 1. */
function geluTanhSlope(x: Value): Value {
  const c = Math.sqrt(2 / Math.PI);
  const xx = multiply(x, x);
  const u = multiply(multiply(x, add(multiply(xx, 0.044715), 1)), c);
  const s = sigmoid(multiply(u, 2));
  const du = multiply(add(multiply(xx, 3 * 0.044715), 1), c);
  return add(s, multiply(multiply(x, multiply(multiply(s, subtract(1, s)), 2)), du));
}

/**
 * Phi(x) + x phi(x); Phi is written through gelu itself, where x is not near 0, and by its series
 * there.
 */
function geluExactSlope(x: Value): Value {
  const density = multiply(exp(multiply(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  const small = greater(1e-3, abs(x));
  const safe = where(small, fill(x.graph, x.shape, 1), x);
  const ratio = divide(x.graph.apply("gelu", [safe], { approximation: "none" })[0]!, safe);
  const series = add(multiply(x, 1 / Math.sqrt(2 * Math.PI)), 0.5);
  return add(where(small, series, ratio), multiply(x, density));
}

const comparison = <N extends OpName>(
  doc: string,
  emit: Emission<N>,
  allowIntegers: boolean,
): OpDefinition<N> => ({
  doc,
  infer(inputs) {
    if (!allowIntegers) requireFloat(inputs);
    if (inputs[0]!.dtype !== inputs[1]!.dtype)
      throw new AttuneError("internal", `compares ${inputs[0]!.dtype} with ${inputs[1]!.dtype}`);
    return [{ dtype: "bool", shape: broadcastShapes(inputs[0]!.shape, inputs[1]!.shape) }];
  },
  emit,
  gradient: nonDifferentiable("a comparison is constant almost everywhere"),
});

const castGradient: GradientRule<"cast"> = ({ inputs, gradients }) => {
  const { dtype } = inputs[0]!;
  return [dtype === "float32" || dtype === "float16" ? cast(gradients[0]!, dtype) : undefined];
};

export const elementwise = {
  add: binary<"add">("a + b", everywhere(asNode("Add")), (_, g) => [() => g, () => g]),
  subtract: binary<"subtract">("a - b", everywhere(asNode("Sub")), (_, g) => [
    () => g,
    () => negate(g),
  ]),
  multiply: binary<"multiply">("a * b", everywhere(asNode("Mul")), ({ inputs }, g) => [
    () => multiply(g, inputs[1]!),
    () => multiply(g, inputs[0]!),
  ]),
  divide: binary<"divide">("a / b", everywhere(asNode("Div")), ({ inputs, outputs }, g) => [
    () => divide(g, inputs[1]!),
    () => negate(divide(multiply(g, outputs[0]!), inputs[1]!)),
  ]),
  maximum: binary<"maximum">(
    "the larger of a and b",
    everywhere(asNode("Max")),
    chooseGradient(true),
  ),
  minimum: binary<"minimum">(
    "the smaller of a and b",
    everywhere(asNode("Min")),
    chooseGradient(false),
  ),
  negate: unary<"negate">("-x", everywhere(asNode("Neg")), (g) => negate(g)),
  exp: unary<"exp">("e^x", everywhere(asNode("Exp")), (g, _, y) => multiply(g, y)),
  log: unary<"log">("natural logarithm", everywhere(asNode("Log")), (g, x) => divide(g, x)),
  sqrt: unary<"sqrt">("square root", everywhere(asNode("Sqrt")), (g, _, y) =>
    multiply(divide(g, y), 0.5),
  ),
  abs: unary<"abs">("|x|", everywhere(asNode("Abs")), (g, x) => multiply(g, sign(x))),
  tanh: {
    ...unary<"tanh">("hyperbolic tangent", everywhere(asNode("Tanh")), (g, _, y) =>
      multiply(g, subtract(1, multiply(y, y))),
    ),
    memory: { overwrites: 0 },
  },
  sigmoid: {
    ...unary<"sigmoid">("1 / (1 + e^-x)", everywhere(asNode("Sigmoid")), (g, _, y) =>
      multiply(g, multiply(y, subtract(1, y))),
    ),
    memory: { overwrites: 0 },
  },
  softplus: {
    ...unary<"softplus">("log(1 + e^x)", everywhere(asNode("Softplus")), (g, x) =>
      multiply(g, sigmoid(x)),
    ),
    memory: { overwrites: 0 },
  },
  silu: unary<"silu">("x sigma(x)", emitSilu, (g, x, y) => {
    const s = sigmoid(x);
    return multiply(g, add(s, multiply(y, subtract(1, s))));
  }),
  gelu: defineOp("gelu", {
    doc: "x Phi(x), exact or by GPT-2's tanh approximation",
    infer: sameType,
    emit: everywhere(emitGelu),
    gradient: geluGradient,
  }),
  greater: comparison<"greater">("a > b, as bool", everywhere(asNode("Greater")), false),
  equal: comparison<"equal">("a == b, as bool", everywhere(asNode("Equal")), true),
  where: defineOp("where", {
    doc: "a where the condition holds, else b",
    infer([condition, a, b]) {
      if (condition!.dtype !== "bool")
        throw new AttuneError("internal", `the condition must be bool, got ${condition!.dtype}`);
      if (a!.dtype !== b!.dtype)
        throw new AttuneError("internal", `the branches have types ${a!.dtype} and ${b!.dtype}`);
      return [
        {
          dtype: a!.dtype,
          shape: broadcastShapes(condition!.shape, broadcastShapes(a!.shape, b!.shape)),
        },
      ];
    },
    emit: everywhere(asNode("Where")),
    gradient: ({ inputs, gradients, wanted }) => {
      const [condition, a, b] = inputs as [Value, Value, Value];
      const g = gradients[0]!;
      const none = fill(g.graph, g.shape, 0);
      return [
        undefined,
        wanted(1) ? sumTo(where(condition, g, none), a.shape) : undefined,
        wanted(2) ? sumTo(where(condition, none, g), b.shape) : undefined,
      ];
    },
  }),
  cast: defineOp("cast", {
    doc: "converts to another dtype",
    infer: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
    emit: everywhere(asNode("Cast", ({ attributes }) => ({ to: { dtype: attributes.to } }))),
    gradient: castGradient,
  }),
  stopGradient: defineOp("stopGradient", {
    doc: "x, through which no gradient flows",
    infer: ([x]) => [x!],
    emit: everywhere(asNode("Identity")),
    differentiable: [],
    gradient: () => [undefined],
    memory: { shares: 0 },
  }),
} satisfies { [N in keyof ElementwiseAttributes]: OpDefinition<N> };

function emitGelu(writer: NodeWriter, node: GraphNode<"gelu">): void {
  const [x] = namesOf(node.inputs) as [string];
  const outputs = namesOf(node.outputs);
  if (node.attributes.approximation === "tanh") {
    // x sigma(2u) equals x/2 (1 + tanh u); opset 18 has no Gelu and FastGelu lacks a WebGPU twin of
    // equal accuracy.
    const cubic = writer.node("Mul", [writer.node("Mul", [x, x]), writer.scalar(0.044715)]);
    const inner = writer.node("Mul", [x, writer.node("Add", [cubic, writer.scalar(1)])]);
    const gate = writer.node("Sigmoid", [
      writer.node("Mul", [inner, writer.scalar(2 * Math.sqrt(2 / Math.PI))]),
    ]);
    writer.nodeOutputs("Mul", [x, gate], { outputs });
    return;
  }
  const scaled = writer.node("Erf", [writer.node("Mul", [x, writer.scalar(Math.SQRT1_2)])]);
  const half = writer.node("Mul", [x, writer.scalar(0.5)]);
  writer.nodeOutputs("Mul", [half, writer.node("Add", [scaled, writer.scalar(1)])], { outputs });
}
