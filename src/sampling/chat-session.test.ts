import { afterEach, describe, expect, test } from "vitest";
import { TINY_CONFIGS, randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { ChatSession } from "./chat-session.ts";
import type { ChatOptions } from "./chat-session.ts";
import { GREEDY, generate } from "./generate.ts";

const CONTEXT = 128;
const tokenizer = byteTokenizer();
const encoder = createEncoder(tokenizer, { maxLength: CONTEXT });
const model = randomModel(
  {
    ...TINY_CONFIGS["llama"]!,
    hidden_size: 64,
    vocab_size: tokenizer.vocabularySize,
    max_position_embeddings: CONTEXT,
  },
  3,
  0.15,
);
const notes: string[] = [];
const sessions: ChatSession[] = [];
const open = (options: Partial<ChatOptions> = {}): ChatSession => {
  const session = new ChatSession(
    { model, encoder },
    { ...GREEDY, maxNewTokens: 8, system: "", ...options },
    (text) => notes.push(text),
  );
  sessions.push(session);
  return session;
};
afterEach(async () => {
  notes.length = 0;
  for (const session of sessions.splice(0)) await session.close();
});

describe("a conversation", () => {
  test("keeps its turns, and asks what generation is asked for the same messages", async () => {
    const session = open({ system: "s" });
    await session.say("Hi");
    const before = session.messages;
    const { answer } = await session.say("Again");
    const [expected] = await generate(
      model,
      encoder,
      [encoder.encodePrompt([...before, { role: "user", content: "Again" }])],
      { ...GREEDY, maxNewTokens: 8 },
    );
    expect(answer.ids).toEqual(expected!.ids);
    expect(session.messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
    expect(notes).toEqual([]);
  });

  test("that outgrows the context leaves out whole oldest turns and says so, and keeps all for saving", async () => {
    const session = open({ system: "be", maxNewTokens: 10 });
    let leftOut = 0;
    for (let turn = 0; turn < 6; turn++)
      ({ leftOut } = await session.say(`message number ${turn}`));
    expect(leftOut).toBeGreaterThan(0);
    expect(leftOut % 2).toBe(0);
    expect(session.messages).toHaveLength(13);
    expect(notes.at(-1)).toBe(
      `the context of ${CONTEXT} tokens is full: from here on the model does not read the first ` +
        `${leftOut} turns`,
    );
    const said = session.messages;
    const last = encoder.encodePrompt([said[0]!, ...said.slice(1 + leftOut, -1)]);
    expect(last.length).toBeLessThanOrEqual(CONTEXT - 10);
    const [expected] = await generate(model, encoder, [last], { ...GREEDY, maxNewTokens: 10 });
    expect(said.at(-1)!.content).toBe(expected!.text);
  });

  test("answers become no longer than the context leaves, which is said once", async () => {
    const session = open({ maxNewTokens: 500 });
    const { answer } = await session.say("Hi");
    const prompt = encoder.encodePrompt("Hi").length;
    expect(answer.ids.length).toBeLessThanOrEqual(CONTEXT - prompt);
    await session.say("Hi");
    expect(notes.filter((note) => note.startsWith("the answer"))).toEqual([
      `the answer has room for ${CONTEXT - prompt} tokens instead of 500 (a context of ${CONTEXT})`,
    ]);
  });

  test("goes on behind a message that is too long, as if it had not been said", async () => {
    const session = open();
    await session.say("Hi");
    const before = session.messages;
    await expect(session.say("x".repeat(CONTEXT))).rejects.toThrow(
      /leaves no room for an answer[^]*a shorter message/,
    );
    expect(session.messages).toEqual(before);
    await session.say("Hi");
  });

  test("begins anew with its system message, which can be another", async () => {
    const session = open({ system: "one" });
    await session.say("Hi");
    session.instruct("two");
    session.reset();
    await session.say("Hi");
    expect(session.messages.slice(0, 2)).toEqual([
      { role: "system", content: "two" },
      { role: "user", content: "Hi" },
    ]);
    session.instruct("");
    expect(session.messages[0]!.role).toBe("user");
  });
});
