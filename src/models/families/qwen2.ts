/**
 * Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.
 * Source: transformers' models/qwen2/modeling_qwen2.py. Its partial sliding window (use_sliding_window) is refused.
 */
import type { ModelFamily } from "../family.ts";
import { ConfigReader } from "../family.ts";
import { llama, readLlamaConfig } from "./llama.ts";

export const qwen2: ModelFamily = {
  ...llama,
  modelType: "qwen2",
  readConfig(json) {
    new ConfigReader(json).only("use_sliding_window", [false]);
    return { ...readLlamaConfig(json), modelType: "qwen2", biases: { queryKeyValue: true, output: false, mlp: false } };
  },
};
