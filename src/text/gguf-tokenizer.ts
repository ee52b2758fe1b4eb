/**
 * The tokenizer of a GGUF file as tokenizer.json and tokenizer_config.json.
 * Source: llama.cpp's llama-vocab.cpp (names of pre-tokenizers and their expressions) and the tokenizer.json files of
 * the models that these names stand for. Byte-level BPE only; SentencePiece vocabularies are refused.
 */
import { AttuneError, preview } from "../core/errors.ts";
import type { TokenizerFiles } from "./tokenizer.ts";

type Metadata = ReadonlyMap<string, unknown>;

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
const split = (expression: string): object => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex: expression }, behavior: "Isolated", invert: false },
    { ...BYTE_LEVEL, use_regex: false },
  ],
});
const digitsThenBytes = { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, { ...BYTE_LEVEL, use_regex: true }] };

/** Contractions, words, digits, punctuation and spaces, with `digits` numerals to a token. */
const words = (digits: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const PRE_TOKENIZERS: Readonly<Record<string, object>> = {
  "gpt-2": { ...BYTE_LEVEL, use_regex: true },
  smollm: digitsThenBytes,
  "llama-bpe": split(words("\\p{N}{1,3}")),
  qwen2: split(words("\\p{N}")),
};

const CONTROL = 3;
const USER_DEFINED = 4;

function list(metadata: Metadata, key: string): readonly unknown[] {
  const value = metadata.get(key);
  if (Array.isArray(value)) return value;
  throw new AttuneError("model", `the GGUF file has no ${key}`, { got: preview(value === undefined ? "nothing" : typeof value) });
}

/** @throws AttuneError `model` for a kind of tokenizer that attune does not have */
export function tokenizerFilesFromGguf(metadata: Metadata): TokenizerFiles {
  const model = metadata.get("tokenizer.ggml.model");
  if (model !== "gpt2") {
    throw new AttuneError("model", "the GGUF file has a kind of tokenizer that attune does not read", { got: preview(String(model)), expected: "gpt2 (byte-level BPE)", hint: "the safetensors form of this model, with its tokenizer.json" });
  }
  const pre = String(metadata.get("tokenizer.ggml.pre") ?? "gpt-2");
  const preTokenizer = Object.hasOwn(PRE_TOKENIZERS, pre) ? PRE_TOKENIZERS[pre] : undefined;
  if (!preTokenizer) throw new AttuneError("model", "the GGUF file has a pre-tokenizer that attune does not know", { got: pre, expected: Object.keys(PRE_TOKENIZERS).join(", "), hint: "the safetensors form of this model" });
  const tokens = list(metadata, "tokenizer.ggml.tokens").map(String);
  const types = list(metadata, "tokenizer.ggml.token_type").map(Number);
  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== CONTROL && type !== USER_DEFINED) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: type === CONTROL }];
  });
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: pre === "qwen2" ? { type: "NFC" } : null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre === "llama-bpe",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: list(metadata, "tokenizer.ggml.merges").map(String),
    },
  };
  return { "tokenizer.json": JSON.stringify(tokenizer), "tokenizer_config.json": JSON.stringify(readConfig(metadata, tokens)) };
}

function readConfig(metadata: Metadata, tokens: readonly string[]): Record<string, unknown> {
  const token = (key: string): string | undefined => {
    const id = metadata.get(`tokenizer.ggml.${key}_token_id`);
    return id === undefined ? undefined : tokens[Number(id)];
  };
  const template = metadata.get("tokenizer.chat_template");
  const entries = {
    bos_token: token("bos"),
    eos_token: token("eos"),
    pad_token: token("padding"),
    add_bos_token: metadata.get("tokenizer.ggml.add_bos_token") ?? false,
    chat_template: typeof template === "string" ? template : undefined,
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}
