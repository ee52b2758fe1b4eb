/**
 * Mistral: Llama with a sliding window over the keys. Source: transformers' models/mistral/modeling_mistral.py.
 */
import type { ModelFamily } from "../family.ts";
import { ConfigReader, LIMITS } from "../family.ts";
import { llama, readLlamaConfig } from "./llama.ts";

export const mistral: ModelFamily = {
  ...llama,
  modelType: "mistral",
  readConfig(json) {
    const window = json["sliding_window"];
    return {
      ...readLlamaConfig(json),
      modelType: "mistral",
      ...(window === null || window === undefined ? {} : { slidingWindow: new ConfigReader(json).integer("sliding_window", undefined, LIMITS.positions) }),
    };
  },
};
