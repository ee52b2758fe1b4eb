import {
  assert,
  asyncProperty,
  constantFrom,
  dictionary,
  integer,
  jsonValue,
  oneof,
  property,
  string,
  tuple,
  uint8Array,
  array,
} from "fast-check";
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { loadDataset } from "../dataset.ts";
import { collect, jsonLines, testFolder } from "../testing.ts";
import { findJsonFault, jsonShape } from "./json-fault.ts";
import { readRows } from "./read-rows.ts";
import { decodeUtf8, firstBadByte } from "./utf8.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("the place of a fault", () => {
  test("agrees with JSON.parse on what is JSON", () => {
    const fragment = constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"a"',
      "\\",
      "\\u00",
      "1",
      "-",
      "0",
      ".5",
      "e",
      "E+2",
      "true",
      "nul",
      "null",
      " ",
      "\n",
      "\t",
      "\u0001",
      "é",
    );
    const broken = tuple(
      jsonValue(),
      integer({ min: 0 }),
      integer({ min: 0, max: 2 }),
      fragment,
    ).map(([value, at, cut, piece]) => {
      const text = JSON.stringify(value, null, at % 3);
      const index = at % (text.length + 1);
      return text.slice(0, index) + piece + text.slice(index + cut);
    });
    const soup = array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));
    assert(
      property(
        oneof(
          broken,
          soup,
          jsonValue().map((value) => JSON.stringify(value)),
        ),
        (text) => void expect(findJsonFault(text) === undefined).toBe(parses(text)),
      ),
      { numRuns: 4000 },
    );
  });

  test("everything before the fault can be continued", () => {
    // a text cut off at its fault is cut off, not wrong: its own fault is at its end
    assert(
      property(
        jsonValue(),
        integer({ min: 0 }),
        string({ minLength: 1, maxLength: 2 }),
        (value, at, piece) => {
          const text = JSON.stringify(value);
          const index = at % text.length;
          const fault = findJsonFault(text.slice(0, index) + piece + text.slice(index));
          if (fault === undefined || fault.expected === "the end of the value") return;
          const before = (text.slice(0, index) + piece + text.slice(index)).slice(0, fault.index);
          expect(findJsonFault(before)?.index ?? before.length).toBe(before.length);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['{"a": 1,}', 8, "a key in double quotes"],
    ["{a: 1}", 1, 'a key in double quotes, or "}"'],
    ['{"a" 1}', 5, '":" after the key'],
    ['{"a": }', 6, "a value"],
    ['{"a": 1 "b": 2}', 8, '"," or "}"'],
    ["[1 2]", 3, '"," or "]"'],
    ['{"a": "b', 8, "the closing quote"],
    ['{"a": "b\nc"}', 8, "no bare control character in a text (\\u000a is its escape)"],
    ['"\\x"', 1, 'an escape such as \\n, \\", \\\\ or \\u00e9'],
    ["{} {}", 3, "the end of the value"],
    ["01", 1, "the end of the value"],
    ["", 0, "a value"],
    ["NaN", 0, "a value"],
  ])("%s", (text, index, expected) => {
    expect(findJsonFault(text)).toEqual({ index, expected });
  });

  test("depth counts brackets outside texts only", () => {
    expect(jsonShape('{"a": ["[[[:", {"b": "\\"[[", "c:": {}}]}')).toEqual({
      depth: 4,
      keys: 2,
      allKeys: 3,
      values: 6,
    });
    expect(jsonShape("1")).toEqual({ depth: 0, keys: 0, allKeys: 0, values: 0 });
  });
});

describe("UTF-8", () => {
  test("the first bad byte is where a strict decoder stops", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const isGood = (bytes: Uint8Array): boolean => {
      try {
        strict.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    const bytes = oneof(
      uint8Array({ maxLength: 12 }),
      array(
        constantFrom(
          0x41,
          0x80,
          0xbf,
          0xc2,
          0xe0,
          0xa0,
          0xed,
          0x9f,
          0xef,
          0xf0,
          0x90,
          0xf4,
          0x8f,
          0xff,
        ),
        { maxLength: 8 },
      ).map((list) => Uint8Array.from(list)),
    );
    assert(
      property(bytes, (input) => {
        const index = firstBadByte(input);
        expect(index === input.length).toBe(isGood(input));
        expect(isGood(input.subarray(0, index))).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });

  test("names column and byte", () => {
    expect(() =>
      decodeUtf8(Buffer.from([0x61, 0xc3, 0xa9, 0xe9, 0x62]), { file: "f", row: 3 }),
    ).toThrow(
      "f:3: the text is not valid UTF-8: column 3\n  got: byte 0xe9\n  expected: UTF-8\n  try: " +
        "save the file as UTF-8",
    );
    expect(() => decodeUtf8(Buffer.from("\ufeffa", "utf16le"), {})).toThrow(
      "the file looks like UTF-16: save it as UTF-8",
    );
  });
});

describe("rows", () => {
  const rowsOf = async (name: string, content: string | Uint8Array) =>
    (await collect(readRows(folder.write(name, content)))).map(({ columns, place }) => [
      place.row,
      columns,
    ]);

  test("JSON Lines count an editor's lines, also with \\r\\n, a byte order mark and blank lines", async () => {
    expect(await rowsOf("a.jsonl", '\ufeff{"a": 1}\r\n\r\n  \n{"a": 2}\r\n{"a": "é"}')).toEqual([
      [1, { a: 1 }],
      [4, { a: 2 }],
      [5, { a: "é" }],
    ]);
  });

  test("JSON takes a list, objects in sequence, and gzip by its bytes", async () => {
    const expected = [
      [1, { a: [1, "]"] }],
      [2, { b: '\\"}' }],
    ];
    const list = '[\n {"a": [1, "]"]},\n {"b": "\\\\\\"}"} ]\n';
    expect(await rowsOf("b.json", list)).toEqual(expected);
    expect(await rowsOf("c.json", '{"a": [1, "]"]}\n{"b": "\\\\\\"}"}')).toEqual(expected);
    expect(await rowsOf("d.json", gzipSync(list))).toEqual(expected);
    expect(await rowsOf("e.json", "[]")).toEqual([]);
    expect(await rowsOf("f.json", " \n")).toEqual([]);
  });

  test("rows longer than a chunk of the file arrive whole", async () => {
    const rows = Array.from({ length: 7 }, (_, index) => ({
      index,
      text: `${index}é`.repeat(50_000 * index),
      list: [{ deep: [index] }],
    }));
    expect((await rowsOf("g.json", JSON.stringify(rows))).map(([, columns]) => columns)).toEqual(
      rows,
    );
    expect((await rowsOf("g.jsonl", jsonLines(...rows))).map(([, columns]) => columns)).toEqual(
      rows,
    );
  });

  test("a list of any values is cut as JSON.parse would", async () => {
    const row = dictionary(string(), jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
    await assert(
      asyncProperty(
        array(row, { maxLength: 5 }),
        integer({ min: 0, max: 2 }),
        async (rows, indent) => {
          const clean = JSON.parse(JSON.stringify(rows), (key, value: unknown) =>
            key === "__proto__" ? undefined : value,
          ) as unknown;
          expect(
            (await rowsOf("p.json", JSON.stringify(rows, null, indent))).map(
              ([, columns]) => columns,
            ),
          ).toEqual(clean);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a prototype cannot be set", async () => {
    const [[, columns]] = (await rowsOf(
      "proto.jsonl",
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "a": 1}',
    )) as [[number, Record<string, unknown>]];
    expect(Object.getPrototypeOf(columns)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(columns["polluted"]).toBeUndefined();
  });
});

describe("bad files", () => {
  test.each([
    [
      "cut.jsonl",
      '{"a": 1}\n{"a": "b',
      "cut.jsonl:2: the row is not valid JSON: column 9\n" +
        '  got: the row ends after "{\\"a\\": \\"b"\n' +
        "  expected: the closing quote\n" +
        "  try: mend the row, or leave it out",
    ],
    [
      "comma.jsonl",
      '{"a": 1,}\n',
      "comma.jsonl:1: the row is not valid JSON: column 9\n" +
        '  got: "}" after "{\\"a\\": 1,"\n' +
        "  expected: a key in double quotes\n" +
        "  try: mend the row, or leave it out",
    ],
    [
      "two.jsonl",
      '{"a": 1} {"a": 2}\n',
      "two.jsonl:1: the row is not valid JSON: column 10\n" +
        '  got: "{\\"a\\": 2}" after "{\\"a\\": 1} "\n' +
        "  expected: the end of the value\n" +
        "  try: mend the row, or leave it out",
    ],
    [
      "list.jsonl",
      "\n[1]\n",
      'list.jsonl:2: a row must be a JSON object\n  got: [1]\n  expected: {"prompt": ..., ...}',
    ],
    [
      "bytes.jsonl",
      Buffer.from([0x7b, 0x7d, 0x0a, 0x7b, 0x22, 0xff, 0x22, 0x7d]),
      "bytes.jsonl:2: the text is not valid UTF-8: column 3\n" +
        "  got: byte 0xff\n" +
        "  expected: UTF-8\n" +
        "  try: save the file as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8` if it comes from an " +
        "older Windows program)",
    ],
    [
      "cut.json",
      '[{"a": 1}, {"a":',
      "cut.json:2: the row is not valid JSON: column 6\n" +
        '  got: the row ends after "{\\"a\\":"\n' +
        "  expected: a value\n" +
        "  try: mend the row, or leave it out",
    ],
    [
      "lines.json",
      '[{"a": 1},\n {"a":\n   oops}]',
      "lines.json:2: the row is not valid JSON: line 2 of the row, column 4\n" +
        '  got: "oops}" after "{\\"a\\":\\n   "\n' +
        "  expected: a value\n" +
        "  try: mend the row, or leave it out",
    ],
    [
      "open.json",
      '[{"a": 1}',
      'open.json:2: the list of rows is not closed: line 1, column 10 of the file\n  expected: "]"',
    ],
    [
      "missing.json",
      '[{"a": 1}\n{"a": 2}]',
      "missing.json:2: a comma is missing between two rows: line 2, column 1 of the file\n" +
        '  expected: "," or "]"',
    ],
    [
      "double.json",
      '[{"a": 1},, {"a": 2}]',
      "double.json:2: there is a comma too many: line 1, column 11 of the file\n  expected: a row",
    ],
    [
      "last.json",
      '[{"a": 1},]',
      "last.json:2: there is a comma after the last row: line 1, column 11 of the file\n" +
        "  expected: a row",
    ],
    [
      "after.json",
      '[{"a": 1}] {"a": 2}',
      "after.json:2: there is something after the list of rows: line 1, column 12 of the " +
        "file\n" +
        "  expected: the end of the file",
    ],
    [
      "scalar.json",
      "[1, 2]",
      'scalar.json:1: a row must be a JSON object\n  got: 1\n  expected: {"prompt": ..., ...}',
    ],
    [
      "deep.json",
      "[".repeat(100_000),
      "deep.json:1: the row has too many lists and objects inside one another\n" +
        "  expected: at most 64",
    ],
    [
      "deep.jsonl",
      `{"__proto__":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      "deep.jsonl:1: the row has too many lists and objects inside one another\n" +
        "  expected: at most 64",
    ],
    [
      "cut.jsonl.gz",
      gzipSync(jsonLines({ a: "x".repeat(1000) })).subarray(0, -10),
      "cut.jsonl.gz: the gzip data is damaged or cut off\n" +
        "  try: download or compress the file again",
    ],
    [
      "name.txt",
      "",
      "name.txt: this kind of file is not read\n" +
        "  expected: .json, .jsonl, .ndjson, .csv, .tsv (also with .gz), .parquet",
    ],
  ])("%s", async (name, content, expected) => {
    const path = folder.write(name, content);
    expect(await folder.refusal(async () => collect(readRows(path)))).toBe(expected);
  });

  test("limits are named", async () => {
    const long = folder.write("long.jsonl", jsonLines({ a: 1 }, { a: "x".repeat(2000) }));
    expect(await folder.refusal(async () => collect(readRows(long, { rowBytes: 1000 })))).toBe(
      "long.jsonl:2: the row is too long\n  expected: at most 1000 bytes in a row\n  try: is " +
        "there a line break missing between rows, or a quote that never closes?",
    );
    const list = folder.write("long.json", JSON.stringify([{ a: "x".repeat(2000) }]));
    expect(await folder.refusal(async () => collect(readRows(list, { rowBytes: 1000 })))).toMatch(
      /^long\.json:1: the row is too long/,
    );
    const bomb = folder.write("bomb.jsonl.gz", gzipSync(Buffer.alloc(3_000_000, "\n")));
    expect(
      await folder.refusal(async () => collect(readRows(bomb, { fileBytes: 1_000_000 }))),
    ).toMatch(/^bomb\.jsonl\.gz: the file is too large/);
    const wide = folder.write(
      "wide.jsonl",
      jsonLines(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`c${index}`, 0]))),
    );
    expect(await folder.refusal(async () => collect(readRows(wide, { columns: 10 })))).toBe(
      "wide.jsonl:1: the row has too many columns\n  expected: at most 10",
    );
  });

  const rowsOf = async (name: string, content: string | Uint8Array) =>
    collect(readRows(folder.write(name, content)));

  test("a million keys, at the top and inside, are refused before they are parsed", async () => {
    const object = `{${Array.from({ length: 1_000_000 }, (_, index) => `"c${index}":1`).join(",")}}`;
    for (const [name, text] of [
      ["keys.jsonl", object],
      ["keys.json", `[{"a":[${object}]}]`],
    ] as const) {
      expect(await folder.refusal(async () => collect(readRows(folder.write(name, text))))).toBe(
        `${name}:1: the row has too many columns\n  expected: at most 65536`,
      );
    }
  });

  test("a row of a million values is refused before it is parsed", async () => {
    const path = folder.write("values.jsonl", `{"a":[${"{},".repeat(1_000_000)}1]}`);
    expect(await folder.refusal(async () => collect(readRows(path)))).toBe(
      "values.jsonl:1: the row holds too many values\n  expected: at most 524288 in all of its " +
        "lists and objects",
    );
  });

  test("a file that unpacks to a thousand times its size is no data", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, "\n"));
    for (const name of ["b.jsonl.gz", "b.json.gz", "b.csv.gz"])
      expect(await folder.refusal(async () => collect(readRows(folder.write(name, bomb))))).toMatch(
        /^b\.\w+\.gz: the file unpacks to far more than data does/,
      );
    expect(
      await rowsOf("b.jsonl.gz", gzipSync(jsonLines({ a: "x".repeat(4 * 2 ** 20) }))),
    ).toHaveLength(1);
  });

  test.runIf(process.platform !== "win32")(
    "a FIFO and a device are refused without waiting for them",
    async () => {
      const fifo = `${folder.path}/fifo.jsonl`;
      execFileSync("mkfifo", [fifo]);
      symlinkSync("/dev/zero", `${folder.path}/zero.csv`);
      expect(await folder.refusal(async () => collect(readRows(fifo)))).toBe(
        "fifo.jsonl: this is a FIFO, not a file\n  try: write what it gives into a file, and " +
          "name that",
      );
      expect(
        await folder.refusal(async () => collect(readRows(`${folder.path}/zero.csv`))),
      ).toMatch(/^zero\.csv: this is a device, not a file/);
      expect(await folder.refusal(async () => loadDataset(fifo))).toMatch(
        /^fifo\.jsonl: this is a FIFO/,
      );
    },
  );

  test("numbers keep their digits, or it is said", async () => {
    const [row] = await collect(
      readRows(folder.write("n.jsonl", '{"id":9007199254740993,"x":0.1234567890123456789}')),
    );
    expect(row).toMatchObject({
      columns: { id: 9007199254740993n },
      notes: ["digits of fractions beyond a double's"],
    });
    expect(
      await folder.refusal(async () =>
        collect(readRows(folder.write("big.jsonl", '{"a":1}\n{"x":1e999}'))),
      ),
    ).toBe(
      'big.jsonl:2: the row holds a number that is larger than any double\n  got: "1e999"\n  ' +
        "try: write it as a text",
    );
  });

  test("a missing file and a folder are refused", async () => {
    expect(await folder.refusal(async () => collect(readRows(`${folder.path}/none.jsonl`)))).toBe(
      "none.jsonl: there is no such file\n  try: check the path",
    );
    expect(
      await folder.refusal(async () => collect(readRows(`${folder.path}/x.jsonl/y.jsonl`))),
    ).toMatch(/there is no such file/);
  });

  test("any bytes give rows or an AttuneError", async () => {
    const good = Buffer.from(
      jsonLines({ prompt: "a", chosen: [{ role: "user", content: "é" }] }, { b: null }),
    );
    const mutated = tuple(
      integer({ min: 0, max: good.length - 1 }),
      integer({ min: 0, max: 255 }),
      integer({ min: 0, max: 8 }),
    ).map(([at, byte, cut]) =>
      Buffer.concat([good.subarray(0, at), Buffer.from([byte]), good.subarray(at + cut)]),
    );
    await assert(
      asyncProperty(
        oneof(mutated, uint8Array({ maxLength: 80 })),
        constantFrom("fuzz.jsonl", "fuzz.json"),
        async (bytes, name) => {
          const path = folder.write(name, bytes);
          await collect(readRows(path)).catch((error: unknown) =>
            expect(error).toBeInstanceOf(AttuneError),
          );
        },
      ),
      { numRuns: 1500 },
    );
  });
});
