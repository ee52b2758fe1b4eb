/**
 * Passes over a finished graph: which nodes are live, which are written in pairs, and whether the
 * graph keeps the rules of the representation.
 */
import { invariant } from "../core/errors.ts";
import { formatShape, sameShape } from "./dimensions.ts";
import type { Device, NodeWriter } from "./emission.ts";
import type { Graph, GraphNode, Value, ValueType } from "./ir.ts";
import { definitionOf } from "./op-table.ts";

/**
 * Nodes that the outputs need, in order; everything else is dead. `given` values are not computed.
 */
export function liveNodes(
  graph: Graph,
  outputs: readonly Value[],
  given: readonly Value[] = [],
): GraphNode[] {
  const live = new Set<Value>(outputs);
  const known = new Set<Value>(given);
  const kept = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => live.has(output) && !known.has(output))) return false;
    for (const input of node.inputs) live.add(input);
    return true;
  });
  return kept.toReversed();
}

/** A node that is written together with the one before it. */
export interface FusedPair {
  readonly producer: GraphNode;
  readonly write: (writer: NodeWriter) => void;
}

/**
 * Nodes that the device has one form for together with the node before them, each with that one:
 * it makes their first input, and nobody reads what the common form leaves out, all outputs of the
 * later node but its first.
 */
export function fusedPairs(
  nodes: readonly GraphNode[],
  outputs: readonly Value[],
  device: Device,
): Map<GraphNode, FusedPair> {
  const read = new Set<Value>([...outputs, ...nodes.flatMap(({ inputs }) => inputs)]);
  const pairs = new Map<GraphNode, FusedPair>();
  nodes.forEach((node, index) => {
    const producer = nodes[index - 1];
    const { fusion } = definitionOf(node.op);
    const emit = fusion?.emit[device];
    if (!producer || !emit || producer.outputs[0] !== node.inputs[0] || pairs.has(producer)) return;
    if (!fusion.fits(producer) || node.outputs.slice(1).some((output) => read.has(output))) return;
    pairs.set(node, { producer, write: (writer) => emit(writer, node, producer) });
  });
  return pairs;
}

/**
 * Throws when a rule of the representation is broken: unique names, inputs made before use, one
 * producer per value, and types that the op table's shape rules give.
 */
export function verify(graph: Graph): void {
  const known = new Set<Value>(graph.inputs);
  const names = new Set(graph.inputs.map((input) => input.name));
  invariant(names.size === graph.inputs.length, "two inputs share a name");
  const produced = new Set<Value>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      invariant(
        input.constant !== undefined || known.has(input),
        `${node.name} reads ${input.name} before it is made`,
      );
    }
    const definition = definitionOf(node.op);
    const types: readonly ValueType[] = definition.infer(node.inputs, node.attributes);
    invariant(
      types.length === node.outputs.length,
      `${node.name} has ${node.outputs.length} outputs, its rule gives ${types.length}`,
    );
    node.outputs.forEach((output, index) => {
      const type = types[index]!;
      invariant(
        output.producer === node && !produced.has(output),
        `${output.name} has two producers`,
      );
      invariant(
        output.dtype === type.dtype && sameShape(output.shape, type.shape),
        `${output.name} is ${output.dtype}${formatShape(output.shape)}, its rule gives ` +
          `${type.dtype}${formatShape(type.shape)}`,
      );
      invariant(!names.has(output.name), `two values are named ${output.name}`);
      names.add(output.name);
      produced.add(output);
      known.add(output);
    });
  }
}
