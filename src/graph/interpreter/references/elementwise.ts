/** References of the elementwise operations. */
import type { DType } from "../../../core/tensor.ts";
import { elementCount, halfToFloatTable, toHalf } from "../../../core/tensor.ts";
import type { ElementwiseAttributes } from "../../op-types.ts";
import type { PlainTensor } from "../plain.ts";
import { broadcastAt, broadcastSizes, build } from "../plain.ts";
import type { Reference } from "./reference.ts";

function elementwiseOf(
  dtype: DType,
  inputs: readonly PlainTensor[],
  compute: (...entries: number[]) => number,
): PlainTensor[] {
  const shape = broadcastSizes(...inputs.map((input) => input.shape));
  const [a, b, c] = inputs.map((input) => broadcastTo(input, shape));
  const data = new Float64Array(a!.length);
  // Without a list of arguments for every entry: losses are evaluated over all tokens of a step.
  if (c) for (let i = 0; i < data.length; i++) data[i] = compute(a![i]!, b![i]!, c[i]!);
  else if (b) for (let i = 0; i < data.length; i++) data[i] = compute(a![i]!, b[i]!);
  else for (let i = 0; i < data.length; i++) data[i] = compute(a![i]!);
  return [{ dtype, shape, data }];
}

/** The entries that broadcasting makes of a tensor. */
function broadcastTo(x: PlainTensor, shape: readonly number[]): Float64Array {
  const size = elementCount(shape);
  if (x.data.length === size) return x.data;
  if (x.data.length === 1) return new Float64Array(size).fill(x.data[0]!);
  return build(x.dtype, shape, (index) => broadcastAt(x, index)).data;
}

const binary = (compute: (a: number, b: number) => number) => (inputs: readonly PlainTensor[]) =>
  elementwiseOf("float32", inputs, compute);
const unary = (compute: (x: number) => number) => (inputs: readonly PlainTensor[]) =>
  elementwiseOf("float32", inputs, compute);
const comparison = (holds: (a: number, b: number) => boolean) => (inputs: readonly PlainTensor[]) =>
  elementwiseOf("bool", inputs, (a, b) => (holds(a, b) ? 1 : 0));

/** 1 / (1 + e^-x) without overflow. */
const sigmoid = (x: number): number =>
  x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));

/**
 * The error function to about 1e-15: its Taylor series near 0, and Lentz's continued fraction of
 * the complement beyond.
 * Source: Abramowitz and Stegun 7.1.6 and 7.1.14.
 */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 3) {
    let term = (2 / Math.sqrt(Math.PI)) * z * Math.exp(-z * z);
    let total = term;
    for (let n = 1; term > total * 1e-17 && n < 200; n++)
      total += term *= (2 * z * z) / (2 * n + 1);
    return Math.sign(x) * total;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

const GELU = {
  none: (x: number): number => (x / 2) * (1 + erf(x / Math.SQRT2)),
  tanh: (x: number): number =>
    (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

const CAST: Record<DType, (x: number) => number> = {
  float32: (x) => x,
  float16: (x) => halfToFloatTable()[toHalf(x)]!,
  int64: Math.trunc,
  int32: Math.trunc,
  int8: Math.trunc,
  bool: (x) => (x === 0 ? 0 : 1),
};

export const elementwise = {
  add: binary((a, b) => a + b),
  subtract: binary((a, b) => a - b),
  multiply: binary((a, b) => a * b),
  divide: binary((a, b) => a / b),
  maximum: binary(Math.max),
  minimum: binary(Math.min),
  negate: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  abs: unary(Math.abs),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  silu: unary((x) => x * sigmoid(x)),
  gelu: (inputs, { approximation }) => elementwiseOf("float32", inputs, GELU[approximation]),
  greater: comparison((a, b) => a > b),
  equal: comparison((a, b) => a === b),
  where: (inputs) =>
    elementwiseOf(inputs[1]!.dtype, inputs, (condition, a, b) => (condition === 0 ? b : a)),
  cast: (inputs, { to }) => elementwiseOf(to, inputs, CAST[to]),
  stopGradient: ([x]) => [x!],
} satisfies { [N in keyof ElementwiseAttributes]: Reference<N> };
