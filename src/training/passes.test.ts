import { assert as hold, double, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import {
  epochsAfter,
  examplesRead,
  itemsOfRun,
  itemsOfStep,
  itemsSeen,
  totalSteps,
} from "./passes.ts";

const items = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test("every example is seen once an epoch, and the last step ends with the last epoch", () => {
  const passes = { batchSize: 4, seed: 1, epochs: 2, maxSteps: 0 };
  const steps = items(5).map((step) => itemsOfStep(items(10), step, passes));
  expect(steps.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4]);
  expect(
    steps
      .flat()
      .slice(0, 10)
      .toSorted((a, b) => a - b),
  ).toEqual(items(10));
  expect(
    steps
      .flat()
      .slice(10)
      .toSorted((a, b) => a - b),
  ).toEqual(items(10));
  expect(
    items(3).map((step) => itemsOfStep(items(10), step, { ...passes, epochs: 1 }).length),
  ).toEqual([4, 4, 2]);
  // fewer examples than a batch holds
  expect(totalSteps(5, { batchSize: 16, epochs: 1, maxSteps: 0 })).toBe(1);
  expect(itemsOfStep(items(5), 0, { batchSize: 16, epochs: 1, seed: 1 })).toHaveLength(5);
});

test("without shuffling, examples come in the order of the data, epoch after epoch", () => {
  expect(
    [0, 1].flatMap((step) =>
      itemsOfStep([1, 2, 3], step, { batchSize: 2, seed: 1, epochs: 2, shuffle: false }),
    ),
  ).toEqual([1, 2, 3, 1]);
});

test("for any number of examples, any batch and any share of an epoch, a run reads exactly its passes", () => {
  const cases = record({
    count: integer({ min: 1, max: 40 }),
    batchSize: integer({ min: 1, max: 24 }),
    epochs: double({ min: 0.01, max: 4, noNaN: true }),
    maxSteps: integer({ min: 0, max: 6 }),
  });
  hold(
    property(cases, ({ count, ...passes }) => {
      const given = { ...passes, seed: 3 };
      const all = Math.max(1, Math.round(count * passes.epochs));
      const total = totalSteps(count, given);
      const steps = items(total).map((step) => itemsOfStep(items(count), step, given));
      const read = steps.flat();
      expect(read).toHaveLength(
        passes.maxSteps > 0 ? Math.min(all, passes.maxSteps * passes.batchSize) : all,
      );
      expect(examplesRead(count, given)).toBe(read.length);
      expect(steps.every(({ length }) => length > 0)).toBe(true);
      expect(steps.slice(0, -1).every(({ length }) => length === passes.batchSize)).toBe(true);
      expect(itemsOfRun(items(count), given)).toEqual(read);
      expect(new Set(itemsSeen(items(count), given))).toEqual(new Set(read));
      expect(epochsAfter(count, total, given)).toBe(read.length / count);
      const times = items(count).map((item) => read.filter((each) => each === item).length);
      expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
    }),
  );
});

test("an endless stream has no last step, and nobody lists the steps of a very long run", () => {
  expect(itemsOfStep(items(3), 7, { batchSize: 5, seed: 1, epochs: Infinity })).toHaveLength(5);
  expect(itemsSeen(items(10), { batchSize: 4, seed: 1, epochs: 1e12, maxSteps: 0 })).toHaveLength(
    10,
  );
});
