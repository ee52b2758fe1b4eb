import { describe, expect, test } from "vitest";
import { Random } from "../core/random.ts";
import { createAdapter } from "../models/adapter.ts";
import { WholePlan } from "../models/plans/whole.ts";
import { TINY_CONFIGS, decodableConfig, randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { joinRows, layExample } from "../training/layout.ts";
import { chooseToken } from "./choose.ts";
import { Decoder } from "./decoder.ts";
import { WEIGHTS_FIRST_ROWS } from "./decoder-graph.ts";
import { GREEDY, generate } from "./generate.ts";

const tokenizer = byteTokenizer();
const encoder = createEncoder(tokenizer, { maxLength: 64, template: "none" });
const tiny = (type: string) =>
  randomModel({ ...decodableConfig(type), vocab_size: tokenizer.vocabularySize }, 3, 0.15);
const prompts = ["Hi", "A longer prompt", "x"].map((text) => encoder.encodePrompt(text));

describe.each(Object.keys(TINY_CONFIGS))("%s", (type) => {
  test.each([
    ["every projection", /./],
    ["those of the feed-forward", /mlp/],
    ["none", /^$/],
  ])(
    "cached decoding in a ragged batch equals the full forward, adapter on %s",
    async (_, adapted) => {
      const model = tiny(type);
      const targets = Object.keys(model.family.projections(model.config)).filter((name) =>
        adapted.test(name),
      );
      if (targets.length > 0)
        model.adapter = createAdapter(
          model.family,
          model.config,
          { rank: 2, alpha: 4, rsLora: true, targets },
          1,
        );
      for (const [name, { data }] of model.adapter?.weights ?? [])
        if (name.includes("lora_B")) Random.for(5, name).fillNormal(data, 0.2);
      for (const weights of [{}, { prepack: true }, { rows: WEIGHTS_FIRST_ROWS }]) {
        const decoder = await Decoder.create(model, { maxLength: 40, ...weights });
        const batch = await decoder.start(prompts);
        const texts = prompts.map((prompt) => [...prompt]);
        const plan = new WholePlan({ model, reads: "tokens", maxLength: 40 });
        for (let step = 0; step < 6; step++) {
          const next = texts.map((_, row) => batch.scores(row).best());
          for (const [row, text] of texts.entries()) {
            const ids = Int32Array.from([...text, next[row]!]);
            const laid = joinRows(
              [layExample({ ids, supervised: new Uint8Array(ids.length).fill(1) })],
              { padId: 0 },
            );
            const { readout } = await plan.score(laid.batch);
            const scores = batch.scores(row);
            const plain = chooseToken(
              scores.logits,
              { temperature: 0, topK: 0, topP: 1 },
              new Random(0),
            );
            expect(scores.best()).toBe(plain.id);
            for (const logp of [plain.logp, scores.logp(plain.id)])
              expect(Math.abs(readout.at(-1)! - logp)).toBeLessThan(2e-4);
            text.push(next[row]!);
          }
          await batch.step(next);
        }
        await plan.close();
        await decoder.close();
      }
    },
  );
});

test("an answer depends on its seed, prompt and sample, not on its batch", async () => {
  const model = tiny("llama");
  const options = { ...GREEDY, temperature: 1, samples: 2, maxNewTokens: 8, seed: 7 };
  const together = await generate(model, encoder, prompts, { ...options, batchSize: 6 });
  const alone = await generate(model, encoder, prompts, { ...options, batchSize: 1 });
  expect(alone.map(({ ids }) => ids)).toEqual(together.map(({ ids }) => ids));
  const other = await generate(model, encoder, prompts, { ...options, batchSize: 6, seed: 8 });
  expect(other.map(({ ids }) => ids)).not.toEqual(together.map(({ ids }) => ids));
});

test("sampling follows the distribution, and top-k and top-p restrict it", () => {
  const logits = Float32Array.from([0, 1, 2, 3].map((x) => x));
  const random = new Random(1);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 20_000; i++)
    counts[chooseToken(logits, { temperature: 2, topK: 0, topP: 1 }, random).id]!++;
  const weights = [0, 1, 2, 3].map((x) => Math.exp(x / 2));
  const total = weights.reduce((a, b) => a + b);
  counts.forEach((count, id) => expect(count / 20_000).toBeCloseTo(weights[id]! / total, 1.7));
  for (let i = 0; i < 200; i++) {
    expect(
      chooseToken(logits, { temperature: 5, topK: 2, topP: 1 }, random).id,
    ).toBeGreaterThanOrEqual(2);
    expect(chooseToken(logits, { temperature: 1, topK: 0, topP: 0.6 }, random).id).toBe(3);
  }
});

test("an answer ends at a stop text, which is left out", async () => {
  const [full] = await generate(tiny("llama"), encoder, [prompts[0]!], {
    ...GREEDY,
    maxNewTokens: 12,
  });
  const stop = full!.text.slice(4, 6);
  const [cut] = await generate(tiny("llama"), encoder, [prompts[0]!], {
    ...GREEDY,
    maxNewTokens: 12,
    stopTexts: [stop],
  });
  expect(cut!.text).toBe(full!.text.slice(0, full!.text.indexOf(stop)));
  expect(cut!.finish).toBe("stop");
});
