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
import type { GraphNode, Value, ValueType } from "../ir.ts";
import type { Emitter } from "../onnx/emitter.ts";
import { ONNX_TYPE } from "../onnx/emitter.ts";
import type { GradientContext, GradientRule, OpDefinition, OpName } from "../op-types.ts";
import { defineOp, nonDifferentiable } from "../op-types.ts";

type BinaryOp = "add" | "subtract" | "multiply" | "divide" | "maximum" | "minimum";
type UnaryOp = "negate" | "exp" | "log" | "sqrt" | "abs" | "tanh" | "sigmoid" | "softplus" | "silu";

const namesOf = (values: readonly Value[]): string[] => values.map((value) => value.name);

/** Emits one ONNX node with the same inputs and outputs as the graph node. */
export function emitAs(opType: string): (emitter: Emitter, node: GraphNode) => void {
  return (emitter, node) =>
    void emitter.nodeOutputs(opType, namesOf(node.inputs), { outputs: namesOf(node.outputs) });
}

export function requireFloat(inputs: readonly ValueType[]): void {
  for (const input of inputs) {
    if (input.dtype !== "float32")
      throw new AttuneError("internal", `needs float32 inputs, got ${input.dtype}`);
  }
}

function binary<N extends BinaryOp>(
  doc: string,
  opType: string,
  gradient: (context: GradientContext<N>, gradient: Value) => readonly [() => Value, () => Value],
): OpDefinition<N> {
  return {
    doc,
    infer(inputs) {
      requireFloat(inputs);
      return [{ dtype: "float32", shape: broadcastShapes(inputs[0]!.shape, inputs[1]!.shape) }];
    },
    emit: emitAs(opType) as OpDefinition<N>["emit"],
    gradient: (context) =>
      gradient(context, context.gradients[0]!).map((rule, index) =>
        context.wanted(index) ? sumTo(rule(), context.inputs[index]!.shape) : undefined,
      ),
  };
}

function unary<N extends UnaryOp>(
  doc: string,
  emit: (emitter: Emitter, node: GraphNode) => void,
  gradient: (g: Value, x: Value, y: Value) => Value,
): OpDefinition<N> {
  return {
    doc,
    infer(inputs) {
      requireFloat(inputs);
      return [inputs[0]!];
    },
    emit: emit as OpDefinition<N>["emit"],
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

function emitSilu(emitter: Emitter, node: GraphNode): void {
  const [x] = namesOf(node.inputs) as [string];
  if (emitter.device === "cpu") {
    emitter.nodeOutputs("QuickGelu", [x], {
      domain: "com.microsoft",
      attributes: { alpha: { float: 1 } },
      outputs: namesOf(node.outputs),
    });
  } else {
    emitter.nodeOutputs("Mul", [x, emitter.node("Sigmoid", [x])], {
      outputs: namesOf(node.outputs),
    });
  }
}

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

const comparison = <N extends "greater" | "equal">(
  opType: string,
  doc: string,
  allowIntegers: boolean,
): OpDefinition<N> => ({
  doc,
  infer(inputs) {
    if (!allowIntegers) requireFloat(inputs);
    if (inputs[0]!.dtype !== inputs[1]!.dtype)
      throw new AttuneError("internal", `compares ${inputs[0]!.dtype} with ${inputs[1]!.dtype}`);
    return [{ dtype: "bool", shape: broadcastShapes(inputs[0]!.shape, inputs[1]!.shape) }];
  },
  emit: emitAs(opType) as OpDefinition<N>["emit"],
  gradient: nonDifferentiable("a comparison is constant almost everywhere"),
});

const castGradient: GradientRule<"cast"> = ({ inputs, gradients }) => {
  const { dtype } = inputs[0]!;
  return [dtype === "float32" || dtype === "float16" ? cast(gradients[0]!, dtype) : undefined];
};

export const elementwise = {
  add: binary<"add">("a + b", "Add", (_, g) => [() => g, () => g]),
  subtract: binary<"subtract">("a - b", "Sub", (_, g) => [() => g, () => negate(g)]),
  multiply: binary<"multiply">("a * b", "Mul", ({ inputs }, g) => [
    () => multiply(g, inputs[1]!),
    () => multiply(g, inputs[0]!),
  ]),
  divide: binary<"divide">("a / b", "Div", ({ inputs, outputs }, g) => [
    () => divide(g, inputs[1]!),
    () => negate(divide(multiply(g, outputs[0]!), inputs[1]!)),
  ]),
  maximum: binary<"maximum">("the larger of a and b", "Max", chooseGradient(true)),
  minimum: binary<"minimum">("the smaller of a and b", "Min", chooseGradient(false)),
  negate: unary<"negate">("-x", emitAs("Neg"), (g) => negate(g)),
  exp: unary<"exp">("e^x", emitAs("Exp"), (g, _, y) => multiply(g, y)),
  log: unary<"log">("natural logarithm", emitAs("Log"), (g, x) => divide(g, x)),
  sqrt: unary<"sqrt">("square root", emitAs("Sqrt"), (g, _, y) => multiply(divide(g, y), 0.5)),
  abs: unary<"abs">("|x|", emitAs("Abs"), (g, x) => multiply(g, sign(x))),
  tanh: unary<"tanh">("hyperbolic tangent", emitAs("Tanh"), (g, _, y) =>
    multiply(g, subtract(1, multiply(y, y))),
  ),
  sigmoid: unary<"sigmoid">("1 / (1 + e^-x)", emitAs("Sigmoid"), (g, _, y) =>
    multiply(g, multiply(y, subtract(1, y))),
  ),
  softplus: unary<"softplus">("log(1 + e^x)", emitAs("Softplus"), (g, x) =>
    multiply(g, sigmoid(x)),
  ),
  silu: unary<"silu">("x sigma(x)", emitSilu, (g, x, y) => {
    const s = sigmoid(x);
    return multiply(g, add(s, multiply(y, subtract(1, s))));
  }),
  gelu: defineOp("gelu", {
    doc: "x Phi(x), exact or by GPT-2's tanh approximation",
    infer(inputs) {
      requireFloat(inputs);
      return [inputs[0]!];
    },
    emit: emitGelu,
    gradient: geluGradient,
  }),
  greater: comparison<"greater">("Greater", "a > b, as bool", false),
  equal: comparison<"equal">("Equal", "a == b, as bool", true),
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
    emit: emitAs("Where") as OpDefinition<"where">["emit"],
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
    emit: (emitter, node) =>
      void emitter.nodeOutputs("Cast", namesOf(node.inputs), {
        attributes: { to: ONNX_TYPE[node.attributes.to] },
        outputs: namesOf(node.outputs),
      }),
    gradient: castGradient,
  }),
  stopGradient: defineOp("stopGradient", {
    doc: "x, through which no gradient flows",
    infer: ([x]) => [x!],
    emit: emitAs("Identity") as OpDefinition<"stopGradient">["emit"],
    differentiable: [],
    gradient: () => [undefined],
  }),
} satisfies { [N in OpName]?: OpDefinition<N> };

function emitGelu(emitter: Emitter, node: GraphNode<"gelu">): void {
  const [x] = namesOf(node.inputs) as [string];
  const outputs = namesOf(node.outputs);
  if (node.attributes.approximation === "tanh") {
    // x sigma(2u) equals x/2 (1 + tanh u); opset 18 has no Gelu and FastGelu lacks a WebGPU twin of
    // equal accuracy.
    const cubic = emitter.node("Mul", [emitter.node("Mul", [x, x]), emitter.scalar(0.044715)]);
    const inner = emitter.node("Mul", [x, emitter.node("Add", [cubic, emitter.scalar(1)])]);
    const gate = emitter.node("Sigmoid", [
      emitter.node("Mul", [inner, emitter.scalar(2 * Math.sqrt(2 / Math.PI))]),
    ]);
    emitter.nodeOutputs("Mul", [x, gate], { outputs });
    return;
  }
  const scaled = emitter.node("Erf", [emitter.node("Mul", [x, emitter.scalar(Math.SQRT1_2)])]);
  const half = emitter.node("Mul", [x, emitter.scalar(0.5)]);
  emitter.nodeOutputs("Mul", [half, emitter.node("Add", [scaled, emitter.scalar(1)])], { outputs });
}
