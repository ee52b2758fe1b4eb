/** What is left of rows that are too long, and what is told of them. */
import {
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  property,
  record,
  string,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { createEncoder } from "./encoder.ts";
import type { Message } from "./messages.ts";
import { byteTokenizer } from "./testing.ts";

const say = (role: Message["role"], content: string): Message => ({ role, content });
const tokenizer = byteTokenizer();
const limited = (maxLength: number) => createEncoder(tokenizer, { maxLength });
const plain = (maxLength: number) => createEncoder(tokenizer, { maxLength, template: "none" });
const text = (ids: ArrayLike<number>): string => tokenizer.decode(Array.from(ids));
const end = 258;

describe("conversations", () => {
  const turns = [
    say("system", "be brief"),
    say("user", "first question"),
    say("assistant", "first answer"),
    say("user", "second question"),
  ];
  const asked = "<s><system>be brief<end>\n<user>second question<end>\n<assistant>";

  test("whole oldest exchanges go; BOS, the system turn and the frame stay", () => {
    const pair = limited(64).encodePair(turns, "yes", "no");
    expect(text(pair.prompt)).toBe(asked);
    expect(text(pair.chosen)).toBe("yes<end>");
    expect(pair.cut).toEqual({
      tokens: "first questionfirst answer".length + 6,
      turns: 2,
      answers: 0,
      prompt: "whole",
    });
  });

  test("an answer loses its end before the last turn loses anything, and is not taught to stop there", () => {
    const pair = limited(64).encodePair(turns.slice(0, 2), "a".repeat(80), "no");
    expect(text(pair.prompt)).toBe(
      "<s><system>be brief<end>\n<user>first question<end>\n<assistant>",
    );
    expect(pair.prompt.length + pair.chosen.length).toBe(64);
    expect([...pair.chosen]).not.toContain(end);
    expect(text(pair.rejected)).toBe("no<end>");
    expect(pair.cut).toEqual({
      tokens: 81 - pair.chosen.length,
      turns: 0,
      answers: 1,
      prompt: "whole",
    });
  });

  test("of a last turn that is too long the middle goes, down to a quarter of the limit for the answer", () => {
    const question = `${"b".repeat(60)}${"c".repeat(60)}`;
    const pair = limited(64).encodePair([turns[0]!, say("user", question)], "a".repeat(80), "no");
    expect(text(pair.prompt)).toMatch(
      /^<s><system>be brief<end>\n<user>b+ … c+<end>\n<assistant>$/,
    );
    expect(pair.chosen.length).toBeGreaterThanOrEqual(16);
    expect(pair.prompt.length + pair.chosen.length).toBeLessThanOrEqual(64);
    expect(pair.cut).toMatchObject({ turns: 0, answers: 1, prompt: "middle" });
    expect(text(pair.rejected)).toBe("no<end>");
  });

  test("a tool's answer is never without its call", () => {
    const messages = [
      say("user", "a long enough question"),
      say("assistant", "call"),
      say("tool", "42"),
      say("assistant", "answer"),
      say("user", "more"),
      say("assistant", "call two"),
      say("tool", "43"),
      say("assistant", "done"),
    ];
    const [row] = limited(64).encodeConversation(messages, { loss: "completion" });
    expect(text(row!.ids)).toBe(
      "<s><user>more<end>\n<assistant>call two<end>\n<tool>43<end>\n<assistant>done<end>",
    );
    expect(row!.cut).toMatchObject({ turns: 4, answers: 0, prompt: "whole" });
  });

  test("a tool's long answer loses its middle, so that the answer to it is learned", () => {
    const messages = [
      say("user", "q"),
      say("assistant", "call"),
      say("tool", "x".repeat(200)),
      say("assistant", "done"),
    ];
    const [row] = limited(64).encodeConversation(messages, { loss: "completion" });
    expect(text(row!.ids)).toMatch(
      /^<s><user>q<end>\n<assistant>call<end>\n<tool>x+ … x+<end>\n<assistant>done<end>$/,
    );
    expect(row!.ids.length).toBeLessThanOrEqual(64);
  });

  test("a pair whose answers differ only in what is cut is refused with its row", () => {
    const same = "a".repeat(80);
    expect(() =>
      limited(64).encodePair(turns.slice(0, 2), `${same}b`, `${same}c`, { place: { row: 3 } }),
    ).toThrow(/^row 3: truncation leaves the same of both answers/);
  });

  test("a system turn that leaves no room is refused with its row and its lengths", () => {
    expect(() =>
      limited(64).encodePair([say("system", "s".repeat(80)), say("user", "q")], "a", "b", {
        place: { file: "d.jsonl", row: 7 },
      }),
    ).toThrow(
      new RegExp(
        String.raw`^d\.jsonl:7: truncation leaves nothing of the completion` +
          String.raw`\n {2}got: \d+ prompt and 2 completion tokens, max length 64` +
          String.raw`\n {2}try: `,
      ),
    );
  });
});

describe("plain texts", () => {
  test("BOS stays and the text's beginning goes", () => {
    const pair = plain(10).encodePair("0123456789", "abc", "defgh");
    expect(text(pair.prompt)).toBe("<s>789");
    expect([text(pair.chosen), text(pair.rejected)]).toEqual(["abc<end>", "defgh<end>"]);
    expect(pair.cut).toEqual({ tokens: 7, turns: 0, answers: 0, prompt: "beginning" });
  });

  test("beside a long answer a quarter of the limit of prompt is left, as in chosen 81 and rejected 3 tokens with limit 64", () => {
    const pair = plain(64).encodePair("0123456789".repeat(4), "a".repeat(80), "no");
    expect(text(pair.prompt)).toBe("<s>567890123456789");
    expect([...pair.chosen]).toEqual([...tokenizer.encodePlain("a".repeat(48))]);
    expect(text(pair.rejected)).toBe("no<end>");
    expect(pair.cut).toEqual({ tokens: 25 + 33, turns: 0, answers: 1, prompt: "beginning" });
  });

  test("a short prompt stays whole", () => {
    const { ids, promptLength, cut } = plain(32).encodeExample("why?", "b".repeat(40));
    expect(text(ids.subarray(0, promptLength))).toBe("<s>why?");
    expect(ids).toHaveLength(32);
    expect(cut).toMatchObject({ answers: 1, prompt: "whole" });
  });

  test("a text without a prompt loses its end, and nothing says that it ends there", () => {
    const { ids, supervised, cut } = plain(8).encodeText("0123456789");
    expect(text(ids)).toBe("<s>0123456");
    expect(supervised.every((flag) => flag === 1)).toBe(true);
    expect(cut).toEqual({ tokens: 4, turns: 0, answers: 1, prompt: "whole" });
  });
});

test("no row is longer than the limit, each begins with BOS and ends in a stop token exactly where its answer is whole", () => {
  const turn = record({
    ask: string({ maxLength: 30 }),
    answer: string({ minLength: 1, maxLength: 30 }),
    tool: boolean(),
  });
  assert(
    property(
      array(turn, { minLength: 1, maxLength: 4 }),
      integer({ min: 56, max: 120 }),
      constantFrom<"completion" | "full">("completion", "full"),
      (exchanges, maxLength, loss) => {
        const messages = exchanges.flatMap(({ ask, answer, tool }) => [
          say("user", ask),
          ...(tool ? [say("assistant", "f()"), say("tool", ask)] : []),
          say("assistant", answer),
        ]);
        const encoder = limited(maxLength);
        const [row] = encoder.encodeConversation([say("system", "s"), ...messages], { loss });
        expect(row!.ids.length).toBeLessThanOrEqual(maxLength);
        expect(text(row!.ids).startsWith("<s><system>s<end>\n<user>")).toBe(true);
        expect(row!.ids.at(-1) === end).toBe((row!.cut?.answers ?? 0) === 0);
        const whole = limited(4096).encodeConversation([say("system", "s"), ...messages], {
          loss,
        })[0]!;
        expect(whole.ids.length - row!.ids.length).toBe(row!.cut?.tokens ?? 0);
      },
    ),
    { numRuns: 60 },
  );
});

test("a prompt that a model answers is never cut", () => {
  const messages = [say("user", "x".repeat(100))];
  expect(text(limited(64).encodePrompt(messages))).toBe(
    `<s><user>${"x".repeat(100)}<end>\n<assistant>`,
  );
});
