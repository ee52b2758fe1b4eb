/**
 * What ONNX Runtime makes of a graph's nodes before it runs them, as far as memory depends on it:
 * nodes that compute the same become one, and the order is its own.
 *
 * Source: onnxruntime's common_subexpression_elimination.cc, and GraphViewer's default order
 * (graph_viewer.cc, Graph::ReverseDFSFrom).
 * Difference: a node of the graph stands for all ONNX nodes that it is written as, unless its
 * record names those whose memory matters.
 */
import type { GraphNode, Value } from "../graph/ir.ts";
import { definitionOf } from "../graph/op-table.ts";

/**
 * The nodes that are run, in the order in which they are.
 * @param results values that stay what they are
 */
export function executedNodes(nodes: readonly GraphNode[], results: readonly Value[]): GraphNode[] {
  return depthFirst(withoutCopies(nodes.flatMap(asWritten), new Set(results)));
}

/** The nodes that a node is run as. */
const asWritten = (node: GraphNode): readonly GraphNode[] =>
  definitionOf(node.op).memory?.runAs?.(node) ?? [node];

/** Nodes that compute what an earlier one does are left out, and their readers read that one. */
function withoutCopies(nodes: readonly GraphNode[], results: ReadonlySet<Value>): GraphNode[] {
  const first = new Map<string, GraphNode>();
  const same = new Map<Value, Value>();
  const kept: GraphNode[] = [];
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => same.get(input) ?? input);
    const key = JSON.stringify([node.op, node.attributes, inputs.map(({ name }) => name)]);
    const known = first.get(key);
    if (known && !node.outputs.some((output) => results.has(output))) {
      node.outputs.forEach((output, index) => same.set(output, known.outputs[index]!));
      continue;
    }
    const own = { ...node, inputs };
    if (!known) first.set(key, own);
    kept.push(own);
  }
  return kept;
}

/**
 * From the last node that nobody reads to the first, each after what it needs; of its inputs' nodes
 * the latest first.
 */
function depthFirst(nodes: readonly GraphNode[]): GraphNode[] {
  const makers = new Map<Value, number>();
  nodes.forEach(({ outputs }, index) => outputs.forEach((output) => makers.set(output, index)));
  const makersOf = ({ inputs }: GraphNode): number[] =>
    [...new Set(inputs.flatMap((input) => makers.get(input) ?? []))].toSorted((a, b) => a - b);
  const read = new Set(nodes.flatMap(makersOf));
  const order: GraphNode[] = [];
  const seen = new Set<number>();
  const stack = nodes.flatMap((_, index) => (read.has(index) ? [] : [{ index, done: false }]));
  for (let entry = stack.pop(); entry; entry = stack.pop()) {
    const { index, done } = entry;
    if (done) order.push(nodes[index]!);
    if (done || seen.has(index)) continue;
    seen.add(index);
    stack.push(
      { index, done: true },
      ...makersOf(nodes[index]!)
        .filter((maker) => !seen.has(maker))
        .map((maker) => ({ index: maker, done: false })),
    );
  }
  return order;
}
