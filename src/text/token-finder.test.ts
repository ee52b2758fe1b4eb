import { array, assert, constantFrom, property, string } from "fast-check";
import { expect, test } from "vitest";
import { tokenFinder } from "./token-finder.ts";

/** Enough others, that are never found, for the search that many tokens need. */
const MANY = Array.from({ length: 300 }, (_, index) => `\uE000${index}`);
const piece = constantFrom("a", "b", "<", "|", "🙂", "é", "");
const token = array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(""));

test("few tokens and many are found alike: the leftmost, and there the longest", () => {
  assert(
    property(
      array(token, { minLength: 1, maxLength: 8 }),
      array(piece, { maxLength: 30 }).map((pieces) => pieces.join("")),
      (tokens, text) => {
        const [few, many] = [tokenFinder(tokens), tokenFinder([...tokens, ...MANY])!];
        expect([...many(text)]).toEqual(few === undefined ? [] : [...few(text)]);
      },
    ),
  );
  assert(
    property(
      array(string({ unit: "grapheme", minLength: 1, maxLength: 3 }), { maxLength: 6 }),
      string({ unit: "grapheme" }),
      (tokens, text) => {
        expect([...tokenFinder([...tokens, ...MANY])!(text)]).toEqual([
          ...(tokenFinder(tokens)?.(text) ?? []),
        ]);
      },
    ),
  );
});

test("tokens of punctuation are found as they are", () => {
  const tokens = ["<|fim-prefix|>", "a-b", "[x]", "^$", "(.*)", "\\d", "{1}"];
  expect(
    [...tokenFinder(tokens)!(`.${tokens.join(".")}`)].map(({ token: found }) => found),
  ).toEqual(tokens);
});

test("65,536 tokens are found without an expression of 65,536 alternatives", () => {
  const find = tokenFinder(Array.from({ length: 65_536 }, (_, index) => `<|s_${index}|>`))!;
  expect([...find("a<|s_1|><|s_65535|><|s_65536|>")]).toEqual([
    { index: 1, token: "<|s_1|>" },
    { index: 8, token: "<|s_65535|>" },
  ]);
});
