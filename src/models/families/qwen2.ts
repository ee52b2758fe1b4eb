/**
 * Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.
 * Source: transformers' models/qwen2/modeling_qwen2.py. Its partial sliding window
 * (use_sliding_window) is refused.
 */
import { ConfigReader } from "../config-reader.ts";
import type { ModelFamily } from "../family.ts";
import { llamaGguf } from "../gguf/llama.ts";
import { llamaLike, llamaSizes, readLlamaConfig, TINY_LLAMA } from "./llama.ts";

/** What both generations have where config.json lacks a key. */
export const QWEN_DEFAULTS = {
  vocabularySize: 151_936,
  intermediateSize: 22_016,
  keyValueHeads: 32,
  maxPositions: 32_768,
} as const;

/** Windows over some of the layers are refused, however they are asked for. */
export function refuseWindows(json: Readonly<Record<string, unknown>>): void {
  const config = new ConfigReader(json);
  config.only("use_sliding_window", [false]);
  const types = json["layer_types"];
  if (Array.isArray(types))
    for (const type of new Set(types))
      new ConfigReader({ layer_types: type }).only("layer_types", ["full_attention"]);
}

export const qwen2: ModelFamily = {
  ...llamaLike,
  modelType: "qwen2",
  architectures: { language: "Qwen2ForCausalLM", scores: "Qwen2ForSequenceClassification" },
  peftTargets: ["q_proj", "v_proj"],
  // Its biases are always there, and config.json has no word for them.
  gguf: llamaGguf({ architecture: "qwen2" }),
  tiny: { model_type: "qwen2", ...TINY_LLAMA, tie_word_embeddings: true },
  published: {
    "qwen2-0.5b": {
      parameters: 494_032_768,
      json: llamaSizes("qwen2", {
        vocabulary: 151_936,
        hidden: 896,
        wide: 4864,
        layers: 24,
        heads: 14,
        keyValueHeads: 2,
        context: 32_768,
        tied: true,
      }),
    },
    "qwen2-7b": {
      parameters: 7_615_616_512,
      json: llamaSizes("qwen2", {
        vocabulary: 152_064,
        hidden: 3584,
        wide: 18_944,
        layers: 28,
        heads: 28,
        keyValueHeads: 4,
        context: 32_768,
      }),
    },
  },
  readConfig(json) {
    refuseWindows(json);
    return {
      ...readLlamaConfig(json, QWEN_DEFAULTS),
      modelType: "qwen2",
      biases: { queryKeyValue: true, output: false, mlp: false },
    };
  },
};
