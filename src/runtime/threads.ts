/**
 * How many threads an operator is worth. Threads wait for each other at every operator, and those
 * of an idle session keep a core busy for a while: with small tensors that costs more than the
 * second core brings (measured in docs/log.md, 2026-11-24).
 */

/** Weights of a model, or parameters of an optimiser, below which one thread is faster than two. */
const ONE_THREAD_BELOW = 2e6;

/** @returns undefined for all cores */
export function threadsFor(numbers: number): number | undefined {
  return numbers < ONE_THREAD_BELOW ? 1 : undefined;
}
