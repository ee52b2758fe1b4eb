/**
 * Passes over a finished graph: which nodes are live, and whether the graph keeps the rules of the
 * representation.
 */
import { invariant } from "../core/errors.ts";
import { formatShape, sameShape } from "./dimensions.ts";
import type { Graph, GraphNode, Value, ValueType } from "./ir.ts";
import type { OpDefinition, OpName } from "./op-types.ts";

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

/**
 * Norms that can make the sum they read themselves, each with that sum: right before it, of two
 * values of one shape, and where nobody reads the norm's statistic.
 */
export function sumsOfNorms(
  nodes: readonly GraphNode[],
  outputs: readonly Value[],
): Map<GraphNode, GraphNode> {
  const read = new Set<Value>([...outputs, ...nodes.flatMap(({ inputs }) => inputs)]);
  const sums = new Map<GraphNode, GraphNode>();
  nodes.forEach((norm, index) => {
    const sum = nodes[index - 1];
    if (
      norm.op !== "rmsNorm" ||
      sum?.op !== "add" ||
      norm.inputs[0] !== sum.outputs[0] ||
      read.has(norm.outputs[1]!)
    )
      return;
    if (sameShape(sum.inputs[0]!.shape, sum.inputs[1]!.shape)) sums.set(norm, sum);
  });
  return sums;
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
    const definition = graph.table[node.op] as OpDefinition<OpName>;
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
