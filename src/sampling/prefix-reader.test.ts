/**
 * What a reader has read before must not show in its scores, not even in the last bit: a resumed
 * run begins with an empty cache.
 */
import { expect, test } from "vitest";
import { randomModel, TINY_CONFIGS } from "../models/testing.ts";
import { PrefixReader } from "./prefix-reader.ts";

const model = randomModel(
  {
    ...TINY_CONFIGS["llama"]!,
    hidden_size: 576,
    intermediate_size: 1536,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    num_hidden_layers: 2,
    vocab_size: 512,
    max_position_embeddings: 512,
  },
  3,
  0.05,
);
const prompt = Array.from({ length: 200 }, (_, i) => (i * 7919) % 512);
const ends = (...tokens: number[]): number[] => [
  ...prompt.slice(0, prompt.length - tokens.length),
  ...tokens,
];

test("scores are the same to the last bit, whatever was read before", async () => {
  const read = (reader: PrefixReader, ids: readonly number[]): Promise<number[]> =>
    reader.read(ids, (scores) => Array.from({ length: 512 }, (_, token) => scores.logp(token)));
  const warm = await PrefixReader.create(model, 256);
  for (const ids of [
    prompt,
    prompt,
    ends(5),
    ends(6, 5),
    prompt.slice(0, 150),
    [...prompt, 1],
    [9],
    [9, 8],
    ends(...prompt.slice(0, 120)),
  ]) {
    const fresh = await PrefixReader.create(model, 256);
    expect(await read(warm, ids)).toEqual(await read(fresh, ids));
    await fresh.close();
  }
  expect(warm.reused).toBeGreaterThan(500);
  await warm.close();
});
