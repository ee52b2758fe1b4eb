import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { inspectDataset, summarize } from "./inspect.ts";
import { inspectionText } from "./inspect-text.ts";
import { jsonLines, testFolder } from "./testing.ts";

const folder = testFolder();
afterAll(() => folder.remove());

const rows = [
  { prompt: "a", chosen: "short", rejected: "much longer", annotator: "n1" },
  { prompt: "a", chosen: "much longer", rejected: "short", annotator: "n2" },
  { prompt: "b", chosen: "12345", rejected: "abcde", p: 0.8 },
  { prompt: "c", chosen: "tie", rejected: "tied", p: 0.5 },
  { prompt: "d", chosen: "bad", rejected: "bad" },
  { prompt: "e", chosen: "12345", rejected: "1", margin: 2, cluster: "k" },
  { prompt: "e", chosen: "12345", rejected: "1", margin: 2, cluster: "k" },
];

test("counts what is odd about preferences", async () => {
  const inspection = await inspectDataset(folder.write("pairs.jsonl", jsonLines(...rows)), {
    countTokens: (text) => text.split(" ").length,
  });
  expect(inspection).toMatchObject({
    format: "trl",
    rows: 7,
    records: 6,
    counts: { preference: 6 },
    dropped: { "chosen and rejected are identical": 1 },
    duplicates: { prompts: 2, records: 1 },
    leaks: [],
  });
  expect(inspection.preferences).toMatchObject({
    pairs: 6,
    ties: 1,
    probabilities: 1,
    margins: 2,
    contextsDiffer: 0,
    contradictions: 2,
    sameLength: 1,
    annotators: 2,
    clusters: 1,
  });
  // of five pairs that are no ties; Wilson's interval of 1 of 5
  expect(inspection.preferences!.chosenShorter).toMatchObject({ count: 1, of: 5, share: 0.2 });
  expect(inspection.preferences!.chosenShorter.low).toBeCloseTo(0.0362, 4);
  expect(inspection.preferences!.chosenShorter.high).toBeCloseTo(0.6245, 4);
  expect(inspection.preferences!.chosenLonger).toMatchObject({ count: 3, of: 5 });
  expect(inspection.lengths["chosen"]!.characters).toEqual({
    count: 6,
    mean: 34 / 6,
    min: 3,
    median: 5,
    p95: 11,
    max: 11,
  });
  expect(inspection.lengths["chosen"]!.tokens).toMatchObject({ min: 1, max: 2 });
});

test("finds prompts that are in two parts, whatever the kind of record", async () => {
  mkdirSync(join(folder.path, "parts"));
  folder.write(
    "parts/train.jsonl",
    jsonLines(rows[0], { prompt: "x", chosen: "y", rejected: "z" }),
  );
  folder.write(
    "parts/test.jsonl",
    jsonLines(
      { prompt: "a", completion: "b", label: true },
      { prompt: "new", completion: "b", label: false },
    ),
  );
  const inspection = await inspectDataset(join(folder.path, "parts"));
  expect(inspection.parts).toEqual({ train: 2, test: 2 });
  expect(inspection.labels).toEqual({ desirable: 1, undesirable: 1 });
  expect(inspection.leaks.map(({ between, prompts }) => [between, prompts])).toEqual([
    [["test", "train"], 1],
  ]);
  expect(inspection.leaks[0]!.examples[0]).toMatch(/test\.jsonl:1 and .*train\.jsonl:1$/);
  const text = inspectionText(inspection);
  expect(text).toContain("leaks: prompts in two parts\n  test and train  1 prompt  such as ");
});

test("several answers are counted as their pairs", async () => {
  const row = {
    prompt: "q",
    completions: [
      { completion: "a", rank: 1 },
      { completion: "bb", rank: 2 },
      { completion: "ccc", rank: 2 },
    ],
  };
  const inspection = await inspectDataset(folder.write("ranked.jsonl", jsonLines(row)));
  expect(inspection.counts).toEqual({ ranked: 1 });
  expect(inspection.preferences).toMatchObject({ pairs: 3, ties: 1, clusters: 1 });
  expect(inspection.lengths["completion"]!.characters).toMatchObject({ count: 3, max: 3 });
});

test("reads as plain text", async () => {
  const path = folder.write(
    "small.jsonl",
    jsonLines(
      { prompt: "What is it?", chosen: "A thing.", rejected: "Nothing at all." },
      { prompt: "And now?", chosen: "Still.", rejected: "" },
    ),
  );
  const text = inspectionText(await inspectDataset(path, { examples: 1, exampleLength: 10 }));
  expect(text.replaceAll(/\S*small\.jsonl/g, "small.jsonl").replace(/[0-9a-f]{64}/, "HASH"))
    .toBe(`small.jsonl
  format   trl
  rows     2
  records  1: 1 preference
  sha256   HASH

left out and not kept
  1 row left out: the rejected completion is empty

lengths
                        mean  min  median  95%  max
  prompt    characters  11    11   11      11   11
  chosen    characters  8     8    8       8    8
  rejected  characters  15    15   15      15   15

preferences
  pairs                        1
  ties                         0
  chosen is shorter            1 (100.0%, 95% interval 20.7% to 100.0%)
  chosen is longer             0 (0.0%, 95% interval 0.0% to 79.3%)
  same length                  0
  contexts that differ         0
  contradicted by another row  0

duplicates
  prompts seen before  0
  records seen before  0

small.jsonl:1 (preference)
  prompt: What … s it?
  chosen: A thing.
  rejected: Nothi … all.`);
});

test("summaries", () => {
  expect(summarize([5])).toEqual({ count: 1, mean: 5, min: 5, median: 5, p95: 5, max: 5 });
  expect(summarize(Array.from({ length: 100 }, (_, index) => index + 1))).toEqual({
    count: 100,
    mean: 50.5,
    min: 1,
    median: 50,
    p95: 95,
    max: 100,
  });
});
