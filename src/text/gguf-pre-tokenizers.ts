/**
 * The pre-tokenizers that `tokenizer.ggml.pre` names. Source: llama.cpp's llama-vocab.cpp for the
 * names, and the tokenizer.json of the models that they stand for; where the two differ, the
 * model's own file is followed: Qwen normalises to NFC, and Mistral's tekken tells capitals of
 * every script.
 */
import type { Component } from "./library-corrections.ts";
import { GPT2_WORDS, isolate, sequence } from "./library-corrections.ts";

export interface GgufPreTokenizer {
  readonly preTokenizer: Component;
  readonly normalizer?: Component;
  /** A word that is in the vocabulary is taken whole, however merges would make it. */
  readonly ignoreMerges?: boolean;
  /** Whether BOS is added where the file does not say. */
  readonly addsBos?: boolean;
}

const BYTE_LEVEL: Component = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};
const split = (...expressions: string[]): Component =>
  sequence(...expressions.map(isolate), BYTE_LEVEL);

const CONTRACTIONS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/**
 * Words with one leading character that is neither letter nor numeral, `numerals` together,
 * punctuation, lines, spaces.
 */
const words = (numerals: string): string =>
  String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|${numerals}|${REST}`;
const THREE_NUMERALS = split(words(String.raw`\p{N}{1,3}`));
const ONE_NUMERAL = split(words(String.raw`\p{N}`));

const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const TEKKEN = [
  String.raw`[^\r\n\p{L}\p{N}]?${UPPER}*${LOWER}+|[^\r\n\p{L}\p{N}]?${UPPER}+${LOWER}*`,
  String.raw`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
].join("|");

const GPT2: GgufPreTokenizer = { preTokenizer: split(GPT2_WORDS) };
const SMOLLM: GgufPreTokenizer = {
  preTokenizer: sequence(
    { type: "Digits", individual_digits: true },
    { ...BYTE_LEVEL, use_regex: true },
  ),
};
const LLAMA3: GgufPreTokenizer = {
  preTokenizer: THREE_NUMERALS,
  ignoreMerges: true,
  addsBos: true,
};

export const PRE_TOKENIZERS: Readonly<Record<string, GgufPreTokenizer>> = {
  "gpt-2": GPT2,
  smollm: SMOLLM,
  starcoder: SMOLLM,
  "llama-bpe": LLAMA3,
  llama3: LLAMA3,
  "llama-v3": LLAMA3,
  "smaug-bpe": { preTokenizer: THREE_NUMERALS },
  qwen2: { preTokenizer: ONE_NUMERAL, normalizer: { type: "NFC" } },
  "deepseek-r1-qwen": { preTokenizer: ONE_NUMERAL },
  tekken: { preTokenizer: split(TEKKEN), ignoreMerges: true, addsBos: true },
  // What llama.cpp makes of files that name none; no model was trained with it.
  default: {
    preTokenizer: split(
      String.raw`[\p{P}\$\+<=>\^~\|]+`,
      GPT2_WORDS,
      String.raw`\p{N}+`,
      "[0-9][0-9][0-9]",
    ),
  },
};

/**
 * For files from before the key existed, where the architecture leaves no doubt; llama.cpp takes
 * `default`.
 */
export const PRE_TOKENIZER_OF_ARCHITECTURE: Readonly<Record<string, string>> = {
  gpt2: "gpt-2",
  qwen2: "qwen2",
  qwen3: "qwen2",
};
