import { expect, test } from "vitest";
import { CONCLUSIONS, conclusionText, gravest } from "./conclusion.ts";

test("a comparison says of what with, and nothing else does", () => {
  const text = (conclusion: (typeof CONCLUSIONS)[number]): string =>
    conclusionText({ conclusion, than: "guessing" });
  expect([text("better"), text("worse")]).toEqual(["better than guessing", "worse than guessing"]);
  expect(text("not distinguishable")).toBe("not distinguishable from guessing");
  expect(text("equal")).toBe("equal to guessing");
  expect([text("no conclusion"), text("fault shown")]).toEqual(["no conclusion", "fault shown"]);
  expect(conclusionText({ conclusion: "better" })).toBe("better");
});

test("of several things that differ it is said of how many it is", () => {
  const conclusions = ["better", "worse", "better", "equal"] as const;
  expect(conclusionText({ conclusion: "worse", conclusions })).toBe("worse (1 of 4)");
  expect(conclusionText({ conclusion: "worse", conclusions: ["worse", "worse"] })).toBe("worse");
  expect(conclusionText({ conclusion: "better at a cost", conclusions: ["better", "worse"] })).toBe(
    "better at a cost",
  );
});

test("every conclusion has a place among the grave ones, and a shown fault is before good news", () => {
  for (const conclusion of CONCLUSIONS) expect(gravest([conclusion])).toBe(conclusion);
  expect(gravest(["better", "not shown", "fault shown"])).toBe("fault shown");
  expect(gravest(["measured", "not shown"])).toBe("not shown");
  expect(gravest([])).toBe("no conclusion");
});
