import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MemoryReader } from "./bytes.ts";
import { Random } from "../../core/random.ts";
import { llama3Factors } from "../gguf/llama3.ts";
import { GgufFile } from "./gguf.ts";
import { ROPE_FACTORS } from "../gguf/llama.ts";
import { ggufModel, mapGguf } from "./gguf-names.ts";
import { deinterleave, transposeInto } from "./gguf-orders.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { openWeights } from "./source.ts";
import { GgufBuilder, golden } from "./testing.ts";

/** Models that scripts/golden/gguf-models.py wrote. */
const models = readdirSync(golden(".")).flatMap(
  (file) => /^tiny-(.*)\.gguf$/.exec(file)?.[1] ?? [],
);
/** The config.json that the settings of a file stand for. */
const configs = models.flatMap((name): [string, object][] => {
  const path = golden(`tiny-${name}.json`);
  return existsSync(path) ? [[name, JSON.parse(readFileSync(path, "utf8")) as object]] : [];
});

describe("each architecture", () => {
  test.each(models)("%s: every tensor of the checkpoint, and no other", async (name) => {
    const source = await openWeights(golden(`tiny-${name}.gguf`));
    const expected = await SafetensorsFile.open(golden(`tiny-${name}.safetensors`));
    expect(source.names().toSorted()).toEqual([...expected.header.tensors.keys()].toSorted());
    for (const tensor of source.names()) {
      expect(source.shape(tensor), tensor).toEqual(expected.entry(tensor).shape);
      const into = new Float32Array((await expected.read(tensor)).length);
      expect(await source.read(tensor), tensor).toEqual(await expected.read(tensor));
      expect(await source.read(tensor, into), tensor).toBe(into);
      expect(into).toEqual(await expected.read(tensor));
    }
    await Promise.all([source.close(), expected.close()]);
  });

  const common = {
    vocab_size: 40,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-6,
    rope_theta: 500_000,
    hidden_act: "silu",
    bos_token_id: 1,
    eos_token_id: 2,
  };
  test.each<[string, object]>([
    ...configs,
    [
      "llama3",
      {
        ...common,
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 16,
        tie_word_embeddings: true,
        attention_bias: false,
        mlp_bias: false,
        rope_scaling: {
          rope_type: "llama3",
          factor: 32,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 8192,
        },
      },
    ],
    [
      "llama-biases",
      {
        ...common,
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        tie_word_embeddings: false,
        attention_bias: true,
        mlp_bias: false,
      },
    ],
    [
      "qwen2",
      {
        ...common,
        architectures: ["Qwen2ForCausalLM"],
        model_type: "qwen2",
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        tie_word_embeddings: false,
      },
    ],
    [
      "qwen3",
      {
        ...common,
        architectures: ["Qwen3ForCausalLM"],
        model_type: "qwen3",
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 16,
        tie_word_embeddings: true,
        attention_bias: false,
      },
    ],
    [
      "gpt2",
      {
        architectures: ["GPT2LMHeadModel"],
        model_type: "gpt2",
        vocab_size: 40,
        n_positions: 64,
        n_embd: 32,
        n_layer: 2,
        n_head: 2,
        n_inner: 48,
        layer_norm_epsilon: 1e-5,
        activation_function: "gelu_new",
        tie_word_embeddings: true,
        bos_token_id: 1,
        eos_token_id: 2,
      },
    ],
  ])("%s: its config.json", async (name, config) => {
    const source = await openWeights(golden(`tiny-${name}.gguf`));
    expect(source.config).toEqual(config);
    expect(source.generationConfig).toEqual({ bos_token_id: 1, eos_token_id: 2 });
    expect(source.tokenizer.kind).toBe("gguf");
    await source.close();
  });
});

describe("orientation", () => {
  test("deinterleave puts even rows before odd ones, head by head", () => {
    const rows = Float32Array.from({ length: 16 }, (_, i) => Math.floor(i / 2) + (i % 2) / 10);
    deinterleave(rows, 4, 2);
    expect([...rows].map((x) => Math.round(x * 10) / 10)).toEqual([
      0, 0.1, 2, 2.1, 1, 1.1, 3, 3.1, 4, 4.1, 6, 6.1, 5, 5.1, 7, 7.1,
    ]);
  });

  test("transposition, across tiles", () => {
    const [rows, columns] = [70, 33];
    const out = new Float32Array(rows * columns);
    transposeInto(
      Float32Array.from({ length: rows * columns }, (_, i) => i),
      rows,
      columns,
      out,
    );
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) expect(out[c * rows + r]).toBe(r * columns + c);
  });
});

/** A llama file whose keys and tensors can be replaced. */
async function llamaFile(
  change: {
    keys?: Record<string, number | string>;
    tensors?: Record<string, number[]>;
    ropeFactors?: number[];
  } = {},
): Promise<ReturnType<typeof mapGguf>> {
  const keys: Record<string, number | string> = {
    "general.architecture": "llama",
    "llama.block_count": 1,
    "llama.context_length": 64,
    "llama.embedding_length": 8,
    "llama.feed_forward_length": 8,
    "llama.attention.head_count": 2,
    "llama.attention.layer_norm_rms_epsilon": 1,
    ...change.keys,
  };
  const tensors = Object.entries({
    "token_embd.weight": [8, 4],
    "blk.0.attn_norm.weight": [8],
    "blk.0.attn_q.weight": [8, 8],
    ...change.tensors,
  }).filter(([, dims]) => dims.length > 0);
  const present = Object.entries(keys).filter(([, value]) => value !== "");
  const builder = GgufBuilder.begin(tensors.length, present.length);
  for (const [key, value] of present) {
    if (typeof value === "string") builder.textKey(key, value);
    else if (key.endsWith("epsilon") || key.includes("rope.freq_base") || key.includes("factor"))
      builder
        .text(key)
        .uint32(6)
        .raw(new Uint8Array(Float32Array.of(value).buffer));
    else builder.uint32Key(key, value);
  }
  let offset = 0;
  for (const [name, dims] of tensors) {
    builder.tensor(name, dims, { offset });
    offset += Math.ceil((dims.reduce((a, b) => a * b, 1) * 4) / 32) * 32;
  }
  const file = await GgufFile.from(new MemoryReader("m.gguf", builder.end(offset)));
  const numbers = new Map<string, Float32Array>();
  if (change.ropeFactors) numbers.set(ROPE_FACTORS, Float32Array.from(change.ropeFactors));
  return mapGguf(ggufModel("m.gguf", file.header), numbers);
}

describe("files that attune refuses", () => {
  test.each<[string, Parameters<typeof llamaFile>[0], RegExp]>([
    [
      "no architecture",
      { keys: { "general.architecture": "" } },
      /this GGUF architecture is not supported\n {2}got: none\n {2}expected: (\w+, )*gpt2, (\w+, )*llama, /,
    ],
    [
      "another architecture",
      { keys: { "general.architecture": "qwen" } },
      /got: "qwen"\n {2}expected: .*\n {2}try: a qwen2 model/,
    ],
    [
      "a missing key",
      { keys: { "llama.embedding_length": "" } },
      /the GGUF file lacks llama.embedding_length/,
    ],
    [
      "a key of the wrong type",
      { keys: { "llama.embedding_length": "8" } },
      /the GGUF file's llama.embedding_length is wrong\n {2}got: "8"\n {2}expected: a positive whole number/,
    ],
    [
      "no embedding",
      { tensors: { "token_embd.weight": [] } },
      /the GGUF file has no token_embd.weight/,
    ],
    [
      "more layers than tensors",
      { keys: { "llama.block_count": 4_000_000_000 } },
      /no tensors of layer 3999999999\n {2}got: 3 tensors/,
    ],
    [
      "experts",
      { keys: { "llama.expert_count": 8 } },
      /mixtures of experts are not supported\n {2}got: 8 experts/,
    ],
    [
      "partial RoPE",
      { keys: { "llama.rope.dimension_count": 2 } },
      /this kind of attention is not supported\n {2}got: keys of 4, values of 4, RoPE over 2/,
    ],
    [
      "an unknown tensor",
      { tensors: { "blk.0.ffn_gate_inp.weight": [8] } },
      /a tensor that attune does not know\n {2}got: "blk.0.ffn_gate_inp.weight"/,
    ],
    [
      "a tensor named after a method",
      { tensors: { "blk.0.constructor.weight": [8] } },
      /a tensor that attune does not know/,
    ],
    [
      "a layer number with zeros",
      { tensors: { "blk.00.attn_k.weight": [8, 8] } },
      /a tensor that attune does not know/,
    ],
    [
      "rows that are no whole heads",
      { tensors: { "blk.0.attn_q.weight": [8, 6] } },
      /the tensor "blk.0.attn_q.weight" has the wrong shape\n {2}got: \[6, 8\]\n {2}expected: rows for heads of 4/,
    ],
    ["other RoPE factors", { ropeFactors: [3, 1] }, /a table of factors that is not Llama 3's/],
  ])("%s", async (_, change, message) => {
    await expect(llamaFile(change)).rejects.toThrow(message);
  });
});

describe("RoPE", () => {
  test("factors of one are no scaling", async () => {
    expect((await llamaFile({ ropeFactors: [1, 1] })).config).not.toHaveProperty("rope_scaling");
  });

  test.each([
    [8, 8192],
    [32, 8192],
    [16, 4096],
  ])("Llama 3's table with factor %d and %d positions is recognised", async (factor, original) => {
    const scaling = {
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: original,
    };
    const { config } = await llamaFile({
      keys: { "llama.rope.freq_base": 500_000 },
      ropeFactors: llama3Factors(scaling, 500_000, 64),
    });
    expect(config["rope_scaling"]).toEqual({ rope_type: "llama3", ...scaling });
    expect(config["rope_theta"]).toBe(500_000);
  });

  test.each([
    [8, 2, 8, 8192],
    [4, 1, 2, 4096],
    [32, 1.5, 6, 1024],
    [3, 0.5, 16, 32_768],
  ])(
    "plain numbers come back: factor %d, %d, %d, %d positions",
    async (factor, low, high, original) => {
      const scaling = {
        factor,
        low_freq_factor: low,
        high_freq_factor: high,
        original_max_position_embeddings: original,
      };
      const { config } = await llamaFile({
        keys: { "llama.rope.freq_base": 500_000 },
        ropeFactors: llama3Factors(scaling, 500_000, 64),
      });
      const found = config["rope_scaling"] as typeof scaling;
      // the same lengths, over whatever original length
      expect(found.factor).toBe(factor);
      expect(
        found.original_max_position_embeddings / found.low_freq_factor / (original / low),
      ).toBeCloseTo(1, 2);
      expect(
        found.original_max_position_embeddings / found.high_freq_factor / (original / high),
      ).toBeCloseTo(1, 2);
    },
  );

  test("any table that Llama 3's scaling makes is read back as the same table, whatever its settings", async () => {
    const random = Random.for(1, "rope tables");
    const between = (low: number, high: number): number => low * (high / low) ** random.uniform();
    for (let i = 0; i < 300; i++) {
      const [theta, count] = [between(10, 1e6), random.pick([2, 4, 8, 16, 32, 64])];
      const low = between(0.2, 8);
      const scaling = {
        factor: between(1.01, 64),
        low_freq_factor: low,
        high_freq_factor: low * between(1.01, 16),
        original_max_position_embeddings: Math.round(between(16, 131_072)),
      };
      const table = Float32Array.from(llama3Factors(scaling, theta, count));
      const { config } = await llamaFile({
        keys: { "llama.rope.freq_base": theta },
        ropeFactors: [...table],
      });
      const found = config["rope_scaling"] as typeof scaling | undefined;
      const read = found
        ? llama3Factors(found, config["rope_theta"] as number, count)
        : table.map(() => 1);
      table.forEach((value, index) =>
        expect(
          Math.abs(read[index]! - value) / value,
          JSON.stringify({ scaling, theta, count, found }),
        ).toBeLessThan(1e-4),
      );
    }
  });

  test("linear and other scaling of the metadata", async () => {
    const linear = await llamaFile({
      keys: { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4 },
    });
    expect(linear.config["rope_scaling"]).toEqual({ rope_type: "linear", factor: 4 });
    const yarn = await llamaFile({
      keys: {
        "llama.rope.scaling.type": "yarn",
        "llama.rope.scaling.factor": 4,
        "llama.rope.scaling.original_context_length": 32,
      },
    });
    expect(yarn.config["rope_scaling"]).toEqual({
      rope_type: "yarn",
      factor: 4,
      original_max_position_embeddings: 32,
    });
  });

  test("a sliding window makes a llama a mistral", async () => {
    expect(
      (await llamaFile({ keys: { "llama.attention.sliding_window": 16 } })).config,
    ).toMatchObject({
      model_type: "mistral",
      sliding_window: 16,
      architectures: ["MistralForCausalLM"],
    });
  });
});

/**
 * A real file and the numbers that the gguf package reads from it (scripts/golden/gguf-real.py).
 */
const real = process.env["ATTUNE_SMOLLM2_GGUF"];

test.skipIf(!real || !existsSync(real))(
  "SmolLM2-135M-Instruct, tensor by tensor (ATTUNE_SMOLLM2_GGUF=PATH)",
  async () => {
    const source = await openWeights(real!);
    const expected = JSON.parse(
      readFileSync(golden("smollm2-135m-instruct.q4_1.json"), "utf8"),
    ) as Record<string, { shape: number[]; sha256: string }>;
    expect(source.names().toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [name, { shape, sha256 }] of Object.entries(expected)) {
      expect(source.shape(name)).toEqual(shape);
      const data = await source.read(name);
      expect(
        createHash("sha256")
          .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
          .digest("hex"),
        name,
      ).toBe(sha256);
    }
    await source.close();
  },
);
