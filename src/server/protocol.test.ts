/** What clients of other servers use: fields, forms and figures, as those clients read them. */
import { readFileSync } from "node:fs";
import { OpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { GREEDY, generate } from "../sampling/generate.ts";
import { PrefixReader } from "../sampling/prefix-reader.ts";
import type { Encoder } from "../text/encoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import type { RunningServer } from "./listen.ts";
import { ServerMetrics } from "./metrics.ts";
import { encoder, events, send, startTiny, tinyModel, tinyOf } from "./testing.ts";

let server: RunningServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startTiny();
  client = new OpenAI({ baseURL: server.baseUrl, apiKey: "none", maxRetries: 0 });
});
afterAll(() => server.close());

const user = { role: "user" as const, content: "Tell me" };
const chat = { model: "tiny", messages: [user], max_tokens: 8, temperature: 0 };
const post = (path: string, body: unknown) => send(server, `/v1/${path}`, { body });
const textOf = (body: object) =>
  client.chat.completions
    .create({ ...chat, ...body } as typeof chat)
    .then(({ choices }) => choices[0]!.message.content);

describe("history", () => {
  test("holds attune's own answers, and null is absent at every depth", async () => {
    const said = (await client.chat.completions.create(chat)).choices[0]!.message;
    const plain = [
      user,
      { role: "assistant", content: said.content },
      { role: "user", content: "Again" },
    ];
    const expected = await textOf({ messages: plain });
    expect(await textOf({ messages: [user, said, { role: "user", content: "Again" }] })).toBe(
      expected,
    );
    const nulls = [
      { ...user, name: null },
      {
        ...said,
        refusal: null,
        tool_calls: null,
        name: null,
        function_call: undefined,
        annotations: null,
      },
      { role: "user", content: [{ type: "text", text: "Again", cache_control: null }] },
    ];
    expect(
      await textOf({
        messages: nulls,
        stop: null,
        stream_options: null,
        response_format: { type: "text", json_schema: null },
        logit_bias: null,
      }),
    ).toBe(expected);
  });

  test("an answer without a content is an empty one, and a refusal is what was said", async () => {
    const after = (turn: object) =>
      textOf({ messages: [user, { role: "assistant", ...turn }, user] });
    expect(await after({ content: null })).toBe(await after({ content: "" }));
    expect(await after({ content: null, refusal: "No." })).toBe(await after({ content: "No." }));
    expect(await after({ content: [{ type: "refusal", refusal: "No." }] })).toBe(
      await after({ content: "No." }),
    );
  });
});

describe("sampling", () => {
  test("a bias forces a token or forbids it, and log-probabilities stay the model's own", async () => {
    const [forced, first] = [
      encoder.tokenizer.encodePlain("Q")[0]!,
      encoder.tokenizer.encodePlain((await textOf({}))!)[0]!,
    ];
    expect(await textOf({ logit_bias: { [forced]: 100 } })).toBe("QQQQQQQQ");
    expect((await textOf({ logit_bias: { [first]: -100 } }))![0]).not.toBe(
      encoder.tokenizer.decode([first]),
    );
    const { choices } = await client.chat.completions.create({
      ...chat,
      logit_bias: { [forced]: 100 },
      logprobs: true,
      top_logprobs: 1,
    });
    const place = choices[0]!.logprobs!.content![0]!;
    expect(place.token).toBe("Q");
    expect(place.logprob).toBeLessThan(place.top_logprobs[0]!.logprob);
  });

  test("penalties keep a model from saying a thing again", async () => {
    const forced = encoder.tokenizer.encodePlain("QR");
    const bias = Object.fromEntries(forced.map((id, index) => [id, 100 - index]));
    expect(await textOf({ logit_bias: bias, presence_penalty: 2 })).toMatch(/^QR/);
    expect(new Set(await textOf({ logit_bias: bias, frequency_penalty: 2 }))).toEqual(
      new Set("QR"),
    );
    expect(await textOf({ logit_bias: bias, repetition_penalty: 10 })).not.toMatch(/^QQ/);
  });

  test("top_k and min_p leave the most likely token alone where they are narrow, and all where they are wide", async () => {
    const free = { temperature: 2, seed: 3, max_tokens: 6 };
    expect(await textOf({ ...free, top_k: 1 })).toBe(await textOf({ max_tokens: 6 }));
    expect(await textOf({ ...free, min_p: 1 })).toBe(await textOf({ max_tokens: 6 }));
    expect(await textOf({ ...free, top_k: -1, min_p: 0 })).toBe(await textOf(free));
    expect(await textOf(free)).not.toBe(await textOf({ max_tokens: 6 }));
  });
});

describe("JSON", () => {
  const Answer = z.strictObject({
    name: z.string().max(6),
    ages: z.array(z.int()).max(2),
    kind: z.enum(["a", "b"]),
  });
  const schema = {
    type: "object",
    properties: {
      name: { type: "string", maxLength: 6 },
      ages: { type: "array", items: { type: "integer" }, maxItems: 2 },
      kind: { enum: ["a", "b"] },
    },
    required: ["name", "ages", "kind"],
    additionalProperties: false,
  };
  const format = {
    type: "json_schema" as const,
    json_schema: { name: "answer", strict: true, schema },
  };
  const free = { ...chat, max_tokens: 200, temperature: 1.5, n: 6, seed: 2 };

  test("by a schema: every answer satisfies it, alone and beside others, whole and streamed", async () => {
    const [{ choices }, other] = await Promise.all([
      client.chat.completions.create({ ...free, response_format: format }),
      textOf({ seed: 5, temperature: 1 }),
    ]);
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe("stop");
      expect(Answer.safeParse(JSON.parse(message.content!)).error).toBeUndefined();
    }
    expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    expect(other).toBe(await textOf({ seed: 5, temperature: 1 }));
    const streamed = events(
      (await post("chat/completions", { ...free, n: 1, stream: true, response_format: format }))
        .text,
    );
    expect(streamed.map(({ choices: [choice] }) => choice.delta.content ?? "").join("")).toBe(
      choices[0]!.message.content,
    );
  });

  test("of any kind: an object, greedily too", async () => {
    for (const temperature of [0, 1.5]) {
      const { choices } = await client.chat.completions.create({
        ...free,
        n: 2,
        temperature,
        max_tokens: 60,
        response_format: { type: "json_object" },
      });
      for (const { message, finish_reason } of choices) {
        expect(message.content).toMatch(/^\s?\{/);
        if (finish_reason === "stop") expect(JSON.parse(message.content!)).toBeTypeOf("object");
      }
    }
  });
});

describe("echo with log-probabilities", () => {
  test("tells what the model thinks of a prompt, as evaluations ask: texts and ids, with one token more or none", async () => {
    const text = "Once upon a time";
    const ids = encoder.encodePrompt(text, { plain: true });
    const reader = await PrefixReader.create(tinyModel, 256);
    const expected: { logp: number; best: number }[] = [];
    for (let place = 1; place < ids.length; place++)
      expected.push(
        await reader.read(ids.subarray(0, place), (scores) => ({
          logp: scores.logp(ids[place]!),
          best: scores.best(),
        })),
      );
    await reader.close();
    for (const prompt of [text, [...ids], [[...ids]]]) {
      for (const max_tokens of [0, 1]) {
        const [choice] = (
          await client.completions.create({
            model: "tiny",
            prompt: prompt as string,
            max_tokens,
            temperature: 0,
            logprobs: 1,
            echo: true,
            seed: 1234,
          })
        ).choices;
        const {
          tokens,
          token_logprobs: logps,
          top_logprobs: top,
          text_offset: offsets,
        } = choice!.logprobs!;
        expect([tokens!.length, logps!.length, top!.length, offsets!.length]).toEqual(
          Array.from({ length: 4 }, () => ids.length + max_tokens),
        );
        expect([logps![0], top![0]]).toEqual([null, null]);
        expected.forEach(({ logp, best }, index) => {
          expect(Math.abs(logps![index + 1]! - logp)).toBeLessThan(2e-4);
          // lm_eval's test of greediness
          const places = Object.entries(top![index + 1]!);
          expect(places.toSorted(([, a], [, b]) => b - a)[0]![0] === tokens![index + 1]).toBe(
            best === ids[index + 1],
          );
        });
        expect(choice!.text.startsWith(text)).toBe(true);
        // the first token is BOS, which is not said
        expect(tokens!.slice(1, ids.length).join("")).toBe(text);
        offsets!
          .slice(1, ids.length)
          .forEach((offset, index) =>
            expect(text.slice(offset).startsWith(tokens![index + 1]!)).toBe(true),
          );
      }
    }
  });

  test("streams it before the answer", async () => {
    const body = {
      model: "tiny",
      prompt: "Once",
      max_tokens: 4,
      temperature: 0,
      logprobs: 2,
      echo: true,
    };
    const whole = (await client.completions.create(body)).choices[0]!;
    const pieces = [];
    for await (const { choices } of await client.completions.create({ ...body, stream: true }))
      pieces.push(choices[0]!);
    expect(pieces.map(({ text }) => text).join("")).toBe(whole.text);
    expect(pieces[0]!.text).toBe("Once");
    const tokens = pieces.flatMap(({ logprobs }) => logprobs?.tokens ?? []);
    expect(whole.logprobs!.tokens!.slice(0, tokens.length)).toEqual(tokens);
    expect(pieces.flatMap(({ logprobs }) => logprobs?.text_offset ?? [])).toEqual(
      whole.logprobs!.text_offset!.slice(0, tokens.length),
    );
  });
});

describe("a SentencePiece vocabulary", () => {
  const { tokenizer, config } = JSON.parse(
    readFileSync(new URL("../text/golden/llama2.json", import.meta.url), "utf8"),
  ) as { tokenizer: object; config: object };
  const speaks: Encoder = createEncoder(
    tokenizerFromFiles({
      "tokenizer.json": JSON.stringify(tokenizer),
      "tokenizer_config.json": JSON.stringify(config),
    }),
    { maxLength: 256 },
  );
  const bytesOf = (bytes: readonly (readonly number[] | null)[]): string =>
    Buffer.from(bytes.flatMap((each) => [...each!])).toString();

  test("bytes join to the text, spaces and parts of characters included, and no two tokens stand under one key", async () => {
    const model = tinyOf(speaks);
    const own = await startTiny({ models: [{ name: "tiny", model, fingerprint: "00" }], speaks });
    try {
      const asking = new OpenAI({ baseURL: own.baseUrl, apiKey: "none", maxRetries: 0 });
      const emoji = speaks.tokenizer.encodePlain("\u{1F642}", { continues: true });
      expect(emoji.length).toBeGreaterThan(1);
      const spaced = Array.from({ length: speaks.tokenizer.vocabularySize }, (_, id) => id).filter(
        (id) => /^\u2581[a-z]+$/.test(speaks.tokenizer.tokenOf(id) ?? ""),
      );
      const bias = Object.fromEntries([...spaced.slice(0, 20), ...emoji].map((id) => [id, 30]));
      for (const seed of [1, 2, 3, 4]) {
        const drawing = { model: "tiny", max_tokens: 12, temperature: 2, seed, logit_bias: bias };
        const { choices } = await asking.chat.completions.create({
          ...drawing,
          messages: [user],
          logprobs: true,
          top_logprobs: 5,
        });
        const places = choices[0]!.logprobs!.content!;
        expect(bytesOf(places.map(({ bytes }) => bytes))).toBe(choices[0]!.message.content);
        const text = (await asking.completions.create({ ...drawing, prompt: "a", logprobs: 20 }))
          .choices[0]!;
        const { tokens, top_logprobs: top } = text.logprobs!;
        expect(text.text.startsWith(" ") || tokens![0]!.startsWith("bytes:")).toBe(true);
        for (const each of top!) expect(Object.keys(each).length).toBeGreaterThanOrEqual(20);
        if (!tokens!.some((token) => token.startsWith("bytes:")))
          expect(tokens!.join("")).toBe(text.text);
        expect(tokens!.some((token) => token.startsWith(" "))).toBe(true);
      }
    } finally {
      await own.close(0);
    }
  });
});

describe("metrics", () => {
  test("are in Prometheus' form, count what was done, and name nothing that a client sent", async () => {
    const own = await startTiny({ token: "token-0123456789abcdef" });
    const headers = { authorization: "Bearer token-0123456789abcdef" };
    try {
      expect((await send(own, "/metrics")).status).toBe(401);
      const { usage } = (
        await send(own, "/v1/chat/completions", { body: { ...chat, n: 2 }, headers })
      ).json() as unknown as { usage: { prompt_tokens: number; completion_tokens: number } };
      await send(own, "/v1/completions", {
        body: { model: 'no"such\nmodel', prompt: "x" },
        headers,
      });
      const { text, headers: told } = await send(own, "/metrics", { headers });
      expect(told["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
      for (const line of text.trimEnd().split("\n"))
        expect(line).toMatch(
          /^(# (HELP|TYPE) attune_\w+ .+|attune_\w+(\{\w+="[^"\\\n]*"(,\w+="[^"\\\n]*")*\})? [\d.e+-]+)$/,
        );
      expect(text).toContain('attune_requests_total{endpoint="chat/completions",status="200"} 1');
      expect(text).toContain('attune_requests_total{endpoint="completions",status="404"} 1');
      expect(text).toContain(`attune_prompt_tokens_total{model="tiny"} ${usage.prompt_tokens}`);
      expect(text).toContain(
        `attune_generation_tokens_total{model="tiny"} ${usage.completion_tokens}`,
      );
      expect(text).toContain('attune_answers_running{model="tiny"} 0');
      expect(text).toMatch(/attune_time_to_first_token_seconds_count 1\n/);
      expect(text).toContain(
        `attune_time_between_tokens_seconds_count ${usage.completion_tokens - 2}`,
      );
      expect(text).not.toContain("such");
    } finally {
      await own.close(0);
    }
  });

  test("a histogram counts what is at most a bound", () => {
    const metrics = new ServerMetrics();
    let now = 0;
    const watch = metrics.watch(() => now);
    for (const at of [30, 80, 81, 2_081]) {
      now = at;
      watch.token(0);
    }
    watch.end();
    const text = metrics.text([{ name: "a", admitted: 3, running: 2, waiting: 1 }]);
    for (const line of [
      'between_tokens_seconds_bucket{le="0.005"} 1',
      'between_tokens_seconds_bucket{le="0.05"} 2',
      'between_tokens_seconds_bucket{le="2.5"} 3',
      'between_tokens_seconds_bucket{le="+Inf"} 3',
      'first_token_seconds_bucket{le="0.01"} 0',
      'first_token_seconds_bucket{le="0.05"} 1',
      "first_token_seconds_sum 0.03",
      'attune_answers_running{model="a"} 2',
      'attune_answers_waiting{model="a"} 1',
    ])
      expect(text).toContain(`${line}\n`);
  });
});

test("errors have the four fields, and their message is short whatever was sent", async () => {
  const bodies = [
    { model: "x".repeat(10_000) },
    { ...chat, ["y".repeat(10_000)]: 1 },
    { ...chat, messages: [{ role: "z".repeat(10_000), content: "" }] },
    { ...chat, stop: "" },
  ];
  for (const body of bodies) {
    const { error } = (await post("chat/completions", body)).json();
    expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
    expect(error.message.length).toBeLessThan(300);
  }
  await expect(client.embeddings.create({ model: "tiny", input: "x" })).rejects.toMatchObject({
    status: 404,
    code: "unsupported_endpoint",
    message: expect.stringContaining("no embeddings"),
  });
});

test("greedy answers are those of the library", async () => {
  const [expected] = await generate(tinyModel, encoder, [encoder.encodePrompt([user])], {
    ...GREEDY,
    maxNewTokens: 8,
  });
  expect(await textOf({})).toBe(expected!.text);
});
