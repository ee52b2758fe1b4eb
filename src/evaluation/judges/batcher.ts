/** Gathers questions that are asked one by one into batches, so that they are answered together. */

/** @returns one result for each item, in order; an Error is thrown for its item alone */
export type BatchWork<Item, Result> = (
  items: readonly Item[],
) => Promise<readonly (Result | Error)[]>;

/**
 * A function that answers one item by asking `work` about all that wait; one batch at a time.
 * @param most items of a batch
 */
export function batched<Item, Result>(
  work: BatchWork<Item, Result>,
  most: number,
): (item: Item) => Promise<Result> {
  interface Waiting {
    item: Item;
    done: (result: Result) => void;
    fail: (error: unknown) => void;
  }
  const queue: Waiting[] = [];
  let working = false;
  const run = async (): Promise<void> => {
    // whoever asks in the same turn is answered together
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      const batch = queue.splice(0, most);
      try {
        const results = await work(batch.map(({ item }) => item));
        batch.forEach(({ done, fail }, index) => {
          const result = results[index]!;
          if (result instanceof Error) fail(result);
          else done(result);
        });
      } catch (error) {
        for (const { fail } of batch) fail(error);
      }
    }
    working = false;
  };
  return (item) =>
    new Promise((done, fail) => {
      queue.push({ item, done, fail });
      if (working) return;
      working = true;
      void run();
    });
}
