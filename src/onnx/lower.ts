/**
 * Writes a graph as an ONNX model for a device: only live nodes, only used inputs, constants stored
 * inside.
 */
import { invariant } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import type { Dimension } from "../graph/dimensions.ts";
import { fitsSize, formatShape, symbolsOf } from "../graph/dimensions.ts";
import type { Device } from "../graph/emission.ts";
import type { Graph, GraphNode, Value, ValueType } from "../graph/ir.ts";
import { definitionOf } from "../graph/op-table.ts";
import type { FusedPair } from "../graph/passes.ts";
import { fusedPairs, liveNodes } from "../graph/passes.ts";
import type { ExternalTensor } from "./emitter.ts";
import { Emitter } from "./emitter.ts";

export interface LoweredGraph {
  /** ONNX model bytes. */
  readonly model: Uint8Array;
  /** Inputs that must be fed, with their types. */
  readonly inputs: ReadonlyMap<string, ValueType>;
  /** Names of the outputs in the given order, as asked for -> as in the model. */
  readonly outputs: ReadonlyMap<string, Value>;
  /** The nodes that the outputs need. */
  readonly nodes: readonly GraphNode[];
}

export interface LowerOptions {
  device?: Device;
  /** Inputs to store inside the model, which lets ONNX Runtime pack them once for fast decoding. */
  initializers?: Readonly<Record<string, HostTensor | ExternalTensor>>;
  /**
   * Values to be fed instead of computed: a backward graph takes the activations that its forward
   * graph saved.
   */
  cuts?: readonly Value[];
  /**
   * Outputs are called in the model as they were asked for, for other software. Default: as the
   * value that they are.
   */
  exactNames?: boolean;
  /**
   * Operations are written together with those that they read where the device has a form for both.
   * For inference: such a form leaves out the statistics that gradients read.
   */
  fuse?: boolean;
  /**
   * Adds an output before all others: an empty sequence under this name, for the session's own use.
   */
  firstOutput?: string;
}

/**
 * @param outputs the graph's results under the names by which a session will give them
 */
export function lower(
  graph: Graph,
  outputs: Readonly<Record<string, Value>>,
  options: LowerOptions = {},
): LoweredGraph {
  const wanted = Object.values(outputs);
  const { cuts = [], initializers: stored = {}, device = "cpu" } = options;
  const nodes = liveNodes(graph, wanted, cuts);
  const used = new Set<Value>([...wanted, ...nodes.flatMap((node) => node.inputs)]);
  const kept = neededInputs([...graph.inputs, ...cuts], nodes, used).filter(
    ({ name }) => !(name in stored),
  );
  const emitter = new Emitter(kept);
  for (const value of used) if (value.constant) emitter.initializer(value.name, value.constant);
  for (const input of graph.inputs)
    if (input.name in stored && used.has(input))
      emitter.initializer(input.name, fitting(input, stored[input.name]!));
  writeNodes(emitter, nodes, {
    device,
    pairs: options.fuse ? fusedPairs(nodes, wanted, device) : new Map(),
  });
  const results = nameOutputs(emitter, outputs, options.exactNames ?? false);
  return {
    model: emitter.model(kept, results, options.firstOutput),
    inputs: new Map(kept.map((input) => [input.name, { dtype: input.dtype, shape: input.shape }])),
    outputs: new Map(Object.keys(outputs).map((name, index) => [name, results[index]!])),
    nodes,
  };
}

/** The tensor to store for an input; throws when it is of another type. */
function fitting<T extends HostTensor | ExternalTensor>(input: Value, tensor: T): T {
  const fits =
    tensor.dtype === input.dtype &&
    tensor.shape.length === input.shape.length &&
    input.shape.every((dimension, axis) => fitsSize(dimension, tensor.shape[axis]!));
  invariant(
    fits,
    `initializer ${input.name} is ${tensor.dtype}${formatShape(tensor.shape)}, the input ` +
      `${input.dtype}${formatShape(input.shape)}`,
  );
  return tensor;
}

/**
 * Gives every output its public name; an Identity is needed only where one value has several names
 * or is an input.
 */
function nameOutputs(
  emitter: Emitter,
  outputs: Readonly<Record<string, Value>>,
  exact: boolean,
): Value[] {
  const seen = new Set<Value>();
  return Object.entries(outputs).map(([name, value]) => {
    const direct = value.producer !== undefined && !seen.has(value) && !exact;
    seen.add(value);
    if (direct) return value;
    const given = exact ? name : `${name}#output`;
    emitter.nodeOutputs("Identity", [value.name], { outputs: [given] });
    return { ...value, name: given };
  });
}

/** Writes each node by its record, or together with the one before it. */
function writeNodes(
  emitter: Emitter,
  nodes: readonly GraphNode[],
  { device, pairs }: { device: Device; pairs: ReadonlyMap<GraphNode, FusedPair> },
): void {
  const producers = new Set([...pairs.values()].map(({ producer }) => producer));
  for (const node of nodes) {
    if (producers.has(node)) continue;
    const writer = emitter.under(node.name);
    const pair = pairs.get(node);
    if (pair) pair.write(writer);
    else definitionOf(node.op).emit[device](writer, node);
  }
}

/**
 * Inputs that a run needs: those that are read, and those that alone give a size that some shape
 * names.
 */
function neededInputs(
  inputs: readonly Value[],
  nodes: readonly GraphNode[],
  used: ReadonlySet<Value>,
): Value[] {
  const symbols = new Set(nodes.flatMap(shapeSymbols));
  return inputs.filter((input) => {
    if (used.has(input)) return true;
    const others = inputs.filter(
      (other) => other !== input && (used.has(other) || other.id < input.id),
    );
    return input.shape.some(
      (dimension) =>
        typeof dimension === "string" &&
        symbols.has(dimension) &&
        !others.some((other) => other.shape.includes(dimension)),
    );
  });
}

/** Dimensions of the shape among a node's attributes, and their symbols. */
function shapeSymbols({ attributes }: GraphNode): Dimension[] {
  return "shape" in attributes ? [...attributes.shape, ...symbolsOf(attributes.shape)] : [];
}
