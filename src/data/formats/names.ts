/**
 * Names of the formats, for option tables that a browser loads too; index.ts has the formats
 * themselves.
 */
export const FORMAT_NAMES = [
  "trl",
  "attune",
  "openai-chat",
  "openai-preference",
  "sharegpt",
  "alpaca",
  "llama-factory-kto",
  "anthropic-hh",
  "ultrafeedback",
  "arena-33k",
  "arena-140k",
  "alpaca-eval",
  "fine-grained-rlhf",
  "xstest",
  "openai-moderation",
  "anthropic-evals",
  "argilla",
  "label-studio",
] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];
