/**
 * Encoding takes work in proportion to the text, in slices, and ends where a limit is passed. Ids
 * are held by tokenizer.test.ts.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { BytePairs, SLICE } from "./byte-pairs.ts";
import { createEncoder } from "./encoder.ts";
import { TextTooLong } from "./pipeline.ts";
import { finish } from "./slices.ts";
import { unusedCharacters } from "./text-parts.ts";
import { byteTokenizer } from "./testing.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";

function open(name: string): Tokenizer {
  const { tokenizer, config } = JSON.parse(
    readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8"),
  ) as { tokenizer: object; config: object };
  return tokenizerFromFiles({
    "tokenizer.json": JSON.stringify(tokenizer),
    "tokenizer_config.json": JSON.stringify(config),
  });
}

/** Slices that a text takes, and its ids. */
function encode(tokenizer: Tokenizer, text: string): { slices: number; ids: number[] } {
  const slices = tokenizer.encodeSlices([{ text, plain: true }]);
  for (let count = 1; ; count++) {
    const { done, value } = slices.next();
    if (done) return { slices: count, ids: value };
  }
}

const HOSTILE: Record<string, (length: number) => string> = {
  spaces: (length) => " ".repeat(length),
  "spaces before a word": (length) => `${" ".repeat(length - 1)}x`,
  "one letter": (length) => "a".repeat(length),
  numerals: (length) => "12".repeat(length / 2),
  words: (length) => "x ".repeat(length / 2),
  "merges that overlap": (length) => "the".repeat(Math.ceil(length / 3)),
};

describe.each(["llama3", "llama2", "smollm"])("%s", (name) => {
  const tokenizer = open(name);

  test.each(Object.keys(HOSTILE))(
    "%s: twice the text takes no more than twice the work, and a little",
    (kind) => {
      const [once, twice, fourTimes] = [1, 2, 4].map(
        (times) => encode(tokenizer, HOSTILE[kind]!(20_000 * times)).slices,
      ) as [number, number, number];
      expect(once).toBeLessThan(40);
      expect(twice).toBeLessThanOrEqual(2.3 * once + 2);
      expect(fourTimes).toBeLessThanOrEqual(2.3 * twice + 2);
    },
  );

  test("a text that cannot fit is not encoded, and one that turns out not to fit is not encoded to its end", () => {
    const longest = Math.max(
      ...Array.from({ length: tokenizer.vocabularySize }, (_, id) =>
        Buffer.byteLength(tokenizer.tokenOf(id) ?? ""),
      ),
    );
    const slices = (text: string) =>
      tokenizer.encodeSlices([{ text, plain: true }], { limit: 100 });
    const merging = vi.spyOn(BytePairs.prototype, "encode");
    expect(() => slices("a".repeat(101 * longest)).next()).toThrow(TextTooLong);
    expect(merging).not.toHaveBeenCalled();
    expect(() => finish(slices("1 2 ".repeat(5 * longest)))).toThrow(TextTooLong);
    expect(merging.mock.calls.length).toBeLessThanOrEqual(101);
    expect(finish(slices("a"))).toEqual(tokenizer.encodePlain("a"));
    merging.mockRestore();
  });
});

test("slices give the ids of the whole", () => {
  const tokenizer = open("smollm");
  const text = `${"ab".repeat(SLICE)} ${"12 ".repeat(SLICE)}`;
  const { slices, ids } = encode(tokenizer, text);
  expect(slices).toBeGreaterThan(4);
  expect(ids).toEqual(tokenizer.encodePlain(text));
  expect(tokenizer.decode(ids)).toBe(text);
});

test("a prompt is encoded in slices as it is in one", () => {
  const encoder = createEncoder(byteTokenizer(), { maxLength: 64 });
  for (const prompt of [
    "Hello",
    [{ role: "user" as const, content: `Hello ${"x".repeat(3 * SLICE)}` }],
  ]) {
    const slices = encoder.encodePromptSlices(prompt);
    let next = slices.next();
    while (!next.done) next = slices.next();
    expect(next.value).toEqual(encoder.encodePrompt(prompt));
  }
});

test("a word of a million bytes is no list of a million arguments", () => {
  expect(byteTokenizer().encodePlain("x".repeat(1_000_000))).toHaveLength(1_000_000);
});

test("characters that stand for something else are those that no text holds", () => {
  const marks = unusedCharacters(["\u{F0001}x", "\u{F0002}\u{F0000}"]);
  expect([marks.next().value, marks.next().value]).toEqual(["\u{F0003}", "\u{F0004}"]);
});

describe("bytes of tokens", () => {
  test.each(["llama3", "llama2", "smollm", "mistral", "tekken", "metaspace", "gpt2", "qwen2"])(
    "%s: joined, they are the text",
    (name) => {
      const tokenizer = open(name);
      for (const text of [" a b\n\tthe  end", "éü 你好 \u{1F642} x", "Hello"]) {
        const ids = tokenizer.encodePlain(text, { continues: true });
        if (ids.includes(tokenizer.unknownId ?? -1)) continue;
        expect(
          Buffer.concat(ids.map((id) => tokenizer.bytesOf(id))).toString(),
          JSON.stringify(text),
        ).toBe(text);
      }
      expect(tokenizer.bytesOf(10_000_000)).toHaveLength(0);
    },
  );
});
