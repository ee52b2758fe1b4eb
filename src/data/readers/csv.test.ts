import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  integer,
  oneof,
  string,
  tuple,
  uint8Array,
} from "fast-check";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { AttuneError } from "../../core/errors.ts";
import { collect, testFolder } from "../testing.ts";
import { readRows } from "./read-rows.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const rowsOf = async (name: string, content: string | Uint8Array) =>
  (await collect(readRows(folder.write(name, content)))).map(({ columns, place }) => [
    place.row,
    columns,
  ]);

test("cells may hold commas, quotes and line breaks; rows carry the line they begin on", async () => {
  const text = '\ufeffprompt,completion\r\n"a, b","say ""hi""\nthere"\r\n\r\nc,\r\n é,d\r\n';
  const expected = [
    [2, { prompt: "a, b", completion: 'say "hi"\nthere' }],
    [5, { prompt: "c", completion: "" }],
    [6, { prompt: " é", completion: "d" }],
  ];
  expect(await rowsOf("a.csv", text)).toEqual(expected);
  expect(await rowsOf("a.csv.gz", gzipSync(text))).toEqual(expected);
  expect(await rowsOf("a.tsv", "prompt\tcompletion\na, b\tc")).toEqual([
    [2, { prompt: "a, b", completion: "c" }],
  ]);
  expect(await rowsOf("header.csv", "prompt,completion\n")).toEqual([]);
  expect(await rowsOf("none.csv", "")).toEqual([]);
});

test("columns mean what their names say", async () => {
  const text =
    'prompt,label,margin,messages,chosen,note\n"[1] is one",TRUE,0.5,"[{""role"": ""user"", ' +
    '""content"": ""x""}]","[{""role"": ""assistant"", ""content"": ' +
    '""y""}]",1\nq,0,,,"[{""json"": 1}]",\n"{x}",safe,-1e3,,{y},\n';
  expect(await rowsOf("types.csv", text)).toEqual([
    [
      2,
      {
        prompt: "[1] is one",
        label: true,
        margin: 0.5,
        messages: [{ role: "user", content: "x" }],
        chosen: [{ role: "assistant", content: "y" }],
        note: "1",
      },
    ],
    [
      3,
      {
        prompt: "q",
        label: false,
        margin: null,
        messages: null,
        chosen: '[{"json": 1}]',
        note: null,
      },
    ],
    [4, { prompt: "{x}", label: "safe", margin: -1000, messages: null, chosen: "{y}", note: null }],
  ]);
});

test.each([
  [
    "cells.csv",
    "a,b\n1,2\n3\n",
    "cells.csv:3: the row has another number of cells than the header\n" +
      '  got: 1: "3"\n' +
      '  expected: 2: "a,b"\n' +
      "  try: put cells that hold commas or quotes into double quotes, and double the quotes " +
      "inside",
  ],
  [
    "open.csv",
    'a,b\n1,2\n3,"4\n5,6\n',
    "open.csv:3: a quote is opened and never closed\n" +
      "  try: close it, and double quotes inside a quoted cell",
  ],
  [
    "closing.csv",
    'a,b\n1,"x"y\n',
    "closing.csv:2: there is text after a closing quote\n  try: double quotes inside a quoted cell",
  ],
  [
    "opening.csv",
    'a,b\n1,x"y\n',
    "opening.csv:2: there is a quote inside a cell that is not quoted\n" +
      "  try: put the whole cell into double quotes, and double the quotes inside",
  ],
  [
    "twice.csv",
    "a,b,a\n1,2,3\n",
    'twice.csv:1: the header names the column a twice\n  got: "a,b,a"',
  ],
  [
    "nameless.csv",
    "a,,b\n1,2,3\n",
    "nameless.csv:1: column 2 of the header has no usable name\n" +
      '  got: ""\n' +
      "  expected: the first line names the columns",
  ],
  [
    "proto.csv",
    "a,__proto__\n1,2\n",
    "proto.csv:1: column 2 of the header has no usable name\n" +
      '  got: "__proto__"\n' +
      "  expected: the first line names the columns",
  ],
  [
    "number.csv",
    "prompt,margin\nx,high\n",
    'number.csv:2 (margin): the cell is no number\n  got: "high"',
  ],
  [
    "json.csv",
    'messages\n"[{""role"": }]"\n',
    "json.csv:2 (messages): the row is not valid JSON: column 11\n" +
      '  got: "}]" after "[{\\"role\\": "\n' +
      "  expected: a value\n" +
      "  try: mend the row, or leave it out",
  ],
  [
    "bytes.csv",
    Buffer.concat([Buffer.from('a,b\n"x\ny",2\n3,'), Buffer.from([0xe9]), Buffer.from("\n")]),
    "bytes.csv:4: the text is not valid UTF-8: column 3\n" +
      "  got: byte 0xe9\n" +
      "  expected: UTF-8\n" +
      "  try: save the file as UTF-8 (`iconv -f WINDOWS-1252 -t UTF-8` if it comes from an " +
      "older Windows program)",
  ],
])("%s", async (name, content, expected) => {
  const path = folder.write(name, content);
  expect(await folder.refusal(async () => collect(readRows(path)))).toBe(expected);
});

test.each([
  [
    "a header that ends in \\n before rows that end in \\r\\n",
    "prompt,completion\nWhat is 1?,one\r\nWhat is 2?,two\r\n",
  ],
  ["the other way round", "prompt,completion\r\nWhat is 1?,one\nWhat is 2?,two\n"],
  ["old Macs' line ends", "prompt,completion\rWhat is 1?,one\rWhat is 2?,two"],
  ["one after another", "prompt,completion\nWhat is 1?,one\rWhat is 2?,two\r\n"],
])("line ends: %s", async (_name, text) => {
  expect((await rowsOf("ends.csv", text)).map(([, columns]) => columns)).toEqual([
    { prompt: "What is 1?", completion: "one" },
    { prompt: "What is 2?", completion: "two" },
  ]);
});

test("a row of a million cells is refused before it is parsed, wherever it stands", async () => {
  const cells = Array.from({ length: 1_000_000 }, (_, index) => `c${index}`).join(",");
  for (const [text, line] of [
    [`${cells}\n`, 1],
    [`a,b\n"x\ny",2\n${cells}\n`, 4],
    [`a,b\n1,2\n${cells.replaceAll(/c\d+/g, "")}`, 3],
  ] as const) {
    expect(
      await folder.refusal(async () => collect(readRows(folder.write("cells.csv", text)))),
    ).toBe(`cells.csv:${line}: the row has too many columns\n  expected: at most 1024`);
  }
});

test("limits are named", async () => {
  const long = folder.write("long.csv", `a,b\n1,2\n"${"x\n".repeat(5000)}",2\n`);
  expect(await folder.refusal(async () => collect(readRows(long, { rowBytes: 1000 })))).toMatch(
    /^long\.csv:3: the row is too long/,
  );
  const wide = folder.write(
    "wide.csv",
    `${Array.from({ length: 20 }, (_, index) => `c${index}`).join(",")}\n`,
  );
  expect(await folder.refusal(async () => collect(readRows(wide, { columns: 10 })))).toBe(
    "wide.csv:1: the row has too many columns\n  expected: at most 10",
  );
});

test("what a spreadsheet writes comes back", async () => {
  const cell = string({
    unit: constantFrom("a", ",", '"', "\n", "\r\n", " ", "é", "\t", ";", "'"),
  });
  const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  await assert(
    asyncProperty(array(tuple(cell, cell), { maxLength: 6 }), async (rows) => {
      const text = ["prompt,completion", ...rows.map(([x, y]) => `${quote(x)},${quote(y)}`)].join(
        "\r\n",
      );
      expect((await rowsOf("p.csv", text)).map(([, columns]) => columns)).toEqual(
        rows.map(([prompt, completion]) => ({ prompt, completion })),
      );
    }),
    { numRuns: 150 },
  );
});

test("any bytes give rows or an AttuneError", async () => {
  const good = Buffer.from(
    'prompt,label,messages\n"a, ""b""",true,"[{""role"": ""user"", ""content"": ""é""}]"\nc,0,\n',
  );
  const mutated = tuple(
    integer({ min: 0, max: good.length - 1 }),
    integer({ min: 0, max: 255 }),
    integer({ min: 0, max: 8 }),
  ).map(([at, byte, cut]) =>
    Buffer.concat([good.subarray(0, at), Buffer.from([byte]), good.subarray(at + cut)]),
  );
  const soup = array(constantFrom(0x22, 0x2c, 0x0a, 0x0d, 0x61, 0xc3, 0xa9, 0x5b, 0x7b), {
    maxLength: 40,
  }).map((bytes) => Uint8Array.from(bytes));
  await assert(
    asyncProperty(oneof(mutated, soup, uint8Array({ maxLength: 60 })), async (bytes) => {
      const path = folder.write("fuzz.csv", bytes);
      await collect(readRows(path)).catch((error: unknown) =>
        expect(error).toBeInstanceOf(AttuneError),
      );
    }),
    { numRuns: 700 },
  );
});
