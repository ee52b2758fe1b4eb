import { array, assert, integer, property } from "fast-check";
import { ByteWriter } from "hyparquet-writer";
import { writeRleBitPackedHybrid } from "hyparquet-writer/src/encoding.js";
import { expect, test } from "vitest";
import { zstdClaim } from "./parquet-codecs.ts";
import type { Page } from "./parquet-page.ts";
import { checkPageValues } from "./parquet-page.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const page = (packed: Uint8Array, values: number, rest: Partial<Page> = {}): Page => ({
  packed,
  size: packed.length,
  values,
  encoding: 0,
  codec: 0,
  isBoolean: false,
  ...rest,
});
const withLength = (...values: number[]) => [values.length, 0, 0, 0, ...values];
const FLAT = { maxDefinition: 0, maxRepetition: 0 };
const OPTIONAL = { maxDefinition: 1, maxRepetition: 0 };

test("runs of any values and widths are walked as they were written", () => {
  assert(
    property(
      integer({ min: 1, max: 12 }),
      array(integer({ min: 0, max: 2 ** 12 - 1 }), { minLength: 1, maxLength: 60 }),
      array(integer({ min: 1, max: 30 }), { maxLength: 60 }),
      (width, values, times) => {
        const list = values.flatMap((value, index) =>
          Array.from({ length: times[index] ?? 1 }, () => value % 2 ** width),
        );
        const writer = new ByteWriter();
        writeRleBitPackedHybrid(writer, list, width);
        expect(() =>
          checkPageValues(
            page(bytes(width, ...writer.getBytes()), list.length, { encoding: 8 }),
            FLAT,
          ),
        ).not.toThrow();
        // a byte less is too few, unless nobody reads it
        const short = bytes(width, ...writer.getBytes().subarray(0, 1));
        expect(() => checkPageValues(page(short, list.length, { encoding: 8 }), FLAT)).toThrow();
      },
    ),
    { numRuns: 300 },
  );
});

test.each([
  [
    "a run beyond the page",
    page(bytes(2, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1), 10, { encoding: 8 }),
    FLAT,
    /^a run of \d+ values is longer than its page$/,
  ],
  [
    "levels beyond the page",
    page(bytes(9, 0, 0, 0, 2, 1), 1),
    OPTIONAL,
    "the levels of a page reach beyond it",
  ],
  [
    "a level above the highest",
    page(bytes(...withLength(2, 3)), 1),
    { maxDefinition: 2, maxRepetition: 0 },
    "a level of 3 is above 2",
  ],
  [
    "a packed level above the highest",
    page(bytes(...withLength(3, 0b00001101, 0)), 4),
    { maxDefinition: 2, maxRepetition: 0 },
    "a level of 3 is above 2",
  ],
  ["no levels at all", page(bytes(1, 0), 1), OPTIONAL, "a page ends inside its levels"],
  ["values cut off", page(bytes(8, 5), 10, { encoding: 8 }), FLAT, "a page ends inside its values"],
  [
    "indices of too many bits",
    page(bytes(99, 2, 0), 1, { encoding: 8 }),
    FLAT,
    "a dictionary has indices of 99 bits",
  ],
  [
    "a varint without end",
    page(bytes(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 10, { encoding: 8 }),
    FLAT,
    "a run is too long",
  ],
  [
    "an unknown codec",
    page(bytes(1), 1, { codec: 3 }),
    FLAT,
    "it is compressed in a way that is not supported",
  ],
  [
    "a page of another size",
    page(bytes(1), 1, { size: 7 }),
    FLAT,
    "a page has another size than it claims",
  ],
  [
    "a boolean run",
    page(bytes(...withLength(0xd0, 0x0f, 1)), 3, { encoding: 3, isBoolean: true }),
    FLAT,
    "a run of 1000 values is longer than its page",
  ],
  [
    "a run in the levels of the second version",
    page(bytes(0xd0, 0x0f, 1), 3, {
      second: { nulls: 0, repetitionBytes: 0, definitionBytes: 3, compressed: false },
    }),
    OPTIONAL,
    "a run of 1000 values is longer than its page",
  ],
  // delta of [block of 128, 4 miniblocks, 2 values, first 5 ...]: a first text cannot share
  // anything
  [
    "a text that shares with nothing",
    page(bytes(0x80, 1, 4, 1, 10, 0x80, 1, 4, 1, 2), 1, { encoding: 7 }),
    FLAT,
    "a text shares more than there is with the one before",
  ],
])("refuses %s", (_name, content, levels, expected) => {
  expect(() => checkPageValues(content, levels)).toThrow(expected);
});

test("counts full levels, and holds the values to them", () => {
  // four rows, two of them null: two indices, in one run
  const levels = withLength(2, 1, 4, 0, 2, 1);
  expect(() =>
    checkPageValues(page(bytes(...levels, 1, 4, 0), 4, { encoding: 8 }), OPTIONAL),
  ).not.toThrow();
  expect(() =>
    checkPageValues(page(bytes(...levels, 1, 8, 0), 4, { encoding: 8 }), OPTIONAL),
  ).toThrow("a run of 4 values is longer than its page");
});

test("what a Zstandard frame claims", () => {
  // single segment with one byte of size; window of 2 MiB; two bytes of size; eight bytes
  expect(zstdClaim(bytes(0x28, 0xb5, 0x2f, 0xfd, 0x20, 10, 0))).toBe(10);
  expect(zstdClaim(bytes(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0))).toBe(2 ** 21);
  expect(zstdClaim(bytes(0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x2c, 1))).toBe(300 + 256);
  expect(zstdClaim(bytes(0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0))).toBe(2 ** 32);
  expect(zstdClaim(bytes(1, 2, 3))).toBe(0);
});
