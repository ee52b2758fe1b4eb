/**
 * Mistral: Llama with a sliding window over the keys. Source: transformers'
 * models/mistral/modeling_mistral.py.
 */
import { ConfigReader, LIMITS } from "../config-reader.ts";
import type { ModelFamily } from "../family.ts";
import { INTERLEAVED, llamaGguf, positionsWithinWindow } from "../gguf/llama.ts";
import { llamaLike, llamaBiases, llamaSizes, readLlamaConfig, TINY_LLAMA } from "./llama.ts";

/** Of a config.json without the key; null there means full attention. */
const DEFAULT_WINDOW = 4096;

export const mistral: ModelFamily = {
  ...llamaLike,
  modelType: "mistral",
  architectures: { language: "MistralForCausalLM", scores: "MistralForSequenceClassification" },
  peftTargets: ["q_proj", "v_proj"],
  gguf: llamaGguf({
    architecture: "llama",
    fits: (reader) => reader.value("attention.sliding_window") !== undefined,
    changes: INTERLEAVED,
    maxPositions: (reader) => reader.ownContextLength(),
    own: (reader) => ({
      sliding_window: reader.integer("attention.sliding_window"),
      ...llamaBiases(reader),
    }),
    faithfulPositions: positionsWithinWindow,
  }),
  tiny: { model_type: "mistral", ...TINY_LLAMA, rms_norm_eps: 1e-5, sliding_window: 4 },
  published: {
    "mistral-7b": {
      parameters: 7_241_732_096,
      json: llamaSizes("mistral", {
        vocabulary: 32_000,
        hidden: 4096,
        wide: 14_336,
        layers: 32,
        heads: 32,
        keyValueHeads: 8,
        context: 32_768,
      }),
    },
  },
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
      ...(window === undefined
        ? {}
        : { layerKinds: config.layerKinds.map((kind) => ({ ...kind, window })) }),
    };
  },
};
