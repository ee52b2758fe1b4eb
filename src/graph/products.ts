/**
 * How many operations the matrix products of a graph take, known before it runs: the measure
 * against which bench/ holds the rate of a step. A multiplication and an addition count as two;
 * everything that is no product counts as nothing.
 */
import type { Dimension } from "./dimensions.ts";
import { product, resolveShape } from "./dimensions.ts";
import type { GraphNode } from "./ir.ts";

/** Operations of every product among the nodes, as dimensions that may hold symbols. */
export function productOperations(nodes: readonly GraphNode[]): Dimension[] {
  return nodes.flatMap((node) => {
    if (node.op !== "matmul" && node.op !== "gemm" && node.op !== "int8Product") return [];
    const transposeLeft =
      node.op !== "int8Product" && (node as GraphNode<"matmul" | "gemm">).attributes.transposeLeft;
    const inner = node.inputs[0]!.shape.at(transposeLeft ? -2 : -1)!;
    return [product(2, inner, ...node.outputs[0]!.shape)];
  });
}

/** Their sum once the symbols have sizes. */
export function totalOperations(
  operations: readonly Dimension[],
  sizes: Readonly<Record<string, number>>,
): number {
  return resolveShape(operations, sizes).reduce((total, count) => total + count, 0);
}
