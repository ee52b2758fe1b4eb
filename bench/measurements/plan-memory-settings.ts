/** The settings in which planned and measured memory are compared. */
import { parseConfig } from "../../src/config/sources.ts";
import { readModelConfig } from "../../src/models/registry.ts";
import { planConfig } from "../../src/planning/plan-options.ts";
import type { PlanOptions } from "../../src/planning/plan.ts";
import type { ModelShape } from "../../src/planning/presets.ts";
import { presetShape } from "../../src/planning/presets.ts";

type Options = Partial<
  Pick<
    PlanOptions,
    | "adapter"
    | "promptTokens"
    | "answerTokens"
    | "batchSize"
    | "samples"
    | "rolloutBatch"
    | "microBatchTokens"
    | "precision"
    | "recompute"
    | "steps"
  >
> & { method: PlanOptions["method"] };

const llama = (sizes: {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  tie_word_embeddings?: boolean;
}): ModelShape =>
  readModelConfig({
    model_type: "llama",
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_theta: 1e4,
    tie_word_embeddings: true,
    ...sizes,
  });

/**
 * 135, 38, 70 and 133 million parameters, which run block by block, and 11 million, which run as
 * one graph.
 */
export const SHAPES: Readonly<Record<string, () => ModelShape>> = {
  smollm2: () => presetShape("smollm2-135m")!,
  small: () =>
    llama({
      vocab_size: 49_152,
      hidden_size: 384,
      intermediate_size: 1024,
      num_hidden_layers: 12,
      num_attention_heads: 6,
      num_key_value_heads: 2,
    }),
  deep: () =>
    llama({
      vocab_size: 32_000,
      hidden_size: 320,
      intermediate_size: 864,
      num_hidden_layers: 48,
      num_attention_heads: 5,
      num_key_value_heads: 5,
    }),
  wide: () =>
    llama({
      vocab_size: 32_000,
      hidden_size: 1024,
      intermediate_size: 2816,
      num_hidden_layers: 6,
      num_attention_heads: 16,
      num_key_value_heads: 4,
      tie_word_embeddings: false,
    }),
  tiny: () =>
    llama({
      vocab_size: 16_384,
      hidden_size: 256,
      intermediate_size: 688,
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 4,
    }),
};

export type Setting = Options & { shape: keyof typeof SHAPES };

/** A few steps each: what is largest is reached in the first or second. */
export const SETTINGS: readonly Setting[] = [
  {
    shape: "smollm2",
    method: "sft",
    adapter: "lora",
    promptTokens: 512,
    answerTokens: 512,
    batchSize: 1,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "dpo",
    adapter: "none",
    promptTokens: 64,
    answerTokens: 96,
    batchSize: 2,
    microBatchTokens: 512,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "ppo",
    adapter: "lora",
    promptTokens: 64,
    answerTokens: 64,
    batchSize: 16,
    steps: 1,
  },
  {
    shape: "smollm2",
    method: "sft",
    adapter: "lora",
    recompute: "none",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 2,
    microBatchTokens: 512,
    steps: 2,
  },
  {
    shape: "small",
    method: "sft",
    adapter: "none",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 8,
    steps: 2,
  },
  {
    shape: "small",
    method: "reward",
    adapter: "lora",
    promptTokens: 512,
    answerTokens: 256,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "small",
    method: "ppo",
    adapter: "none",
    promptTokens: 64,
    answerTokens: 64,
    batchSize: 16,
    steps: 2,
  },
  {
    shape: "deep",
    method: "dpo",
    adapter: "lora",
    promptTokens: 512,
    answerTokens: 256,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "deep",
    method: "rloo",
    adapter: "lora",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 8,
    samples: 4,
    steps: 1,
  },
  {
    shape: "wide",
    method: "kto",
    adapter: "lora",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 4,
    steps: 2,
  },
  {
    shape: "tiny",
    method: "sft",
    adapter: "none",
    promptTokens: 512,
    answerTokens: 512,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "dpo",
    adapter: "lora",
    precision: "int8",
    promptTokens: 256,
    answerTokens: 256,
    batchSize: 2,
    steps: 2,
  },
  {
    shape: "smollm2",
    method: "ppo",
    adapter: "lora",
    precision: "int8",
    promptTokens: 64,
    answerTokens: 64,
    batchSize: 16,
    steps: 1,
  },
  {
    shape: "tiny",
    method: "grpo",
    adapter: "lora",
    promptTokens: 128,
    answerTokens: 128,
    batchSize: 32,
    samples: 4,
    steps: 2,
  },
];

export const optionsOf = ({ shape, ...options }: Setting): PlanOptions =>
  parseConfig(planConfig, { values: { ...options, model: shape } }).resolved;
