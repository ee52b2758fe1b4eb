import { expect, test } from "vitest";
import { AttuneError, nearest, preview } from "./errors.ts";

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

test("a preview is as short of a value of any size and depth", () => {
  let deep: unknown = "x";
  for (let depth = 0; depth < 100_000; depth++) deep = depth % 2 ? [deep] : { a: deep };
  expect(preview(deep)).toMatch(/^\[{"a":\[.*…$/);
  expect(preview(deep)).toHaveLength(80);
  let asked = 0;
  const wide = new Proxy(
    Array.from({ length: 1e6 }, () => 0),
    { get: (target, key) => (asked++, Reflect.get(target, key) as unknown) },
  );
  expect(preview(wide)).toHaveLength(80);
  expect(asked).toBeLessThan(1000);
  expect(preview({ when: new Date(0), gone: undefined, list: [undefined] })).toBe(
    '{"when":"1970-01-01T00:00:00.000Z","list":[null]}',
  );
});

test("a word that nobody mistyped has no nearest name, and none is compared with it", () => {
  const compared: string[] = [];
  const candidates = {
    *[Symbol.iterator]() {
      compared.push("asked");
      yield "temperature";
    },
  };
  expect(nearest("x".repeat(260_000), candidates)).toBeUndefined();
  expect(compared).toEqual([]);
  expect(nearest("temperatur", ["temperature".padEnd(99_999, "e"), "temperature"])).toBe(
    "temperature",
  );
});

test("the nearest name is offered where one is near", () => {
  expect(nearest("leraningRate", ["learningRate", "batchSize"])).toBe("learningRate");
  expect(nearest("zzz", ["learningRate", "batchSize"])).toBeUndefined();
});

test("a message is of bounded length, whatever it repeats", () => {
  const long = "x".repeat(1_000_000);
  const error = new AttuneError("data", long, { file: "f", got: long, expected: long, hint: long });
  expect(error.message.length).toBeLessThan(11_000);
  expect([error.what.length, error.details.got?.length, error.details.got?.at(-1)]).toEqual([
    1000,
    3000,
    "…",
  ]);
});
