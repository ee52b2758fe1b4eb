/** What is written is what a reader of its own gives back. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readFields } from "./testing.ts";
import { Message } from "./wire.ts";

const number = fc.integer({ min: 1, max: 536_870_911 });

describe("fields", () => {
  test("integers of 64 bits, negative ones included", () => {
    fc.assert(
      fc.property(number, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (field, value) => {
        const [read, ...rest] = readFields(new Message().integer(field, value).finish());
        expect({
          number: read!.number,
          wireType: read!.wireType,
          value: BigInt.asIntN(64, read!.varint),
          rest,
        }).toEqual({ number: field, wireType: 0, value, rest: [] });
      }),
    );
  });

  test("the bytes of known numbers, as protobuf's guide gives them", () => {
    expect([...new Message().integer(1, 150).finish()]).toEqual([0x08, 0x96, 0x01]);
    expect([...new Message().text(2, "testing").finish()]).toEqual([
      0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67,
    ]);
    expect([...new Message().message(3, new Message().integer(1, 150)).finish()]).toEqual([
      0x1a, 0x03, 0x08, 0x96, 0x01,
    ]);
    expect([...new Message().integer(1, -1).finish()]).toEqual([
      0x08,
      ...Array.from({ length: 9 }, () => 0xff),
      0x01,
    ]);
    expect([...new Message().float(1, 1).finish()]).toEqual([0x0d, 0, 0, 0x80, 0x3f]);
    expect([...new Message().integer(1, 0).text(2, "").finish()]).toEqual([0x08, 0x00, 0x12, 0x00]);
  });

  test("a message of more parts than a call takes arguments", () => {
    const parts = new Message();
    for (let i = 0; i < 200_000; i++) parts.bytes(1, Uint8Array.of(i % 256));
    expect(new Message().message(2, parts).finish().length).toBe(1 + 3 + 3 * 200_000);
  });

  test("floats", () => {
    fc.assert(
      fc.property(number, fc.float(), (field, value) => {
        const [read] = readFields(new Message().float(field, value).finish());
        expect(read!.wireType).toBe(5);
        expect(new DataView(Uint8Array.from(read!.bytes).buffer).getFloat32(0, true)).toBe(value);
      }),
    );
  });

  test("texts and bytes", () => {
    fc.assert(
      fc.property(
        number,
        fc.string({ unit: "grapheme" }),
        fc.uint8Array({ maxLength: 300 }),
        (field, words, bytes) => {
          const [read, raw] = readFields(
            new Message().text(field, words).bytes(field, bytes).finish(),
          );
          expect(new TextDecoder().decode(read!.bytes)).toBe(words);
          expect(raw!.bytes).toEqual(bytes);
        },
      ),
    );
  });
});

type Tree = { number: number; value: bigint | Uint8Array | Tree[] };
const { tree } = fc.letrec<{ tree: Tree[]; field: Tree }>((tie) => ({
  tree: fc.array(tie("field"), { maxLength: 4 }),
  field: fc.record({
    number,
    value: fc.oneof(
      { maxDepth: 4 },
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      fc.uint8Array({ maxLength: 5 }),
      tie("tree"),
    ),
  }),
}));

function write(fields: readonly Tree[]): Message {
  const result = new Message();
  for (const { number: field, value } of fields) {
    if (typeof value === "bigint") result.integer(field, value);
    else if (value instanceof Uint8Array) result.bytes(field, value);
    else result.message(field, write(value));
  }
  return result;
}

function expectSame(bytes: Uint8Array, fields: readonly Tree[]): void {
  const read = readFields(bytes);
  expect(read.map((field) => field.number)).toEqual(fields.map((field) => field.number));
  fields.forEach(({ value }, i) => {
    if (typeof value === "bigint") expect(read[i]!.varint).toBe(value);
    else if (value instanceof Uint8Array) expect(read[i]!.bytes).toEqual(value);
    else expectSame(read[i]!.bytes, value);
  });
}

test("messages within messages, in any order", () => {
  fc.assert(fc.property(tree, (fields) => expectSame(write(fields).finish(), fields)));
});

test("a message is written as it was when it was put into another", () => {
  const inner = new Message().integer(1, 1);
  const bytes = new Message().message(2, inner).integer(3, 3).finish();
  expect(readFields(bytes).map(({ number: field }) => field)).toEqual([2, 3]);
});
