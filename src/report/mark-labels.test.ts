import { expect, test } from "vitest";
import { placeLabels } from "./mark-labels.ts";

const SIZE = { width: 580, height: 260 };
const series = [
  {
    name: "s",
    points: [
      { x: 0, y: 0 },
      { x: 10, y: 10 },
    ],
  },
];

test("words stand above their point, and at the edge beside it", () => {
  const [left, middle, right] = placeLabels(
    [
      { x: 5, y: 5, label: "peak" },
      { x: 10, y: 1, label: "the last" },
      { x: 0, y: 5, label: "the first" },
    ],
    series,
    SIZE,
  );
  expect(left).toEqual({ x: 0, y: 5, label: "the first", anchor: "start", dy: -14 });
  expect(middle).toEqual({ x: 5, y: 5, label: "peak", anchor: "middle", dy: -14 });
  expect(right).toEqual({ x: 10, y: 1, label: "the last", anchor: "end", dy: -14 });
});

test("words that would cover others, or a ring, go a line higher, and only they", () => {
  const label = "PPO without KL: peak 77.2%";
  const placed = placeLabels(
    [
      { x: 4, y: 9.9, label },
      { x: 5, y: 10, label },
      { x: 6, y: 9.8, label },
      { x: 5, y: 2, label },
    ],
    series,
    SIZE,
  );
  const heights = placed.map(({ y, dy }) => 260 - 26 * y + dy);
  expect(placed.map(({ dy }) => dy)).toContain(-14);
  for (const [i, a] of heights.entries())
    for (const b of heights.slice(i + 1)) expect(Math.abs(a - b)).toBeGreaterThanOrEqual(13);
  const rings = placed.map(({ y }) => 260 - 26 * y);
  for (const height of heights)
    for (const ring of rings) expect(Math.abs(height - ring)).toBeGreaterThanOrEqual(13);
  // far below the others nothing has to give way
  expect(placed.find(({ y }) => y === 2)!.dy).toBe(-14);
});

test("a chart of one point, or of none that is finite, has its words too", () => {
  const mark = { x: 1, y: 1, label: "peak" };
  expect(placeLabels([mark], [{ points: [{ x: 1, y: 1 }] }], SIZE)[0]!.dy).toBe(-14);
  expect(placeLabels([mark], [{ points: [] }], SIZE)).toHaveLength(1);
});
