import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { loadDataset } from "../dataset.ts";
import type { DataRecord } from "../records.ts";
import { jsonLines, testFolder } from "../testing.ts";

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}`, import.meta.url));
const folder = testFolder();
afterAll(() => folder.remove());

/** Who chose what, in short. */
const short = (record: DataRecord): unknown =>
  record.kind === "preference"
    ? [record.annotator, record.p === 0.5 ? "tie" : record.chosen, record.extra?.["studio"]]
    : [record.kind, record.kind === "ranked" ? record.completions.length : ""];

const ANN = "11111111-1111-4111-8111-111111111111";
const BOB = "22222222-2222-4222-8222-222222222222";

describe("Argilla's exports", () => {
  test("of the Hub and of to_datasets: every submitted response is a judgement of its person", async () => {
    const { records, format, warnings, rows } = await loadDataset(golden("argilla.parquet"));
    expect([format, rows]).toEqual(["argilla", 4]);
    expect(records.map(short)).toEqual([
      [ANN, "first 1", { comment: "close" }],
      [BOB, "second 1", undefined],
      // a draft counts for nothing, and a model's suggestion is nobody's
      [undefined, "first 2", undefined],
      [BOB, "second 3", undefined],
      ["ranked", 2],
    ]);
    expect(warnings.join()).toContain("answers that are drafts (1 row)");
    expect(records[0]!.extra).toMatchObject({ id: "record-1", topic: "tea" });
  });

  test("of to_json, which does not say what was a draft", async () => {
    const { records, format } = await loadDataset(golden("argilla.json"));
    expect(format).toBe("argilla");
    expect(records.map(short)).toEqual([
      [ANN, "first 1", { comment: "close" }],
      [BOB, "second 1", undefined],
      [ANN, "second 2", undefined],
      [BOB, "second 3", undefined],
      ["ranked", 2],
    ]);
  });
});

describe("Label Studio's exports", () => {
  const said = { comment: "close", axes: { harmless: "rejected" } };

  test("JSON: annotations of several people, skipped ones left out with a count", async () => {
    const { records, format, warnings } = await loadDataset(golden("label-studio.json"));
    expect(format).toBe("label-studio");
    expect(records.map(short)).toEqual([
      ["1", "first 1", said],
      ["2", "second 1", undefined],
      ["2", "first 2", undefined],
      ["ranked", 2],
    ]);
    expect(warnings.join("\n")).toContain("annotations that were skipped (1 row)");
    expect(warnings.join("\n")).toContain("the question hard");
    expect(records[2]!.extra).toMatchObject({ ground_truth: true, topic: "tea" });
  });

  test("JSON_MIN, as their converter writes it, says the same", async () => {
    const { records, format } = await loadDataset(golden("label-studio-min.json"));
    expect(format).toBe("label-studio");
    expect(records.map(short)).toEqual([
      ["1", "first 1", said],
      ["2", "second 1", undefined],
      ["2", "first 2", undefined],
      ["ranked", 2],
    ]);
  });
});

test("turns, ties, rankings, verdicts and written answers are what they are", async () => {
  const user = { role: "user", content: "hello" };
  const record = (fields: object, responses: object): object => ({
    id: "r",
    fields,
    responses: Object.fromEntries(
      Object.entries(responses).map(([name, value]) => [name, [{ value, user_id: "u" }]]),
    ),
    suggestions: {},
    metadata: {},
  });
  const file = folder.write(
    "all.jsonl",
    jsonLines(
      record({ chat: [user], "response-1": "a", "response-2": "b" }, { preference: "Both bad" }),
      record({ prompt: "p", "response-1": "a", "response-2": "b" }, { better: "2" }),
      record(
        { prompt: "p", "response-1": "a", "response-2": "b", "response-3": "c" },
        { rank: ["response-3", "response-1", "response-2"] },
      ),
      record({ instruction: "p", response: "a" }, { ok: "No" }),
      record({ instruction: "p" }, { answer: "written" }),
      record({ instruction: "p" }, {}),
      record({ prompt: "p", "response-1": "a", "response-2": "b" }, { preference: "who knows" }),
    ),
  );
  const { records } = await loadDataset(file);
  expect(records).toMatchObject([
    {
      prompt: [user],
      chosen: [{ role: "assistant", content: "a" }],
      p: 0.5,
      extra: { studio: { choice: "both-bad" } },
    },
    { kind: "preference", chosen: "b", p: 1 },
    { kind: "ranked", completions: [{ rank: 2 }, { rank: 3 }, { rank: 1 }] },
    { kind: "unpaired", label: false, annotator: "u" },
    { kind: "demonstration", completion: "written", extra: { studio: { annotator: "u" } } },
    { kind: "prompt" },
    { kind: "ranked", comparisons: [] },
  ]);
});

test("a row whose texts have no name that tells a prompt is left out and counted", async () => {
  const row = { id: "r", fields: { x: "a", y: "b" }, responses: { q: [] }, suggestions: {} };
  const good = { ...row, fields: { prompt: "p" } };
  const { dropped, records } = await loadDataset(folder.write("odd.jsonl", jsonLines(row, good)));
  expect(records).toHaveLength(1);
  expect(Object.values(dropped)).toEqual([1]);
});
