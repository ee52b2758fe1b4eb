/**
 * Mistral: Llama with a sliding window over the keys. Source: transformers'
 * models/mistral/modeling_mistral.py.
 */
import type { ModelFamily } from "../family.ts";
import { ConfigReader, LIMITS } from "../family.ts";
import { llama, readLlamaConfig } from "./llama.ts";

/** Of a config.json without the key; null there means full attention. */
const DEFAULT_WINDOW = 4096;

export const mistral: ModelFamily = {
  ...llama,
  modelType: "mistral",
  readConfig(json) {
    const config = readLlamaConfig(json, {
      vocabularySize: 32_000,
      intermediateSize: 14_336,
      keyValueHeads: 8,
      maxPositions: 131_072,
    });
    const window =
      json["sliding_window"] === null
        ? undefined
        : new ConfigReader(json).integer("sliding_window", DEFAULT_WINDOW, LIMITS.positions);
    return {
      ...config,
      modelType: "mistral",
      ...(window === undefined ? {} : { slidingWindow: window }),
    };
  },
};
