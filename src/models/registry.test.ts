import { describe, expect, test } from "vitest";
import { AttuneError } from "../core/errors.ts";
import { weightShapes } from "./model.ts";
import { readModelConfig } from "./registry.ts";
import { TINY_CONFIGS } from "./testing.ts";

type Json = Readonly<Record<string, unknown>>;

/** The weights that a config.json calls for. */
function shapesOf(json: Json): ReturnType<typeof weightShapes> {
  const { family, config } = readModelConfig(json);
  return weightShapes(family, config);
}

const SIZES: Readonly<Record<string, readonly string[]>> = {
  gpt2: ["vocab_size", "n_embd", "n_layer", "n_head", "n_inner", "n_positions"],
  mistral: ["sliding_window"],
  llama: [
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "intermediate_size",
    "max_position_embeddings",
  ],
};

describe("a hostile config.json", () => {
  const cases = Object.entries(SIZES).flatMap(([family, keys]) =>
    keys.flatMap((key) =>
      [1e12, Number.MAX_SAFE_INTEGER, 2 ** 31, 0, -1, 1.5, "8", [8]].map(
        (value): [string, string, unknown] => [family, key, value],
      ),
    ),
  );

  test.each(cases)("%s: %s = %j is refused by name", (family, key, value) => {
    let error: unknown;
    try {
      shapesOf({ ...TINY_CONFIGS[family]!, [key]: value });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AttuneError);
    expect((error as AttuneError).code).toBe("model");
    expect((error as AttuneError).message).toMatch(
      new RegExp(
        `config\\.json: ${key} is wrong\\n {2}got: .*\\n {2}expected: a whole number from 1 to `,
      ),
    );
  });

  test("with every size at its limit, all shapes are exact whole numbers", () => {
    const shapes = shapesOf({
      model_type: "llama",
      vocab_size: 2 ** 23,
      hidden_size: 2 ** 20,
      num_hidden_layers: 4096,
      num_attention_heads: 2 ** 20,
      num_key_value_heads: 2 ** 20,
      head_dim: 2 ** 20,
      intermediate_size: 2 ** 20,
      max_position_embeddings: 2 ** 28,
    });
    expect(Object.keys(shapes)).toHaveLength(4096 * 9 + 3);
    for (const shape of Object.values(shapes)) expect(shape.every(Number.isSafeInteger)).toBe(true);
  });

  test.each<[string, Json, RegExp]>([
    [
      "heads that cannot share keys",
      { num_attention_heads: 4, num_key_value_heads: 3 },
      /4 heads over 3 key-value heads/,
    ],
    ["heads of an odd size", { head_dim: 5 }, /heads of 5\n {2}expected: an even size/],
    [
      "a hidden size that heads do not divide",
      { num_attention_heads: 6, num_key_value_heads: 2 },
      /head_dim is wrong/,
    ],
  ])("%s", (_, change, message) => {
    expect(() => shapesOf({ ...TINY_CONFIGS["llama"]!, ...change })).toThrow(message);
  });

  test("GPT-2's heads must divide its width", () => {
    expect(() => shapesOf({ ...TINY_CONFIGS["gpt2"]!, n_head: 3 })).toThrow(
      /heads of 5\.33.*\n {2}expected: a hidden size that is a multiple/,
    );
  });
});

test("published models are within the limits", () => {
  // Llama 3.1 405B, Qwen2.5 72B, GPT-2 XL.
  expect(() =>
    readModelConfig({
      model_type: "llama",
      vocab_size: 128_256,
      hidden_size: 16_384,
      num_hidden_layers: 126,
      num_attention_heads: 128,
      num_key_value_heads: 8,
      intermediate_size: 53_248,
      max_position_embeddings: 131_072,
    }),
  ).not.toThrow();
  expect(() =>
    readModelConfig({
      model_type: "qwen2",
      vocab_size: 152_064,
      hidden_size: 8192,
      num_hidden_layers: 80,
      num_attention_heads: 64,
      num_key_value_heads: 8,
      intermediate_size: 29_568,
      max_position_embeddings: 131_072,
    }),
  ).not.toThrow();
  expect(() =>
    readModelConfig({ model_type: "gpt2", n_embd: 1600, n_head: 25, n_layer: 48 }),
  ).not.toThrow();
});
