import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { randomModel, TINY_CONFIGS } from "../models/testing.ts";
import { byteTokenizer } from "../text/testing.ts";
import { compareModels } from "./compare.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-compare-library-"));
afterAll(() => rmSync(folder, { recursive: true }));
const prompts = Array.from({ length: 30 }, (_, i) => `What is ${i} plus 1?`);
const right = prompts.map((_, i) => `It is ${i + 1}.`);
const wrong = prompts.map((_, i) => (i % 5 === 0 ? right[i]! : `It is ${i}.`));

/** Knows sums. */
const sums = (prompt: unknown, first: string, second: string): number => {
  const expected = `It is ${Number(/\d+/.exec(prompt as string)![0]) + 1}.`;
  return 0.5 + (Number(first === expected) - Number(second === expected)) / 2;
};

test("answers and a function of one's own give a verdict, its numbers and a page", async () => {
  const found = await compareModels({ models: { old: wrong, new: right }, prompts, judge: sums });
  expect(found.verdict.conclusion).toBe("better");
  expect(found.pairs).toMatchObject([
    { candidate: "new", baseline: "old", conclusion: "better", winRate: { estimate: 0.9, n: 30 } },
  ]);
  expect(found.findings).toHaveProperty("verdict");
  await found.writePage(join(folder, "page.html"));
  expect(readFileSync(join(folder, "page.html"), "utf8")).toContain("new");
});

test("models in memory answer the prompts", async () => {
  const tokenizer = byteTokenizer();
  const json = {
    ...TINY_CONFIGS["llama"]!,
    hidden_size: 64,
    vocab_size: tokenizer.vocabularySize,
    max_position_embeddings: 128,
  };
  const models = { one: { model: randomModel(json, 1, 0.2), tokenizer }, two: right.slice(0, 6) };
  const found = await compareModels(
    { models, prompts: prompts.slice(0, 6), judge: (_, first, second) => Number(first > second) },
    { answers: { maxNewTokens: 4 }, probes: 0 },
  );
  expect(found.answers["one"]).toHaveLength(6);
  expect(found.pairs[0]).toMatchObject({ candidate: "two", baseline: "one" });
});

test.each([
  { margin: 5 },
  { margin: -0.1 },
  { confidence: 0.2 },
  { confidence: 95 },
  { seed: NaN },
  { seed: -1 },
  { probes: -3 },
  { probes: 2.5 },
])("refused before anything is asked: %o", async (options) => {
  let asked = 0;
  const judge = (): number => (asked++, 0.5);
  await expect(
    compareModels({ models: { old: wrong, new: right }, prompts, judge }, options),
  ).rejects.toMatchObject({
    code: "config",
    message: expect.stringContaining(Object.keys(options)[0]!) as string,
  });
  expect(asked).toBe(0);
});

test("a margin of 0 is none, and what is left undefined has its default", async () => {
  const input = { models: { old: wrong, new: right }, prompts, judge: sums };
  const found = await compareModels(input, { margin: 0, seed: undefined as never });
  expect(found).toMatchObject({ verdict: (await compareModels(input)).verdict });
  expect(JSON.stringify(found.findings)).not.toContain('"margin"');
});

test("what does not fit is refused", async () => {
  await expect(
    compareModels({ models: { old: wrong, new: right.slice(1) }, prompts, judge: sums }),
  ).rejects.toMatchObject({ code: "data" });
  await expect(
    compareModels({ models: { old: wrong, new: right }, prompts, judge: sums }, {
      probs: 3,
    } as never),
  ).rejects.toThrow(/did you mean probes/);
  await expect(
    compareModels({ models: { old: wrong }, prompts, judge: sums }),
  ).rejects.toMatchObject({ code: "usage" });
});
