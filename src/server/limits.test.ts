/**
 * Who is turned away and how, what is bounded, and that nobody's answer is mixed with another's.
 */
import { OpenAI } from "openai";
import { afterEach, describe, expect, test, vi } from "vitest";
import { AttuneError } from "../core/errors.ts";
import { DecodingBatch } from "../sampling/decoder.ts";
import { GREEDY, generate } from "../sampling/generate.ts";
import { Guard } from "./guard.ts";
import type { RunningServer } from "./listen.ts";
import { BASE, adapterOf, encoder, events, send, startTiny, tinyModel, until } from "./testing.ts";

const TOKEN = "token-0123456789abcdef";
let server: RunningServer;
afterEach(() => server?.close(0));

const chat = { model: "tiny", messages: [{ role: "user", content: "Tell me" }], max_tokens: 4 };
const admitted = (): number =>
  server.engines.load.reduce((total, each) => total + each.admitted, 0);
/**
 * Answers that go on until somebody ends them: with this seed neither of two draws a stop token.
 */
const long = { ...chat, max_tokens: 230, temperature: 2, seed: 11, stream: true };

describe("bad requests", () => {
  const many = "x".repeat(300);
  test.each<
    [
      path: string,
      body: unknown,
      refusal: [status: number, code: string, param: string | null],
      says: string,
    ]
  >([
    ["chat/completions", "{broken", [400, "invalid_json", null], "no JSON"],
    ["chat/completions", [], [400, "invalid_json", null], "object"],
    ["chat/completions", {}, [400, "missing_required_parameter", "model"], "missing"],
    [
      "chat/completions",
      { model: "tiny" },
      [400, "missing_required_parameter", "messages"],
      "missing",
    ],
    ["chat/completions", { ...chat, messages: [] }, [400, "invalid_value", "messages"], ""],
    [
      "chat/completions",
      { ...chat, messages: [{ role: "robot", content: "x" }] },
      [400, "invalid_value", "messages[0].role"],
      "",
    ],
    [
      "chat/completions",
      {
        ...chat,
        messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }],
      },
      [400, "invalid_value", "messages[0].content[0].type"],
      "an image cannot be read: attune's models read text alone",
    ],
    [
      "chat/completions",
      {
        ...chat,
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "what is this?" },
              { type: "input_audio", input_audio: {} },
            ],
          },
        ],
      },
      [400, "invalid_value", "messages[0].content[1].type"],
      "sound cannot be read",
    ],
    [
      "chat/completions",
      { ...chat, model: "other" },
      [404, "model_not_found", "model"],
      "there are tiny",
    ],
    ["chat/completions", { ...chat, temperature: 3 }, [400, "invalid_value", "temperature"], ""],
    ["chat/completions", { ...chat, max_tokens: 0 }, [400, "invalid_value", "max_tokens"], ""],
    ["chat/completions", { ...chat, n: 1000 }, [400, "invalid_value", "n"], ""],
    ["chat/completions", { ...chat, n: 69 }, [400, "invalid_value", "n"], "at once"],
    [
      "chat/completions",
      { ...chat, stop: Array.from({ length: 17 }, String) },
      [400, "invalid_value", "stop"],
      "<=16 items",
    ],
    ["chat/completions", { ...chat, stop: "" }, [400, "invalid_value", "stop"], ">=1 characters"],
    [
      "chat/completions",
      { ...chat, top_logprobs: 2 },
      [400, "invalid_value", "top_logprobs"],
      "needs logprobs",
    ],
    [
      "chat/completions",
      { ...chat, logprobs: true, top_logprobs: 21 },
      [400, "invalid_value", "top_logprobs"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, tools: [{ type: "function" }] },
      [400, "invalid_value", "tools[0].function"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, audio: {} },
      [400, "unsupported_parameter", "audio"],
      "does not serve",
    ],
    [
      "chat/completions",
      { ...chat, frequency_penalty: 3 },
      [400, "invalid_value", "frequency_penalty"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, logit_bias: { x: 1 } },
      [400, "invalid_value", "logit_bias.x"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, logit_bias: { 999: 1 } },
      [400, "invalid_value", "logit_bias"],
      "below",
    ],
    [
      "chat/completions",
      { ...chat, repetition_penalty: 0 },
      [400, "invalid_value", "repetition_penalty"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, response_format: { type: "grammar" } },
      [400, "invalid_value", "response_format.type"],
      "",
    ],
    [
      "chat/completions",
      {
        ...chat,
        response_format: {
          type: "json_schema",
          json_schema: { name: "x", schema: { type: "string", pattern: "a" } },
        },
      },
      [400, "invalid_json_schema", "response_format.json_schema.schema"],
      "schema.pattern",
    ],
    [
      "completions",
      { model: "tiny", prompt: "x", response_format: { type: "json_object" } },
      [400, "unsupported_parameter", "response_format"],
      "",
    ],
    [
      "completions",
      { model: "tiny", prompt: "x", max_tokens: 0 },
      [400, "invalid_value", "max_tokens"],
      "with echo and logprobs",
    ],
    [
      "chat/completions",
      { ...chat, [`x${"y".repeat(60_000)}`]: 1 },
      [400, "unknown_parameter", `x${"y".repeat(79)}`],
      "unknown parameter",
    ],
    [
      "chat/completions",
      `{"model": "tiny", "audio": ${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
      [400, "invalid_json", null],
      "deep",
    ],
    [
      "chat/completions",
      { ...chat, audio: JSON.parse(`${"[".repeat(90)}${"]".repeat(90)}`) as unknown },
      [400, "unsupported_parameter", "audio"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, messages: Array.from({ length: 129 }, () => ({ role: "user", content: "x" })) },
      [400, "context_length_exceeded", "messages"],
      "",
    ],
    [
      "chat/completions",
      {
        ...chat,
        messages: [
          {
            role: "user",
            content: Array.from({ length: 257 }, () => ({ type: "text", text: "" })),
          },
        ],
      },
      [400, "context_length_exceeded", "messages"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, messages: [{ role: "user", content: null }] },
      [400, "invalid_value", "messages[0].content"],
      "",
    ],
    [
      "chat/completions",
      {
        ...chat,
        messages: [
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "a", function: { name: "f", arguments: "[1]" } }],
          },
        ],
      },
      [400, "invalid_value", "messages[0].tool_calls[0].function.arguments"],
      "no JSON object",
    ],
    [
      "chat/completions",
      { ...chat, temprature: 1 },
      [400, "unknown_parameter", "temprature"],
      "did you mean temperature",
    ],
    [
      "chat/completions",
      '{"model": "tiny", "__proto__": {}}',
      [400, "unknown_parameter", "__proto__"],
      "",
    ],
    [
      "chat/completions",
      { ...chat, messages: [{ role: "user", content: many }] },
      [400, "context_length_exceeded", "messages"],
      "256 tokens",
    ],
    [
      "chat/completions",
      { ...chat, max_tokens: 250 },
      [400, "context_length_exceeded", "messages"],
      "256 tokens",
    ],
    ["completions", { model: "tiny" }, [400, "missing_required_parameter", "prompt"], "missing"],
    [
      "completions",
      { model: "tiny", prompt: [999_999] },
      [400, "invalid_value", "prompt"],
      "below",
    ],
    [
      "completions",
      { model: "tiny", prompt: "x", best_of: 2 },
      [400, "unsupported_parameter", "best_of"],
      "",
    ],
    [
      "completions",
      { model: "tiny", prompt: Array.from({ length: 257 }, () => 1) },
      [400, "context_length_exceeded", "prompt"],
      "",
    ],
    [
      "completions",
      { model: "tiny", prompt: Array.from({ length: 129 }, () => "x") },
      [400, "invalid_value", "prompt"],
      "at most 128 prompts",
    ],
    [
      "completions",
      { model: "tiny", prompt: Array.from({ length: 100 }, () => "x"), n: 2 },
      [400, "invalid_value", "n"],
      "",
    ],
    ["embeddings", { model: "tiny" }, [404, "unsupported_endpoint", null], "no embeddings"],
    ["moderations", { model: "tiny" }, [404, "unknown_url", null], "there is no POST"],
    [
      "chat/completions",
      { ...chat, messages: [{ role: "user", content: "x".repeat(70_000) }] },
      [413, "body_too_large", null],
      "65536",
    ],
  ])("%s %.200j", async (path, body, refusal, says) => {
    server = await startTiny();
    const reply = await send(server, `/v1/${path}`, { body });
    const { error } = reply.json();
    expect([reply.status, error.code, error.param]).toEqual(refusal);
    expect(error.message).toContain(says);
    expect(error.type).toBe("invalid_request_error");
    // refused before anything was let in, and a refusal leaves nothing behind
    expect(admitted()).toBe(0);
  });

  test("what clients send and what changes nothing is accepted", async () => {
    server = await startTiny();
    const neutral = {
      user: "u",
      metadata: { a: "b" },
      store: false,
      frequency_penalty: 0,
      presence_penalty: 0,
      logit_bias: {},
      response_format: { type: "text" },
      tools: [],
      tool_choice: "none",
      service_tier: "auto",
      parallel_tool_calls: true,
      top_p: null,
    };
    expect(
      (await send(server, "/v1/chat/completions", { body: { ...chat, ...neutral } })).status,
    ).toBe(200);
    const form = await send(server, "/v1/chat/completions", {
      body: chat,
      headers: { "content-type": "text/plain" },
    });
    expect([form.status, form.json().error.code]).toEqual([415, "unsupported_media_type"]);
  });
});

describe("strangers", () => {
  const ask = (headers: Record<string, string>, method = "GET") =>
    send(server, "/v1/models", { headers, method });

  test("without the token are turned away", async () => {
    server = await startTiny({ token: TOKEN });
    const statuses = [];
    for (const authorization of [
      "",
      "Bearer",
      "Bearer wrong",
      `Bearer ${TOKEN}x`,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}`,
    ])
      statuses.push((await ask({ authorization })).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 200]);
    const refused = await send(server, "/v1/chat/completions", { body: chat });
    expect([refused.status, refused.headers["www-authenticate"], refused.json().error]).toEqual([
      401,
      "Bearer",
      expect.objectContaining({ type: "authentication_error", code: "invalid_api_key" }),
    ]);
    expect((await send(server, "/health")).json()).toEqual({ status: "ok" });
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "wrong-token", maxRetries: 0 });
    await expect(client.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });

  test("that come by another name or from a web page are turned away, unless they were allowed", async () => {
    server = await startTiny({
      allowHosts: ["models.example"],
      allowOrigins: ["https://good.example"],
    });
    for (const host of [
      "localhost:1",
      "127.0.0.1",
      "[::1]:8080",
      "models.example",
      "MODELS.example:80",
    ])
      expect([host, (await ask({ host })).status]).toEqual([host, 200]);
    for (const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "192.168.0.7",
    ])
      expect([host, (await ask({ host })).status]).toEqual([host, 403]);
    for (const host of ["a b", "user@localhost"])
      expect([host, Math.floor((await ask({ host })).status / 100)]).toEqual([host, 4]);
    for (const host of [undefined, "", "::1", "localhost:80:80", "localhost#.evil.example"])
      expect(() =>
        new Guard({
          host: "127.0.0.1",
          allowHosts: [],
          allowOrigins: [],
          token: undefined,
        }).checkHost(host),
      ).toThrow(/not called by that Host/);
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "https://good.example.evil" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      const reply = await ask(headers as Record<string, string>);
      expect([headers, reply.status, reply.headers["access-control-allow-origin"]]).toEqual([
        headers,
        403,
        undefined,
      ]);
      expect((await ask(headers as Record<string, string>, "OPTIONS")).status).toBe(403);
    }
    const preflight = await ask({ origin: "https://good.example" }, "OPTIONS");
    expect([
      preflight.status,
      preflight.headers["access-control-allow-origin"],
      preflight.headers["vary"],
    ]).toEqual([204, "https://good.example", "Origin"]);
    const streamed = await send(server, "/v1/chat/completions", {
      body: { ...chat, stream: true },
      headers: { origin: "https://good.example", "sec-fetch-site": "cross-site" },
    });
    expect([
      streamed.status,
      streamed.headers["access-control-allow-origin"],
      streamed.headers["content-type"],
    ]).toEqual([200, "https://good.example", "text/event-stream; charset=utf-8"]);
    expect((await ask({})).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("never reach a server without a token", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.0.7"])
      await expect(startTiny({ host })).rejects.toThrow(/needs a token/);
    await expect(startTiny({ token: "short" })).rejects.toThrow(/easy to guess/);
    server = await startTiny({ host: "0.0.0.0", token: TOKEN });
    const local = { ...server, baseUrl: server.baseUrl.replace("0.0.0.0", "127.0.0.1") };
    const asked = async (host: string) =>
      (await send(local, "/v1/models", { headers: { host, authorization: `Bearer ${TOKEN}` } }))
        .status;
    // a browser that was led astray names a name; an address cannot lead astray
    expect([await asked("192.168.0.7:80"), await asked("evil.example")]).toEqual([200, 403]);
    await expect(startTiny({ port: Number(new URL(local.baseUrl).port) })).rejects.toThrow(
      AttuneError,
    );
  });
});

describe("load", () => {
  test("64 clients at once get the answers that they would get alone, in a bounded number of slots", async () => {
    const step = vi.spyOn(DecodingBatch.prototype, "step");
    server = await startTiny({ limits: { slots: 8, queue: 64, readTokens: 512 } });
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "none", maxRetries: 0 });
    const prompts = Array.from(
      { length: 64 },
      (_, number) => `Question ${number}: ${"why ".repeat(number % 9)}?`,
    );
    const expected = [];
    for (const prompt of prompts)
      expected.push(
        (
          await generate(
            tinyModel,
            encoder,
            [encoder.encodePrompt([{ role: "user", content: prompt }])],
            { ...GREEDY, maxNewTokens: 4 + (prompt.length % 13), batchSize: 1 },
          )
        )[0]!,
      );
    step.mockClear();
    const answers = await Promise.all(
      prompts.map(async (content, number) => {
        const request = {
          model: "tiny",
          messages: [{ role: "user" as const, content }],
          max_tokens: 4 + (content.length % 13),
          temperature: 0,
        };
        if (number % 2 === 0)
          return (await client.chat.completions.create(request)).choices[0]!.message.content!;
        let text = "";
        for await (const { choices } of await client.chat.completions.create({
          ...request,
          stream: true,
        }))
          text += choices[0]?.delta.content ?? "";
        return text;
      }),
    );
    expect(answers).toEqual(expected.map(({ text }) => text));
    expect(new Set(answers).size).toBeGreaterThan(16);
    const rows = step.mock.calls.map(([tokens]) => tokens.length);
    expect(Math.max(...rows)).toBe(8);
    // rows were shared, and not decoded one after another
    expect(rows.length).toBeLessThan(
      expected.reduce((total, { ids }) => total + ids.length, 0) / 4,
    );
    expect(admitted()).toBe(0);
    step.mockRestore();
  });

  test("a client that leaves frees its slots, whether it streams or waits", async () => {
    server = await startTiny({ limits: { slots: 2, queue: 0 } });
    for (const stream of [true, false]) {
      const controller = new AbortController();
      const asked = send(server, "/v1/chat/completions", {
        body: { ...long, n: 2, stream },
        signal: controller.signal,
        onData: () => controller.abort(),
      });
      asked.catch(() => undefined);
      await until(() => admitted() === 2);
      // the slots are taken, and nobody may wait
      const turnedAway = await send(server, "/v1/chat/completions", { body: chat });
      expect([
        turnedAway.status,
        turnedAway.headers["retry-after"],
        turnedAway.json().error.code,
      ]).toEqual([429, "1", "queue_full"]);
      controller.abort();
      await expect(asked).rejects.toThrow();
      await until(() => admitted() === 0);
      expect((await send(server, "/v1/chat/completions", { body: chat })).status).toBe(200);
    }
  });

  test("a model is turned away while every engine is busy with another", async () => {
    server = await startTiny({ models: [BASE, adapterOf("other", 1)], limits: { openModels: 1 } });
    const controller = new AbortController();
    const asked = send(server, "/v1/chat/completions", { body: long, signal: controller.signal });
    asked.catch(() => undefined);
    await until(() => admitted() === 1);
    const other = { ...chat, model: "other" };
    const busy = await send(server, "/v1/chat/completions", { body: other });
    expect([busy.status, busy.headers["retry-after"], busy.json().error]).toEqual([
      503,
      "1",
      expect.objectContaining({ type: "server_error", code: "models_busy" }),
    ]);
    controller.abort();
    await until(() => admitted() === 0);
    expect((await send(server, "/v1/chat/completions", { body: other })).json().model).toBe(
      "other",
    );
    expect(server.engines.load.map(({ name }) => name)).toEqual(["other"]);
  });

  test("a server that stops tells those whose answers it cannot finish", async () => {
    server = await startTiny();
    const bodies = [long, { ...long, stream: false }];
    const asked = bodies.map((body) => send(server, "/v1/chat/completions", { body }));
    await until(() => admitted() === 2);
    await server.close(0);
    const [streamed, whole] = await Promise.all(asked);
    expect(whole!.status).toBe(503);
    for (const { error } of [events(streamed!.text).at(-1)!, whole!.json()])
      expect(error).toMatchObject({ type: "server_error", code: "server_stopping" });
    await expect(send(server, "/health")).rejects.toThrow();
    expect(server.engines.load).toEqual([]);
  });

  test("an error inside is told to the log, without any text of the request", async () => {
    const errors: unknown[] = [];
    const lines: unknown[] = [];
    server = await startTiny({
      onError: (error) => errors.push(error),
      onRequest: (line) => lines.push(line),
    });
    const step = vi
      .spyOn(DecodingBatch.prototype, "step")
      .mockRejectedValue(new Error("out of memory"));
    const secret = "my secret question";
    const reply = await send(server, "/v1/chat/completions", {
      body: { ...chat, messages: [{ role: "user", content: secret }] },
    });
    expect([reply.status, reply.json().error.type]).toEqual([500, "server_error"]);
    step.mockRestore();
    // another engine takes over
    expect((await send(server, "/v1/chat/completions", { body: chat })).status).toBe(200);
    expect(errors).toHaveLength(1);
    expect(lines).toMatchObject([
      { method: "POST", path: "/v1/chat/completions", status: 500 },
      { status: 200 },
    ]);
    expect(JSON.stringify([errors.map(String), lines])).not.toContain("secret");
  });
});
