/** What the page makes of curves: a history that grows without growing finer than a screen. */
import { expect, test } from "vitest";
import type { Columns } from "../../studio/src/runs/curves.ts";
import { columnsOf, grown, smoothed } from "../../studio/src/runs/curves.ts";

const points = (steps: number[], loss: (number | null)[]) => ({
  type: "points" as const,
  run: "r",
  steps,
  tokens: steps.map((step) => step * 10),
  seconds: steps.map((step) => step / 10),
  values: { loss },
});
const many = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

test("what comes is put behind the history, on the axis that is shown", () => {
  const history = columnsOf({
    name: "loss",
    points: 4,
    per: 2,
    x: [1.5, 3.5],
    mean: [5, 4],
    low: [4.5, 3],
    high: [5.5, 5],
    notFinite: null,
  });
  const before = new Map([["loss", history]]);
  const after = grown(before, points([5, 6, 7], [3, null, 1]), { axis: "step", width: 400 });
  expect(after.get("loss")).toEqual({
    x: [1.5, 3.5, 5, 7],
    mean: [5, 4, 3, 1],
    low: [4.5, 3, 3, 1],
    high: [5.5, 5, 3, 1],
    count: [2, 2, 1, 1],
    notFinite: null,
  });
  expect(before.get("loss")!.x).toEqual([1.5, 3.5]);
  const onTokens = grown(new Map(), points([5], [3]), { axis: "tokens", width: 400 });
  expect(onTokens.get("loss")!.x).toEqual([50]);
});

test("neighbours are taken together where it grows finer than the chart, and none is lost", () => {
  let curves: Map<string, Columns> = new Map();
  const values = many(1, 1000).map((step) => (step * 7919) % 101);
  for (let i = 0; i < 1000; i += 10)
    curves = grown(curves, points(many(i + 1, i + 10), values.slice(i, i + 10)), {
      axis: "step",
      width: 50,
    });
  const { x, mean, low, high, count } = curves.get("loss")!;
  expect(x.length).toBeLessThanOrEqual(100);
  expect(count.reduce((a, b) => a + b)).toBe(1000);
  expect([Math.min(...low), Math.max(...high)]).toEqual([0, 100]);
  const total = mean.reduce((sum, value, i) => sum + value * count[i]!, 0);
  expect(total / 1000).toBeCloseTo(values.reduce((a, b) => a + b) / 1000, 9);
});

test("a moving mean has its neighbours on both sides, fewer at the ends", () => {
  expect(smoothed([1, 2, 6, 3], 1)).toEqual([1, 2, 6, 3]);
  expect(smoothed([1, 2, 6, 3], 3)).toEqual([1.5, 3, 11 / 3, 4.5]);
});
