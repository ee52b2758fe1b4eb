/**
 * Shapes of well-known models, so that a run can be planned before anything is downloaded: the
 * fields of their published config.json files that set the size. Tests hold their parameter counts
 * to the published ones.
 */
import { AttuneError, nearest } from "../core/errors.ts";
import type { DecoderConfig, ModelFamily } from "../models/family.ts";
import { readModelConfig } from "../models/registry.ts";

interface LlamaSizes {
  vocabulary: number;
  hidden: number;
  wide: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  context: number;
  tied?: boolean;
}

const llamaLike = (
  type: "llama" | "mistral" | "qwen2",
  { vocabulary, hidden, wide, layers, heads, keyValueHeads, context, tied = false }: LlamaSizes,
) => ({
  model_type: type,
  vocab_size: vocabulary,
  hidden_size: hidden,
  intermediate_size: wide,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: keyValueHeads,
  max_position_embeddings: context,
  tie_word_embeddings: tied,
});

export const PRESETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gpt2: { model_type: "gpt2", activation_function: "gelu_new" },
  "smollm2-135m": llamaLike("llama", {
    vocabulary: 49_152,
    hidden: 576,
    wide: 1536,
    layers: 30,
    heads: 9,
    keyValueHeads: 3,
    context: 8192,
    tied: true,
  }),
  "smollm2-360m": llamaLike("llama", {
    vocabulary: 49_152,
    hidden: 960,
    wide: 2560,
    layers: 32,
    heads: 15,
    keyValueHeads: 5,
    context: 8192,
    tied: true,
  }),
  "smollm2-1.7b": llamaLike("llama", {
    vocabulary: 49_152,
    hidden: 2048,
    wide: 8192,
    layers: 24,
    heads: 32,
    keyValueHeads: 32,
    context: 8192,
    tied: true,
  }),
  "tinyllama-1.1b": llamaLike("llama", {
    vocabulary: 32_000,
    hidden: 2048,
    wide: 5632,
    layers: 22,
    heads: 32,
    keyValueHeads: 4,
    context: 2048,
  }),
  "llama-8b": llamaLike("llama", {
    vocabulary: 128_256,
    hidden: 4096,
    wide: 14_336,
    layers: 32,
    heads: 32,
    keyValueHeads: 8,
    context: 8192,
  }),
  "llama-70b": llamaLike("llama", {
    vocabulary: 128_256,
    hidden: 8192,
    wide: 28_672,
    layers: 80,
    heads: 64,
    keyValueHeads: 8,
    context: 8192,
  }),
  "mistral-7b": llamaLike("mistral", {
    vocabulary: 32_000,
    hidden: 4096,
    wide: 14_336,
    layers: 32,
    heads: 32,
    keyValueHeads: 8,
    context: 32_768,
  }),
  "qwen2-0.5b": llamaLike("qwen2", {
    vocabulary: 151_936,
    hidden: 896,
    wide: 4864,
    layers: 24,
    heads: 14,
    keyValueHeads: 2,
    context: 32_768,
    tied: true,
  }),
  "qwen2-7b": llamaLike("qwen2", {
    vocabulary: 152_064,
    hidden: 3584,
    wide: 18_944,
    layers: 28,
    heads: 28,
    keyValueHeads: 4,
    context: 32_768,
  }),
};

export interface ModelShape {
  family: ModelFamily;
  config: DecoderConfig;
}

/** The shape of a preset; undefined where the name is none. */
export function presetShape(name: string): ModelShape | undefined {
  const json = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  return json && readModelConfig(json);
}

/** What to say where a model is neither a preset nor found. */
export function noSuchShape(name: string, cause: unknown): AttuneError {
  const near = nearest(name, Object.keys(PRESETS));
  return new AttuneError("usage", "there is no model of this name", {
    got: name,
    expected: `a folder, a GGUF file, a Hugging Face id, or one of ${Object.keys(PRESETS).join(", ")}`,
    cause,
    ...(near ? { hint: near } : {}),
  });
}
