import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { conversionText, convertDataset } from "./convert.ts";
import { loadDataset } from "./dataset.ts";
import { jsonLines, testFolder } from "./testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const rows = [
  { prompt: "a", chosen: "b", rejected: "c", p: 0.9, annotator: "n" },
  { prompt: "d", chosen: "e", rejected: "f", p: 0.5, annotator: "n", extra: { k: 1 } },
  { prompt: "g", chosen: "h", rejected: "i", p: 1, annotator: "m" },
];
const source = folder.write("source.jsonl", jsonLines(...rows));

test("says what is lost, by field and by reason", async () => {
  const conversion = await convertDataset({ source, to: "trl", out: at("out.jsonl") });
  expect(conversion).toEqual({
    out: at("out.jsonl"),
    from: "attune",
    to: "trl",
    rows: 3,
    written: 2,
    lost: { p: 1, annotator: 2 },
    converted: [],
    leftOut: { "a tie: the format knows only a better and a worse one": 1 },
    warnings: [],
  });
  expect(readFileSync(at("out.jsonl"), "utf8")).toBe(
    jsonLines(
      { prompt: "a", chosen: "b", rejected: "c" },
      { prompt: "g", chosen: "h", rejected: "i" },
    ),
  );
  expect(conversionText(conversion).replaceAll(`${folder.path}/`, ""))
    .toBe(`3 rows of attune -> 2 rows of trl in out.jsonl
  left out: 1 record (a tie: the format knows only a better and a worse one)
  lost: p of 1 record, which trl does not hold
  lost: annotator of 2 records, which trl does not hold`);
});

test("says that nothing is lost where nothing is", async () => {
  const conversion = await convertDataset({ source, to: "attune", out: at("same.parquet") });
  expect(conversionText(conversion)).toMatch(
    /3 rows of attune -> 3 rows of attune in .*\n {2}nothing was lost$/,
  );
  expect((await loadDataset(at("same.parquet"))).hash).toBe((await loadDataset(source)).hash);
});

test("another kind of record is a change that is named", async () => {
  const conversion = await convertDataset({
    source,
    to: "llama-factory-kto",
    out: at("kto.json.gz"),
  });
  expect(conversion).toMatchObject({
    rows: 3,
    written: 4,
    converted: [
      "preference to unpaired: which answers were compared, how sure the label is, and ties",
    ],
    leftOut: { "no unpaired data comes of it: a tie, or no answer": 1 },
  });
  expect(JSON.parse(gunzipSync(readFileSync(at("kto.json.gz"))).toString())).toHaveLength(4);
  const demonstrations = await convertDataset({
    source,
    to: "trl",
    kind: "demonstration",
    out: at("sft.csv"),
  });
  expect(demonstrations.written).toBe(2);
  expect(readFileSync(at("sft.csv"), "utf8")).toBe("prompt,completion\na,b\ng,h\n");
});

test("CSV quotes what it must, and holds conversations as JSON", async () => {
  const talk = folder.write(
    "talk.jsonl",
    jsonLines({
      messages: [
        { role: "user", content: 'say "a, b"\n' },
        { role: "assistant", content: "c" },
      ],
    }),
  );
  await convertDataset({ source: talk, to: "trl", out: at("talk.csv") });
  expect(readFileSync(at("talk.csv"), "utf8")).toBe(
    'messages\n"[{""role"":""user"",""content"":""say \\""a, ' +
      'b\\""\\n""},{""role"":""assistant"",""content"":""c""}]"\n',
  );
});

test("columns that only later rows have are there", async () => {
  const mixed = folder.write(
    "mixed.jsonl",
    jsonLines(
      { prompt: "a", chosen: "b", rejected: "c" },
      { prompt: "d", chosen: "e", rejected: "f", margin: 2 },
    ),
  );
  await convertDataset({ source: mixed, to: "trl", out: at("mixed.csv") });
  expect(readFileSync(at("mixed.csv"), "utf8")).toBe(
    "prompt,chosen,rejected,margin\na,b,c,\nd,e,f,2\n",
  );
  await convertDataset({ source: mixed, to: "trl", out: at("mixed.parquet") });
  expect((await loadDataset(at("mixed.parquet"))).hash).toBe((await loadDataset(mixed)).hash);
});

test("many rows go through every kind of file", { tags: ["dear"] }, async () => {
  const many = folder.write(
    "many.jsonl",
    jsonLines(
      ...Array.from({ length: 6_000 }, (_, index) => ({
        prompt: [{ role: "user", content: `question ${index}` }],
        chosen: [{ role: "assistant", content: `yes ${index}` }],
        rejected: [{ role: "assistant", content: "no" }],
      })),
    ),
  );
  const { hash } = await loadDataset(many);
  for (const name of ["many.parquet", "many.csv.gz", "many.json"]) {
    await convertDataset({ source: many, to: "trl", out: at(name) });
    expect((await loadDataset(at(name))).hash).toBe(hash);
  }
});

describe("no half-written file", () => {
  const listing = () => readdirSync(folder.path).toSorted();

  test.each(["bad.jsonl", "bad.csv", "bad.parquet", "bad.json.gz"])(
    "bad data leaves no %s",
    async (name) => {
      const broken = folder.write("broken.jsonl", `${jsonLines(...rows)}{"prompt": `);
      const before = listing();
      expect(
        await folder.refusal(() => convertDataset({ source: broken, to: "attune", out: at(name) })),
      ).toMatch(/^broken\.jsonl:4: the row is not valid JSON/);
      const useless = folder.write(
        "broken.jsonl",
        jsonLines(...rows, { prompt: "a", chosen: "b", rejected: "b", p: 1 }),
      );
      expect(
        await folder.refusal(() =>
          convertDataset({ source: useless, to: "attune", out: at(name) }),
        ),
      ).toMatch(/^broken\.jsonl:4: chosen and rejected are identical\n {2}got: 1 bad row of 4/);
      expect(listing()).toEqual(before);
    },
  );

  test("a file that is there stays, unless it is to be replaced", async () => {
    const out = folder.write("there.jsonl", "old\n");
    expect(await folder.refusal(() => convertDataset({ source, to: "trl", out }))).toBe(
      "there.jsonl: the file exists already\n  try: name another one, or replace it with " +
        "--overwrite",
    );
    const text = folder.write("text.jsonl", jsonLines({ text: "a" }));
    expect(
      await folder.refusal(() =>
        convertDataset({ source: text, to: "sharegpt", out, overwrite: true }),
      ),
    ).toBe(
      "text.jsonl:1: the format sharegpt cannot hold text data\n  expected: conversation or " +
        "preference records\n  try: choose another format with --to",
    );
    expect(readFileSync(out, "utf8")).toBe("old\n");
    await convertDataset({ source, to: "trl", out, overwrite: true });
    expect(readFileSync(out, "utf8")).toMatch(/^\{"prompt":"a"/);
  });

  test("stopping leaves nothing", async () => {
    const before = listing();
    await expect(
      convertDataset({
        source,
        to: "trl",
        out: at("stopped.parquet"),
        signal: AbortSignal.abort(),
      }),
    ).rejects.toMatchObject({ code: "interrupted" });
    expect(listing()).toEqual(before);
  });

  test.runIf(existsSync("/dev/full"))("a full disk is told as such", async () => {
    const { writeAll, writeError } = await import("./writers/atomic.ts");
    async function* chunks() {
      yield "x".repeat(100_000);
    }
    const { open } = await import("node:fs/promises");
    const handle = await open("/dev/full", "w");
    const error = await handle.writeFile("x".repeat(100_000)).catch((reason: unknown) => reason);
    await handle.close();
    expect(writeError(error, "out.jsonl")).toMatchObject({
      code: "disk",
      message:
        "out.jsonl: the file cannot be written: the disk is full\n  try: free some space, or " +
        "write to another disk",
    });
    await expect(writeAll(at("source.jsonl"), chunks())).rejects.toMatchObject({ code: "EEXIST" });
  });
});

describe("what is lost is told, by reading back what was written", () => {
  const turns = [
    { role: "user", content: "q" },
    { role: "assistant", content: "a " },
  ];
  const convert = async (row: object, to: string, name = "back.jsonl") => {
    const { lost, leftOut } = await convertDataset({
      source: folder.write("told.jsonl", jsonLines(row)),
      to,
      out: at(name),
      overwrite: true,
    });
    return [Object.keys(lost), Object.keys(leftOut)];
  };
  const tools = [{ type: "function", function: { name: "f", parameters: {} } }];

  test.each<[string, object, string, string[]]>([
    [
      "thoughts, arguments and marks",
      {
        messages: [
          turns[0],
          { ...turns[1], reasoning_content: "r", weight: 0 },
          turns[0],
          turns[1],
        ],
        tools,
        chat_template_kwargs: { k: 1 },
      },
      "trl",
      ["marks of answers that are not learned"],
    ],
    [
      "tools and thoughts",
      { messages: [turns[0], { ...turns[1], reasoning_content: "r" }], tools },
      "alpaca",
      ["tools", "thoughts"],
    ],
    ["nothing", { messages: turns, tools, chat_template_kwargs: { k: 1 } }, "trl", []],
    ["a form", { prompt: "q", completion: "a" }, "alpaca", ["that texts are texts, not turns"]],
    [
      "a role",
      { prompt: [{ role: "developer", content: "d" }, turns[0]], completion: [turns[1]] },
      "alpaca",
      ["the role developer"],
    ],
    [
      "space",
      { prompt: [turns[0]], chosen: [turns[1]], rejected: [{ role: "assistant", content: "b" }] },
      "anthropic-hh",
      ["space around texts"],
    ],
    [
      "names",
      { messages: [{ ...turns[0], name: "Ada" }, turns[1]] },
      "sharegpt",
      ["names of speakers"],
    ],
    [
      "ids of calls",
      {
        messages: [
          turns[0],
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: {} } }],
          },
        ],
      },
      "sharegpt",
      ["ids of calls"],
    ],
    [
      "ranks",
      {
        prompt: "q",
        completions: ["a", "b", "c", "d"].map((completion, index) => ({
          completion,
          rank: index + 1,
        })),
        comparisons: [
          [0, 1],
          [0, 2],
          [0, 3],
          [1, 2],
          [1, 3],
          [2, 3],
        ].map(([first, second]) => ({ first, second, p: 1 })),
      },
      "fine-grained-rlhf",
      ["that texts are texts, not turns", "ranks"],
    ],
  ])("%s", async (_name, row, to, expected) => {
    expect(await convert(row, to)).toEqual([expected, []]);
  });

  test("a table's cells are texts", async () => {
    const battle = {
      question_id: "q",
      model_a: "x",
      model_b: "y",
      winner: "model_a",
      judge: "j",
      conversation_a: [turns[0], turns[1]],
      conversation_b: [turns[0], { role: "assistant", content: "b" }],
      anony: true,
      language: "English",
    };
    expect(await convert(battle, "arena-33k")).toEqual([[], []]);
    expect(await convert(battle, "arena-33k", "battle.csv")).toEqual([
      ["that anony is a boolean"],
      [],
    ]);
  });

  test("a record that would say something else without its calls is left out", async () => {
    const call = {
      prompt: [turns[0]],
      completion: [
        {
          role: "assistant",
          content: "",
          tool_calls: [{ type: "function", function: { name: "f", arguments: {} } }],
        },
      ],
    };
    const both = folder.write(
      "both.jsonl",
      jsonLines(call, { prompt: [turns[0]], completion: [turns[1]] }),
    );
    expect(
      await convertDataset({ source: both, to: "alpaca", out: at("calls.jsonl") }),
    ).toMatchObject({ written: 1, leftOut: { "a turn that calls a tool": 1 } });
  });
});

describe("numbers that a double does not hold", () => {
  const id = 9007199254740993n;
  test.each(["jsonl", "json", "csv", "parquet"])(
    "are written back as they stand: %s",
    async (ending) => {
      const text =
        `{"prompt":"a","completion":"b","id":${id},"meta":{"n":[${2n ** 70n}]}}\n` +
        '{"prompt":"c","completion":"d","id":5}\n';
      const big = folder.write("big.jsonl", text);
      const path = at(`big-out.${ending}`);
      await convertDataset({ source: big, to: "attune", out: path });
      const { records } = await loadDataset(path);
      expect(records.map(({ extra }) => extra)).toEqual([
        { id, meta: { n: [2n ** 70n] } },
        { id: 5 },
      ]);
      if (ending === "jsonl") expect(readFileSync(path, "utf8")).toContain(`"id":${id}`);
    },
  );
});

describe("refusals before anything is read", () => {
  test.each([
    [{ to: "xstest", out: "x.jsonl" }, "the format xstest is only read"],
    [
      { to: "trl", out: "x.arrow" },
      "x.arrow: this kind of file is not written\n" +
        "  expected: .jsonl, .json, .csv, .tsv (also with .gz), .parquet",
    ],
    [
      { to: "alpaca", out: "x.jsonl", kind: "unpaired" as const },
      "the format alpaca holds no unpaired records\n  expected: demonstration, preference",
    ],
    [
      { to: "trl", out: "none/x.jsonl" },
      "none: the folder does not exist\n  try: create it, or write to another one",
    ],
  ])("%j", async (options, expected) => {
    expect(
      await folder.refusal(() => convertDataset({ source, ...options, out: at(options.out) })),
    ).toContain(expected);
  });

  test("nothing to write is refused", async () => {
    const ties = folder.write("ties.jsonl", jsonLines(rows[1]));
    expect(
      await folder.refusal(() =>
        convertDataset({ source: ties, to: "trl", out: at("ties-out.jsonl") }),
      ),
    ).toBe(
      "ties.jsonl: no row is left to write\n  got: 1: a tie: the format knows only a better and " +
        "a worse one",
    );
    expect(existsSync(at("ties-out.jsonl"))).toBe(false);
  });
});
