import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { AnswerCache } from "../../constitution/answer-cache.ts";
import { startMockServer } from "../../constitution/testing/server.ts";
import { randomModel, TINY_CONFIGS } from "../../models/testing.ts";
import { Decoder } from "../../sampling/decoder.ts";
import { createEncoder } from "../../text/encoder.ts";
import { byteTokenizer } from "../../text/testing.ts";
import type { AnswerRequest, ContinuationScore, Subject } from "../subject.ts";
import { CountedSubject } from "./counted-subject.ts";
import { LocalSubject } from "./local-subject.ts";
import { ServerSubject } from "./server-subject.ts";

const tokenizer = byteTokenizer();
const ROOM = 256;
const model = randomModel(
  {
    ...TINY_CONFIGS["llama"]!,
    hidden_size: 64,
    vocab_size: tokenizer.vocabularySize,
    max_position_embeddings: ROOM,
  },
  3,
  0.15,
);
const plain = createEncoder(tokenizer, { maxLength: ROOM, template: "none" });
const turns = createEncoder(tokenizer, { maxLength: ROOM, template: "plain" });
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
const folder = mkdtempSync(join(tmpdir(), "attune-subject-"));
afterAll(() => rmSync(folder, { recursive: true }));

function local({
  cache = AnswerCache.inMemory(),
  encoder = plain,
  contextLength = ROOM,
} = {}): LocalSubject {
  const subject = new LocalSubject({
    name: "tiny",
    model,
    encoder,
    fingerprint: "f",
    cache,
    batchSize: 4,
    contextLength,
  });
  open.push(subject);
  return subject;
}

const REQUEST: AnswerRequest = { prompt: "Who?", maxNewTokens: 8, temperature: 1, seed: 1 };

describe("a local model", () => {
  test("answers by prompt, seed and sample alone, whatever is asked beside", async () => {
    const prompts = ["Who?", "Where is it?", "And when?", "a", "b", "c"];
    const alone = await local().answer([REQUEST]);
    const beside = await local().answer(prompts.map((prompt) => ({ ...REQUEST, prompt })));
    expect(beside[0]).toEqual(alone[0]);
    const [sample, seed] = await local().answer([
      { ...REQUEST, sample: 1 },
      { ...REQUEST, seed: 2 },
    ]);
    expect(sample).not.toEqual(alone[0]);
    expect(seed).not.toEqual(alone[0]);
    expect(alone[0]).toMatchObject({ text: expect.any(String), tokens: expect.any(Number) });
  });

  test("what was answered is kept: equal requests once, and another process goes on", async () => {
    const place = mkdtempSync(join(folder, "kept-"));
    const cache = AnswerCache.open(place);
    const requests = [REQUEST, REQUEST, { ...REQUEST, prompt: "Where?" }];
    const first = await local({ cache }).answer(requests);
    expect(cache.size).toBe(2);
    cache.close();
    const again = AnswerCache.open(place);
    open.push({ close: () => Promise.resolve(again.close()) });
    let done = 0;
    const second = await local({ cache: again }).answer(requests, { onDone: (n) => (done = n) });
    expect(second).toEqual(first);
    expect([again.size, done]).toEqual([2, 3]);
  });

  test("an abort keeps what was answered, and the rest is asked later", async () => {
    const cache = AnswerCache.inMemory();
    const stop = new AbortController();
    const requests = Array.from({ length: 12 }, (_, i) => ({ ...REQUEST, prompt: `p${i}` }));
    await expect(
      local({ cache }).answer(requests, {
        signal: stop.signal,
        onDone: (done) => (done === 2 ? stop.abort(new Error("stopped")) : undefined),
      }),
    ).rejects.toThrow("stopped");
    expect(cache.size).toBeGreaterThanOrEqual(2);
    expect(cache.size).toBeLessThan(12);
    const whole = await local().answer(requests);
    expect(await local({ cache }).answer(requests)).toEqual(whole);
  });

  test("a prompt that leaves no room is refused, and no other", async () => {
    const [long, short] = await local({ contextLength: 32 }).answer([
      { ...REQUEST, prompt: "x".repeat(40) },
      REQUEST,
    ]);
    expect(long).toMatchObject({ refused: expect.stringContaining("room for 32") });
    expect(short).toHaveProperty("text");
  });
});

/** One forward at a time, token by token. */
async function byHand(ids: readonly number[], from: number): Promise<ContinuationScore> {
  const decoder = await Decoder.create(model, { maxLength: ROOM });
  const score = { logProbability: 0, tokens: 0, greedy: true };
  for (let at = from; at < ids.length; at++) {
    const [prefix] = await decoder.read([{ ids: ids.slice(0, at) }]);
    score.logProbability += prefix!.scores.logp(ids[at]!);
    score.greedy &&= prefix!.scores.best() === ids[at];
    score.tokens++;
  }
  await decoder.close();
  return score;
}

describe("log-probabilities of continuations", () => {
  const expectSame = (got: unknown, wanted: ContinuationScore): void => {
    expect(got).toMatchObject({ tokens: wanted.tokens, greedy: wanted.greedy });
    expect((got as ContinuationScore).logProbability).toBeCloseTo(wanted.logProbability, 3);
  };

  test("are those of a plain forward, also where continuations share their prompt", async () => {
    const requests = [
      { prompt: "The sky is", continuation: " blue" },
      { prompt: "Another, longer prompt that is", continuation: " no" },
      { prompt: "The sky is", continuation: " green and wide" },
      { prompt: "The sky is", continuation: "n't" },
      // the space belongs to the word
      { prompt: "The sky is ", continuation: "blue" },
    ];
    const scores = await local().score(requests);
    for (const [index, { prompt, continuation }] of requests.entries()) {
      const start = plain.encodePrompt(prompt.trimEnd()).length;
      expectSame(
        scores[index],
        await byHand([...plain.encodePrompt(prompt + continuation)], start),
      );
    }
    expect(scores[4]).toEqual(scores[0]);
  });

  test("of a conversation stand behind the opening of the answer", async () => {
    const prompt = [{ role: "user" as const, content: "Is it?" }];
    const [score] = await local({ encoder: turns }).score([{ prompt, continuation: " Yes" }]);
    const opening = [...turns.encodePrompt(prompt)];
    const ids = [...opening, ...tokenizer.encodePlain(" Yes", { continues: true })];
    expectSame(score, await byHand(ids, opening.length));
  });

  test("the greedy answer is told by it", async () => {
    const [drawn] = await local().answer([
      { ...REQUEST, prompt: "So", temperature: 0, maxNewTokens: 3 },
    ]);
    const { text } = drawn as { text: string };
    // an answer whose text is written back as the same tokens
    if (text === "" || text.includes("\ufffd")) return;
    const [score] = await local().score([{ prompt: "So", continuation: text }]);
    expect(score).toMatchObject({ greedy: true });
  });

  test("are kept, and what cannot be scored is refused with the reason", async () => {
    const cache = AnswerCache.inMemory();
    const requests = [
      { prompt: "a", continuation: "b" },
      { prompt: "a", continuation: "" },
      { prompt: "x".repeat(300), continuation: "b" },
    ];
    const scores = await local({ cache }).score(requests);
    expect(scores.slice(1)).toEqual([
      { refused: "the continuation is empty" },
      { refused: expect.stringContaining("room for 256") },
    ]);
    expect(cache.size).toBe(1);
    expect(await local({ cache }).score(requests)).toEqual(scores);
  });
});

describe("a served model", () => {
  const served = async (baseUrl: string, cache: AnswerCache, retries = 2): Promise<Subject> => {
    const subject = await ServerSubject.create({
      name: "openai:tiny",
      fingerprint: "f",
      settings: { baseUrl, apiKey: "none" },
      model: "tiny",
      cache,
      concurrency: 2,
      timeout: 5000,
      retry: { retries, firstWait: 1, longestWait: 2 },
    });
    open.push(subject);
    return subject;
  };

  test("that fails in the middle loses nothing and is asked nothing twice", async () => {
    let broken = true;
    const server = await startMockServer({
      reply: ({ messages }) => `to ${messages.at(-1)!.content}`,
      fault: ({ messages }) =>
        broken && messages.at(-1)!.content === "p3" ? { status: 500 } : undefined,
    });
    open.push(server);
    const cache = AnswerCache.inMemory();
    const requests = Array.from({ length: 6 }, (_, i) => ({ ...REQUEST, prompt: `p${i}` }));
    await expect((await served(server.baseUrl, cache, 1)).answer(requests)).rejects.toMatchObject({
      code: "network",
    });
    const kept = cache.size;
    expect(kept).toBeGreaterThan(0);
    broken = false;
    const answers = await (await served(server.baseUrl, cache)).answer(requests);
    expect(answers).toEqual(
      requests.map(({ prompt }) => ({ text: `to ${prompt as string}`, stopped: true })),
    );
    expect([...server.answered.values()]).toEqual(requests.map(() => 1));
  });

  test("scores by its echo, and where it has none every request says so", async () => {
    let asked = 0;
    const echoing = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        asked++;
        const body = JSON.parse(text) as { prompt: string; echo: boolean };
        // a token a character, each with log p of minus its place; one more is written
        const tokens = [...body.prompt, "!"];
        response.setHeader("content-type", "application/json");
        response.end(
          JSON.stringify({
            choices: [
              {
                text: body.prompt,
                logprobs: body.prompt.startsWith("none")
                  ? null
                  : {
                      tokens,
                      text_offset: tokens.map((_, i) => i),
                      token_logprobs: tokens.map((_, i) => (i === 0 ? null : -i)),
                      top_logprobs: tokens.map((token, i) => ({
                        [token]: -i,
                        x: i === 5 ? 0 : -9,
                      })),
                    },
              },
            ],
          }),
        );
      });
    });
    await new Promise<void>((done) => echoing.listen(0, "127.0.0.1", done));
    open.push({ close: () => new Promise((done) => echoing.close(done)) });
    const url = `http://127.0.0.1:${(echoing.address() as AddressInfo).port}/v1`;
    const cache = AnswerCache.inMemory();
    const subject = await served(url, cache);
    const scores = await subject.score!([
      { prompt: "abc", continuation: "de" },
      { prompt: "abc", continuation: "def" },
      { prompt: [{ role: "user", content: "abc" }], continuation: "de" },
    ]);
    expect(scores).toEqual([
      { logProbability: -7, tokens: 2, greedy: true },
      { logProbability: -12, tokens: 3, greedy: false },
      { refused: expect.stringContaining("conversation") },
    ]);
    expect(asked).toBe(2);
    await (
      await served(url, cache)
    ).score!([{ prompt: "abc", continuation: "de" }]);
    expect(asked).toBe(2);
    const none = await (
      await served(url, cache)
    ).score!([
      { prompt: "none", continuation: "a" },
      { prompt: "none", continuation: "b" },
      { prompt: "none", continuation: "c" },
    ]);
    expect(none).toEqual(
      Array.from({ length: 3 }, () => ({
        refused: "the server gives no log-probabilities of prompts",
      })),
    );
  });
});

test("what a server may be asked covers the answers that follow where it scores nothing", async () => {
  const counted = new CountedSubject("m");
  await counted.whyScoreless();
  await counted.whyScoreless();
  await counted.score([
    { prompt: "2 + 2?", continuation: " 4" },
    { prompt: "2 + 2?", continuation: " 5" },
  ]);
  const { requests, outputTokens } = counted.estimate;
  // one probe, and two options of which the letter may be asked instead
  expect(requests).toBe(3);
  expect(outputTokens).toBeGreaterThanOrEqual(1 + 16);
});
