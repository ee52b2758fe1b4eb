import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  integer,
  oneof,
  tuple,
  uint8Array,
} from "fast-check";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { SchemaElement } from "hyparquet";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { repositoryRoot } from "../../../tests/support/shared.ts";
import { AttuneError } from "../../core/errors.ts";
import { collect, testFolder } from "../testing.ts";
import { readRows } from "./read-rows.ts";
import { READ_LIMITS } from "./row.ts";
import { ParquetFault } from "./parquet-fault.ts";
import { checkParquet } from "./parquet-guard.ts";
import { readThrift, ThriftError } from "./thrift.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const MESSAGES: SchemaElement[] = [
  { name: "messages", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
  { name: "role", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  { name: "content", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
];
const leaf = (
  name: string,
  type: SchemaElement["type"],
  converted?: SchemaElement["converted_type"],
): SchemaElement => ({
  name,
  repetition_type: "OPTIONAL",
  ...(type ? { type } : {}),
  ...(converted ? { converted_type: converted } : {}),
});
const COLUMNS: readonly { name: string; schema: SchemaElement[]; data: unknown[] }[] = [
  { name: "prompt", schema: [leaf("prompt", "BYTE_ARRAY", "UTF8")], data: ["a é", "b", null, "b"] },
  {
    name: "messages",
    schema: MESSAGES,
    data: [
      [
        { role: "user", content: "x" },
        { role: "assistant", content: "y" },
      ],
      [],
      null,
      [{ role: "user", content: null }],
    ],
  },
  { name: "label", schema: [leaf("label", "BOOLEAN")], data: [true, false, null, true] },
  { name: "count", schema: [leaf("count", "INT64")], data: [1n, -2n, 2n ** 62n, null] },
  { name: "margin", schema: [leaf("margin", "DOUBLE")], data: [0.5, null, -1e300, 2] },
  {
    name: "extra",
    schema: [leaf("extra", "BYTE_ARRAY", "JSON")],
    data: [{ a: [1] }, null, "text", [null]],
  },
  {
    name: "when",
    schema: [leaf("when", "INT64", "TIMESTAMP_MILLIS")],
    data: [new Date(0), null, new Date(1e12), new Date(5)],
  },
];

interface FileOptions {
  columns?: typeof COLUMNS;
  codec?: "UNCOMPRESSED" | "SNAPPY" | "GZIP" | "BROTLI";
  rowGroupSize?: number;
}

function parquet({
  columns = COLUMNS,
  codec = "SNAPPY",
  rowGroupSize = 3,
}: FileOptions = {}): Uint8Array {
  const writer = new ByteWriter();
  const schema = [
    { name: "root", num_children: columns.length },
    ...columns.flatMap(({ schema }) => schema),
  ];
  const compressors = {
    GZIP: (bytes: Uint8Array) => Uint8Array.from(gzipSync(bytes)),
    BROTLI: (bytes: Uint8Array) => Uint8Array.from(brotliCompressSync(bytes)),
  };
  const file = new ParquetWriter({ writer, schema, codec, compressors });
  void file.write({ columnData: columns.map(({ name, data }) => ({ name, data })), rowGroupSize });
  void file.finish();
  return writer.getBytes().slice();
}

const GOLDEN = join(repositoryRoot, "tests", "golden", "parquet");
const goldenFiles = (): Map<string, Uint8Array> =>
  new Map(
    readdirSync(GOLDEN)
      .filter((name) => name.endsWith(".parquet"))
      .map((name) => [name, readFileSync(join(GOLDEN, name))]),
  );

const read = (content: Uint8Array, name = "a.parquet") =>
  collect(readRows(folder.write(name, content)));
async function check(content: Uint8Array): Promise<number[]> {
  const { rowGroups } = await checkParquet(
    async (start, length) => content.subarray(start, start + length),
    content.length,
    READ_LIMITS,
  );
  for (const group of rowGroups) await group.check();
  return rowGroups.map(({ rows }) => rows);
}

test.each(["UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI"] as const)(
  "values of every kind come back, compressed with %s",
  async (codec) => {
    const rows = await read(parquet({ codec }));
    expect(rows.map(({ place }) => place.row)).toEqual([1, 2, 3, 4]);
    expect(rows.map(({ columns }) => columns)).toEqual([
      {
        prompt: "a é",
        messages: [
          { role: "user", content: "x" },
          { role: "assistant", content: "y" },
        ],
        label: true,
        count: 1,
        margin: 0.5,
        extra: { a: [1] },
        when: "1970-01-01T00:00:00.000Z",
      },
      { prompt: "b", messages: [], label: false, count: -2, margin: null, extra: null, when: null },
      // beyond what a number holds exactly
      {
        prompt: null,
        messages: null,
        label: null,
        count: 2n ** 62n,
        margin: -1e300,
        extra: "text",
        when: "2001-09-09T01:46:40.000Z",
      },
      {
        prompt: "b",
        messages: [{ role: "user", content: null }],
        label: true,
        count: null,
        margin: 2,
        extra: [null],
        when: "1970-01-01T00:00:00.005Z",
      },
    ]);
  },
);

test("text that is not UTF-8 names row and column", async () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const columns = [
    {
      name: "prompt",
      schema: [leaf("prompt", "BYTE_ARRAY", "UTF8")],
      data: ["good", "good", "good", "bad"],
    },
  ];
  const content = parquet({ columns, codec: "UNCOMPRESSED", rowGroupSize: 2 });
  // the value itself; statistics repeat it without its length before it
  const at = Buffer.from(content).indexOf(Buffer.from([3, 0, 0, 0, ...bytes("bad")])) + 4;
  content[at] = 0xff;
  const path = folder.write("utf8.parquet", content);
  expect(await folder.refusal(async () => collect(readRows(path)))).toBe(
    "utf8.parquet:4 (prompt): the text is not valid UTF-8",
  );
});

describe("damaged files", () => {
  const good = parquet();
  const changed = (change: (bytes: Buffer) => Buffer | void): Uint8Array => {
    const copy = Buffer.from(good);
    return change(copy) ?? copy;
  };
  const footerSize = (size: number) =>
    changed((bytes) => void bytes.writeUInt32LE(size, bytes.length - 8));
  test.each([
    ["empty", new Uint8Array(), "it is too short to be one"],
    ["text", Buffer.from("this is no Parquet file"), "it does not begin and end with PAR1"],
    ["cut off", good.subarray(0, good.length - 5), "it does not begin and end with PAR1"],
    ["footer too large", footerSize(0x7fffffff), "its footer claims 2147483647 bytes"],
    ["footer of nothing", footerSize(0), "the metadata ends too early"],
    ["footer too small", footerSize(5), "the schema is missing"],
    [
      "data cut out",
      Buffer.concat([good.subarray(0, 4), good.subarray(60)]),
      new RegExp(
        "lies outside the file|of an unknown type|claims|contradicts|out of " +
          "range|ends too early|belong|appears twice|too large|too long|does not fit",
      ),
    ],
  ])("%s", async (_name, content, expected) => {
    const path = folder.write("damaged.parquet", content);
    const message = await folder.refusal(async () => collect(readRows(path)));
    expect(message).toMatch(
      /^damaged\.parquet: the Parquet file is damaged or not supported\n {2}got: /,
    );
    expect(message).toMatch(expected);
  });

  test("a page header without its size, which would make the decoder loop for ever, is refused", async () => {
    const columns = [
      {
        name: "n",
        schema: [{ name: "n", type: "INT32" as const, repetition_type: "REQUIRED" as const }],
        data: [1, 2, 3],
      },
    ];
    const content = Buffer.from(parquet({ columns, codec: "UNCOMPRESSED" }));
    // PageHeader {1: DATA_PAGE_V2, 2: 12 bytes, 3: 12 bytes packed, 8: {...}}: field 3 becomes
    // field 4
    expect(content.subarray(4, 11).toString("hex")).toBe("1506151815185c");
    content[8] = 0x25;
    content[10] = 0x4c;
    await expect(check(content)).rejects.toThrow(
      new ParquetFault("the size of a page is missing or out of range"),
    );
  });

  test("counts that a few bytes cannot hold are refused", async () => {
    const columns = [
      { name: "n", schema: [leaf("n", "INT64")], data: Array.from({ length: 8000 }, () => null) },
    ];
    const content = Buffer.from(parquet({ columns, rowGroupSize: 8000 }));
    await expect(check(content)).resolves.toEqual([8000]);
    // 8,000 as a zigzag varint becomes 8,128, wherever it stands but for the page header
    const [before, after] = [
      content.toString("latin1").slice(0, 40),
      content.toString("latin1").slice(40),
    ];
    const inflated = Buffer.from(
      before + after.replaceAll("\u0080\u007d", "\u0080\u007f"),
      "latin1",
    );
    await expect(check(inflated)).rejects.toThrow(
      new ParquetFault("the column n holds 8000 values and claims 8128"),
    );
  });

  test("a run longer than its page, which would fill the memory, is refused", async () => {
    // a required column of 1,000 equal texts: a dictionary page, then a page of [bit width 1, run
    // of 1,000 times 0]
    const columns = [
      {
        name: "t",
        schema: [
          {
            name: "t",
            type: "BYTE_ARRAY" as const,
            converted_type: "UTF8" as const,
            repetition_type: "OPTIONAL" as const,
          },
        ],
        data: Array.from({ length: 1000 }, () => "same"),
      },
    ];
    const content = Buffer.from(parquet({ columns, codec: "UNCOMPRESSED", rowGroupSize: 1000 }));
    // 1,000 definition levels of 1 as one run: varint(2000), 1
    const run = content.indexOf(Buffer.from([0xd0, 0x0f, 0x01]));
    expect(run).toBeGreaterThan(0);
    content[run + 1] = 0x7f;
    await expect(check(content)).rejects.toThrow(
      new ParquetFault("a run of 8168 values is longer than its page"),
    );
  });

  const golden = goldenFiles();
  test(
    "every byte of a file in every codec and encoding may be wrong",
    { tags: ["dear"] },
    async () => {
      await assert(
        asyncProperty(
          constantFrom(good, ...golden.values()),
          array(
            tuple(
              integer({ min: 0 }),
              constantFrom(0, 1, 0x15, 0x7f, 0x80, 0xff),
              integer({ min: 0, max: 255 }),
            ),
            { minLength: 1, maxLength: 3 },
          ),
          async (file, changes) => {
            const content = Buffer.from(file);
            for (const [at, special, any] of changes)
              content[at % content.length] = any % 2 === 0 ? special : any;
            await read(content, "fuzz.parquet").catch((error: unknown) =>
              expect(error).toMatchObject({ name: "AttuneError", exitCode: 2 }),
            );
          },
        ),
        { numRuns: 1000 },
      );
    },
  );

  test("the footer may be anything", async () => {
    const magic = Buffer.from("PAR1");
    const start = good.length - 8 - Buffer.from(good).readUInt32LE(good.length - 8);
    await assert(
      asyncProperty(
        oneof(
          uint8Array({ maxLength: 60 }),
          array(constantFrom(0x15, 0x19, 0x1c, 0x2c, 0x3c, 0x00, 0x02, 0x18, 0x48, 0xff, 0xfc), {
            maxLength: 40,
          }).map((bytes) => Uint8Array.from(bytes)),
        ),
        async (footer) => {
          const size = Buffer.alloc(4);
          size.writeUInt32LE(footer.length);
          const content = Buffer.concat([good.subarray(0, start), footer, size, magic]);
          await read(content, "footer.parquet").catch((error: unknown) =>
            expect(error).toBeInstanceOf(AttuneError),
          );
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe("Thrift", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);

  test("reads fields of every type", () => {
    // 1: i32 -3, 2: i64 300, 3: true, 5: "hi", 6: list of i32 [1, 2], 7: struct {1: false}
    const { struct, end } = readThrift(
      bytes(
        0x15,
        5,
        0x16,
        0xd8,
        0x04,
        0x11,
        0x28,
        2,
        0x68,
        0x69,
        0x19,
        0x25,
        2,
        4,
        0x1c,
        0x12,
        0,
        0,
      ),
      0,
    );
    expect(end).toBe(18);
    expect([...struct]).toEqual([
      [1, -3],
      [2, 300n],
      [3, true],
      [5, bytes(0x68, 0x69)],
      [6, [1, 2]],
      [7, new Map([[1, false]])],
    ]);
  });

  test.each([
    ["ends early", bytes(0x15), "the metadata ends too early"],
    [
      "a text that is too long",
      bytes(0x18, 0xff, 0xff, 0xff, 0xff, 0x07),
      "a text of 2147483647 bytes does not fit",
    ],
    [
      "a list that is too long",
      bytes(0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07),
      "a list of 2147483647 elements does not fit",
    ],
    [
      "a number without end",
      bytes(0x16, ...Array.from({ length: 40 }, () => 0xff)),
      "a number is too long",
    ],
    [
      "nested without end",
      bytes(...Array.from({ length: 4000 }, () => 0x1c)),
      "structures are nested too deep",
    ],
    [
      "lists nested without end",
      bytes(0x19, ...Array.from({ length: 4000 }, () => 0x19)),
      "structures are nested too deep",
    ],
    ["an unknown type", bytes(0x1d, 0), "type 13 does not belong into Parquet"],
    ["a field twice", bytes(0x15, 2, 0x05, 2, 2, 0), "field 1 appears twice"],
  ])("refuses %s", (_name, content, expected) => {
    expect(() => readThrift(content, 0)).toThrow(new ThriftError(expected));
  });
});

test("a schema is looked over", async () => {
  const columns = [
    { name: "__proto__", schema: [leaf("__proto__", "BYTE_ARRAY", "UTF8")], data: ["x"] },
  ];
  await expect(check(parquet({ columns }))).rejects.toThrow(
    new ParquetFault('its schema names a column "__proto__"'),
  );
  const twice = [COLUMNS[0]!, COLUMNS[0]!];
  await expect(check(parquet({ columns: twice }))).rejects.toThrow(
    new ParquetFault('its schema names the column "prompt" twice'),
  );
});

test("a schema of a hundred thousand columns is refused before it is read", async () => {
  // FileMetaData {2: list of 100,000 structs, each {4: "c"}}
  const elements = Buffer.concat(
    Array.from({ length: 100_000 }, () => Buffer.from([0x48, 1, 0x63, 0])),
  );
  const footer = Buffer.concat([
    Buffer.from([0x29, 0xfc, 0xa0, 0x8d, 0x06]),
    elements,
    Buffer.from([0]),
  ]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(footer.length);
  const path = folder.write(
    "wide.parquet",
    Buffer.concat([Buffer.from("PAR1"), footer, size, Buffer.from("PAR1")]),
  );
  expect(await folder.refusal(async () => collect(readRows(path)))).toContain(
    "a list of 100000 elements is longer than the 16384 that are read",
  );
});

describe("files that pyarrow wrote (scripts/golden/parquet.py)", () => {
  const rows = JSON.parse(readFileSync(join(GOLDEN, "rows.json"), "utf8")) as Record<
    string,
    unknown
  >[];
  test.each([...goldenFiles().keys()])("%s", async (name) => {
    const read = await collect(readRows(join(GOLDEN, name)));
    const names = name.startsWith("flat")
      ? ["prompt", "label", "margin", "count"]
      : Object.keys(rows[0]!);
    const expected = rows.map((row) =>
      Object.fromEntries(names.map((column) => [column, row[column]])),
    );
    expect(read.map(({ columns }) => columns)).toEqual(expected);
  });
});

test.each(["values", "int96", "decimal-bytes"])(
  "what a double does not hold is kept: %s, written by pyarrow",
  async (name) => {
    const texts = JSON.parse(readFileSync(join(GOLDEN, "exact", `${name}.json`), "utf8")) as Record<
      string,
      string[]
    >;
    const rows = await collect(readRows(join(GOLDEN, "exact", `${name}.parquet`)));
    const told = (value: unknown, text: string): string => {
      // times without needless digits; decimals that a double holds are numbers
      if (/T/.test(text))
        return text.replace(/(\.\d{3})0+Z$/, "$1Z") === value ? text : String(value);
      return typeof value === "number" &&
        Number(text) === value &&
        Number.isInteger(value) === /^-?\d+(\.0+)?$/.test(text)
        ? text
        : String(value);
    };
    for (const [column, expected] of Object.entries(texts))
      expect(rows.map(({ columns }, index) => told(columns[column], expected[index]!))).toEqual(
        expected,
      );
    for (const { columns } of rows)
      for (const value of Object.values(columns))
        expect(["number", "bigint", "string"]).toContain(typeof value);
  },
);
