import { expect, test } from "vitest";
import { createEncoder } from "./encoder.ts";
import { markedParts, shortenList, shortenParts } from "./marked-text.ts";
import { byteTokenizer } from "./testing.ts";

const tokenizer = byteTokenizer();
const encoder = createEncoder(tokenizer, { maxLength: 512 });

test("control tokens are apart from characters that look like them, and labels from what is read", () => {
  const { ids, supervised } = encoder.encodeExample("a<end>é", "yo");
  const parts = markedParts(ids, tokenizer, supervised);
  expect(parts.map(({ text, control, learned }) => [text, control, learned])).toEqual([
    ["<s>", true, false],
    ["<user>", true, false],
    ["a<end>é", false, false],
    ["<end>", true, false],
    ["\n", false, false],
    ["<assistant>", true, false],
    ["yo", false, true],
    ["<end>", true, true],
  ]);
  expect(parts.map(({ text }) => text).join("")).toBe(tokenizer.decode([...ids]));
});

test("long parts lose their middle with a count, between whole characters; long lists too", () => {
  const [part] = shortenParts([{ text: "😀".repeat(1700), control: false, learned: true }], 100);
  expect(part).toEqual({
    text: `${"😀".repeat(50)} … 1,600 characters … ${"😀".repeat(50)}`,
    control: false,
    learned: true,
  });
  const parts = Array.from({ length: 40 }, (_, i) => i);
  expect(shortenList(parts)).toEqual({
    first: parts.slice(0, 12),
    leftOut: 12,
    last: parts.slice(24),
  });
  expect(shortenList(parts.slice(0, 28))).toEqual({
    first: parts.slice(0, 28),
    leftOut: 0,
    last: [],
  });
});
