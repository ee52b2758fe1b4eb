import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import type { LoadOptions } from "./dataset.ts";
import { hashRecords, loadDataset, recordsAs, splitRecords } from "./dataset.ts";
import { splitOf } from "./files.ts";
import type { RecordOf } from "./records.ts";
import { jsonLines, testFolder } from "./testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const good = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    prompt: `p${index}`,
    chosen: `a${index}`,
    rejected: `b${index}`,
  }));

test("a data set says what it holds", async () => {
  const path = folder.write("pairs.jsonl", jsonLines(...good(3)));
  const dataset = await loadDataset(path);
  expect(dataset).toMatchObject({
    source: path,
    counts: { preference: 3 },
    format: "trl",
    rows: 3,
    dropped: {},
    warnings: [],
  });
  expect(dataset.files).toEqual([
    {
      path,
      format: "trl",
      rows: 3,
      records: 3,
      sha256: createHash("sha256")
        .update(jsonLines(...good(3)))
        .digest("hex"),
    },
  ]);
  expect(dataset.records[1]).toEqual({
    kind: "preference",
    prompt: "p1",
    chosen: "a1",
    rejected: "b1",
    p: 1,
    place: { file: path, row: 2 },
  });
});

test("the hash is of what was read, not of the file it was in", async () => {
  const rows = good(3);
  const hashes = await Promise.all(
    [
      folder.write("h.jsonl", jsonLines(...rows)),
      folder.write("h.json", JSON.stringify(rows, null, 2)),
      folder.write(
        "h.csv",
        [
          "rejected,chosen,prompt",
          ...rows.map(({ prompt, chosen, rejected }) => `${rejected},${chosen},${prompt}`),
        ].join("\n"),
      ),
      folder.write("h.jsonl.gz", gzipSync(jsonLines(...rows))),
    ].map(async (path) => (await loadDataset(path)).hash),
  );
  expect(new Set(hashes).size).toBe(1);
  const reordered = await loadDataset(folder.write("r.jsonl", jsonLines(...rows.toReversed())));
  const changed = await loadDataset(
    folder.write("c.jsonl", jsonLines(...good(2), { prompt: "p2", chosen: "a2", rejected: "B2" })),
  );
  expect(new Set([hashes[0], reordered.hash, changed.hash]).size).toBe(3);
});

describe("rows that cannot be used", () => {
  test.each([
    [
      "empty.jsonl",
      { prompt: "a", chosen: "b", rejected: " " },
      "the rejected completion is empty",
    ],
    ["chosen.jsonl", { prompt: "a", chosen: "", rejected: "b" }, "the chosen completion is empty"],
    [
      "same.jsonl",
      { prompt: "a", chosen: "b", rejected: "b " },
      "chosen and rejected are identical",
    ],
    ["prompt.jsonl", { prompt: "", chosen: "b", rejected: "c" }, "the prompt is empty"],
    ["completion.jsonl", { prompt: "a", completion: "\n" }, "the completion is empty"],
    ["text.jsonl", { text: "" }, "the text is empty"],
    [
      "turns.jsonl",
      { messages: [{ role: "user", content: "a" }] },
      "the conversation has no assistant turn with text",
    ],
    [
      "contexts.jsonl",
      {
        chosen: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
        rejected: [
          { role: "user", content: "c" },
          { role: "assistant", content: "d" },
        ],
      },
      "the two conversations differ before their last answer, in what the user says",
    ],
  ])("%s", async (name, row, reason) => {
    const path = folder.write(name, jsonLines(row));
    expect(await folder.refusal(() => loadDataset(path))).toBe(
      `${name}:1: ${reason}\n  got: 1 bad row of 1\n  expected: at most 1% of the rows bad\n  ` +
        "try: mend or remove the rows, or have them left out and counted: --on-bad drop",
    );
  });

  test.each([
    ["twice.jsonl", '{"prompt": "a", "completion": "b", "completion": "c"}', '"completion"'],
    [
      "inside.json",
      '[{"prompt": [{"role": "user", "content": "a", "c\\u006fntent": "b"}], "completion": "c"}]',
      '"content"',
    ],
    [
      "cell.csv",
      'prompt,completion\n"[{""role"": ""user"", ""content"": ""a"", ""role"": ""system""}]",c',
      '"role"',
    ],
    [
      "tools.jsonl",
      jsonLines({
        prompt: [{ role: "user", content: "a" }],
        completion: "c",
        tools: '[{"name": "f", "name": "g"}]',
      }),
      '"name"',
    ],
    [
      "calls.jsonl",
      jsonLines({
        messages: [
          { role: "user", content: "a" },
          {
            role: "assistant",
            tool_calls: [{ function: { name: "f", arguments: '{"x": 1, "x": 2}' } }],
          },
        ],
      }),
      '"x"',
    ],
  ])("%s: one key given twice, whose first value would be lost", async (name, text, key) => {
    const path = folder.write(name, text);
    expect(await folder.refusal(() => loadDataset(path))).toContain(
      `: an object of the row gives one key twice\n  got: ${key}; 1 bad row of 1\n`,
    );
  });

  test("a key may come again in another object, in a list's next one, and as a value", async () => {
    const row =
      '{"prompt": [{"role": "user", "content": "role"}, {"role": "user", "content": "{\\"a\\": ' +
      '1, \\"a\\": 2}"}], "completion": "c"}';
    expect((await loadDataset(folder.write("again.jsonl", row))).records).toHaveLength(1);
    expect(
      (
        await loadDataset(
          folder.write("proto.jsonl", '{"prompt": "a", "completion": "b", "__proto__": {"x": 1}}'),
        )
      ).records,
    ).toHaveLength(1);
  });

  test("texts without a common beginning need a prompt", async () => {
    const path = folder.write("noprompt.jsonl", jsonLines({ chosen: "b", rejected: "c" }));
    expect(await folder.refusal(() => loadDataset(path))).toBe(
      "noprompt.jsonl:1: there is no prompt, and chosen and rejected have no beginning in " +
        "common\n  got: 1 bad row of 1\n  expected: at most 1% of the rows bad\n  try: add a " +
        "column prompt",
    );
  });

  test("a null where a value belongs is a bad row, wherever it stands; the error names column and row", async () => {
    const path = folder.write(
      "null.jsonl",
      jsonLines(
        { prompt: "a", chosen: "b", rejected: null },
        { prompt: "a", chosen: "b", rejected: "c" },
      ),
    );
    expect(await folder.refusal(() => loadDataset(path))).toBe(
      "null.jsonl:1 (rejected): a column that the row needs is null\n  got: " +
        '{"prompt":"a","chosen":"b","rejected":null}; 1 bad row of 2\n  expected: at most 1% of ' +
        "the rows bad\n  try: mend or remove the rows, or have them left out and counted: " +
        "--on-bad " +
        "drop",
    );
    expect(await loadDataset(path, { onBad: "drop" })).toMatchObject({
      counts: { preference: 1 },
      dropped: { "a column that the row needs is null": 1 },
    });
  });

  test.each<[string, object, object]>([
    ["a completion", { prompt: "a", completion: null }, { prompt: "a", completion: "b" }],
    [
      "a label",
      { prompt: "a", completion: "b", label: null },
      { prompt: "a", completion: "b", label: true },
    ],
    ["a prompt", { prompt: null, completion: "b" }, { prompt: "a", completion: "b" }],
    [
      "messages",
      { prompt: "a", messages: null },
      {
        prompt: "a",
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
      },
    ],
    [
      "a KTO tag",
      {
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
        label: null,
      },
      {
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
        label: true,
      },
    ],
    ["an output", { instruction: "a", output: null }, { instruction: "a", output: "b" }],
    [
      "one of two outputs",
      { instruction: "a", output_1: "b", output_2: null, preference: 1 },
      { instruction: "a", output_1: "b", output_2: "c", preference: 1 },
    ],
    [
      "an empty conversation",
      { messages: [] },
      {
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
        ],
      },
    ],
  ])("null or empty: %s", async (_name, row, good) => {
    for (const rows of [
      [row, good],
      [...Array.from({ length: 30 }, () => good), row],
    ]) {
      const { dropped, counts } = await loadDataset(
        folder.write("holed.jsonl", jsonLines(...rows)),
        { onBad: "drop" },
      );
      expect([Object.values(dropped), Object.values(counts)]).toEqual([[1], [rows.length - 1]]);
    }
  });

  test("an empty cell of a table is a null too, and a file of nulls alone says so", async () => {
    expect(
      await loadDataset(folder.write("cells.csv", "prompt,completion,label\na,b,true\nc,d,\n"), {
        onBad: "drop",
      }),
    ).toMatchObject({
      counts: { unpaired: 1 },
      dropped: { "a column that the row needs is null": 1 },
    });
    expect(
      await folder.refusal(() =>
        loadDataset(
          folder.write("all.jsonl", jsonLines({ prompt: "a", chosen: null, rejected: null })),
        ),
      ),
    ).toContain("all.jsonl:1 (chosen): a column that the row needs is null");
  });

  test("rows of several kinds may leave each other's columns null", async () => {
    const dataset = await loadDataset(
      folder.write(
        "kinds.jsonl",
        jsonLines(
          { prompt: "a", completion: "b", chosen: null, rejected: null },
          { prompt: "a", completion: null, chosen: "b", rejected: "c" },
        ),
      ),
    );
    expect(dataset.counts).toEqual({ preference: 1, demonstration: 1 });
  });

  const bad = { prompt: "x", chosen: "same", rejected: "same" };
  test("few are left out and counted, more are refused, an error is one too many, dropping takes all", async () => {
    const few = folder.write("few.jsonl", jsonLines(...good(50), bad, ...good(49)));
    expect(await loadDataset(few)).toMatchObject({
      rows: 100,
      dropped: { "chosen and rejected are identical": 1 },
      firstDropped: { row: 51 },
      warnings: ["1 row left out: chosen and rejected are identical"],
    });
    expect(await folder.refusal(() => loadDataset(few, { onBad: "error" }))).toMatch(
      /^few\.jsonl:51: chosen and rejected are identical\n {2}got: 1 bad row of 5\d\n {2}expected: no bad rows/,
    );
    const many = folder.write("many.jsonl", jsonLines(bad, ...good(98), bad));
    expect(await folder.refusal(() => loadDataset(many))).toMatch(
      /^many\.jsonl:1: chosen and rejected are identical\n {2}got: 2 bad rows of 100\n/,
    );
    expect((await loadDataset(many, { onBad: "drop" })).records).toHaveLength(98);
  });

  test("nothing usable and nothing at all are refused", async () => {
    const useless = folder.write("useless.jsonl", jsonLines(bad));
    expect(await folder.refusal(() => loadDataset(useless, { onBad: "drop" }))).toBe(
      "useless.jsonl: no row of the data set can be used\n  got: 1 row left out: chosen and " +
        "rejected are identical",
    );
    const empty = folder.write("nothing.jsonl", "\n");
    expect(await folder.refusal(() => loadDataset(empty))).toBe(
      "nothing.jsonl: the data set is empty\n  expected: one row at least",
    );
  });
});

test("what a message carries and no record holds is noted", async () => {
  const path = folder.write(
    "notes.jsonl",
    jsonLines({
      messages: [
        { role: "user", content: "a", mood: "x" },
        { role: "assistant", content: "b", mood: "y" },
      ],
    }),
  );
  const dataset = await loadDataset(path);
  expect(dataset.warnings).toEqual(["not kept: the key mood of messages (1 row)"]);
  expect(dataset.notes).toEqual([
    { what: "the key mood of messages", rows: 1, first: { file: path, row: 1 } },
  ]);
});

test("columns can be passed over by name, or all that are unknown", async () => {
  const path = folder.write(
    "extra.jsonl",
    jsonLines({ prompt: "a", completion: "b", colour: "red", size: 1 }),
  );
  expect(await folder.refusal(() => loadDataset(path, { ignoreColumns: ["colour"] }))).toMatch(
    /has no column size/,
  );
  expect((await loadDataset(path, { ignoreColumns: ["colour", "size"] })).records).toHaveLength(1);
  const kept = await loadDataset(path, { keepColumns: true, ignoreColumns: ["size"] });
  expect(kept.records[0]!.extra).toEqual({ colour: expect.anything() as unknown });
  expect((await loadDataset(path, { ignoreColumns: ["*"] })).records[0]).toEqual({
    kind: "demonstration",
    prompt: "a",
    completion: "b",
    place: { file: path, row: 1 },
  });
});

test.runIf(existsSync("/proc/self/fd"))("a file is closed, whatever is wrong with it", async () => {
  const open = () =>
    readdirSync("/proc/self/fd")
      .flatMap((fd) =>
        existsSync(`/proc/self/fd/${fd}`) ? [readlinkSync(`/proc/self/fd/${fd}`)] : [],
      )
      .filter((path) => path.includes("closed."));
  const strange = { colour: "red", shape: "round" };
  for (const [name, content] of [
    ["closed.jsonl", jsonLines(...Array.from({ length: 50_000 }, () => strange))],
    ["closed.csv", `colour,shape\n${"red,round\n".repeat(100_000)}`],
    ["closed.json", JSON.stringify(Array.from({ length: 50_000 }, () => strange))],
  ] as const) {
    const path = folder.write(name, content);
    expect(await folder.refusal(() => loadDataset(path))).toContain(
      "the columns fit no known format",
    );
    expect(
      await folder.refusal(() => loadDataset(path, { columns: ["prompt=nothing"] })),
    ).toContain("there is no column nothing");
    await expect.poll(open).toEqual([]);
  }
});

test("a column that repeats others is noted where it says something else", async () => {
  const talk = [
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
  ];
  const other = [
    { role: "user", content: "a" },
    { role: "assistant", content: "c" },
  ];
  const notes = async (...rows: object[]) =>
    (await loadDataset(folder.write("repeats.jsonl", jsonLines(...rows)))).notes.map(
      ({ what, rows: count }) => [what, count],
    );
  expect(
    await notes({ prompt: "a", messages: talk }, { prompt: [talk[0]], messages: talk }),
  ).toEqual([]);
  expect(await notes({ prompt: "z", messages: talk })).toEqual([
    ["the column prompt, which is not how messages begins", 1],
  ]);
  expect(await notes({ prompt: "a", chosen: talk, rejected: other, messages: talk })).toEqual([]);
  expect(await notes({ prompt: "z", chosen: talk, rejected: other, messages: other })).toEqual([
    ["the column prompt, which is not how chosen begins", 1],
    ["the column messages, which is not what chosen says", 1],
  ]);
  expect(
    await notes({ instruction: "a", output: "b", text: "Below is a. ### Response: b" }),
  ).toEqual([]);
  expect(await notes({ instruction: "a", output: "b", text: "other" })).toEqual([
    ["the column text, which is not what output says", 1],
  ]);
});

test("a column split says which part a row is in; other words are no part", async () => {
  const { records, remarks } = await loadDataset(
    folder.write(
      "split.jsonl",
      jsonLines(
        { prompt: "a", completion: "b", split: "train_sft" },
        { prompt: "c", completion: "d", split: "test" },
        { prompt: "e", completion: "f", split: "left" },
      ),
    ),
  );
  expect(records.map(({ split }) => split)).toEqual(["train", "test", undefined]);
  expect(remarks).toEqual(["the column split says which part of the data a row belongs to"]);
});

describe("one's own names", () => {
  const pairs = [
    { question: "p", better: "a", worse: "b" },
    { question: "q", better: "c", worse: "d" },
  ];
  const load = async (rows: readonly object[], options: LoadOptions = {}) =>
    loadDataset(folder.write("own.jsonl", jsonLines(...rows)), options);
  const refuse = async (rows: readonly object[], options: LoadOptions = {}) =>
    folder.refusal(() => load(rows, options));

  test("columns are renamed, from inside others too", async () => {
    const columns = ["prompt=question", "chosen=better", "rejected=worse"];
    expect((await load(pairs, { columns })).records).toMatchObject([
      { prompt: "p", chosen: "a", rejected: "b" },
      { prompt: "q", chosen: "c", rejected: "d" },
    ]);
    const nested = {
      input: { question: "p", topic: "t" },
      answers: [{ text: "a" }, { text: "b" }],
      "a.b": "x",
    };
    const dataset = await load([nested], {
      columns: ["prompt=input.question", "chosen=answers[0].text", "rejected=answers.1.text"],
      ignoreColumns: ["a.b"],
    });
    expect(dataset.records).toMatchObject([{ prompt: "p", chosen: "a", rejected: "b" }]);
    expect(dataset.notes.map(({ what }) => what)).toEqual(["what else the column input holds"]);
    expect((await load([{ "a.b": "x" }], { columns: ["text=a.b"] })).records).toMatchObject([
      { text: "x" },
    ]);
    // a table's cell means what its new name says
    const table = folder.write(
      "own.csv",
      'q,dialog,ok\nx,"[{""role"": ""user"", ""content"": ""a""}, {""role"": ""assistant"", ' +
        '""content"": ""b""}]",1\n',
    );
    expect(
      (await loadDataset(table, { columns: ["messages=dialog", "label=ok"], ignoreColumns: ["q"] }))
        .records,
    ).toMatchObject([{ kind: "unpaired", completion: [{ content: "b" }], label: true }]);
  });

  test.each<[string, LoadOptions, string]>([
    [
      "a column that is not there",
      { columns: ["prompt=questoin", "chosen=better", "rejected=worse"] },
      "own.jsonl:1: there is no column questoin\n" +
        "  got: question, better, worse\n" +
        "  expected: questoin, which --columns names for prompt\n" +
        "  try: did you mean prompt=question?",
    ],
    [
      "a name that nobody reads",
      { columns: ["promt=question"] },
      "no format reads a column promt\n" +
        "  got: promt=question\n" +
        "  expected: what is read before =, the data's own name after it\n" +
        "  try: did you mean prompt=question?",
    ],
    [
      "the other way round",
      { columns: ["favourite=chosen"] },
      "no format reads a column favourite\n" +
        "  got: favourite=chosen\n" +
        "  expected: what is read before =, the data's own name after it\n" +
        "  try: did you mean chosen=favourite?",
    ],
    ["no name", { columns: ["prompt"] }, "a column is named as NAME=COLUMN\n  got: prompt"],
    [
      "a name twice",
      { columns: ["prompt=question", "prompt=better"] },
      "the column prompt is named twice",
    ],
  ])("%s is refused", async (_name, options, expected) => {
    expect(await refuse(pairs, options)).toContain(expected);
  });

  test.each<[NonNullable<LoadOptions["needs"]>, object, string]>([
    [
      "preference",
      { question: "p", better: "a", worse: "b" },
      "own.jsonl:1: the data has no column prompt, chosen, rejected\n" +
        "  got: question, better, worse\n" +
        "  expected: columns prompt, chosen, rejected, or one of the formats trl,",
    ],
    [
      "preference",
      { question: "p", better: "a", worse: "b" },
      "try: say which columns hold them: --columns prompt=question,chosen=better,rejected=worse",
    ],
    [
      "preference",
      { prompt: "p", chosen: "a", loser: "b" },
      "own.jsonl:1: the row has no column rejected\n" +
        "  got: prompt, chosen, loser\n" +
        "  expected: columns prompt, chosen, rejected\n" +
        "  try: say which columns hold them: --columns rejected=loser",
    ],
    [
      "demonstration",
      { question: "p", answer: "a" },
      "own.jsonl:1: the data has no column prompt, completion\n" +
        "  got: question, answer\n" +
        "  expected: columns prompt, completion (or messages, or text), or one of the formats",
    ],
    [
      "unpaired",
      { prompt: "p", completion: "a", colour: "red" },
      "own.jsonl:1: the row has no column label\n  got: prompt, completion, colour",
    ],
  ])("an error names the columns that the method needs: %s of %j", async (needs, row, expected) => {
    expect(await refuse([row], { needs })).toContain(expected);
  });

  test("and those of a row that is read well, but of another kind", async () => {
    const dataset = await load([{ text: "p", meta: "x" }]);
    expect(await folder.refusal(async () => recordsAs(dataset, "unpaired"))).toContain(
      "this is text data, and unpaired data is needed\n  got: columns text, meta\n  expected: " +
        "columns prompt, completion, label (or pairs: prompt, chosen, rejected)",
    );
  });
});

describe("labels under other names", () => {
  const rows = (name: string, good: unknown, bad: unknown) => [
    { prompt: "p", completion: "a", [name]: good },
    { prompt: "q", completion: "b", [name]: bad },
    { prompt: "r", completion: "c", [name]: good },
  ];
  test.each<[string, unknown, unknown]>([
    ["tag", true, false],
    ["kto_tag", 1, 0],
    ["Thumbs", "up", "down"],
    ["feedback", "👍", "👎"],
    ["liked", "yes", "no"],
    ["is_chosen", 1, -1],
    ["desirable", "good", "bad"],
    ["label", "true", "false"],
  ])("%s: %s and %s", async (name, good, bad) => {
    const all =
      name === "kto_tag"
        ? rows(name, good, bad).map(({ prompt, completion, ...rest }) => ({
            instruction: prompt,
            output: completion,
            ...rest,
          }))
        : rows(name, good, bad);
    const dataset = await loadDataset(folder.write("labels.jsonl", jsonLines(...all)));
    expect(recordsAs(dataset, "unpaired").map(({ label }) => label)).toEqual([true, false, true]);
    expect(recordsAs(dataset, "demonstration")).toHaveLength(2);
    expect(dataset.remarks).toEqual(
      ["label", "kto_tag"].includes(name)
        ? []
        : [`the column ${name} is read as the label: whether the answer is good`],
    );
  });

  test.each([
    [
      "conversations",
      {
        conversations: [
          { from: "human", value: "p" },
          { from: "gpt", value: "a" },
        ],
      },
    ],
    [
      "messages",
      {
        messages: [
          { role: "user", content: "p" },
          { role: "assistant", content: "a" },
        ],
      },
    ],
    ["instruction", { instruction: "p", output: "a" }],
  ])("beside %s", async (_name, row) => {
    expect(
      (await loadDataset(folder.write("beside.jsonl", jsonLines({ ...row, thumbs: "down" }))))
        .records,
    ).toMatchObject([{ kind: "unpaired", label: false }]);
  });

  test.each([
    ["thumbs", 4],
    ["feedback", "so so"],
    ["rating", 5],
    ["score", 0.5],
  ])("%s: %s is not guessed, and the hint does not offer to drop it", async (name, value) => {
    const message = await folder.refusal(() =>
      loadDataset(folder.write("unclear.jsonl", jsonLines(...rows(name, value, value)))),
    );
    expect(message).toContain(`the format trl has no column ${name}`);
    expect(message).toContain(`--columns label=${name}`);
    expect(message).not.toContain("--ignore-columns");
  });

  test("two of them, and a word further down that says neither, are refused", async () => {
    expect(
      await folder.refusal(() =>
        loadDataset(
          folder.write(
            "two.jsonl",
            jsonLines({ prompt: "p", completion: "a", liked: true, tag: false }),
          ),
        ),
      ),
    ).toContain("the columns liked and tag may both be the label");
    expect(
      await folder.refusal(() =>
        loadDataset(
          folder.write(
            "late.jsonl",
            jsonLines(
              ...Array.from({ length: 25 }, () => rows("tag", 1, 0)[0]!),
              ...rows("tag", "neutral", 0),
            ),
          ),
        ),
      ),
    ).toContain('late.jsonl:26: the column label is no truth value\n  got: "neutral"');
  });

  test("one that is passed over by name is passed over", async () => {
    expect(
      (
        await loadDataset(folder.write("over.jsonl", jsonLines(...rows("tag", true, false))), {
          ignoreColumns: ["tag"],
        })
      ).counts,
    ).toEqual({ demonstration: 3 });
  });
});

describe("several data sets as one", () => {
  const many = (name: string, count: number) =>
    folder.write(
      name,
      jsonLines(
        ...Array.from({ length: count }, (_, index) => ({
          prompt: `${name} ${index}`,
          completion: "a",
        })),
      ),
    );
  const prompts = (dataset: { records: readonly unknown[] }) =>
    dataset.records.map((record) => (record as RecordOf<"demonstration">).prompt as string);

  test("are joined in their order, with what was passed over", async () => {
    const [a, b] = [
      many("a.jsonl", 3),
      folder.write(
        "b.jsonl",
        jsonLines(
          ...Array.from({ length: 100 }, (_, i) => ({ prompt: `b ${i}`, completion: "x", id: i })),
          { prompt: "", completion: "y" },
        ),
      ),
    ];
    const dataset = await loadDataset([
      { source: a, weight: 1 },
      { source: b, weight: 1 },
    ]);
    expect(prompts(dataset).slice(0, 4)).toEqual(["a.jsonl 0", "a.jsonl 1", "a.jsonl 2", "b 0"]);
    expect(dataset).toMatchObject({
      rows: 104,
      counts: { demonstration: 103 },
      dropped: { "the prompt is empty": 1 },
      format: "trl",
      files: [{ path: a }, { path: b }],
    });
    expect(dataset.hash).toBe(hashRecords(dataset.records));
  });

  test.each([0.25, 0.5, 1, 1.5, 3])(
    "weight %s: so many of the records, evenly and at random, the same for a seed",
    async (weight) => {
      const [a, b] = [many("a.jsonl", 1000), many("b.jsonl", 10)];
      const load = async (seed: number) =>
        loadDataset(
          [
            { source: a, weight },
            { source: b, weight: 1 },
          ],
          { seed },
        );
      const [first, again, other] = await Promise.all([load(1), load(1), load(2)]);
      const taken = prompts(first).filter((prompt) => prompt.startsWith("a"));
      expect(Math.abs(taken.length - 1000 * weight)).toBeLessThan(1);
      expect(prompts(again)).toEqual(prompts(first));
      if (weight % 1 !== 0) expect(prompts(other)).not.toEqual(prompts(first));
      expect(first.hash === other.hash).toBe(weight % 1 === 0);
      // as often as the weight says, and no pattern of the file is followed: rows of even number
      // are not taken more often
      const copies = new Map<string, number>();
      for (const prompt of taken) copies.set(prompt, (copies.get(prompt) ?? 0) + 1);
      for (const count of copies.values())
        expect([Math.floor(weight), Math.ceil(weight)]).toContain(count);
      const even = taken.filter((prompt) => Number(prompt.split(" ")[1]) % 2 === 0).length;
      expect(Math.abs(even - taken.length / 2)).toBeLessThan(60);
    },
  );

  test("repeats stay on one side of a split and are evaluated once", async () => {
    const dataset = await loadDataset([{ source: many("a.jsonl", 50), weight: 3 }]);
    const { train, heldOut } = splitRecords(recordsAs(dataset, "conversation"), 10, 1);
    const key = ({ messages }: RecordOf<"conversation">) => messages[0]!.content;
    expect(new Set(heldOut.map(key)).size).toBe(heldOut.length);
    expect(train.map(key).filter((prompt) => heldOut.some((held) => key(held) === prompt))).toEqual(
      [],
    );
    expect(train.length + 3 * heldOut.length).toBe(150);
  });

  test("a limit takes the first usable records of each part", async () => {
    mkdirSync(join(folder.path, "parts"));
    folder.write("parts/test.jsonl", jsonLines(...good(10)));
    folder.write(
      "parts/train.jsonl",
      jsonLines({ prompt: "", chosen: "a", rejected: "b" }, ...good(300)),
    );
    const { records, rows } = await loadDataset(join(folder.path, "parts"), {
      limit: 2,
      onBad: "drop",
    });
    expect(records.map(({ split, place }) => [split, place.row])).toEqual([
      ["test", 1],
      ["test", 2],
      ["train", 2],
      ["train", 3],
    ]);
    expect(rows).toBe(5);
    expect((await loadDataset(many("a.jsonl", 30), { limit: 7 })).records).toHaveLength(7);
  });
});

describe("folders", () => {
  test("parts are told by names; descriptions and hidden files are no data", async () => {
    const root = join(folder.path, "set");
    for (const path of ["set", "set/data", "set/.cache", "set/sub"])
      mkdirSync(join(folder.path, path));
    folder.write("set/data/train-00000-of-00001.jsonl", jsonLines(...good(4)));
    folder.write("set/data/test-00000-of-00001.json", JSON.stringify(good(2)));
    folder.write("set/sub/more.csv", "instruction,output\na,b\n");
    folder.write("set/dataset_info.json", "{}");
    folder.write("set/README.md", "# hello");
    folder.write("set/.cache/hidden.jsonl", "broken");
    symlinkSync(join(root, "data", "train-00000-of-00001.jsonl"), join(root, "validation.jsonl"));
    const dataset = await loadDataset(root);
    expect(
      dataset.files.map(({ path, split, format, records }) => [
        path.replace(`${root}/`, ""),
        split,
        format,
        records,
      ]),
    ).toEqual([
      ["data/test-00000-of-00001.json", "test", "trl", 2],
      ["data/train-00000-of-00001.jsonl", "train", "trl", 4],
      ["sub/more.csv", undefined, "alpaca", 1],
      ["validation.jsonl", "validation", "trl", 4],
    ]);
    expect(dataset.format).toBe("trl + alpaca");
    expect(dataset.counts).toEqual({ preference: 10, demonstration: 1 });
    expect((await loadDataset(root, { split: "test" })).records.map(({ split }) => split)).toEqual([
      "test",
      "test",
    ]);
    expect(
      await folder.refusal(() => loadDataset(join(folder.path, "set", "sub"), { split: "train" })),
    ).toBe(
      "set/sub: no file is the train part of the data set\n  try: the part is told by file " +
        "names, such as train.jsonl and test.jsonl",
    );
  });

  test.each([
    ["train.jsonl", "train"],
    ["data/train-00000-of-00002.parquet", "train"],
    ["ultra/test_prefs.json", "test"],
    ["train/val.jsonl", "validation"],
    ["finegrained-dev.json.gz", "validation"],
    ["latest.jsonl", undefined],
    ["training.csv", "train"],
    ["constrained.json", undefined],
  ])("%s", (name, split) => {
    expect(splitOf(name)).toBe(split);
  });

  test("a folder without data is refused", async () => {
    mkdirSync(join(folder.path, "bare"));
    expect(await folder.refusal(() => loadDataset(join(folder.path, "bare")))).toBe(
      "bare: the folder holds no data files\n  expected: .json, .jsonl, .ndjson, .csv, .tsv " +
        "(also with .gz), .parquet",
    );
  });
});

test("a Hugging Face id is resolved by who can; elsewhere it is no path", async () => {
  const path = folder.write("remote.jsonl", jsonLines(...good(2)));
  const asked: string[] = [];
  const resolveRemote = async (id: string) => {
    asked.push(id);
    return path;
  };
  expect((await loadDataset("org/name.v2", { resolveRemote })).records).toHaveLength(2);
  expect(asked).toEqual(["org/name.v2"]);
  const some = async () => ({ folder: folder.path, files: [path] });
  expect(
    (await loadDataset("org/name", { resolveRemote: some })).files.map((file) => file.path),
  ).toEqual([path]);
  await expect(loadDataset("org/name")).rejects.toThrow(
    "org/name: there is no such file or folder\n  expected: a data file (.json, .jsonl, .ndjson, " +
      ".csv, .tsv (also with .gz), .parquet), a folder of them\n  try: check the path",
  );
  await expect(loadDataset("data/missing.jsonl", { resolveRemote })).rejects.toThrow(
    "there is no such file or folder",
  );
  expect(asked).toHaveLength(1);
});

test("reading stops when told to", async () => {
  const path = folder.write("stop.jsonl", jsonLines(...good(30)));
  await expect(loadDataset(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "interrupted",
  });
});

describe("kinds of record", () => {
  const load = async (name: string, ...rows: unknown[]) =>
    loadDataset(folder.write(name, jsonLines(...rows)));

  test("a pair becomes two judged answers, a demonstration, a conversation, a prompt; a tie only a prompt", async () => {
    const dataset = await load(
      "kinds.jsonl",
      { prompt: "a", chosen: "b", rejected: "c" },
      { prompt: "d", chosen: "e", rejected: "f", p: 0.2 },
      { prompt: "g", chosen: "h", rejected: "i", p: 0.5 },
    );
    expect(
      recordsAs(dataset, "unpaired").map(({ prompt, completion, label }) => [
        prompt,
        completion,
        label,
      ]),
    ).toEqual([
      ["a", "b", true],
      ["a", "c", false],
      ["d", "f", true],
      ["d", "e", false],
    ]);
    expect(
      recordsAs(dataset, "demonstration").map(({ prompt, completion }) => [prompt, completion]),
    ).toEqual([
      ["a", "b"],
      ["d", "f"],
    ]);
    expect(recordsAs(dataset, "conversation")[0]!.messages).toEqual([
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ]);
    expect(recordsAs(dataset, "prompt").map(({ prompt }) => prompt)).toEqual(["a", "d", "g"]);
  });

  test("several answers become all their pairs, in one cluster", async () => {
    const dataset = await load("ranked.jsonl", {
      prompt: "a",
      completions: [
        { completion: "x", score: 1 },
        { completion: "y", score: 3 },
        { completion: "z", score: 1 },
        { completion: "x", score: 9 },
      ],
    });
    const pairs: RecordOf<"preference">[] = recordsAs(dataset, "preference");
    // x with itself says nothing
    expect(pairs.map(({ chosen, rejected, p }) => [chosen, rejected, p])).toEqual([
      ["y", "x", 1],
      ["x", "z", 0.5],
      ["y", "z", 1],
      ["x", "y", 1],
      ["x", "z", 1],
    ]);
    expect(new Set(pairs.map(({ cluster }) => cluster)).size).toBe(1);
    expect(recordsAs(dataset, "demonstration").map(({ completion }) => completion)).toEqual(["x"]);
  });

  test("a conversation becomes its last answer; text becomes nothing else", async () => {
    const turns = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
      { role: "user", content: "c" },
      { role: "assistant", content: "d" },
    ];
    const dataset = await load("talk.jsonl", { messages: turns });
    expect(
      recordsAs(dataset, "demonstration").map(({ prompt, completion }) => [prompt, completion]),
    ).toEqual([[turns.slice(0, 3), turns.slice(3)]]);
    const text = await load("plain.jsonl", { text: "a" });
    expect(await folder.refusal(async () => recordsAs(text, "preference"))).toBe(
      "plain.jsonl:1: this is text data, and preference data is needed\n  got: columns text\n  " +
        "expected: columns prompt, chosen, rejected\n  try: `attune data inspect` shows what a " +
        "data set holds",
    );
  });
});
