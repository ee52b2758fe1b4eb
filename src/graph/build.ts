/**
 * Functions that add operations to a graph: the vocabulary in which models and objectives are
 * written. Each is one entry of the op table; shapes are given there.
 */
import type { DType } from "../core/tensor.ts";
import type { Dimension, Shape } from "./dimensions.ts";
import { sameShape } from "./dimensions.ts";
import type { Graph, Value } from "./ir.ts";
import type { OpAttributes, OpName } from "./op-types.ts";

type Operand = Value | number;

function one<N extends OpName>(
  op: N,
  inputs: readonly Value[],
  attributes: OpAttributes[N],
): Value {
  return inputs[0]!.graph.apply(op, inputs, attributes)[0]!;
}

function binary(
  op: "add" | "subtract" | "multiply" | "divide" | "maximum" | "minimum" | "greater",
  a: Operand,
  b: Operand,
): Value {
  const graph = (typeof a === "number" ? b : a) as Value;
  const left = typeof a === "number" ? graph.graph.scalar(a) : a;
  const right = typeof b === "number" ? graph.graph.scalar(b) : b;
  return one(op, [left, right], {});
}

export const add = (a: Operand, b: Operand): Value => binary("add", a, b);
export const subtract = (a: Operand, b: Operand): Value => binary("subtract", a, b);
export function multiply(a: Operand, b: Operand): Value {
  if (typeof b !== "number" && isOne(a) && b.dtype === "float32") return b;
  if (typeof a !== "number" && isOne(b) && a.dtype === "float32") return a;
  return binary("multiply", a, b);
}

/**
 * Whether multiplying by this changes nothing: the gradient of a loss starts as such a constant.
 */
function isOne(x: Operand): boolean {
  if (typeof x === "number") return x === 1;
  return x.constant !== undefined && x.shape.length === 0 && x.constant.data[0] === 1;
}
export const divide = (a: Operand, b: Operand): Value => binary("divide", a, b);
export const maximum = (a: Operand, b: Operand): Value => binary("maximum", a, b);
export const minimum = (a: Operand, b: Operand): Value => binary("minimum", a, b);
export const negate = (x: Value): Value => one("negate", [x], {});
export const exp = (x: Value): Value => one("exp", [x], {});
export const log = (x: Value): Value => one("log", [x], {});
export const sqrt = (x: Value): Value => one("sqrt", [x], {});
export const abs = (x: Value): Value => one("abs", [x], {});
export const tanh = (x: Value): Value => one("tanh", [x], {});
export const sigmoid = (x: Value): Value => one("sigmoid", [x], {});
/** log(1 + e^x), without overflow. */
export const softplus = (x: Value): Value => one("softplus", [x], {});
/** log sigma(x) = -softplus(-x). */
export const logSigmoid = (x: Value): Value => negate(softplus(negate(x)));
export const square = (x: Value): Value => multiply(x, x);
export const silu = (x: Value): Value => one("silu", [x], {});
export const gelu = (x: Value, approximation: "none" | "tanh"): Value =>
  one("gelu", [x], { approximation });

/** Elementwise a > b, as bool. No gradient. */
export const greater = (a: Operand, b: Operand): Value => binary("greater", a, b);
/** Elementwise a == b, as bool; for integers and floats alike. No gradient. */
export const equal = (a: Value, b: Value): Value => one("equal", [a, b], {});
export const where = (condition: Value, a: Value, b: Value): Value =>
  one("where", [condition, a, b], {});
export const cast = (x: Value, to: DType): Value => (x.dtype === to ? x : one("cast", [x], { to }));
export const stopGradient = (x: Value): Value => one("stopGradient", [x], {});

export const sum = (x: Value, axes: readonly number[], keepDimensions = false): Value =>
  one("sum", [x], { axes, keepDimensions });
export const mean = (x: Value, axes: readonly number[], keepDimensions = false): Value =>
  one("mean", [x], { axes, keepDimensions });
export const max = (x: Value, axes: readonly number[], keepDimensions = false): Value =>
  one("max", [x], { axes, keepDimensions });
/** Sum over every axis: a scalar. */
export const sumAll = (x: Value): Value =>
  sum(
    x,
    x.shape.map((_, axis) => axis),
  );
/** Mean over every axis: a scalar. */
export const meanAll = (x: Value): Value =>
  mean(
    x,
    x.shape.map((_, axis) => axis),
  );
/** Index of the largest entry along an axis, int64, that axis removed. */
export const argmax = (x: Value, axis: number): Value => one("argmax", [x], { axis });

/** Running total over the last axis; `reverse` starts from its end. */
export const cumulativeSum = (x: Value, reverse = false): Value =>
  one("cumulativeSum", [x], { reverse });

export const reshape = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : one("reshape", [x], { shape });
export const transpose = (x: Value, permutation: readonly number[]): Value =>
  one("transpose", [x], { permutation });
export const concat = (values: readonly Value[], axis: number): Value =>
  values.length === 1 ? values[0]! : one("concat", values, { axis });
/** Elements start (included) to end (excluded) along an axis of known size. */
export const slice = (x: Value, axis: number, start: number, end: number): Value =>
  one("slice", [x], { axis, start, end });
/** Of what a value is a {@link slice}, and which; undefined where it is made otherwise. */
export function sliceOf(x: Value): ({ whole: Value } & OpAttributes["slice"]) | undefined {
  const node = x.producer;
  return node?.op === "slice" ? { whole: node.inputs[0]!, ...node.attributes } : undefined;
}
/** Zeros before and after along an axis of known size. */
export const pad = (x: Value, axis: number, before: number, after: number): Value =>
  one("pad", [x], { axis, before, after });
export const expand = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : one("expand", [x], { shape });
/**
 * A float32 tensor of one repeated value. Every symbol of `shape` must be a dimension of some input
 * of the graph.
 */
export const fill = (graph: Graph, shape: Shape, value: number): Value =>
  graph.apply("fill", [], { shape, value })[0]!;

/** Rows of a table: table [R, ...], indices int64 [...I] -> [...I, ...]. */
export const gatherRows = (table: Value, indices: Value): Value =>
  one("gatherRows", [table, indices], {});
/**
 * Adds updates [...I, ...] to the rows of base [R, ...] that indices int64 [...I] name; repeated
 * rows add up.
 */
export const scatterAddRows = (base: Value, indices: Value, updates: Value): Value =>
  one("scatterAddRows", [base, indices, updates], {});
/** One entry of each row: x [N, V], indices int64 [N] -> [N]. */
export const pick = (x: Value, indices: Value): Value => one("pick", [x, indices], {});
/** Adds updates [N] at one entry of each row of base [N, V]. */
export const scatterAddPicked = (base: Value, indices: Value, updates: Value): Value =>
  one("scatterAddPicked", [base, indices, updates], {});

export interface MatmulOptions {
  transposeLeft?: boolean;
  transposeRight?: boolean;
  /** Factor on the product; free on the CPU. */
  scale?: number;
}
/** Batched product of the last two axes, batch axes equal. */
export const matmul = (a: Value, b: Value, options: MatmulOptions = {}): Value =>
  one("matmul", [a, b], {
    transposeLeft: options.transposeLeft ?? false,
    transposeRight: options.transposeRight ?? false,
    scale: options.scale ?? 1,
  });
/**
 * Product of two matrices, plus a bias that broadcasts to it: the fastest form for large matrices.
 */
export const gemm = (
  a: Value,
  b: Value,
  options: { transposeLeft?: boolean; transposeRight?: boolean; bias?: Value | undefined } = {},
): Value =>
  one("gemm", options.bias ? [a, b, options.bias] : [a, b], {
    transposeLeft: options.transposeLeft ?? false,
    transposeRight: options.transposeRight ?? false,
  });
/** A matrix [K, M] in 8 bits, with a scale for every column. */
export interface Int8Matrix {
  /** int8 [K, M] */
  readonly codes: Value;
  /** float32 [M] */
  readonly scales: Value;
}
/**
 * x [N, K] -> [N, M], a product of 8-bit integers; see the op table's `int8Product`.
 * @param transposed the matrix from the other side [M, K], which the gradient takes
 */
export const int8Product = (x: Value, matrix: Int8Matrix, transposed?: Int8Matrix): Value =>
  one(
    "int8Product",
    [x, matrix.codes, matrix.scales, ...(transposed ? [transposed.codes, transposed.scales] : [])],
    {},
  );
/**
 * base + x; where x is a product of two matrices, the product adds to base itself, which saves a
 * pass and a tensor.
 */
export function addProduct(base: Value, x: Value): Value {
  const node = x.producer;
  if (node?.op !== "gemm" || node.inputs.length !== 2) return add(base, x);
  const [a, b] = node.inputs as readonly [Value, Value];
  return gemm(a, b, { ...node.attributes, bias: base });
}
/** x [N, in] times weight [out, in] transposed, plus bias [out]: a torch Linear layer. */
export const linear = (x: Value, weight: Value, bias?: Value): Value =>
  gemm(x, weight, { transposeRight: true, bias });

/** Over the last axis. */
export const softmax = (x: Value): Value => one("softmax", [x], {});
/** Over the last axis. */
export const logSoftmax = (x: Value): Value => one("logSoftmax", [x], {});
/** x [..., d] / rms(x) * weight [d]. */
export const rmsNorm = (x: Value, weight: Value, epsilon: number): Value =>
  one("rmsNorm", [x, weight], { epsilon });
/** (x - mean) / std * weight + bias over the last axis. */
export const layerNorm = (x: Value, weight: Value, bias: Value, epsilon: number): Value =>
  one("layerNorm", [x, weight, bias], { epsilon });
/**
 * Rotary position embedding, halves rotated (Hugging Face): x [B, H, T, D], positions int64 [B, T],
 * cosines and sines [P, D/2] by position. `inverse` turns back.
 */
export const rotary = (x: Value, tables: RotaryTables, inverse = false): Value =>
  one("rotary", [x, tables.positions, tables.cosines, tables.sines], { inverse });

export interface RotaryTables {
  /** int64 [B, T] */
  positions: Value;
  /** float32 [P, D/2] */
  cosines: Value;
  /** float32 [P, D/2] */
  sines: Value;
}

/**
 * log p(target) of each row: logits [N, V], targets int64 [N] -> `selected` [N] and the whole `all`
 * [N, V]. One operation, because its gradient needs fewer passes over [N, V] than that of
 * pick(logSoftmax(x)).
 */
export function tokenLogProbabilities(
  logits: Value,
  targets: Value,
): { selected: Value; all: Value } {
  const [selected, all] = logits.graph.apply("tokenLogProbabilities", [logits, targets], {});
  return { selected: selected!, all: all! };
}

/**
 * Sums a gradient over the axes along which `shape` was broadcast: the one place where broadcasting
 * is undone.
 */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dimension: Dimension, axis) =>
    axis < offset || (shape[axis - offset] === 1 && dimension !== 1) ? [axis] : [],
  );
  const reduced = axes.length > 0 ? sum(x, axes, true) : x;
  return reshape(reduced, shape);
}
