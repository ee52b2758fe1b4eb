import { expect, test } from "vitest";
import { shareInterval } from "../stats/intervals.ts";
import { extremesText } from "./extremes.ts";

const kind = (name: string, right: number, n: number) => ({
  name,
  interval: shareInterval(Array.from({ length: n }, (_, i) => Number(i < right))),
});

test("names the ends, and says where that they differ is not shown", () => {
  const kinds = [kind("a", 50, 100), kind("b", 90, 100), kind("c", 10, 100)];
  expect(extremesText(kinds, "refused")).toBe("Most refused: b; least: c.");
  expect(extremesText([kind("a", 1, 4), kind("b", 2, 4)], "refused")).toBe(
    "Most refused: b; least: a; their intervals overlap, so that the two differ is not shown.",
  );
  expect(extremesText([kind("a", 1, 4), kind("b", 1, 4)], "refused")).toContain("No kind differs");
  expect(extremesText([kind("a", 1, 4), kind("b", 0, 0)], "refused")).toBeUndefined();
});
