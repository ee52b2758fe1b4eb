import { array, assert, constantFrom, double, integer, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message } from "../text/messages.ts";
import type { DataRecord, RecordOf, Split } from "./records.ts";
import { promptKey, splitDataset, splitRecords } from "./split.ts";

const demonstration = (
  prompt: string | Message[],
  index: number,
  rest: object = {},
): RecordOf<"demonstration"> => ({
  kind: "demonstration",
  prompt,
  completion: `c${index}`,
  place: { row: index },
  ...rest,
});
const talk = (...contents: string[]): Message[] =>
  contents.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));

test("no prompt is in both splits, and the share is met", () => {
  const records = Array.from({ length: 60 }, (_, index) => demonstration(`p${index % 20}`, index));
  const { train, heldOut } = splitRecords(records, 0.2, 1);
  expect(heldOut).toHaveLength(12);
  expect(train).toHaveLength(48);
  expect(splitRecords(records, 7, 1).heldOut).toHaveLength(9);
  expect(splitRecords(records, 0, 1)).toEqual({ train: records, heldOut: [] });
});

test("whatever the records, nothing leaks and nothing is lost", () => {
  const prompt = constantFrom("a", "b", "c", "d", "e").chain((first) =>
    constantFrom(talk(first), talk(first, "x", "more"), talk(first, "y", "other"), [
      { role: "system" as const, content: "s" },
      ...talk(first),
    ]),
  );
  const item = record({ prompt, cluster: constantFrom(undefined, undefined, "1", "2") });
  assert(
    property(
      array(item, { minLength: 2, maxLength: 30 }),
      double({ min: 0, max: 0.7, noNaN: true }),
      integer({ min: 0, max: 9 }),
      (items, share, seed) => {
        const records: DataRecord[] = items.map(({ prompt, cluster }, index) =>
          demonstration(prompt, index, cluster === undefined ? {} : { cluster }),
        );
        let parts;
        try {
          parts = splitRecords(records, share, seed);
        } catch (error) {
          expect(String(error)).toMatch(/belong together|leaves none/);
          return;
        }
        const { train, heldOut } = parts;
        expect([...train, ...heldOut].toSorted((a, b) => a.place.row! - b.place.row!)).toEqual(
          records,
        );
        expect(train.length).toBeGreaterThan(0);
        const seen = new Set(train.map(promptKey));
        const clusters = new Set(train.map(({ cluster }) => cluster));
        for (const held of heldOut) {
          expect(seen.has(promptKey(held))).toBe(false);
          if (held.cluster !== undefined) expect(clusters.has(held.cluster)).toBe(false);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a conversation stays with its continuation", () => {
  const records = Array.from({ length: 40 }, (_, index) =>
    demonstration(
      index % 2 === 0 ? talk(`q${index >> 1}`) : talk(`q${index >> 1}`, "a", "and then?"),
      index,
    ),
  );
  const { train, heldOut } = splitRecords(records, 10, 3);
  const beginnings = (list: readonly DataRecord[]) =>
    new Set(
      list
        .map((item) => (item as RecordOf<"demonstration">).prompt[0] as Message)
        .map(({ content }) => content),
    );
  expect(heldOut).toHaveLength(10);
  expect([...beginnings(heldOut)].filter((content) => beginnings(train).has(content))).toEqual([]);
});

test("the seed decides, the order of the rows does not", () => {
  const records = Array.from({ length: 50 }, (_, index) => demonstration(`p${index}`, index));
  const held = (list: readonly DataRecord[], seed: number) =>
    splitRecords(list, 10, seed)
      .heldOut.map(({ place }) => place.row!)
      .toSorted((a, b) => a - b);
  expect(held(records, 5)).toEqual(held(records.toReversed(), 5));
  expect(held(records, 5)).not.toEqual(held(records, 6));
});

describe("refusals", () => {
  test.each([
    [3, "holding out so many records leaves none to train on"],
    [1.5, undefined],
    [-1, "holding out so many records leaves none to train on"],
    [NaN, "holding out so many records leaves none to train on"],
  ])("%d held out of three", (heldOut, message) => {
    const records = ["a", "b", "c"].map(demonstration);
    if (message === undefined) expect(splitRecords(records, heldOut, 1).heldOut).toHaveLength(1);
    else expect(() => splitRecords(records, heldOut, 1)).toThrow(message);
  });

  test("one prompt cannot be parted", () => {
    expect(() => splitRecords([demonstration("a", 0), demonstration("a", 1)], 1, 1)).toThrow(
      "the records cannot be split: they all belong together by prompt or cluster",
    );
  });
});

describe("data sets with parts of their own", () => {
  const part = (split: Split, ...prompts: string[]) =>
    prompts.map((prompt, index) => demonstration(prompt, index, { split }));
  const keys = (records: readonly DataRecord[]) =>
    records.map((record) => (record as RecordOf<"demonstration">).prompt);

  test("validation is held out before test, less what was trained on", () => {
    const records = [
      ...part("train", "a", "b"),
      ...part("validation", "b", "c"),
      ...part("test", "d"),
    ];
    const { train, heldOut, leaked } = splitDataset({ records }, { heldOut: 0.5, seed: 1 });
    expect([keys(train), keys(heldOut), leaked]).toEqual([["a", "b"], ["c"], 1]);
    expect(
      keys(
        splitDataset(
          { records: records.filter(({ split }) => split !== "validation") },
          { heldOut: 0.5, seed: 1 },
        ).heldOut,
      ),
    ).toEqual(["d"]);
  });

  test("nothing is held out where nothing is asked for, and other parts are not trained on", () => {
    const { train, heldOut } = splitDataset(
      { records: [...part("train", "a", "b"), ...part("test", "d")] },
      { heldOut: 0, seed: 1 },
    );
    expect([keys(train), heldOut]).toEqual([["a", "b"], []]);
  });

  test("records of no part are trained on; those of a part that nobody uses are counted", () => {
    const unnamed = part("train", "x", "y").map(
      ({ split: _split, ...record }) => record as DataRecord,
    );
    const { train, heldOut, unused } = splitDataset(
      {
        records: [
          ...part("train", "a"),
          ...unnamed,
          ...part("validation", "c"),
          ...part("test", "d", "e"),
        ],
      },
      { heldOut: 0.5, seed: 1 },
    );
    expect([keys(train), keys(heldOut), unused]).toEqual([["a", "x", "y"], ["c"], 2]);
  });

  test("one part alone is split by prompt", () => {
    const { train, heldOut } = splitDataset(
      { records: part("test", "a", "b", "c", "d") },
      { heldOut: 0.5, seed: 1 },
    );
    expect([train.length, heldOut.length]).toEqual([2, 2]);
  });
});
