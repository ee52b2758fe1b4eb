import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { loadDataset, recordsAs } from "./dataset.ts";
import { splitOf } from "./files.ts";
import type { RecordOf } from "./records.ts";
import { jsonLines, testFolder } from "./testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());
const good = (count: number) => Array.from({ length: count }, (_, index) => ({ prompt: `p${index}`, chosen: `a${index}`, rejected: `b${index}` }));

test("a data set says what it holds", async () => {
  const path = folder.write("pairs.jsonl", jsonLines(...good(3)));
  const dataset = await loadDataset(path);
  expect(dataset).toMatchObject({ source: path, counts: { preference: 3 }, format: "trl", rows: 3, dropped: {}, warnings: [] });
  expect(dataset.files).toEqual([{ path, format: "trl", rows: 3, records: 3, sha256: createHash("sha256").update(jsonLines(...good(3))).digest("hex") }]);
  expect(dataset.records[1]).toEqual({ kind: "preference", prompt: "p1", chosen: "a1", rejected: "b1", p: 1, place: { file: path, row: 2 } });
});

test("the hash is of what was read, not of the file it was in", async () => {
  const rows = good(3);
  const hashes = await Promise.all(
    [
      folder.write("h.jsonl", jsonLines(...rows)),
      folder.write("h.json", JSON.stringify(rows, null, 2)),
      folder.write("h.csv", ["rejected,chosen,prompt", ...rows.map(({ prompt, chosen, rejected }) => `${rejected},${chosen},${prompt}`)].join("\n")),
      folder.write("h.jsonl.gz", gzipSync(jsonLines(...rows))),
    ].map(async (path) => (await loadDataset(path)).hash),
  );
  expect(new Set(hashes).size).toBe(1);
  const reordered = await loadDataset(folder.write("r.jsonl", jsonLines(...rows.toReversed())));
  const changed = await loadDataset(folder.write("c.jsonl", jsonLines(...good(2), { prompt: "p2", chosen: "a2", rejected: "B2" })));
  expect(new Set([hashes[0], reordered.hash, changed.hash]).size).toBe(3);
});

describe("rows that cannot be used", () => {
  test.each([
    ["empty.jsonl", { prompt: "a", chosen: "b", rejected: " " }, "the rejected completion is empty"],
    ["chosen.jsonl", { prompt: "a", chosen: "", rejected: "b" }, "the chosen completion is empty"],
    ["same.jsonl", { prompt: "a", chosen: "b", rejected: "b " }, "chosen and rejected are identical"],
    ["prompt.jsonl", { prompt: "", chosen: "b", rejected: "c" }, "the prompt is empty"],
    ["completion.jsonl", { prompt: "a", completion: "\n" }, "the completion is empty"],
    ["text.jsonl", { text: "" }, "the text is empty"],
    ["turns.jsonl", { messages: [{ role: "user", content: "a" }] }, "the conversation has no assistant turn with text"],
    ["contexts.jsonl", { chosen: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }], rejected: [{ role: "user", content: "c" }, { role: "assistant", content: "d" }] }, "the two conversations differ before their last answer, in what the user says"],
  ])("%s", async (name, row, reason) => {
    const path = folder.write(name, jsonLines(row));
    expect(await folder.refusal(() => loadDataset(path))).toBe(`${name}:1: ${reason}\n  got: 1 bad row of 1\n  expected: at most 1% of the rows bad\n  try: mend or remove the rows, or have them left out and counted: --on-bad drop`);
  });

  test("texts without a common beginning need a prompt", async () => {
    const path = folder.write("noprompt.jsonl", jsonLines({ chosen: "b", rejected: "c" }));
    expect(await folder.refusal(() => loadDataset(path))).toBe("noprompt.jsonl:1: there is no prompt, and chosen and rejected have no beginning in common\n  got: 1 bad row of 1\n  expected: at most 1% of the rows bad\n  try: add a column prompt");
  });

  test("a null where a value belongs is a bad row, wherever it stands; the error names column and row", async () => {
    const path = folder.write("null.jsonl", jsonLines({ prompt: "a", chosen: "b", rejected: null }, { prompt: "a", chosen: "b", rejected: "c" }));
    expect(await folder.refusal(() => loadDataset(path))).toBe('null.jsonl:1 (rejected): a column that the row needs is null\n  got: {"prompt":"a","chosen":"b","rejected":null}; 1 bad row of 2\n  expected: at most 1% of the rows bad\n  try: mend or remove the rows, or have them left out and counted: --on-bad drop');
    expect(await loadDataset(path, { onBad: "drop" })).toMatchObject({ counts: { preference: 1 }, dropped: { "a column that the row needs is null": 1 } });
  });

  test.each<[string, object, object]>([
    ["a completion", { prompt: "a", completion: null }, { prompt: "a", completion: "b" }],
    ["a label", { prompt: "a", completion: "b", label: null }, { prompt: "a", completion: "b", label: true }],
    ["a prompt", { prompt: null, completion: "b" }, { prompt: "a", completion: "b" }],
    ["messages", { prompt: "a", messages: null }, { prompt: "a", messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }] }],
    ["a KTO tag", { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }], label: null }, { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }], label: true }],
    ["an output", { instruction: "a", output: null }, { instruction: "a", output: "b" }],
    ["one of two outputs", { instruction: "a", output_1: "b", output_2: null, preference: 1 }, { instruction: "a", output_1: "b", output_2: "c", preference: 1 }],
    ["an empty conversation", { messages: [] }, { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }] }],
  ])("null or empty: %s", async (_name, row, good) => {
    for (const rows of [[row, good], [...Array.from({ length: 30 }, () => good), row]]) {
      const { dropped, counts } = await loadDataset(folder.write("holed.jsonl", jsonLines(...rows)), { onBad: "drop" });
      expect([Object.values(dropped), Object.values(counts)]).toEqual([[1], [rows.length - 1]]);
    }
  });

  test("an empty cell of a table is a null too, and a file of nulls alone says so", async () => {
    expect(await loadDataset(folder.write("cells.csv", "prompt,completion,label\na,b,true\nc,d,\n"), { onBad: "drop" })).toMatchObject({ counts: { unpaired: 1 }, dropped: { "a column that the row needs is null": 1 } });
    expect(await folder.refusal(() => loadDataset(folder.write("all.jsonl", jsonLines({ prompt: "a", chosen: null, rejected: null }))))).toContain("all.jsonl:1 (chosen): a column that the row needs is null");
  });

  test("rows of several kinds may leave each other's columns null", async () => {
    const dataset = await loadDataset(folder.write("kinds.jsonl", jsonLines({ prompt: "a", completion: "b", chosen: null, rejected: null }, { prompt: "a", completion: null, chosen: "b", rejected: "c" })));
    expect(dataset.counts).toEqual({ preference: 1, demonstration: 1 });
  });

  const bad = { prompt: "x", chosen: "same", rejected: "same" };
  test("few are left out and counted, more are refused, an error is one too many, dropping takes all", async () => {
    const few = folder.write("few.jsonl", jsonLines(...good(50), bad, ...good(49)));
    expect(await loadDataset(few)).toMatchObject({ rows: 100, dropped: { "chosen and rejected are identical": 1 }, firstDropped: { row: 51 }, warnings: ["1 row left out: chosen and rejected are identical"] });
    expect(await folder.refusal(() => loadDataset(few, { onBad: "error" }))).toMatch(/^few\.jsonl:51: chosen and rejected are identical\n {2}got: 1 bad row of 5\d\n {2}expected: no bad rows/);
    const many = folder.write("many.jsonl", jsonLines(bad, ...good(98), bad));
    expect(await folder.refusal(() => loadDataset(many))).toMatch(/^many\.jsonl:1: chosen and rejected are identical\n {2}got: 2 bad rows of 100\n/);
    expect((await loadDataset(many, { onBad: "drop" })).records).toHaveLength(98);
  });

  test("nothing usable and nothing at all are refused", async () => {
    const useless = folder.write("useless.jsonl", jsonLines(bad));
    expect(await folder.refusal(() => loadDataset(useless, { onBad: "drop" }))).toBe("useless.jsonl: no row of the data set can be used\n  got: 1 row left out: chosen and rejected are identical");
    const empty = folder.write("nothing.jsonl", "\n");
    expect(await folder.refusal(() => loadDataset(empty))).toBe("nothing.jsonl: the data set is empty\n  expected: one row at least");
  });
});

test("what a message carries and no record holds is noted", async () => {
  const path = folder.write("notes.jsonl", jsonLines({ messages: [{ role: "user", content: "a", mood: "x" }, { role: "assistant", content: "b", mood: "y" }] }));
  const dataset = await loadDataset(path);
  expect(dataset.warnings).toEqual(["not kept: the key mood of messages (1 row)"]);
  expect(dataset.notes).toEqual([{ what: "the key mood of messages", rows: 1, first: { file: path, row: 1 } }]);
});

test("columns can be passed over by name, or all that are unknown", async () => {
  const path = folder.write("extra.jsonl", jsonLines({ prompt: "a", completion: "b", colour: "red", size: 1 }));
  expect(await folder.refusal(() => loadDataset(path, { ignoreColumns: ["colour"] }))).toMatch(/has no column size/);
  expect((await loadDataset(path, { ignoreColumns: ["colour", "size"] })).records).toHaveLength(1);
  const kept = await loadDataset(path, { keepColumns: true, ignoreColumns: ["size"] });
  expect(kept.records[0]!.extra).toEqual({ colour: expect.anything() as unknown });
  expect((await loadDataset(path, { ignoreColumns: ["*"] })).records[0]).toEqual({ kind: "demonstration", prompt: "a", completion: "b", place: { file: path, row: 1 } });
});

describe("folders", () => {
  test("parts are told by names; descriptions and hidden files are no data", async () => {
    const root = join(folder.path, "set");
    for (const path of ["set", "set/data", "set/.cache", "set/sub"]) mkdirSync(join(folder.path, path));
    folder.write("set/data/train-00000-of-00001.jsonl", jsonLines(...good(4)));
    folder.write("set/data/test-00000-of-00001.json", JSON.stringify(good(2)));
    folder.write("set/sub/more.csv", "instruction,output\na,b\n");
    folder.write("set/dataset_info.json", "{}");
    folder.write("set/README.md", "# hello");
    folder.write("set/.cache/hidden.jsonl", "broken");
    symlinkSync(join(root, "data", "train-00000-of-00001.jsonl"), join(root, "validation.jsonl"));
    const dataset = await loadDataset(root);
    expect(dataset.files.map(({ path, split, format, records }) => [path.replace(`${root}/`, ""), split, format, records])).toEqual([
      ["data/test-00000-of-00001.json", "test", "trl", 2],
      ["data/train-00000-of-00001.jsonl", "train", "trl", 4],
      ["sub/more.csv", undefined, "alpaca", 1],
      ["validation.jsonl", "validation", "trl", 4],
    ]);
    expect(dataset.format).toBe("trl + alpaca");
    expect(dataset.counts).toEqual({ preference: 10, demonstration: 1 });
    expect((await loadDataset(root, { split: "test" })).records.map(({ split }) => split)).toEqual(["test", "test"]);
    expect(await folder.refusal(() => loadDataset(join(folder.path, "set", "sub"), { split: "train" }))).toBe("set/sub: no file is the train part of the data set\n  try: the part is told by file names, such as train.jsonl and test.jsonl");
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
    expect(await folder.refusal(() => loadDataset(join(folder.path, "bare")))).toBe("bare: the folder holds no data files\n  expected: .json, .jsonl, .ndjson, .csv, .tsv (also with .gz), .parquet");
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
  expect((await loadDataset("org/name", { resolveRemote: some })).files.map((file) => file.path)).toEqual([path]);
  await expect(loadDataset("org/name")).rejects.toThrow("org/name: there is no such file or folder\n  expected: a data file (.json, .jsonl, .ndjson, .csv, .tsv (also with .gz), .parquet), a folder of them\n  try: check the path");
  await expect(loadDataset("data/missing.jsonl", { resolveRemote })).rejects.toThrow("there is no such file or folder");
  expect(asked).toHaveLength(1);
});

test("reading stops when told to", async () => {
  const path = folder.write("stop.jsonl", jsonLines(...good(30)));
  await expect(loadDataset(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "interrupted" });
});

describe("kinds of record", () => {
  const load = async (name: string, ...rows: unknown[]) => loadDataset(folder.write(name, jsonLines(...rows)));

  test("a pair becomes two judged answers, a demonstration, a conversation, a prompt; a tie only a prompt", async () => {
    const dataset = await load("kinds.jsonl", { prompt: "a", chosen: "b", rejected: "c" }, { prompt: "d", chosen: "e", rejected: "f", p: 0.2 }, { prompt: "g", chosen: "h", rejected: "i", p: 0.5 });
    expect(recordsAs(dataset, "unpaired").map(({ prompt, completion, label }) => [prompt, completion, label])).toEqual([["a", "b", true], ["a", "c", false], ["d", "f", true], ["d", "e", false]]);
    expect(recordsAs(dataset, "demonstration").map(({ prompt, completion }) => [prompt, completion])).toEqual([["a", "b"], ["d", "f"]]);
    expect(recordsAs(dataset, "conversation")[0]!.messages).toEqual([{ role: "user", content: "a" }, { role: "assistant", content: "b" }]);
    expect(recordsAs(dataset, "prompt").map(({ prompt }) => prompt)).toEqual(["a", "d", "g"]);
  });

  test("several answers become all their pairs, in one cluster", async () => {
    const dataset = await load("ranked.jsonl", { prompt: "a", completions: [{ completion: "x", score: 1 }, { completion: "y", score: 3 }, { completion: "z", score: 1 }, { completion: "x", score: 9 }] });
    const pairs: RecordOf<"preference">[] = recordsAs(dataset, "preference");
    // x with itself says nothing
    expect(pairs.map(({ chosen, rejected, p }) => [chosen, rejected, p])).toEqual([["y", "x", 1], ["x", "z", 0.5], ["y", "z", 1], ["x", "y", 1], ["x", "z", 1]]);
    expect(new Set(pairs.map(({ cluster }) => cluster)).size).toBe(1);
    expect(recordsAs(dataset, "demonstration").map(({ completion }) => completion)).toEqual(["x"]);
  });

  test("a conversation becomes its last answer; text becomes nothing else", async () => {
    const turns = [{ role: "user", content: "a" }, { role: "assistant", content: "b" }, { role: "user", content: "c" }, { role: "assistant", content: "d" }];
    const dataset = await load("talk.jsonl", { messages: turns });
    expect(recordsAs(dataset, "demonstration").map(({ prompt, completion }) => [prompt, completion])).toEqual([[turns.slice(0, 3), turns.slice(3)]]);
    const text = await load("plain.jsonl", { text: "a" });
    expect(await folder.refusal(async () => recordsAs(text, "preference"))).toBe("plain.jsonl:1: this is text data, and preference data is needed\n  expected: columns such as prompt, chosen, rejected\n  try: `attune data inspect` shows what a data set holds");
  });
});
