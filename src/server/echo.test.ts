/**
 * Prompts with their log-probabilities, as evaluations ask for them: exact, bounded, and in nobody's
 * way.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenAI } from "openai";
import { afterEach, describe, expect, test, vi } from "vitest";
import { readModel } from "../models/load.ts";
import { SafetensorsFile } from "../models/weights/safetensors.ts";
import { openWeights } from "../models/weights/source.ts";
import { Decoder } from "../sampling/decoder.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { smallTokenizerFiles } from "../../tests/cli/support.ts";
import type { RunningServer } from "./listen.ts";
import { encoder, events, send, startTiny, until } from "./testing.ts";

const GOLDEN = join(import.meta.dirname, "..", "..", "tests", "golden", "models", "qwen3");
let server: RunningServer;
afterEach(async () => {
  vi.restoreAllMocks();
  await server?.close(0);
});

const asked = (prompt: unknown, more: object = {}): object => ({
  model: "tiny",
  prompt,
  echo: true,
  logprobs: 1,
  max_tokens: 0,
  temperature: 0,
  ...more,
});
const ids = (length: number, from = 5): number[] =>
  Array.from({ length }, (_, index) => 40 + ((from + 7 * index) % 60));

describe("log-probabilities of prompts", () => {
  test("are transformers' own, several prompts of different lengths at once", async () => {
    const reference = await SafetensorsFile.open(join(GOLDEN, "reference.safetensors"));
    const numbers = async (name: string): Promise<BigInt64Array> => {
      const bytes = await reference.readRaw(name);
      return new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
    };
    const [rows, time, vocabulary] = reference.entry("logits").shape as [number, number, number];
    const [tokens, mask] = [await numbers("input_ids"), await numbers("attention_mask")];
    const bytes = await reference.readRaw("logits");
    const logits = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const prompts = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: time }, (_each, at) => Number(tokens[row * time + at])).filter(
        (_each, at) => mask[row * time + at] === 1n,
      ),
    );
    const config = JSON.parse(readFileSync(join(GOLDEN, "config.json"), "utf8")) as {
      max_position_embeddings: number;
    };
    const room = config.max_position_embeddings;
    const speaks = createEncoder(tokenizerFromFiles(smallTokenizerFiles(vocabulary)), {
      maxLength: room,
    });
    const model = await readModel(await openWeights(GOLDEN));
    server = await startTiny({
      models: [{ name: "tiny", model, fingerprint: "00" }],
      speaks,
      limits: { room },
    });
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "none", maxRetries: 0 });
    const reply = await client.completions.create(asked(prompts, { logprobs: 5 }) as never);
    expect(reply.usage).toMatchObject({ completion_tokens: 0 });
    reply.choices.forEach(({ logprobs, finish_reason }, row) => {
      const { token_logprobs: told, top_logprobs: top } = logprobs!;
      expect(finish_reason).toBe("length");
      expect([told!.length, told![0], top![0]]).toEqual([prompts[row]!.length, null, null]);
      for (let at = 1; at < prompts[row]!.length; at++) {
        const before = (row * time + at - 1) * vocabulary;
        const own = logits.subarray(before, before + vocabulary);
        const largest = own.reduce((a, b) => Math.max(a, b));
        const total = Math.log(own.reduce((sum, each) => sum + Math.exp(each - largest), 0));
        const expected = own[prompts[row]![at]!]! - largest - total;
        expect(Math.abs(told![at]! - expected)).toBeLessThan(1e-4);
        // what is most likely is always among those that are told
        expect(Math.abs(Math.max(...Object.values(top![at]!)) + total)).toBeLessThan(1e-4);
      }
    });
  });

  test("fill the context to its end, and no further", async () => {
    server = await startTiny();
    const { room } = server.engines.limits;
    const full = await send(server, "/v1/completions", { body: asked(ids(room)) });
    expect(full.status).toBe(200);
    const over = await send(server, "/v1/completions", {
      body: asked(ids(room), { max_tokens: 1 }),
    });
    expect([over.status, over.json().error.code]).toEqual([400, "context_length_exceeded"]);
    const longer = await send(server, "/v1/completions", { body: asked(ids(room + 1)) });
    expect([longer.status, longer.json().error.code]).toEqual([400, "context_length_exceeded"]);
  });

  test("are bounded in a request", async () => {
    server = await startTiny();
    const many = Array.from({ length: 60 }, () => ids(240));
    const { status, json } = await send(server, "/v1/completions", {
      body: asked(many, { logprobs: 20 }),
    });
    expect([status, json().error.param]).toEqual([400, "logprobs"]);
    expect(json().error.message).toContain("14,400 tokens of prompts");
  });

  test("are read in parts between steps, so that others' answers go on", async () => {
    server = await startTiny();
    const runs: { reading: boolean; tokens: number; told: number }[] = [];
    const run = Decoder.prototype.run;
    vi.spyOn(Decoder.prototype, "run").mockImplementation(function (this: Decoder, given) {
      const [, width] = given.tokens.shape as [number, number];
      runs.push({ reading: width > 1, tokens: width, told: given.read.length });
      return run.call(this, given);
    });
    const stream = send(server, "/v1/chat/completions", {
      body: {
        model: "tiny",
        messages: [{ role: "user", content: "Tell me" }],
        max_tokens: 200,
        temperature: 2,
        seed: 11,
        stream: true,
      },
    });
    await until(() => runs.filter(({ reading }) => !reading).length > 3);
    const first = runs.length;
    const scored = await send(server, "/v1/completions", {
      body: asked([ids(240), ids(240, 9), ids(240, 11)]),
    });
    expect(scored.status).toBe(200);
    const meanwhile = runs.slice(first);
    expect(events((await stream).text).length).toBeGreaterThan(0);
    // logits of 64 tokens at most are in memory together
    expect(Math.max(...meanwhile.map(({ told }) => told))).toBeLessThanOrEqual(64);
    const last = meanwhile.findLastIndex(({ reading }) => !reading);
    const together = meanwhile
      .slice(0, last)
      .filter(({ reading }, at) => reading && meanwhile[at + 1]!.reading);
    expect(together).toEqual([]);
    expect(meanwhile.filter(({ reading }) => !reading).length).toBeGreaterThan(5);
  });

  test("end where their client leaves", async () => {
    server = await startTiny();
    const admitted = (): number =>
      server.engines.load.reduce((sum, each) => sum + each.admitted, 0);
    const leaving = new AbortController();
    const left = send(server, "/v1/completions", {
      body: asked(Array.from({ length: 60 }, (_, index) => ids(250, index))),
      signal: leaving.signal,
    });
    await until(() => admitted() > 0);
    leaving.abort();
    await expect(left).rejects.toThrow();
    await until(() => admitted() === 0);
    const after = await send(server, "/v1/completions", { body: asked(ids(8)) });
    expect(after.status).toBe(200);
  });

  test("are the same for equal prompts, whatever is asked beside them", async () => {
    server = await startTiny();
    const client = new OpenAI({ baseURL: server.baseUrl, apiKey: "none", maxRetries: 0 });
    const text = "Once upon a time";
    const own = [...encoder.encodePrompt(text, { plain: true })];
    const told = (await client.completions.create(asked([own, ids(90), own]) as never)).choices;
    const alone = (await client.completions.create(asked(text) as never)).choices[0]!;
    told[0]!.logprobs!.token_logprobs!.forEach((logp, at) => {
      const [third, first] = [told[2]!, alone].map(({ logprobs }) => logprobs!.token_logprobs![at]);
      if (at === 0) return expect([logp, third, first]).toEqual([null, null, null]);
      expect(third!).toBeCloseTo(logp!, 4);
      expect(first!).toBeCloseTo(logp!, 4);
    });
    expect(told[0]!.logprobs!.tokens).toEqual(alone.logprobs!.tokens);
  });
});
