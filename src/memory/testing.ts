/** The least that any memory must hold for a graph's values, to compare with. */
import { resolveShape } from "../graph/dimensions.ts";
import type { MemoryBlock, MemoryStep } from "./liveness.ts";

/** The most bytes that are taken at once, where the symbols have these sizes. */
export function peakBytes(
  steps: readonly MemoryStep[],
  sizes: Readonly<Record<string, number>>,
): number {
  const total = (blocks: readonly MemoryBlock[]): number =>
    resolveShape(
      blocks.map(({ bytes }) => bytes),
      sizes,
    ).reduce((sum, bytes) => sum + bytes, 0);
  let [live, peak] = [0, 0];
  for (const { taken, freed } of steps) {
    live += total(taken);
    peak = Math.max(peak, live);
    live -= total(freed);
  }
  return peak;
}
