/**
 * How many operations the matrix products of a graph take, known before it runs: the measure
 * against which bench/ holds the rate of a step. What is no product counts as nothing.
 */
import type { Dimension } from "./dimensions.ts";
import { resolveShape } from "./dimensions.ts";
import type { GraphNode } from "./ir.ts";
import { definitionOf } from "./op-table.ts";

/** Operations of every product among the nodes, as dimensions that may hold symbols. */
export function productOperations(nodes: readonly GraphNode[]): Dimension[] {
  return nodes.flatMap((node) => definitionOf(node.op).product?.operations(node) ?? []);
}

/** Their sum once the symbols have sizes. */
export function totalOperations(
  operations: readonly Dimension[],
  sizes: Readonly<Record<string, number>>,
): number {
  return resolveShape(operations, sizes).reduce((total, count) => total + count, 0);
}
