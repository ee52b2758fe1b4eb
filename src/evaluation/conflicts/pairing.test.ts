import { expect, test } from "vitest";
import { joinedClusters, pairItems } from "./pairing.ts";

const item = (key: string, score: number, cluster = key) => ({
  item: { key, cluster, text: key },
  score,
});
const run = (name: string, ...items: ReturnType<typeof item>[]) => ({ name, items, why: "" });

test("scores stand in the order of the first run", () => {
  const paired = pairItems([
    run("a", item("x", 1), item("y", 0), item("z", 0.5)),
    run("b", item("z", 1), item("x", 0), item("y", 0)),
  ]);
  expect(paired).toEqual({
    scores: [
      [1, 0, 0.5],
      [0, 0, 1],
    ],
    clusters: undefined,
  });
});

test("clusters of any run are clusters of all, through others too", () => {
  expect(
    new Set(
      joinedClusters([
        ["a", "b", "c", "d"],
        ["1", "1", "2", "3"],
      ]),
    ).size,
  ).toBe(3);
  const through = joinedClusters([
    ["a", "b", "c", "d", "e"],
    ["1", "1", "2", "2", "3"],
    ["x", "y", "y", "z", "w"],
  ]);
  expect(new Set(through.slice(0, 4)).size).toBe(1);
  expect(through[4]).not.toBe(through[0]);
  expect(
    joinedClusters([
      ["p", "p", "q"],
      ["1", "2", "3"],
    ]),
  ).toEqual(["p", "p", "q"]);
  const paired = pairItems([
    run("a", item("x", 1), item("y", 0)),
    run("b", item("x", 1, "both"), item("y", 0, "both")),
  ]);
  expect(paired).toMatchObject({ clusters: [expect.any(String), expect.any(String)] });
});
