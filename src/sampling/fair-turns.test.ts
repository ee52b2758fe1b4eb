import { expect, test } from "vitest";
import { FairTurns } from "./fair-turns.ts";

test("who was served longest ago comes first, and who never was before them", () => {
  const turns = new FairTurns<string>();
  for (const client of ["a", "b", "c", "a"]) turns.serve(client);
  expect(["a", "b", "c", "new"].toSorted((x, y) => turns.compare(x, y))).toEqual([
    "new",
    "b",
    "c",
    "a",
  ]);
});

test("others are those of the last turns", () => {
  const turns = new FairTurns<string>();
  turns.serve("b");
  for (let turn = 0; turn < 3; turn++) turns.serve("a");
  expect([
    turns.othersWithin(4, "a"),
    turns.othersWithin(3, "a"),
    turns.othersWithin(1, "b"),
  ]).toEqual([true, false, true]);
});

test("those served before a few thousand others are forgotten", () => {
  const turns = new FairTurns<number>();
  for (let client = 0; client < 5000; client++) turns.serve(client);
  expect(turns.compare(0, -1)).toBe(0);
  expect(turns.compare(4999, 0)).toBeGreaterThan(0);
});
