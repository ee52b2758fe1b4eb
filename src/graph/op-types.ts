/** The list of operations, with the types of their attributes. */
import type { DType } from "../core/tensor.ts";
import type { Shape } from "./dimensions.ts";

export type None = Record<never, never>;
export interface Axes {
  /** Axes to reduce; negative ones count from the end. */
  axes: readonly number[];
  keepDimensions: boolean;
}

/** Of `ops/elementwise.ts`. */
export interface ElementwiseAttributes {
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
}

/** Of `ops/reduce.ts`. */
export interface ReduceAttributes {
  sum: Axes;
  mean: Axes;
  max: Axes;
  argmax: { axis: number };
  cumulativeSum: { reverse: boolean };
}

/** Of `ops/shape.ts`. */
export interface ShapeAttributes {
  reshape: { shape: Shape };
  transpose: { permutation: readonly number[] };
  concat: { axis: number };
  slice: { axis: number; start: number; end: number };
  pad: { axis: number; before: number; after: number };
  expand: { shape: Shape };
  fill: { shape: Shape; value: number };
}

/** Of `ops/indexing.ts`. */
export interface IndexingAttributes {
  gatherRows: None;
  scatterAddRows: None;
  pick: None;
  scatterAddPicked: None;
}

/** Of `ops/linear-algebra.ts`. */
export interface LinearAlgebraAttributes {
  matmul: { transposeLeft: boolean; transposeRight: boolean; scale: number };
  gemm: { transposeLeft: boolean; transposeRight: boolean };
  int8Product: None;
}

/** Of `ops/softmax.ts`. */
export interface SoftmaxAttributes {
  softmax: None;
  logSoftmax: None;
  tokenLogProbabilities: None;
}

/** Of `ops/norms.ts`. */
export interface NormAttributes {
  rmsNorm: { epsilon: number };
  layerNorm: { epsilon: number };
}

/** Of `ops/attention.ts`. */
export interface AttentionAttributes {
  rotary: { inverse: boolean };
  cachedAttention: {
    heads: number;
    keyValueHeads: number;
    rotary: boolean;
    window: number;
    packed?: boolean;
  };
}

/** By name of the operation. */
export interface OpAttributes
  extends
    ElementwiseAttributes,
    ReduceAttributes,
    ShapeAttributes,
    IndexingAttributes,
    LinearAlgebraAttributes,
    SoftmaxAttributes,
    NormAttributes,
    AttentionAttributes {}

export type OpName = keyof OpAttributes;
