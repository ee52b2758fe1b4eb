/** Work on many items, a few at once, with results in the order of the items. */
import { setMaxListeners } from "node:events";

export interface ParallelOptions {
  /** Items in work at once. */
  limit: number;
  signal?: AbortSignal | undefined;
  /** After each item. */
  onDone?: (done: number) => void;
}

/**
 * After the first error no item is begun any more; those in work end first, so that what they were
 * answered is kept.
 * @throws the first error, or the signal's reason
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  { limit, signal, onDone }: ParallelOptions,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  // as many as work at once listen to it, which is no leak
  if (signal) setMaxListeners(0, signal);
  const results: Result[] = [];
  let [next, done] = [0, 0];
  let failure: { error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++;
      try {
        signal?.throwIfAborted();
        results[index] = await work(items[index]!, index);
        onDone?.(++done);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, worker));
  if (failure !== undefined) throw failure.error;
  return results;
}
