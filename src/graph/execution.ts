/**
 * What ONNX Runtime makes of a graph's nodes before it runs them, as far as memory depends on it:
 * nodes that compute the same become one, and the order is its own.
 *
 * Source: onnxruntime's common_subexpression_elimination.cc, and GraphViewer's default order
 * (graph_viewer.cc, Graph::ReverseDFSFrom). Difference: our nodes stand for all ONNX nodes that
 * they are written as.
 */
import type { GraphNode, Value } from "./ir.ts";

/**
 * The nodes that are run, in the order in which they are.
 * @param results values that stay what they are
 */
export function executedNodes(nodes: readonly GraphNode[], results: readonly Value[]): GraphNode[] {
  return depthFirst(withoutCopies(nodes.flatMap(asWritten), new Set(results)));
}

/**
 * Log-probabilities of targets are picked by nodes of their own, which may run long after the
 * softmax. A product of 8-bit integers has rows turned and rounded before it, and is scaled after
 * it.
 */
function asWritten(node: GraphNode): GraphNode[] {
  if (node.op === "int8Product") return int8Written(node);
  if (node.op !== "tokenLogProbabilities") return [node];
  const [logits, targets] = node.inputs as readonly [Value, Value];
  const [selected, all] = node.outputs as readonly [Value, Value];
  return [
    { ...node, op: "logSoftmax", inputs: [logits], outputs: [all] },
    { ...node, op: "pick", inputs: [all, targets], outputs: [selected] },
  ];
}

/**
 * Other operations stand for those that read and give tensors of the same sizes. Equal ones become
 * one, as in ONNX Runtime.
 */
function int8Written(node: GraphNode): GraphNode[] {
  const [x, ...matrix] = node.inputs as readonly Value[];
  const [y] = node.outputs as readonly [Value];
  const made = (name: string, like: Value, dtype = like.dtype): Value => ({
    ...like,
    name: `${name} of ${like.name}`,
    dtype,
    producer: undefined,
  });
  const [turned, sizes, bytes] = [made("turned", x!), made("sizes", x!), made("bytes", x!, "int8")];
  const product = made("unscaled", y);
  const none = {} as never;
  return [
    { ...node, op: "negate", attributes: none, inputs: [x!], outputs: [turned] },
    { ...node, op: "abs", attributes: none, inputs: [turned], outputs: [sizes] },
    { ...node, op: "maximum", attributes: none, inputs: [turned, sizes], outputs: [bytes] },
    { ...node, inputs: [bytes, ...matrix], outputs: [product] },
    { ...node, op: "multiply", attributes: none, inputs: [product], outputs: [y] },
  ];
}

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
