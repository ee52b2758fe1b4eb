import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { MemoryReader } from "./bytes.ts";
import { parseGgufHeader } from "./gguf-header.ts";
import { GgufFile } from "./gguf.ts";
import { BLOCK_FORMATS } from "./gguf-quants.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { GgufBuilder, golden } from "./testing.ts";

describe("block formats", () => {
  test("every format gives the bits that the gguf package gives", async () => {
    const file = await GgufFile.open(golden("quants.gguf"));
    const expected = await SafetensorsFile.open(golden("quants.safetensors"));
    expect([...file.header.tensors.keys()].toSorted()).toEqual(
      Object.values(BLOCK_FORMATS)
        .map(({ name }) => name)
        .toSorted(),
    );
    for (const name of file.header.tensors.keys()) {
      expect(file.tensor(name).shape).toEqual(expected.entry(name).shape);
      const bits = new Uint32Array((await file.read(name)).buffer);
      expect(bits, name).toEqual(new Uint32Array((await expected.read(name)).buffer));
    }
    await Promise.all([file.close(), expected.close()]);
  });

  test("a tensor that is read in several pieces is the same", async () => {
    const count = 3_000_000;
    const bytes = GgufBuilder.begin(1, 0)
      .tensor("x", [count], { type: 1 })
      .end(count * 2);
    new Uint16Array(bytes.buffer, bytes.length - count * 2).forEach(
      (_, i, halves) => (halves[i] = i % 0x7c00),
    );
    const file = await GgufFile.from(new MemoryReader("m.gguf", bytes));
    const into = new Float32Array(count);
    expect(await file.read("x", into)).toBe(into);
    const other = await GgufFile.from(new MemoryReader("m.gguf", bytes.slice()));
    expect(Buffer.from((await other.read("x")).buffer).equals(Buffer.from(into.buffer))).toBe(true);
    expect(into[0x3c00]).toBe(1);
    expect(into[0x7c00 * 90 + 0x3c00]).toBe(1);
    await expect(file.read("x", new Float32Array(1))).rejects.toThrow(
      /x has 3000000 numbers, the array to fill 1/,
    );
  });
});

describe("metadata", () => {
  test("every type of value", async () => {
    const builder = GgufBuilder.begin(0, 14);
    const number = (key: string, type: number, bytes: ArrayBufferView): GgufBuilder =>
      builder.text(key).uint32(type).raw(new Uint8Array(bytes.buffer));
    number("u8", 0, Uint8Array.of(255));
    number("i8", 1, Int8Array.of(-1));
    number("u16", 2, Uint16Array.of(65_535));
    number("i16", 3, Int16Array.of(-2));
    number("u32", 4, Uint32Array.of(2 ** 32 - 1));
    number("i32", 5, Int32Array.of(-3));
    number("f32", 6, Float32Array.of(0.5));
    number("true", 7, Uint8Array.of(1));
    builder.textKey("text", "größer 🦙");
    builder.text("list").uint32(9).uint32(8).uint64(2).text("a").text("");
    builder.text("nested").uint32(9).uint32(9).uint64(1).uint32(4).uint64(2).uint32(7).uint32(8);
    number("u64", 10, BigUint64Array.of(2n ** 63n));
    number("i64", 11, BigInt64Array.of(-4n));
    number("f64", 12, Float64Array.of(0.1));
    const file = await GgufFile.from(new MemoryReader("m.gguf", builder.end()));
    expect(Object.fromEntries(file.header.metadata)).toEqual({
      u8: 255,
      i8: -1,
      u16: 65_535,
      i16: -2,
      u32: 2 ** 32 - 1,
      i32: -3,
      f32: 0.5,
      true: true,
      text: "größer 🦙",
      list: ["a", ""],
      nested: [[7, 8]],
      u64: 2n ** 63n,
      i64: -4n,
      f64: 0.1,
    });
    expect(file.header.version).toBe(3);
  });

  test("the replacement character may be written out", async () => {
    const file = await GgufFile.from(
      new MemoryReader("m.gguf", GgufBuilder.begin(0, 1).textKey("k", "a\ufffdb").end()),
    );
    expect(file.header.metadata.get("k")).toBe("a\ufffdb");
  });

  test("a header beyond the first read", async () => {
    const long = "x".repeat(5 * 2 ** 20);
    const bytes = GgufBuilder.begin(1, 1).textKey("long", long).tensor("x", [8]).end(32);
    const file = await GgufFile.from(new MemoryReader("m.gguf", bytes));
    expect(file.header.metadata.get("long")).toBe(long);
    expect(await file.read("x")).toEqual(new Float32Array(8));
  });

  test("bytes that end inside the header ask for more", async () => {
    const bytes = new Uint8Array(await readFile(golden("tiny-gpt2.gguf")));
    const { length } = parseGgufHeader("m", bytes, bytes.length)!;
    for (let cut = 0; cut < length; cut++)
      expect(parseGgufHeader("m", bytes.subarray(0, cut), bytes.length)).toBeUndefined();
    expect(
      parseGgufHeader("m", bytes.subarray(0, length), bytes.length)?.tensors.size,
    ).toBeGreaterThan(10);
  });

  test("a tensor that is not there is named, with the nearest", async () => {
    const file = await GgufFile.open(golden("quants.gguf"));
    expect(() => file.tensor("Q4_2")).toThrow(/no tensor named Q4_2\n {2}try: did you mean Q4_/);
    await file.close();
  });
});

const key = (): GgufBuilder => GgufBuilder.begin(0, 1).text("k");
const scalar = { type: 0, offset: 0 };

describe("hostile headers", () => {
  test.each<[string, Uint8Array, string]>([
    ["empty file", new Uint8Array(0), "it ends inside its header"],
    ["magic alone", new TextEncoder().encode("GGUF"), "it ends inside its header"],
    ["other file", new Uint8Array(64), "it does not begin with GGUF"],
    [
      "version 1",
      GgufBuilder.begin(0, 0, 1).end(),
      "this version of GGUF is not supported\n  got: 1\n  expected: 2 or 3",
    ],
    ["version 9", GgufBuilder.begin(0, 0, 9).end(), "this version of GGUF is not supported"],
    [
      "big-endian",
      GgufBuilder.begin(0, 0, 0x03000000).end(),
      "big-endian GGUF files are not supported",
    ],
    [
      "tensor count",
      GgufBuilder.begin(2n ** 64n - 1n, 0).end(),
      "a count exceeds the size of the file\n  got: 18446744073709551615 tensors",
    ],
    ["key count", GgufBuilder.begin(0, 2n ** 40n).end(), "a count exceeds the size of the file"],
    [
      "long key",
      GgufBuilder.begin(0, 1)
        .uint64(2n ** 63n)
        .end(64),
      "a count exceeds the size of the file",
    ],
    ["long text", key().uint32(8).uint64(1000).end(), "a count exceeds the size of the file"],
    [
      "long list",
      key()
        .uint32(9)
        .uint32(0)
        .uint64(2n ** 62n)
        .end(32),
      'a count exceeds the size of the file\n  got: 4611686018427387904 elements of "k"',
    ],
    [
      "list of unknown type",
      key().uint32(9).uint32(99).uint64(0).end(),
      '"k" has an unknown type\n  got: array of 99',
    ],
    ["unknown type", key().uint32(13).end(32), '"k" has an unknown type\n  got: 13'],
    [
      "nested lists",
      [...Array(6).keys()]
        .reduce((builder) => builder.uint32(9).uint64(1), key().uint32(9))
        .end(64),
      'the arrays of "k" are nested too deep',
    ],
    [
      "bad UTF-8",
      key().uint32(8).uint64(1).raw(Uint8Array.of(0xff)).end(),
      'the value of "k" is not UTF-8',
    ],
    [
      "key twice",
      GgufBuilder.begin(0, 2).uint32Key("a", 1).uint32Key("a", 1).end(),
      'the metadata key "a" is there twice',
    ],
    [
      "split model",
      GgufBuilder.begin(0, 1).uint32Key("split.count", 3).end(),
      "the model is split over several GGUF files",
    ],
    [
      "alignment zero",
      GgufBuilder.begin(0, 1).uint32Key("general.alignment", 0).end(),
      "general.alignment is no power of two",
    ],
    [
      "alignment odd",
      GgufBuilder.begin(0, 1).uint32Key("general.alignment", 48).end(),
      "general.alignment is no power of two\n  got: 48",
    ],
    [
      "alignment text",
      GgufBuilder.begin(0, 1).textKey("general.alignment", "32").end(),
      "general.alignment is no power of two",
    ],
    [
      "tensor twice",
      GgufBuilder.begin(2, 0).tensor("x", [1]).tensor("x", [1]).end(32),
      'tensor "x" is there twice',
    ],
    [
      "dimensions",
      GgufBuilder.begin(1, 0).tensor("x", [1, 1, 1, 1, 1]).end(32),
      'tensor "x" has too many dimensions',
    ],
    [
      "dimension zero",
      GgufBuilder.begin(1, 0).tensor("x", [0, 4]).end(32),
      'tensor "x" is not made of whole blocks of F32\n  got: [4, 0]',
    ],
    [
      "overflowing shape",
      GgufBuilder.begin(1, 0)
        .tensor("x", [2n ** 62n, 2n ** 62n, 16])
        .end(32),
      'tensor "x" lies outside the file',
    ],
    [
      "half a block",
      GgufBuilder.begin(1, 0).tensor("x", [48], { type: 8 }).end(64),
      'tensor "x" is not made of whole blocks of Q8_0',
    ],
    [
      "blocks across rows",
      GgufBuilder.begin(1, 0).tensor("x", [16, 2], { type: 8 }).end(64),
      'tensor "x" is not made of whole blocks of Q8_0',
    ],
    [
      "unknown format",
      GgufBuilder.begin(1, 0).tensor("x", [256], { type: 10 }).end(512),
      'tensor "x" has a format that attune does not read\n  got: Q2_K\n  expected: F32, F16, Q4_0',
    ],
    [
      "nameless format",
      GgufBuilder.begin(1, 0).tensor("x", [256], { type: 4_000_000_000 }).end(512),
      "got: ggml type 4000000000",
    ],
    [
      "unaligned",
      GgufBuilder.begin(1, 0)
        .tensor("x", [1], { ...scalar, offset: 4 })
        .end(64),
      'tensor "x" is not aligned',
    ],
    [
      "beyond the file",
      GgufBuilder.begin(1, 0).tensor("x", [9]).end(32),
      'tensor "x" lies outside the file\n  got: [9] F32 up to byte 100 of 96',
    ],
    [
      "offset beyond the file",
      GgufBuilder.begin(1, 0)
        .tensor("x", [1], { ...scalar, offset: 2n ** 64n - 32n })
        .end(32),
      'tensor "x" lies outside the file',
    ],
    [
      "overlap",
      GgufBuilder.begin(2, 0)
        .tensor("x", [16])
        .tensor("y", [8], { ...scalar, offset: 32 })
        .end(96),
      'tensor "y" overlaps the one before it',
    ],
  ])("%s", async (_, bytes, message) => {
    const error = await GgufFile.from(new MemoryReader("m.gguf", bytes)).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(AttuneError);
    expect(error).toMatchObject({ code: "model", exitCode: 2 });
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).toMatch(/^m\.gguf: /);
  });

  test("prototype names are ordinary keys", async () => {
    const file = await GgufFile.from(
      new MemoryReader(
        "m.gguf",
        GgufBuilder.begin(1, 2)
          .uint32Key("__proto__", 1)
          .uint32Key("constructor", 2)
          .tensor("__proto__", [1])
          .end(32),
      ),
    );
    expect(file.header.metadata.get("__proto__")).toBe(1);
    expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
    expect(await file.read("__proto__")).toEqual(new Float32Array(1));
  });
});
