/** Files that would run, grow or compile without end are refused, by name. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Tokenizer } from "./tokenizer.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";

type Json = Record<string, unknown>;
const { tokenizer: golden } = JSON.parse(
  readFileSync(new URL("golden/qwen2.json", import.meta.url), "utf8"),
) as { tokenizer: Json };
const open = (changes: Json): Tokenizer =>
  tokenizerFromFiles(
    { "tokenizer.json": JSON.stringify({ ...golden, ...changes }) },
    "model/tokenizer",
  );
const split = (expression: string): Json => ({
  type: "Split",
  pattern: { Regex: expression },
  behavior: "Isolated",
  invert: false,
});

describe("an expression that runs without end is ended, and the tokenizer's file named", () => {
  test.each([
    ["in the pre-tokenizer", { pre_tokenizer: split("(a+)+$") }],
    [
      "in the normaliser",
      { normalizer: { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "b" } },
    ],
    [
      "within a sequence",
      {
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [
            split("(a|aa)+$"),
            { type: "ByteLevel", add_prefix_space: false, use_regex: false },
          ],
        },
      },
    ],
  ])("%s", (_name, changes) => {
    const tokenizer = open(changes);
    expect(() => tokenizer.encodePlain(`${"a".repeat(80)}!`)).toThrow(
      /^model\/tokenizer: a regular expression of the tokenizer runs without end\n {2}got: on a text of 81 characters/,
    );
    // and the next text is read as if nothing had been
    expect(tokenizer.encodePlain("hello").length).toBeGreaterThan(0);
  });
});

test("an expression of one's own that ends gives what the published one gives", () => {
  const own = (golden["pre_tokenizer"] as { pretokenizers: Json[] }).pretokenizers.map((member) =>
    "pattern" in member
      ? { ...member, pattern: { Regex: `(?:${(member["pattern"] as { Regex: string }).Regex})` } }
      : member,
  );
  const text = "Hello, it's 1234 words\n\n  and 🙂 more.";
  expect(
    open({ pre_tokenizer: { type: "Sequence", pretokenizers: own } }).encodePlain(text),
  ).toEqual(open({}).encodePlain(text));
});

test("components that double a text sixty times are refused before they do", () => {
  const doubling = Array.from({ length: 60 }, () => ({
    type: "Replace",
    pattern: { String: "a" },
    content: "aa",
  }));
  expect(() => open({ normalizer: { type: "Sequence", normalizers: doubling } })).toThrow(
    /model\/tokenizer: the tokenizer cannot be used\n {2}got: its components make a text more than 1000 times as long/,
  );
});

test("added tokens with a hyphen, and 65,536 of them, are read", () => {
  const token = (content: string, id: number): Json => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const many = Array.from({ length: 65_536 }, (_, index) =>
    token(`<|sound-${index}|>`, 2000 + index),
  );
  expect(
    open({ added_tokens: [...(golden["added_tokens"] as Json[]), ...many] }).encode(
      "<|sound-7|><|sound-65535|>",
    ),
  ).toEqual([2007, 67_535]);
  expect(
    open({
      added_tokens: [...(golden["added_tokens"] as Json[]), token("<|fim-prefix|>", 2000)],
    }).encode("<|fim-prefix|>"),
  ).toEqual([2000]);
});
