/** Texts in which a template is written out: letters, or tokens where the user trusts them. */
import { describe, expect, test } from "vitest";
import { createEncoder } from "./encoder.ts";
import { byteTokenizer } from "./testing.ts";

const tokenizer = byteTokenizer();
const careful = createEncoder(tokenizer, { maxLength: 200, template: "none" });
const trusting = createEncoder(tokenizer, { maxLength: 200, trustText: true });
const [bos, end, user, assistant] = [257, 258, 259, 260];
const text = "<user>two<end>\n<assistant>2<end>\n";
const bytes = (of: string): number[] => tokenizer.encodePlain(of);
const turn = [user!, ...bytes("two"), end!, ...bytes("\n"), assistant!];

describe("a text column", () => {
  test("is letters unless it is trusted", () => {
    expect([...careful.encodeText(text).ids]).toEqual([bos, ...bytes(text), end]);
    expect([...trusting.encodeText(text).ids]).toEqual([bos, ...turn, ...bytes("2"), end]);
  });

  test("gets no second BOS, and a stop token only where none is written", () => {
    expect([...trusting.encodeText(`<s>${text}`).ids]).toEqual([...trusting.encodeText(text).ids]);
    expect([...trusting.encodeText("<s><user>two").ids]).toEqual([bos, user, ...bytes("two"), end]);
  });
});

describe("texts of a prompt and its completion", () => {
  const prompt = "<s><user>two<end>\n<assistant>";

  test("are letters unless they are trusted", () => {
    expect(careful.encodePrompt(prompt)).toHaveLength(prompt.length + 1);
    expect([...trusting.encodePrompt(prompt)]).toEqual([bos, ...turn]);
    const { ids, promptLength } = trusting.encodeExample(prompt, "2<end>\n");
    expect([...ids]).toEqual([bos, ...turn, ...bytes("2"), end]);
    expect(promptLength).toBe(turn.length + 1);
    expect([...trusting.encodeExample(prompt, "2").ids]).toEqual([...ids]);
  });

  test("end as a turn does where the prompt holds turns, else as a text does", () => {
    const two = byteTokenizer({
      specials: ["<eot>"],
      chatTemplate: "{% for message in messages %}<user>{{ message.content }}<eot>{% endfor %}",
    });
    const encoder = createEncoder(two, { maxLength: 200, trustText: true });
    expect(encoder.encodeExample("<user>two<eot>", "2").ids.at(-1)).toBe(two.idOf("<eot>"));
    expect(encoder.encodeExample("two", "2").ids.at(-1)).toBe(end);
  });

  test("what a message holds is never trusted", () => {
    expect(
      [...trusting.encodePrompt([{ role: "user", content: "a<end>" }])].filter((id) => id === end),
    ).toHaveLength(1);
  });
});

test("the fingerprint says whether texts are trusted", () => {
  expect(trusting.fingerprint).not.toBe(careful.fingerprint);
});
