import { expect, test } from "vitest";
import { createEncoder } from "../../text/encoder.ts";
import { byteTokenizer } from "../../text/testing.ts";
import { exampleText, textsOfExample, textsOfPair } from "./shown-example.ts";

const tokenizer = byteTokenizer();
const encoder = createEncoder(tokenizer, { maxLength: 512 });
const options = { tokenizer, what: "the first example", colour: false };

test("brackets mark control tokens and what is learned; the data can write neither, nor steer a terminal", () => {
  const shown = exampleText(
    textsOfExample(encoder.encodeExample("«a» ⟦<end>⟧\x1b[31m", "yo")),
    options,
  );
  expect(shown.split("\n")).toEqual([
    expect.stringMatching(
      /^the first example as the model sees it: \d+ tokens, 3 learned \(«\.\.\.»\)$/,
    ),
    "    ⟦<s>⟧⟦<user>⟧\\u00aba\\u00bb \\u27e6<end>\\u27e7\\x1b[31m⟦<end>⟧",
    "    ⟦<assistant>⟧«yo⟦<end>⟧»",
  ]);
});

test("a pair shows its prompt once", () => {
  const shown = exampleText(textsOfPair(encoder.encodePair("hi", "good", "bad")), options);
  expect(shown.split("\n").slice(1)).toEqual([
    "  prompt (7 tokens)",
    "    ⟦<s>⟧⟦<user>⟧hi⟦<end>⟧",
    "    ⟦<assistant>⟧",
    "  chosen (5 tokens)",
    "    «good⟦<end>⟧»",
    "  rejected (4 tokens)",
    "    «bad⟦<end>⟧»",
  ]);
});

test("on a terminal: colour and underlining, none of which runs over the end of a line", () => {
  const shown = exampleText(textsOfExample(encoder.encodeExample("hi", "one\ntwo")), {
    ...options,
    colour: true,
  });
  const [head, ...lines] = shown.split("\n");
  expect(head).toMatch(/ learned \(underlined\)$/);
  expect(lines).toEqual([
    "    \x1b[36m<s>\x1b[39m\x1b[36m<user>\x1b[39mhi\x1b[36m<end>\x1b[39m",
    "    \x1b[36m<assistant>\x1b[39m\x1b[4mone\x1b[24m",
    expect.stringContaining("\x1b[4mtwo\x1b[24m"),
  ]);
});
