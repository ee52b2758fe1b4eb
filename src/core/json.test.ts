import {
  assert,
  bigInt,
  constantFrom,
  double,
  jsonValue,
  oneof,
  pre,
  property,
  string,
  tuple,
} from "fast-check";
import { expect, test } from "vitest";
import {
  holdsBigInteger,
  parseJsonExactly,
  reviveNumbers,
  stringifyExactly,
  stringifyJson,
} from "./json.ts";

test("whole numbers of any size are kept and written back", () => {
  const text =
    '{"id":9007199254740993,"n":[-9223372036854775808,1,18446744073709551616],"s":"9007199254740993 ' +
    '\\"~integer~5\\"","d":0.5}';
  const { value, rounded, beyond } = parseJsonExactly(text);
  expect(value).toEqual({
    id: 9007199254740993n,
    n: [-(2n ** 63n), 1, 2n ** 64n],
    s: '9007199254740993 "~integer~5"',
    d: 0.5,
  });
  expect([rounded, beyond, stringifyExactly(value)]).toEqual([undefined, undefined, text]);
  assert(
    property(
      bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
      (number) =>
        void expect(stringifyExactly(parseJsonExactly(`[${number}]`).value)).toBe(`[${number}]`),
    ),
  );
});

test("without large numbers it is JSON", () => {
  const value = oneof(
    jsonValue(),
    tuple(
      double({ noNaN: true, noDefaultInfinity: true }),
      string(),
      constantFrom('"', "\\", "1234567890123456789"),
    ),
  );
  assert(
    property(value, (item) => {
      const text = JSON.stringify(item);
      // such keys are left out, which is tested elsewhere
      pre(!text.includes("__proto__"));
      expect(parseJsonExactly(text)).toEqual({ value: JSON.parse(text) as unknown });
      expect(stringifyExactly(JSON.parse(text))).toBe(text);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["0.1", {}],
  ["0.1000000000000000055511151231257827", {}],
  ["0.1234567890123456789", { rounded: "0.1234567890123456789" }],
  ["123456789012345678.25", { rounded: "123456789012345678.25" }],
  ["100000000000000000000", {}],
  ["1.50000000000000000000", {}],
  ["1e3", {}],
  ["1e400", { beyond: "1e400" }],
  ["12345678901234567891e3", { rounded: "12345678901234567891e3" }],
])("%s", (text, expected) => {
  const { value: _value, ...rest } = parseJsonExactly(text);
  expect([_value, rest]).toEqual([Number(text), expected]);
});

test("prototypes stay as they are", () => {
  expect(parseJsonExactly('{"__proto__":{"a":1},"id":9007199254740993}').value).toEqual({
    id: 9007199254740993n,
  });
});

test("large numbers are found at any depth", () => {
  expect([holdsBigInteger({ a: [{ b: 1n }] }), holdsBigInteger({ a: [1, null, "1n"] })]).toEqual([
    true,
    false,
  ]);
});

test("numbers that JSON does not know come back from what was kept, at every depth", () => {
  const kept = {
    entries: [
      { name: "dpo", raw: { estimate: NaN, low: -Infinity, high: Infinity, n: 0 }, ties: [0, 1] },
    ],
    reward: undefined,
  };
  expect(reviveNumbers(JSON.parse(stringifyJson(kept)) as typeof kept)).toEqual({
    entries: kept.entries,
  });
});
