import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { halfToFloatTable, toHalf } from "../../core/tensor.ts";
import { MemoryReader } from "./bytes.ts";
import { narrow, type WeightDType, widenInto } from "./dtypes.ts";
import { parseSafetensorsHeader } from "./safetensors-header.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "./safetensors-writer.ts";
import { golden, safetensorsBytes, withFolder } from "./testing.ts";

const tensorArbitrary = fc
  .record({
    name: fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.constantFrom("1", "0", "a.b", "constructor", "toString", '"', "\\", "\n"),
    ),
    dtype: fc.constantFrom<WeightDType>("F32", "F16", "BF16"),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
    seed: fc.infiniteStream(fc.float({ noNaN: true })),
  })
  .filter(({ name }) => name !== "__metadata__" && name !== "__proto__")
  .map(
    ({ name, dtype, shape, seed }): TensorToWrite & { dtype: WeightDType; data: Float32Array } => {
      const count = shape.reduce((total, dim) => total * dim, 1);
      return {
        name,
        dtype,
        shape,
        data: Float32Array.from({ length: count }, () => seed.next().value as number),
      };
    },
  );

/** What a dtype keeps of numbers. */
function rounded(data: Float32Array, dtype: WeightDType): Float32Array {
  const out = new Float32Array(data.length);
  widenInto(narrow(data, dtype), dtype, out);
  return out;
}

describe("round trip", () => {
  test("what is written is read, by name, shape and bits", async () => {
    await withFolder((folder) =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(tensorArbitrary, { selector: ({ name }) => name, maxLength: 5 }),
          fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), {
            maxKeys: 3,
            noNullPrototype: true,
          }),
          async (tensors, metadata) => {
            fc.pre(!Object.hasOwn(metadata, "__proto__"));
            const path = join(folder, "t.safetensors");
            const bytes = await writeSafetensors(path, tensors, { metadata });
            const file = await SafetensorsFile.open(path);
            expect(file.size).toBe(bytes);
            expect([...file.header.tensors.keys()]).toEqual(
              [
                ...tensors.filter(({ dtype }) => dtype === "F32"),
                ...tensors.filter(({ dtype }) => dtype !== "F32"),
              ].map(({ name }) => name),
            );
            expect(
              [...file.header.tensors.values()].every(
                ({ dtype, start }) => start % (dtype === "F32" ? 4 : 2) === 0,
              ),
            ).toBe(true);
            expect({ ...file.header.metadata }).toEqual({ format: "pt", ...metadata });
            for (const { name, dtype, shape, data } of tensors) {
              expect(file.entry(name)).toMatchObject({ dtype, shape });
              expect(await file.read(name)).toEqual(rounded(data, dtype));
            }
            await file.close();
          },
        ),
        { numRuns: 100 },
      ),
    );
  });

  test("our header reader agrees with JSON.parse on what is written", async () => {
    await withFolder((folder) =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(tensorArbitrary, { selector: ({ name }) => name, maxLength: 5 }),
          async (given) => {
            const path = join(folder, "t.safetensors");
            // JSON.parse of Node 24 and 26 reads the key "\n" as "\\" once it has met that one in
            // an object of the same form
            const tensors = given.filter(({ name }) => !name.includes("\\"));
            await writeSafetensors(path, tensors);
            const bytes = await readFile(path);
            const length = Number(bytes.readBigUInt64LE(0));
            const { __metadata__: _, ...json } = JSON.parse(
              bytes.toString("utf8", 8, 8 + length),
            ) as Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>;
            const header = parseSafetensorsHeader(
              path,
              bytes.subarray(8, 8 + length),
              bytes.length,
            );
            const ours = Object.fromEntries(
              [...header.tensors].map(([name, { dtype, shape, start, end }]) => [
                name,
                { dtype, shape, data_offsets: [start - 8 - length, end - 8 - length] },
              ]),
            );
            expect(ours).toEqual(json);
            expect(length % 8).toBe(0);
          },
        ),
        { numRuns: 100 },
      ),
    );
  });

  test("equal tensors give equal bytes, whatever the order of the metadata", async () => {
    await withFolder(async (folder) => {
      const tensors: TensorToWrite[] = [
        { name: "b", shape: [2], data: Float32Array.of(1, 2) },
        { name: "a", shape: [], data: Float32Array.of(3) },
      ];
      await writeSafetensors(join(folder, "1"), tensors, { metadata: { x: "1", a: "2" } });
      await writeSafetensors(join(folder, "2"), tensors, { metadata: { a: "2", x: "1" } });
      expect(await readFile(join(folder, "1"))).toEqual(await readFile(join(folder, "2")));
    });
  });

  test("a file of the reference writer", async () => {
    const file = await SafetensorsFile.open(golden("tiny-gpt2.safetensors"));
    expect(file.entry("transformer.h.1.mlp.c_fc.weight")).toMatchObject({
      dtype: "F16",
      shape: [32, 48],
    });
    const table = halfToFloatTable();
    const raw = await file.readRaw("transformer.wpe.weight");
    expect(await file.read("transformer.wpe.weight")).toEqual(
      Float32Array.from(new Uint16Array(raw.buffer), (bits) => table[bits]!),
    );
    await file.close();
  });
});

describe("numbers", () => {
  test("bfloat16 rounds to nearest even and keeps NaN and infinities", () => {
    const cases: [number, number][] = [
      [0x3f800000, 0x3f80],
      [0x3f808000, 0x3f80],
      [0x3f818000, 0x3f82],
      [0x3f808001, 0x3f81],
      [0x7f7fffff, 0x7f80],
      [0x7f800000, 0x7f80],
      [0xff800000, 0xff80],
      [0x7f800001, 0x7fc0],
      [0x80000000, 0x8000],
      [0x00000001, 0x0000],
    ];
    const data = new Float32Array(Uint32Array.from(cases, ([bits]) => bits).buffer);
    expect([...new Uint16Array(narrow(data, "BF16").buffer)]).toEqual(
      cases.map(([, bits]) => bits),
    );
  });

  test.each([
    ["I64", new BigInt64Array([-5n, 2n ** 40n]), [-5, 2 ** 40]],
    ["U64", new BigUint64Array([7n]), [7]],
    ["I32", new Int32Array([-1, 2 ** 30]), [-1, 2 ** 30]],
    ["U32", new Uint32Array([2 ** 31]), [2 ** 31]],
    ["I16", new Int16Array([-300]), [-300]],
    ["U16", new Uint16Array([65_535]), [65_535]],
    ["I8", new Int8Array([-128]), [-128]],
    ["U8", new Uint8Array([255]), [255]],
    ["BOOL", new Uint8Array([1, 0]), [1, 0]],
    ["F64", new Float64Array([0.1]), [Math.fround(0.1)]],
  ])("%s is read as float32, from any offset in the file", async (dtype, array, expected) => {
    const data = new Uint8Array(array.buffer);
    // One byte before it makes the tensor unaligned.
    const bytes = safetensorsBytes(
      JSON.stringify({
        pad: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
        x: { dtype, shape: [array.length], data_offsets: [1, 1 + data.length] },
      }),
      1 + data.length,
    );
    bytes.set(data, bytes.length - data.length);
    const file = await SafetensorsFile.from(new MemoryReader("x.safetensors", bytes));
    expect([...(await file.read("x"))]).toEqual(expected);
    expect(await file.readRaw("x")).toEqual(data);
  });

  test("a dtype without a reading as float32 is named", async () => {
    const file = await SafetensorsFile.from(
      new MemoryReader(
        "m",
        safetensorsBytes('{"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}', 2),
      ),
    );
    expect(await file.readRaw("x")).toHaveLength(2);
    await expect(file.read("x")).rejects.toThrow(
      /weights of dtype F8_E4M3 cannot be read\n {2}expected: F32, F16, BF16/,
    );
  });

  test("reads into an array of the right length, and only such", async () => {
    const file = await SafetensorsFile.open(golden("tiny-gpt2.safetensors"));
    const name = "transformer.ln_f.bias";
    const into = new Float32Array(40).subarray(8);
    expect(await file.read(name, into)).toBe(into);
    expect(into).toEqual(await file.read(name));
    await expect(file.read(name, new Float32Array(3))).rejects.toThrow(
      /has 32 numbers, the array to fill 3/,
    );
    await expect(file.read("transformer.ln_f.bia")).rejects.toThrow(
      /no tensor named transformer.ln_f.bia\n {2}try: did you mean transformer.ln_f.bias\?/,
    );
    await file.close();
  });

  test("one tensor of a file that is larger than memory should hold", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "large.safetensors");
      const bulk = 6 * 2 ** 30;
      const header = safetensorsBytes(
        JSON.stringify({
          bulk: { dtype: "U8", shape: [bulk], data_offsets: [0, bulk] },
          last: { dtype: "F32", shape: [2], data_offsets: [bulk, bulk + 8] },
        }),
      );
      const handle = await open(path, "w");
      await handle.write(header);
      await handle.write(
        new Uint8Array(Float32Array.of(1.5, -2).buffer),
        0,
        8,
        header.length + bulk,
      );
      await handle.close();
      const file = await SafetensorsFile.open(path);
      expect([...(await file.read("last"))]).toEqual([1.5, -2]);
      await file.close();
    });
  });
});

describe("writing", () => {
  test("an error while writing leaves the old file and nothing else", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "m.safetensors");
      await writeFile(path, "old");
      const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      const tensors: TensorToWrite[] = [
        { name: "a", shape: [1], data: Float32Array.of(1) },
        { name: "b", shape: [1], data: () => Promise.reject(full) },
      ];
      await expect(writeSafetensors(path, tensors)).rejects.toMatchObject({
        code: "disk",
        message: expect.stringContaining("m.safetensors cannot be written: the disk is full"),
      });
      expect(await readdir(folder)).toEqual(["m.safetensors"]);
      expect(await readFile(path, "utf8")).toBe("old");
    });
  });

  test("a folder that does not exist is an error of the disk", async () => {
    await expect(writeSafetensors("/nonexistent/folder/m.safetensors", [])).rejects.toMatchObject({
      code: "disk",
    });
  });

  test("names twice and numbers that do not fill their shape are defects", async () => {
    await withFolder(async (folder) => {
      const tensor = { name: "a", shape: [2], data: Float32Array.of(1, 2) };
      await expect(writeSafetensors(join(folder, "m"), [tensor, tensor])).rejects.toThrow(
        /cannot be written under this name/,
      );
      await expect(
        writeSafetensors(join(folder, "m"), [{ ...tensor, shape: [3] }]),
      ).rejects.toThrow(/2 numbers do not fill \[3\]/);
      expect(await readdir(folder)).toEqual([]);
    });
  });

  test("float16 bytes are those of the core's rounding", () => {
    const data = Float32Array.of(1, 65_520, 1e-8, -0.1);
    expect([...new Uint16Array(narrow(data, "F16").buffer)]).toEqual([...data].map(toHalf));
  });
});

const entry = (fields: object): string =>
  JSON.stringify({ a: { dtype: "U8", shape: [4], data_offsets: [0, 4], ...fields } });

describe("hostile headers", () => {
  test.each<[string, Uint8Array, string]>([
    ["empty file", new Uint8Array(0), "it has only 0 bytes"],
    ["short file", new Uint8Array(7), "it has only 7 bytes"],
    [
      "huge length",
      Uint8Array.from([255, 255, 255, 255, 255, 255, 255, 255]),
      "the header is longer than any model needs",
    ],
    [
      "length beyond the file",
      Uint8Array.from([9, 0, 0, 0, 0, 0, 0, 0, 0x7b]),
      "the header is longer than the file",
    ],
    [
      "no JSON",
      safetensorsBytes("hello"),
      "the header is not as expected at character 0: { is missing",
    ],
    ["space first", safetensorsBytes(" {}"), "at character 0: { is missing"],
    ["cut off", safetensorsBytes('{"a":{"dtype":"U8"'), "} is missing"],
    ["open text", safetensorsBytes('{"a'), '" is missing'],
    ["bad UTF-8", safetensorsBytes(Uint8Array.of(0x7b, 0xff, 0x7d)), "the header is not UTF-8"],
    ["control character in a text", safetensorsBytes('{"a\nb":{}}'), '" is missing'],
    ["bad escape", safetensorsBytes('{"\\x":{}}'), "a text has a wrong escape"],
    ["something after the header", safetensorsBytes("{}x"), "the end of the header is missing"],
    ["deep nesting", safetensorsBytes(`{"a":${"[".repeat(100_000)}`), "{ is missing"],
    [
      "deep shape",
      safetensorsBytes(`{"a":{"shape":${"[".repeat(100_000)}`),
      "a whole number is missing",
    ],
    ["array", safetensorsBytes("[]"), "{ is missing"],
    [
      "duplicate tensor",
      safetensorsBytes(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},' +
          '"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      'tensor "a" is there twice',
    ],
    [
      "duplicate field",
      safetensorsBytes('{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      'tensor "a" has an unknown or repeated key',
    ],
    [
      "unknown field",
      safetensorsBytes(entry({ evil: 1 }), 4),
      'tensor "a" has an unknown or repeated key',
    ],
    [
      "missing field",
      safetensorsBytes('{"a":{"dtype":"U8","shape":[1]}}'),
      "lacks dtype, shape or two data_offsets",
    ],
    ["null tensor", safetensorsBytes('{"a":null}'), "{ is missing"],
    [
      "prototype as a name",
      safetensorsBytes('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      "a key is named __proto__",
    ],
    [
      "prototype, escaped",
      safetensorsBytes('{"\\u005f_proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      "a key is named __proto__",
    ],
    [
      "prototype in metadata",
      safetensorsBytes('{"__metadata__":{"__proto__":"x"}}'),
      "a key is named __proto__",
    ],
    [
      "metadata twice",
      safetensorsBytes('{"__metadata__":{},"__metadata__":{}}'),
      "__metadata__ is there twice",
    ],
    [
      "metadata key twice",
      safetensorsBytes('{"__metadata__":{"a":"1","a":"2"}}'),
      '__metadata__ has "a" twice',
    ],
    [
      "metadata number",
      safetensorsBytes('{"__metadata__":{"a":1}}'),
      "__metadata__ must hold texts only",
    ],
    [
      "metadata object",
      safetensorsBytes('{"__metadata__":{"a":{}}}'),
      "__metadata__ must hold texts only",
    ],
    [
      "unknown dtype",
      safetensorsBytes(entry({ dtype: "toString" }), 4),
      'tensor "a" has an unknown dtype',
    ],
    [
      "negative dimension",
      safetensorsBytes(entry({ shape: [-4] }), 4),
      "a whole number is missing",
    ],
    ["fraction", safetensorsBytes(entry({ shape: [4.5] }), 4), "] is missing"],
    [
      "exponent",
      safetensorsBytes('{"a":{"dtype":"U8","shape":[1e3],"data_offsets":[0,1000]}}', 1000),
      "] is missing",
    ],
    [
      "leading zero",
      safetensorsBytes('{"a":{"dtype":"U8","shape":[04],"data_offsets":[0,4]}}', 4),
      "a whole number is missing",
    ],
    [
      "large number",
      safetensorsBytes('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
      "a number is too large",
    ],
    [
      "overflowing shape",
      safetensorsBytes(entry({ shape: [2 ** 40, 2 ** 40, 0] }), 4),
      'the size of tensor "a" is no countable number of bytes',
    ],
    [
      "many dimensions",
      safetensorsBytes(entry({ shape: Array.from({ length: 17 }, () => 1) }), 4),
      "a list has more than 16 numbers",
    ],
    [
      "three offsets",
      safetensorsBytes(entry({ data_offsets: [0, 4, 4] }), 4),
      "a list has more than 2 numbers",
    ],
    [
      "offsets backwards",
      safetensorsBytes(entry({ data_offsets: [4, 0] }), 4),
      'tensor "a" has -4 bytes where its shape needs 4',
    ],
    [
      "size and shape differ",
      safetensorsBytes(entry({ shape: [3] }), 4),
      'tensor "a" has 4 bytes where its shape needs 3',
    ],
    [
      "half a byte",
      safetensorsBytes(entry({ dtype: "F4", shape: [1], data_offsets: [0, 1] }), 1),
      'the size of tensor "a" is no countable number of bytes',
    ],
    ["beyond the file", safetensorsBytes(entry({}), 3), "it is cut off"],
    [
      "bytes left over",
      safetensorsBytes(entry({}), 5),
      "1 bytes after the last tensor belong to nothing",
    ],
    [
      "hole",
      safetensorsBytes(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}',
        3,
      ),
      'a hole of 1 bytes before tensor "b"',
    ],
    [
      "overlap",
      safetensorsBytes(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        3,
      ),
      'tensor "b" overlaps the one before it',
    ],
  ])("%s", async (_, bytes, message) => {
    const error = await SafetensorsFile.from(new MemoryReader("m.safetensors", bytes)).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(AttuneError);
    expect(error).toMatchObject({ code: "model", exitCode: 2 });
    expect((error as Error).message).toMatch(/^m\.safetensors: not a valid safetensors file: /);
    expect((error as Error).message).toContain(message);
    expect(({} as Record<string, unknown>)["dtype"]).toBeUndefined();
  });

  test("padding and empty tensors are fine", async () => {
    const file = await SafetensorsFile.from(
      new MemoryReader(
        "m",
        safetensorsBytes(
          '{ "a" : {"shape" : [ 0 , 3 ],\t"dtype":"F32","data_offsets":[0,0]} , ' +
            '"b":{"dtype":"U8","shape":[],"data_offsets":[0,1]} }   ',
          1,
        ),
      ),
    );
    expect(await file.read("a")).toHaveLength(0);
    expect(file.entry("b").shape).toEqual([]);
  });

  test("folders and files that are not there", async () => {
    await expect(SafetensorsFile.open("/nonexistent.safetensors")).rejects.toMatchObject({
      code: "model",
      message: expect.stringContaining("cannot open the file\n  got: ENOENT"),
    });
    await withFolder(async (folder) => {
      await expect(SafetensorsFile.open(folder)).rejects.toThrow(/this is a folder, not a file/);
    });
  });
});
