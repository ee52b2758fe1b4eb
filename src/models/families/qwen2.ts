/**
 * Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.
 * Source: transformers' models/qwen2/modeling_qwen2.py. Its partial sliding window
 * (use_sliding_window) is refused.
 */
import type { ModelFamily } from "../family.ts";
import { ConfigReader } from "../family.ts";
import { llama, readLlamaConfig } from "./llama.ts";

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
  ...llama,
  modelType: "qwen2",
  readConfig(json) {
    refuseWindows(json);
    return {
      ...readLlamaConfig(json, QWEN_DEFAULTS),
      modelType: "qwen2",
      biases: { queryKeyValue: true, output: false, mlp: false },
    };
  },
};
