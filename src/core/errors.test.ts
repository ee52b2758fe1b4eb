import { expect, test } from "vitest";
import { nearest, preview } from "./errors.ts";

test.each([
  ["text", '"text"'],
  [12n, '"12"'],
  [{ id: 12n }, '{"id":"12"}'],
  [undefined, "undefined"],
  [[1, null], "[1,null]"],
  ["x".repeat(100), `"${"x".repeat(78)}…`],
])("preview of %s", (value, shown) => {
  expect(preview(value)).toBe(shown);
});

test("the nearest name is offered where one is near", () => {
  expect(nearest("leraningRate", ["learningRate", "batchSize"])).toBe("learningRate");
  expect(nearest("zzz", ["learningRate", "batchSize"])).toBeUndefined();
});
