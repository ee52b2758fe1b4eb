/** A model with short and long RoPE factors: which a command computes with, and that it says so. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { phi3 } from "../../src/models/families/phi3.ts";
import { modelForContext } from "../../src/models/context.ts";
import { openModel } from "../../src/models/open.ts";
import { createEncoder } from "../../src/text/encoder.ts";
import { GREEDY, generate } from "../../src/sampling/generate.ts";
import { byteTokenizer } from "../../src/text/testing.ts";
import { attune, saveTinyModel } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-context-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string): string => join(folder, name);
const tokenizer = byteTokenizer();
const NOTE = /the long RoPE factors serve texts of every length in this run/;

beforeAll(async () => {
  await saveTinyModel(path("model"), tokenizer.files as never, {
    ...phi3.tiny,
    vocab_size: tokenizer.vocabularySize,
    max_position_embeddings: 256,
    original_max_position_embeddings: 40,
  });
  writeFileSync(
    path("texts.jsonl"),
    Array.from({ length: 4 }, (_, i) => `${JSON.stringify({ text: `text ${i}` })}\n`).join(""),
  );
});

const TOKENS = ["--max-new-tokens", "8"];
const ask = (prompt: string) =>
  attune("generate", "--model", path("model"), "--raw", ...TOKENS, "--temperature", "0", prompt);

test("a prompt within the first length has the short ones, up to where they end", async () => {
  const { status, err } = await ask("a".repeat(36));
  expect([status, err]).toEqual([0, expect.stringMatching(/room for 3 tokens instead of 8/)]);
  expect(err).not.toMatch(NOTE);
});

test("a longer prompt has the long ones, and that is said", async () => {
  const prompt = "a".repeat(50);
  const { status, out, err } = await ask(prompt);
  expect([status, err]).toEqual([0, expect.stringMatching(NOTE)]);
  const { model } = await openModel(path("model"));
  const encoder = createEncoder(tokenizer, { maxLength: 256, template: "none" });
  const [expected] = await generate(
    modelForContext(model, 64),
    encoder,
    [encoder.encodePrompt(prompt)],
    { ...GREEDY, maxNewTokens: 8 },
  );
  expect(out.trim()).toBe(expected!.text.trim());
});

test.each([
  [40, false],
  [64, true],
])("training at max-length %d says which it has", async (maxLength, long) => {
  const options = {
    model: path("model"),
    data: path("texts.jsonl"),
    template: "none",
    "held-out": 0,
    "max-steps": 1,
    "max-length": maxLength,
    out: path(`run-${maxLength}`),
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { status, err } = await attune("sft", ...flags);
  expect([status, NOTE.test(err)], err).toEqual([0, long]);
});
