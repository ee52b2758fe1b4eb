/**
 * How much memory the intermediate values of a graph take at once, known before it runs: each value
 * from the node that makes it to the last that reads it, in the order of the given nodes. As ONNX
 * Runtime does, a reshape shares its input's memory, and a few nodes write over an input that
 * nobody reads afterwards. Inputs, constants and the graph's results are not counted: they are the
 * caller's, or stored.
 */
import { ELEMENT_BYTES, elementCount } from "../core/tensor.ts";
import type { Dimension } from "./dimensions.ts";
import { product, symbolsOf } from "./dimensions.ts";
import type { GraphNode, Value } from "./ir.ts";
import type { OpName } from "./op-types.ts";
import { LARGEST_STORED_FILL } from "./ops/shape.ts";

/**
 * Nodes whose result ONNX Runtime writes over their first input where that dies there (measured
 * with 1.30; arithmetic is not among them).
 */
const OVERWRITING: ReadonlySet<OpName> = new Set([
  "tanh",
  "sigmoid",
  "softplus",
  "softmax",
  "logSoftmax",
  "scatterAddPicked",
]);
const SHARING: ReadonlySet<OpName> = new Set(["reshape", "stopGradient"]);

/** Memory of a value, or of several that are written over each other. */
export interface MemoryBlock {
  /** May hold symbols. */
  readonly bytes: Dimension;
}

/** Whether a node's output is a constant to ONNX Runtime, which computes it once and keeps it. */
function isStored({ op, outputs: [output] }: GraphNode): boolean {
  return op === "fill" && symbolsOf(output!.shape).length === 0;
}

/** Bytes of the tensors that ONNX Runtime keeps beside the arena: those that depend on no input. */
export function storedBytes(nodes: readonly GraphNode[]): number {
  const sizes = nodes
    .filter(isStored)
    .map(({ outputs: [output] }) => elementCount(output!.shape as readonly number[]));
  return sizes.reduce(
    (total, size) => total + (size > LARGEST_STORED_FILL ? ELEMENT_BYTES.float32 * size : 0),
    0,
  );
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
  const outside = new Set([...results, ...given]);
  /** The value whose memory a value lies in; undefined where it is the caller's. */
  const homes = new Map<Value, Value>();
  const lastReader = new Map<Value, GraphNode>();
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (isStored(node)) continue;
      const source = SHARING.has(node.op) ? node.inputs[0]! : undefined;
      const home = source ? homes.get(source) : output;
      if (home && !outside.has(output) && !outside.has(home)) homes.set(output, home);
    }
    for (const value of [...node.inputs, ...node.outputs]) {
      const home = homes.get(value);
      if (home) lastReader.set(home, node);
    }
  }
  const blocks = new Map<Value, MemoryBlock>();
  return nodes.map((node) => {
    const dying = [...new Set(node.inputs.flatMap((input) => homes.get(input) ?? []))].filter(
      (home) => lastReader.get(home) === node && blocks.has(home),
    );
    const taken: MemoryBlock[] = [];
    for (const output of node.outputs) {
      if (homes.get(output) !== output) continue;
      const bytes = product(ELEMENT_BYTES[output.dtype], ...output.shape);
      const over = OVERWRITING.has(node.op)
        ? dying.findIndex((home) => blocks.get(home)!.bytes === bytes)
        : -1;
      if (over >= 0) {
        blocks.set(output, blocks.get(dying.splice(over, 1)[0]!)!);
        continue;
      }
      const block = { bytes };
      taken.push(block);
      blocks.set(output, block);
    }
    const unread = node.outputs.filter(
      (output) => homes.get(output) === output && lastReader.get(output) === node,
    );
    return { taken, freed: [...dying, ...unread].map((home) => blocks.get(home)!) };
  });
}
