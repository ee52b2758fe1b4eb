/**
 * How much memory the intermediate values of a graph take at once, known before it runs: each value
 * from the node that makes it to the last that reads it, in the order of the given nodes. Which
 * outputs share an input's memory or are written over it stands in the op table. Inputs, constants
 * and the graph's results are not counted: they are the caller's, or stored.
 */
import { ELEMENT_BYTES } from "../core/tensor.ts";
import type { Dimension } from "../graph/dimensions.ts";
import { product } from "../graph/dimensions.ts";
import type { GraphNode, Value } from "../graph/ir.ts";
import { definitionOf } from "../graph/op-table.ts";

/** Memory of a value, or of several that are written over each other. */
export interface MemoryBlock {
  /** May hold symbols. */
  readonly bytes: Dimension;
}

/** Bytes of the output that ONNX Runtime computes once, see `MemoryFacts.constantBytes`. */
const constantBytes = (node: GraphNode): number | undefined =>
  definitionOf(node.op).memory?.constantBytes?.(node);

/** Bytes of the tensors that ONNX Runtime keeps beside the arena: those that depend on no input. */
export function storedBytes(nodes: readonly GraphNode[]): number {
  return nodes.reduce((total, node) => total + (constantBytes(node) ?? 0), 0);
}

/** What a node takes and gives back. */
export interface MemoryStep {
  readonly taken: readonly MemoryBlock[];
  readonly freed: readonly MemoryBlock[];
}

/**
 * @param results values whose memory is the caller's
 * @param given values that are fed instead of computed
 */
export function memorySteps(
  nodes: readonly GraphNode[],
  results: readonly Value[],
  given: readonly Value[] = [],
): MemoryStep[] {
  const { homes, lastReader } = livesOf(nodes, new Set([...results, ...given]));
  const blocks = new Map<Value, MemoryBlock>();
  return nodes.map((node) => {
    const dying = new Set(
      node.inputs
        .flatMap((input) => homes.get(input) ?? [])
        .filter((home) => lastReader.get(home) === node && blocks.has(home)),
    );
    const taken: MemoryBlock[] = [];
    node.outputs.forEach((output, index) => {
      if (homes.get(output) !== output) return;
      const bytes = product(ELEMENT_BYTES[output.dtype], ...output.shape);
      const target = index === 0 ? overwritten(node) : undefined;
      const over = target && homes.get(target);
      if (over && dying.has(over) && blocks.get(over)!.bytes === bytes) {
        dying.delete(over);
        blocks.set(output, blocks.get(over)!);
        return;
      }
      const block = { bytes };
      taken.push(block);
      blocks.set(output, block);
    });
    const unread = node.outputs.filter(
      (output) => homes.get(output) === output && lastReader.get(output) === node,
    );
    return { taken, freed: [...dying, ...unread].map((home) => blocks.get(home)!) };
  });
}

interface Lives {
  /** The value whose memory a value lies in; none where that is the caller's or stored. */
  readonly homes: ReadonlyMap<Value, Value>;
  /** The last node that reads or makes what lies in the memory of a home. */
  readonly lastReader: ReadonlyMap<Value, GraphNode>;
}

function livesOf(nodes: readonly GraphNode[], outside: ReadonlySet<Value>): Lives {
  const homes = new Map<Value, Value>();
  const lastReader = new Map<Value, GraphNode>();
  for (const node of nodes) {
    if (constantBytes(node) === undefined) {
      node.outputs.forEach((output, index) => {
        const source = index === 0 ? shared(node) : undefined;
        const home = source ? homes.get(source) : output;
        if (home && !outside.has(output) && !outside.has(home)) homes.set(output, home);
      });
    }
    for (const value of [...node.inputs, ...node.outputs]) {
      const home = homes.get(value);
      if (home) lastReader.set(home, node);
    }
  }
  return { homes, lastReader };
}

/** The input in whose memory the first output lies. */
function shared({ op, inputs }: GraphNode): Value | undefined {
  const index = definitionOf(op).memory?.shares;
  return index === undefined ? undefined : inputs[index];
}

/** The input that the first output may be written over. */
function overwritten({ op, inputs }: GraphNode): Value | undefined {
  const index = definitionOf(op).memory?.overwrites;
  return index === undefined ? undefined : inputs[index];
}
