import { describe, expect, test } from "vitest";
import { AttuneError } from "../core/errors.ts";
import { randomModel } from "../models/testing.ts";
import { createEncoder } from "../text/encoder.ts";
import { byteTokenizer } from "../text/testing.ts";
import { Conversation } from "./conversation.ts";
import { Decoder } from "./decoder.ts";
import { GREEDY, generate } from "./generate.ts";

const encoder = createEncoder(byteTokenizer(), { maxLength: 32, template: "none" });

/** One layer with two heads of a size. */
function withHeads(type: "llama" | "gpt2", size: number): ReturnType<typeof randomModel> {
  const vocabulary = byteTokenizer().vocabularySize;
  return type === "llama"
    ? randomModel({
        model_type: type,
        vocab_size: vocabulary,
        hidden_size: 2 * size,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        intermediate_size: 24,
        max_position_embeddings: 64,
      })
    : randomModel({
        model_type: type,
        vocab_size: vocabulary,
        n_embd: 2 * size,
        n_layer: 1,
        n_head: 2,
        n_positions: 64,
        activation_function: "gelu_new",
      });
}

describe("heads of a size that the key-value cache does not take", () => {
  const refused = {
    code: "model",
    what: expect.stringContaining("attune cannot generate with this model") as string,
  };

  test.each([
    ["llama", 8, 16],
    ["llama", 24, 16],
    ["gpt2", 4, 8],
    ["gpt2", 12, 8],
  ] as const)(
    "%s, heads of %d: generation says so when it opens the model",
    async (type, size, multiple) => {
      const model = withHeads(type, size);
      const prompt = encoder.encodePrompt("hi");
      const error = await generate(model, encoder, [prompt], { ...GREEDY, maxNewTokens: 2 }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(AttuneError);
      expect(error).toMatchObject({
        ...refused,
        details: {
          got: `heads of ${size}`,
          expected: expect.stringContaining(`a multiple of ${multiple}`) as string,
        },
      });
      await expect(Decoder.create(model, { maxLength: 8 })).rejects.toMatchObject(refused);
      await expect(
        new Conversation(model, encoder).reply(prompt, { ...GREEDY, maxNewTokens: 2 }),
      ).rejects.toMatchObject(refused);
    },
  );

  test.each([
    ["llama", 16],
    ["llama", 48],
    ["gpt2", 8],
    ["gpt2", 24],
  ] as const)("%s, heads of %d decode", async (type, size) => {
    const [answer] = await generate(withHeads(type, size), encoder, [encoder.encodePrompt("hi")], {
      ...GREEDY,
      maxNewTokens: 2,
    });
    expect(answer!.ids.length).toBeGreaterThan(0);
  });
});
