/**
 * How much memory the intermediate values of a graph take at once, known before it runs: each value from the node that makes
 * it to the last that reads it, in the order of the graph. As ONNX Runtime does, a reshape shares its input's memory, and
 * an elementwise node writes over an input that nobody reads afterwards. Inputs, constants and the graph's results are
 * not counted: they are the caller's.
 */
import type { DType } from "../core/tensor.ts";
import type { Dimension } from "./dimensions.ts";
import { product, resolveShape } from "./dimensions.ts";
import type { GraphNode, Value } from "./ir.ts";
import type { OpName } from "./op-types.ts";

const BYTES: Record<DType, number> = { float32: 4, float16: 2, int64: 8, int32: 4, bool: 1 };

/** Nodes whose result may be written over an operand of the same type. */
const OVERWRITING: ReadonlySet<OpName> = new Set([
  "add", "subtract", "multiply", "divide", "maximum", "minimum", "negate", "exp", "log", "sqrt", "abs", "tanh", "sigmoid", "silu", "gelu", "scatterAddRows", "scatterAddPicked",
]);
const SHARING: ReadonlySet<OpName> = new Set(["reshape", "stopGradient"]);

/** What a node takes and gives back, in bytes that may hold symbols. */
export interface MemoryStep {
  readonly taken: readonly Dimension[];
  readonly freed: readonly Dimension[];
}

/**
 * @param results values whose memory is the caller's
 * @param given values that are fed instead of computed
 */
export function memorySteps(nodes: readonly GraphNode[], results: readonly Value[], given: readonly Value[] = []): MemoryStep[] {
  const outside = new Set([...results, ...given]);
  /** The value whose memory a value lies in; undefined where it is the caller's. */
  const homes = new Map<Value, Value>();
  const lastReader = new Map<Value, GraphNode>();
  for (const node of nodes) {
    for (const output of node.outputs) {
      const source = SHARING.has(node.op) ? node.inputs[0]! : undefined;
      const home = source ? homes.get(source) : output;
      if (home && !outside.has(output) && !outside.has(home)) homes.set(output, home);
    }
    for (const value of [...node.inputs, ...node.outputs]) {
      const home = homes.get(value);
      if (home) lastReader.set(home, node);
    }
  }
  const size = new Map<Value, Dimension>();
  return nodes.map((node) => {
    const dying = [...new Set(node.inputs.flatMap((input) => homes.get(input) ?? []))].filter((home) => lastReader.get(home) === node && size.has(home));
    const taken: Dimension[] = [];
    for (const output of node.outputs) {
      if (homes.get(output) !== output) continue;
      const bytes = product(BYTES[output.dtype], ...output.shape);
      const over = OVERWRITING.has(node.op) ? dying.findIndex((home) => size.get(home) === bytes) : -1;
      if (over >= 0) dying.splice(over, 1);
      else taken.push(bytes);
      size.set(output, bytes);
    }
    const unread = node.outputs.filter((output) => homes.get(output) === output && lastReader.get(output) === node);
    return { taken, freed: [...dying, ...unread].map((home) => size.get(home)!) };
  });
}

/** The most bytes that are taken at once, where the symbols have these sizes. */
export function peakBytes(steps: readonly MemoryStep[], sizes: Readonly<Record<string, number>>): number {
  const total = (dimensions: readonly Dimension[]): number => resolveShape(dimensions, sizes).reduce((sum, bytes) => sum + bytes, 0);
  let [live, peak] = [0, 0];
  for (const { taken, freed } of steps) {
    live += total(taken);
    peak = Math.max(peak, live);
    live -= total(freed);
  }
  return peak;
}
