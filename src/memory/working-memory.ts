/** What a session of ONNX Runtime holds beside weights and results, known before it runs. */
import type { GraphNode, Value } from "../graph/ir.ts";
import { executedNodes } from "./execution.ts";
import type { MemoryStep } from "./liveness.ts";
import { memorySteps, storedBytes } from "./liveness.ts";

export interface WorkingMemory {
  /** Memory that the nodes take and give back, in the order in which they are run. */
  readonly steps: readonly MemoryStep[];
  /** Bytes of the constants that ONNX Runtime computes once and keeps beside its arena. */
  readonly storedBytes: number;
}

/**
 * @param nodes all that are run, inputs before their readers
 * @param results values whose memory is the caller's
 * @param given values that are fed instead of computed
 */
export function workingMemory(
  nodes: readonly GraphNode[],
  results: readonly Value[],
  given: readonly Value[] = [],
): WorkingMemory {
  const executed = executedNodes(nodes, results);
  return { steps: memorySteps(executed, results, given), storedBytes: storedBytes(executed) };
}
