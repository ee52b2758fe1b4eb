/**
 * SmolLM3: Llama in which every fourth layer has no positions, so that it reads long texts as it
 * reads short ones (NoPE, Kazemnejad et al. 2023).
 * Source: transformers' models/smollm3/modeling_smollm3.py.
 */
import { AttuneError, preview } from "../../core/errors.ts";
import { ConfigReader, LIMITS } from "../config-reader.ts";
import type { DecoderConfig, LayerKind } from "../decoder-config.ts";
import type { ModelFamily } from "../family.ts";
import { INTERLEAVED, llamaGguf } from "../gguf/llama.ts";
import type { Json } from "../gguf/metadata.ts";
import { llamaLike, llamaBiases, llamaSizes, readLlamaConfig, TINY_LLAMA } from "./llama.ts";

const DEFAULTS = {
  vocabularySize: 128_256,
  hiddenSize: 2048,
  intermediateSize: 11_008,
  layers: 36,
  heads: 16,
  keyValueHeads: 4,
  maxPositions: 32_768,
  tieEmbeddings: true,
  theta: 2_000_000,
} as const;
const INTERVAL = 4;

const hasPositions = (layer: number, interval: number): boolean => (layer + 1) % interval !== 0;

/** Whether each layer turns queries and keys. */
function readTurns(json: Json, layers: number): boolean[] {
  const given = json["no_rope_layers"] ?? undefined;
  if (given === undefined) {
    const interval = new ConfigReader(json).integer("no_rope_layer_interval", INTERVAL);
    return Array.from({ length: layers }, (_, layer) => hasPositions(layer, interval));
  }
  if (Array.isArray(given) && given.length >= layers && given.every((x) => x === 0 || x === 1))
    return given.slice(0, layers).map((x) => x === 1);
  throw new AttuneError("model", "config.json: no_rope_layers is wrong", {
    got: preview(given),
    expected: `1 or 0 for each of ${layers} layers: whether it has positions`,
  });
}

/** The window of layers without positions, or of those that `layer_types` names. */
function readWindows(json: Json, turns: readonly boolean[]): (number | undefined)[] {
  const reader = new ConfigReader(json);
  const types = reader.layerTypes(turns.length);
  const given = json["sliding_window"] ?? undefined;
  if (!reader.boolean("use_sliding_window", false) || given === undefined) {
    if (types?.includes("sliding_attention"))
      throw new AttuneError("model", "config.json: layer_types names windows that are turned off", {
        expected: "use_sliding_window true, with a sliding_window",
      });
    return turns.map(() => undefined);
  }
  const window = reader.integer("sliding_window", undefined, LIMITS.positions);
  return turns.map((turn, layer) =>
    (types ? types[layer] === "sliding_attention" : !turn) ? window : undefined,
  );
}

function readConfig(json: Json): DecoderConfig {
  const reader = new ConfigReader(json);
  const attention = reader.boolean("attention_bias", false);
  const config = readLlamaConfig(json, DEFAULTS);
  const { rope } = config.layerKinds[0]!;
  const turns = readTurns(json, config.layers);
  const windows = readWindows(json, turns);
  return {
    ...config,
    modelType: "smollm3",
    layerKinds: turns.map((turn, layer): LayerKind => {
      const window = windows[layer];
      const name = `${turn ? "rotary" : "plain"}${window === undefined ? "" : "_window"}`;
      return {
        name,
        ...(turn ? { rope: rope! } : {}),
        ...(window === undefined ? {} : { window }),
      };
    }),
    biases: {
      queryKeyValue: attention,
      output: attention,
      mlp: reader.boolean("mlp_bias", false),
    },
  };
}

/**
 * llama.cpp counts the layers without positions itself, and has no windows and no scaling tables.
 */
function refuseOthers({ layerKinds }: DecoderConfig): void {
  const computed = layerKinds.every(
    ({ rope, window }, layer) =>
      window === undefined &&
      rope?.llama3 === undefined &&
      (rope !== undefined) === hasPositions(layer, INTERVAL),
  );
  if (!computed)
    throw new AttuneError("model", "llama.cpp would compute this SmolLM3 otherwise", {
      expected: `every ${INTERVAL}th layer without positions, no windows, and no scaling but linear`,
    });
}

export const smollm3: ModelFamily = {
  ...llamaLike,
  modelType: "smollm3",
  architectures: { language: "SmolLM3ForCausalLM", scores: "SmolLM3ForSequenceClassification" },
  peftTargets: undefined,
  gguf: llamaGguf({
    architecture: "smollm3",
    changes: INTERLEAVED,
    own: (reader) => ({ no_rope_layer_interval: INTERVAL, ...llamaBiases(reader) }),
    check: refuseOthers,
  }),
  tiny: { model_type: "smollm3", ...TINY_LLAMA, no_rope_layer_interval: 2 },
  published: {
    "smollm3-3b": {
      parameters: 3_075_098_624,
      json: llamaSizes("smollm3", {
        vocabulary: 128_256,
        hidden: 2048,
        wide: 11_008,
        layers: 36,
        heads: 16,
        keyValueHeads: 4,
        context: 65_536,
        tied: true,
      }),
    },
  },
  readConfig,
};
