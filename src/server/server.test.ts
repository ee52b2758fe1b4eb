/** The protocol, as two clients of different authors and plain HTTP see it. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AnswerCache } from "../constitution/answer-cache.ts";
import { ServerCritic } from "../constitution/server-critic.ts";
import { WholePlan } from "../models/plans/whole.ts";
import type { Answer } from "../sampling/generate.ts";
import { GREEDY, generate } from "../sampling/generate.ts";
import type { Prompt } from "../text/messages.ts";
import { joinRows, layExample } from "../training/layout.ts";
import type { RunningServer } from "./listen.ts";
import {
  adapterOf,
  adaptedTinyModel,
  encoder,
  events,
  send,
  startTiny,
  tinyModel,
} from "./testing.ts";

const TOKEN = "token-0123456789abcdef";
let server: RunningServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startTiny({
    token: TOKEN,
    models: [
      { name: "tiny", model: tinyModel, fingerprint: "0123456789abcdef" },
      adapterOf("polite", 1),
      adapterOf("org/rude", 2),
    ],
  });
  client = new OpenAI({ baseURL: server.baseUrl, apiKey: TOKEN, maxRetries: 0 });
});
afterAll(() => server.close());

const messages = [{ role: "user" as const, content: "Tell me" }];
const chat = { model: "tiny", messages, max_tokens: 8, temperature: 0 };
const greedy = async (
  prompt: Prompt,
  options: Partial<typeof GREEDY> = {},
  model = tinyModel,
): Promise<Answer> =>
  (
    await generate(model, encoder, [encoder.encodePrompt(prompt, { plain: true })], {
      ...GREEDY,
      maxNewTokens: 8,
      ...options,
    })
  )[0]!;
const post = (path: string, body: unknown) =>
  send(server, `/v1/${path}`, { body, headers: { authorization: `Bearer ${TOKEN}` } });

describe("chat completions", () => {
  test("say what the model says, with usage and the reason of the end", async () => {
    const expected = await greedy(messages);
    const reply = await client.chat.completions.create(chat);
    const prompt = encoder.encodePrompt(messages).length;
    expect(reply).toMatchObject({
      object: "chat.completion",
      model: "tiny",
      system_fingerprint: expect.stringMatching(/^fp_0123456789ab_/),
      usage: {
        prompt_tokens: prompt,
        completion_tokens: expected.ids.length,
        total_tokens: prompt + expected.ids.length,
      },
    });
    expect(reply.choices).toMatchObject([
      {
        index: 0,
        message: { role: "assistant", content: expected.text, refusal: null },
        finish_reason: expected.finish,
        logprobs: null,
      },
    ]);
    expect(Math.abs(reply.created - Date.now() / 1000)).toBeLessThan(600);
  });

  test("stream the same text, with usage where it is asked for", async () => {
    const expected = await greedy(messages, { maxNewTokens: 12 });
    const stream = await client.chat.completions.create({
      ...chat,
      max_tokens: 12,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks[0]!.choices[0]!.delta).toEqual({ role: "assistant", content: "" });
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(
      expected.text,
    );
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual([
      expected.finish,
    ]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { completion_tokens: expected.ids.length },
    });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.length).toBeGreaterThan(4);
  });

  test("repeat with a seed, differ with another, and give n answers", async () => {
    const ask = async (seed: number | undefined) =>
      (
        await client.chat.completions.create({
          ...chat,
          temperature: 1.5,
          n: 3,
          ...(seed === undefined ? {} : { seed }),
        })
      ).choices;
    const [first, again, other, any] = [
      await ask(1),
      await ask(1),
      await ask(2),
      await ask(undefined),
    ];
    expect(first.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(again).toEqual(first);
    expect(new Set([first, other, any].map((choices) => JSON.stringify(choices))).size).toBe(3);
    const expected = await generate(tinyModel, encoder, [encoder.encodePrompt(messages)], {
      ...GREEDY,
      temperature: 1.5,
      samples: 3,
      seed: 1,
      maxNewTokens: 8,
    });
    expect(first.map(({ message }) => message.content)).toEqual(expected.map(({ text }) => text));
    const streamed = events(
      (await post("chat/completions", { ...chat, temperature: 1.5, n: 3, seed: 1, stream: true }))
        .text,
    );
    expect(
      [0, 1, 2].map((index) =>
        streamed
          .map(({ choices: [choice] }) =>
            choice.index === index ? (choice.delta.content ?? "") : "",
          )
          .join(""),
      ),
    ).toEqual(expected.map(({ text }) => text));
  });

  test("end at stop texts, which no piece of a stream lets through", async () => {
    const { text } = await greedy(messages, { maxNewTokens: 24 });
    const stop = text.slice(5, 8);
    const [expected] = text.split(stop);
    const ask = { ...chat, max_tokens: 24, logprobs: true, stop: ["nowhere to be found", stop] };
    const reply = await client.chat.completions.create(ask);
    expect(reply.choices[0]).toMatchObject({
      message: { content: expected },
      finish_reason: "stop",
    });
    const pieces = events((await post("chat/completions", { ...ask, stream: true })).text);
    expect(pieces.map(({ choices: [choice] }) => choice.delta.content ?? "").join("")).toBe(
      expected,
    );
    const places = pieces.flatMap(({ choices: [choice] }) => choice.logprobs?.content ?? []);
    expect(places).toEqual(reply.choices[0]!.logprobs!.content);
    expect(
      Buffer.from(places.flatMap(({ bytes }) => bytes))
        .toString()
        .startsWith(expected!),
    ).toBe(true);
    expect(
      (await client.chat.completions.create({ ...chat, stop: text.slice(0, 1) })).choices[0]!
        .message.content,
    ).toBe("");
  });

  test("tell the log-probabilities that scoring the same text gives", async () => {
    const expected = await greedy(messages);
    const { choices } = await client.chat.completions.create({
      ...chat,
      logprobs: true,
      top_logprobs: 3,
    });
    const places = choices[0]!.logprobs!.content!;
    const prompt = encoder.encodePrompt(messages);
    const ids = Int32Array.from([...prompt, ...expected.ids]);
    const plan = new WholePlan({ model: tinyModel, reads: "tokens", maxLength: ids.length });
    const supervised = Uint8Array.from(ids, (_, index) => (index < prompt.length ? 0 : 1));
    const { readout } = await plan.score(
      joinRows([layExample({ ids, supervised })], { padId: 0 }).batch,
    );
    await plan.close();
    const written = expected.ids.filter((id) => !encoder.stopIds.includes(id));
    expect(places).toHaveLength(written.length);
    places.forEach(({ logprob, bytes, top_logprobs: top }, place) => {
      expect(Math.abs(logprob - readout[place]!)).toBeLessThan(2e-4);
      // the byte tokenizer's characters stand in the order of bytes
      expect(bytes).toEqual([written[place]]);
      expect(top).toHaveLength(3);
      expect(top[0]!.logprob).toBe(logprob);
      expect(top.map((each) => each.logprob)).toEqual(
        top.map((each) => each.logprob).toSorted((a, b) => b - a),
      );
    });
  });

  test("read contents in parts, and a developer as the system", async () => {
    const parts = [
      { type: "text" as const, text: "Tell " },
      { type: "text" as const, text: "me" },
    ];
    const reply = await client.chat.completions.create({
      ...chat,
      messages: [
        { role: "developer", content: "Be brief" },
        { role: "user", content: parts },
      ],
    });
    expect(reply.choices[0]!.message.content).toBe(
      (await greedy([{ role: "system", content: "Be brief" }, ...messages])).text,
    );
  });
});

describe("completions", () => {
  test("go on with texts and with ids, several prompts at once, echoed where asked for", async () => {
    const texts = ["Once", "upon a time"];
    const expected = await Promise.all(texts.map((text) => greedy(text)));
    const reply = await client.completions.create({
      model: "tiny",
      prompt: texts,
      max_tokens: 8,
      temperature: 0,
      echo: true,
    });
    expect(
      reply.choices.map(({ text, index, finish_reason }) => [index, text, finish_reason]),
    ).toEqual(expected.map(({ text, finish }, index) => [index, texts[index]! + text, finish]));
    expect(reply.usage!.completion_tokens).toBe(expected[0]!.ids.length + expected[1]!.ids.length);
    const prompt = texts.map((text) => [...encoder.encodePrompt(text, { plain: true })]);
    expect(
      (
        await client.completions.create({ model: "tiny", prompt, max_tokens: 8, temperature: 0 })
      ).choices.map(({ text }) => text),
    ).toEqual(expected.map(({ text }) => text));
    expect(
      (
        await client.completions.create({
          model: "tiny",
          prompt: prompt[1]!,
          max_tokens: 8,
          temperature: 0,
        })
      ).choices.map(({ text }) => text),
    ).toEqual([expected[1]!.text]);
    let streamed = "";
    for await (const { choices } of await client.completions.create({
      model: "tiny",
      prompt: texts[1]!,
      max_tokens: 8,
      temperature: 0,
      stream: true,
      echo: true,
    }))
      streamed += choices[0]!.text;
    expect(streamed).toBe(texts[1]! + expected[1]!.text);
  });

  test("tell log-probabilities in lists side by side", async () => {
    const expected = await greedy("Once");
    const { choices } = await client.completions.create({
      model: "tiny",
      prompt: "Once",
      max_tokens: 8,
      temperature: 0,
      logprobs: 2,
    });
    const {
      tokens,
      token_logprobs: logps,
      top_logprobs: top,
      text_offset: offsets,
    } = choices[0]!.logprobs!;
    const count = expected.ids.filter((id) => !encoder.stopIds.includes(id)).length;
    expect([tokens!.length, top!.length, offsets!.length]).toEqual([count, count, count]);
    logps!.forEach((logp, place) =>
      expect(Math.abs(logp! - expected.logps[place]!)).toBeLessThan(2e-4),
    );
    expect(offsets![0]).toBe(0);
  });
});

describe("models", () => {
  test("are listed, and adapters of one base are chosen by name", async () => {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    expect(listed).toEqual(["tiny", "polite", "org/rude"]);
    expect(await client.models.retrieve("polite")).toMatchObject({
      id: "polite",
      object: "model",
      parent: "tiny",
    });
    expect(
      (
        await send(server, "/v1/models/org/rude", { headers: { authorization: `Bearer ${TOKEN}` } })
      ).json(),
    ).toMatchObject({ id: "org/rude" });
    // one more than may be open, so that engines are closed and opened again
    for (const round of [0, 1]) {
      const replies = [];
      for (const model of ["tiny", "polite", "org/rude"])
        replies.push(
          (await client.chat.completions.create({ ...chat, model, seed: round })).choices[0]!
            .message.content,
        );
      expect(replies).toEqual([
        (await greedy(messages)).text,
        (await greedy(messages, {}, adaptedTinyModel(1))).text,
        (await greedy(messages, {}, adaptedTinyModel(2))).text,
      ]);
      expect(new Set(replies).size).toBe(3);
      expect(server.engines.load.length).toBeLessThanOrEqual(2);
    }
  });
});

describe("other clients", () => {
  test("the AI SDK writes and streams", async () => {
    const provider = createOpenAICompatible({
      name: "attune",
      baseURL: server.baseUrl,
      apiKey: TOKEN,
      includeUsage: true,
    });
    const expected = await greedy([{ role: "system", content: "Short" }, ...messages]);
    const settings = {
      model: provider("tiny"),
      system: "Short",
      prompt: "Tell me",
      temperature: 0,
      maxOutputTokens: 8,
      maxRetries: 0,
    };
    const whole = await generateText(settings);
    expect([whole.text, whole.finishReason, whole.usage.outputTokens]).toEqual([
      expected.text,
      expected.finish,
      expected.ids.length,
    ]);
    const stream = streamText(settings);
    let text = "";
    for await (const piece of stream.textStream) text += piece;
    expect([text, (await stream.usage).outputTokens]).toEqual([expected.text, expected.ids.length]);
    await expect(generateText({ ...settings, model: provider("nobody") })).rejects.toThrow(
      /there is no model/,
    );
  });

  test("a model is its own critic: letters are read from log-probabilities", async () => {
    const critic = await ServerCritic.create({
      settings: { baseUrl: server.baseUrl, apiKey: TOKEN },
      model: "tiny",
      cache: AnswerCache.inMemory(),
      concurrency: 4,
      timeout: 30_000,
      letters: "log-probabilities",
      letterSamples: 4,
    });
    const writing = await critic.write({
      messages,
      maxNewTokens: 8,
      temperature: 0,
      topP: 1,
      seed: 1,
      stream: [0],
    });
    expect(writing).toMatchObject({ text: (await greedy(messages)).text });
    const question = [{ role: "user" as const, content: "A or B?" }];
    const reading = await critic.readLetters({ messages: question, seed: 1, stream: [0] });
    expect(reading).toMatchObject({ method: "log-probabilities" });
    const { choices } = await client.chat.completions.create({
      ...chat,
      messages: question,
      temperature: 1,
      max_tokens: 5,
      logprobs: true,
      top_logprobs: 20,
    });
    expect(choices[0]!.logprobs!.content![0]!.top_logprobs).toHaveLength(20);
    expect(critic.usage.asked).toBe(2);
  });
});
