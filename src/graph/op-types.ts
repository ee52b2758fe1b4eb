/**
 * The list of operations with the types of their attributes, and what each must declare.
 * `op-table.ts` collects the definitions with `satisfies`, so an operation without a shape rule, an
 * ONNX form or a gradient does not compile; the same holds for its reference in `interpreter/` and
 * its samples in `check/`.
 */
import type { DType } from "../core/tensor.ts";
import type { Shape } from "./dimensions.ts";
import type { GraphNode, Value, ValueType } from "./ir.ts";
import type { Emitter } from "./onnx/emitter.ts";

export type None = Record<never, never>;
export interface Axes {
  /** Axes to reduce; negative ones count from the end. */
  axes: readonly number[];
  keepDimensions: boolean;
}

export interface OpAttributes {
  // elementwise, with broadcasting
  add: None;
  subtract: None;
  multiply: None;
  divide: None;
  maximum: None;
  minimum: None;
  // elementwise
  negate: None;
  exp: None;
  log: None;
  sqrt: None;
  abs: None;
  tanh: None;
  sigmoid: None;
  softplus: None;
  silu: None;
  gelu: { approximation: "none" | "tanh" };
  // comparing and choosing
  greater: None;
  equal: None;
  where: None;
  cast: { to: DType };
  stopGradient: None;
  // reductions
  sum: Axes;
  mean: Axes;
  max: Axes;
  argmax: { axis: number };
  cumulativeSum: { reverse: boolean };
  // shapes
  reshape: { shape: Shape };
  transpose: { permutation: readonly number[] };
  concat: { axis: number };
  slice: { axis: number; start: number; end: number };
  pad: { axis: number; before: number; after: number };
  expand: { shape: Shape };
  fill: { shape: Shape; value: number };
  // indexing
  gatherRows: None;
  scatterAddRows: None;
  pick: None;
  scatterAddPicked: None;
  // linear algebra
  matmul: { transposeLeft: boolean; transposeRight: boolean; scale: number };
  gemm: { transposeLeft: boolean; transposeRight: boolean };
  int8Product: None;
  // normalisation and attention
  softmax: None;
  logSoftmax: None;
  tokenLogProbabilities: None;
  rmsNorm: { epsilon: number };
  layerNorm: { epsilon: number };
  rotary: { inverse: boolean };
  cachedAttention: {
    heads: number;
    keyValueHeads: number;
    rotary: boolean;
    window: number;
    packed?: boolean;
  };
}

export type OpName = keyof OpAttributes;

export interface GradientContext<N extends OpName> {
  readonly node: GraphNode<N>;
  readonly attributes: OpAttributes[N];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradient of each output; undefined where nothing depends on that output. */
  readonly gradients: readonly (Value | undefined)[];
  /** Whether a gradient of this input is wanted; rules may skip expensive ones that are not. */
  wanted(index: number): boolean;
}

/**
 * Gives one gradient per input, undefined where the input is no float, none is wanted, or the rule
 * takes the input for a constant; asking for the latter is an error.
 */
export type GradientRule<N extends OpName> = (
  context: GradientContext<N>,
) => readonly (Value | undefined)[];

/** States that an operation has no gradient, and why. */
export interface NonDifferentiable {
  readonly nonDifferentiable: string;
}

export function nonDifferentiable(reason: string): NonDifferentiable {
  return { nonDifferentiable: reason };
}

export interface OpDefinition<N extends OpName> {
  /** One line: what it computes, with shapes. */
  readonly doc: string;
  /** Types of the outputs; throws when the inputs do not fit. */
  infer(inputs: readonly ValueType[], attributes: OpAttributes[N]): ValueType[];
  /** Writes the ONNX nodes; the form may depend on `emitter.device`. */
  emit(emitter: Emitter, node: GraphNode<N>): void;
  /**
   * Outputs that the gradient rule covers; the first alone where left out. The others are
   * statistics; none stops gradients.
   */
  readonly differentiable?: readonly number[];
  readonly gradient: GradientRule<N> | NonDifferentiable;
}

/** Helper that fixes the op name, so that attributes and gradient context are typed. */
export function defineOp<N extends OpName>(_name: N, definition: OpDefinition<N>): OpDefinition<N> {
  return definition;
}
