/**
 * The record of an operation: all that is known of it, in one place. Passes, differentiation,
 * emission, estimates of memory and plans of execution ask the record; none knows an operation by
 * name. `op-table.ts` collects the records, so an operation without one does not compile.
 */
import type { Dimension } from "./dimensions.ts";
import type { Device, NodeWriter } from "./emission.ts";
import type { GraphNode, ShapeRule, Value } from "./ir.ts";
import type { OpAttributes, OpName } from "./op-types.ts";

export interface OpDefinition<N extends OpName> {
  /** One line: what it computes, with shapes. */
  readonly doc: string;
  /** Types of the outputs; throws when the inputs do not fit. */
  readonly infer: ShapeRule<N>;
  /** Its ONNX form on each device. */
  readonly emit: Emission<N>;
  readonly gradient: GradientRule<N> | NonDifferentiable;
  /**
   * Outputs that the gradient rule covers; the first alone where left out. The others are
   * statistics; none stops gradients.
   */
  readonly differentiable?: readonly number[];
  /** Stated by products of matrices; every other operation counts as no work. */
  readonly product?: ProductFacts<N>;
  /** Where left out, every output takes memory of its own. */
  readonly memory?: MemoryFacts<N>;
  /** Stated where a device has one node for this operation and the one before it. */
  readonly fusion?: Fusion<N>;
}

/** Writes the ONNX nodes of a graph node; their last outputs have the names of its outputs. */
export type EmitRule<N extends OpName> = (writer: NodeWriter, node: GraphNode<N>) => void;
export type Emission<N extends OpName> = Readonly<Record<Device, EmitRule<N>>>;

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

/** What is known of a product of matrices, which all of a step's time goes into. */
export interface ProductFacts<N extends OpName> {
  /** How many it takes; a multiplication and an addition count as two. May hold symbols. */
  operations(node: GraphNode<N>): Dimension;
  /**
   * Whether its result is kept from a block's forward pass to its backward pass where all but the
   * products is computed again (`--recompute between`).
   */
  readonly kept: boolean;
  /** The input that it adds to, which is then only part of what is kept. */
  addend?(node: GraphNode<N>): Value | undefined;
}

/** How ONNX Runtime 1.30 treats the memory of a node's outputs on the CPU, as measured. */
export interface MemoryFacts<N extends OpName> {
  /** The input whose memory the first output is: the same numbers seen otherwise. */
  readonly shares?: number;
  /** The input that the first output is written over, if nobody else reads it from there on. */
  readonly overwrites?: number;
  /**
   * Bytes of an output that is computed once, when the session is made, and kept beside the arena;
   * 0 where it lies in the model, undefined where it is computed in every run.
   */
  constantBytes?(node: GraphNode<N>): number | undefined;
  /**
   * The nodes that it is run as where it is written as several that take memory at different times.
   * Operations stand for others that read and give tensors of the same sizes.
   */
  runAs?(node: GraphNode<N>): readonly GraphNode[];
}

/** A form for two nodes, the first of which makes the first input of the second. */
export interface Fusion<N extends OpName> {
  /** Whether this node before it can be made along. */
  fits(producer: GraphNode): boolean;
  /** Writes both, but only the first output of the second; undefined where a device has no form. */
  readonly emit: Readonly<Record<Device, FusedEmitRule<N> | undefined>>;
}

export type FusedEmitRule<N extends OpName> = (
  writer: NodeWriter,
  node: GraphNode<N>,
  producer: GraphNode,
) => void;

/** Helper that fixes the op name, so that attributes and gradient context are typed. */
export function defineOp<N extends OpName>(_name: N, definition: OpDefinition<N>): OpDefinition<N> {
  return definition;
}
