import { describe, expect, test } from "vitest";
import { TINY_CONFIGS, decodableConfig, randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import type { Message } from "../text/messages.ts";
import { byteTokenizer } from "../text/testing.ts";
import { Conversation } from "./conversation.ts";
import { GREEDY, generate } from "./generate.ts";

const encoder = createEncoder(byteTokenizer(), { maxLength: 256 });
const tiny = (type: string) =>
  randomModel(
    {
      ...decodableConfig(type),
      n_positions: 256,
      max_position_embeddings: 256,
      vocab_size: encoder.tokenizer.vocabularySize,
    },
    3,
    0.15,
  );
const options = { ...GREEDY, maxNewTokens: 7 };

describe.each(Object.keys(TINY_CONFIGS))("%s", (type) => {
  test.each([16, 256])(
    "every turn over a cache of %d tokens is what a fresh reading gives",
    async (firstRoom) => {
      const model = tiny(type);
      const conversation = new Conversation(model, encoder, { firstRoom });
      const turns: Message[] = [];
      const reused: number[] = [];
      for (const content of ["Hi", "And who are you?", "x", "tell me more about it"]) {
        turns.push({ role: "user", content });
        const prompt = encoder.encodePrompt(turns);
        const [expected] = await generate(model, encoder, [prompt], options);
        const answer = await conversation.reply(prompt, options);
        expect(answer.ids).toEqual(expected!.ids);
        answer.logps.forEach((logp, i) =>
          expect(Math.abs(logp - expected!.logps[i]!)).toBeLessThan(2e-4),
        );
        turns.push({ role: "assistant", content: answer.text });
        reused.push(conversation.reused);
      }
      await conversation.close();
      // a cache that is large enough from the start is read again in no turn
      if (firstRoom === 256) expect(reused.slice(1).every((count) => count > 0)).toBe(true);
      expect(reused[0]).toBe(0);
    },
  );
});

test("earlier turns may change: what differs is read again", async () => {
  const model = tiny("llama");
  const conversation = new Conversation(model, encoder);
  const ask = (texts: readonly string[]) =>
    encoder.encodePrompt(texts.map((content): Message => ({ role: "user", content })));
  for (const texts of [["one", "two"], ["one"], ["one", "three", "four"], ["other"], ["other"]]) {
    const [expected] = await generate(model, encoder, [ask(texts)], options);
    expect((await conversation.reply(ask(texts), options)).ids).toEqual(expected!.ids);
  }
  expect(conversation.reused).toBe(ask(["other"]).length - 1);
  await conversation.close();
});

test("an answer becomes no longer than the context leaves, and a prompt that leaves nothing is refused", async () => {
  const model = tiny("llama");
  const { maxPositions } = model.config;
  const conversation = new Conversation(model, encoder);
  const { ids } = await conversation.reply(new Int32Array(maxPositions - 1).fill(65), {
    ...options,
    maxNewTokens: 1000,
  });
  expect(ids).toHaveLength(1);
  await expect(conversation.reply(new Int32Array(maxPositions).fill(65), options)).rejects.toThrow(
    /leaves no room for an answer/,
  );
  await conversation.close();
});
