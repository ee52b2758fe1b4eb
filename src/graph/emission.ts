/**
 * What an operation may ask of whoever writes a graph as ONNX nodes: the graph knows the form of
 * each operation, not how bytes are made of it (`onnx/`).
 */
import type { DType, HostTensor } from "../core/tensor.ts";
import type { Shape } from "./dimensions.ts";

/** What ONNX Runtime runs a graph on. A new one is asked of every operation's record. */
export const DEVICES = ["cpu", "webgpu"] as const;
export type Device = (typeof DEVICES)[number];

/** Numbers are integers unless they are marked; a dtype becomes ONNX's number of it. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly dtype: DType };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Names of the outputs; fresh names where left out. */
  readonly outputs?: readonly string[];
  /** How many fresh names. Default 1. */
  readonly outputCount?: number;
  /** `com.microsoft` for operators of ONNX Runtime's own. */
  readonly domain?: "" | "com.microsoft";
}

/** Adds to an ONNX model, in which values are known by name. Operator set 18, com.microsoft 1. */
export interface NodeWriter {
  /** Adds a node with one output and returns its name. */
  node(opType: string, inputs: readonly string[], options?: NodeOptions): string;
  /** Adds a node and returns the names of its outputs. */
  nodeOutputs(opType: string, inputs: readonly string[], options?: NodeOptions): string[];
  /** A small constant, shared between equal uses. */
  constant(tensor: HostTensor): string;
  /** A float32 scalar. */
  scalar(value: number): string;
  /** An int64 vector. */
  integers(values: readonly number[]): string;
  /** An unsigned byte, as the zero point of 8-bit products is one. */
  byte(value: number): string;
  /** A tensor that is stored in the model under a given name. */
  initializer(name: string, tensor: HostTensor): void;
  /**
   * The int64 vector of a shape, as Reshape and Expand take it.
   * @param options.allowInfer the node takes -1 for one dimension that it can infer
   */
  shape(shape: Shape, options?: { readonly allowInfer?: boolean }): string;
}
