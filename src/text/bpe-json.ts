/** Parts of tokenizer.json that every byte-level BPE says alike. */

/** A token that texts are cut at before anything else. */
export const addedToken = (id: number, content: string, special = true): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special,
});

/** Bytes as characters, without a space before the first word, as GPT-2 has it. */
export const BYTE_LEVEL = {
  normalizer: null,
  pre_tokenizer: {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
} as const;

/** @param tokens in the order of their ids */
export const bpeModel = (
  tokens: readonly string[],
  merges: readonly (readonly [string, string])[] = [],
  options: object = {},
): object => ({
  type: "BPE",
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ...options,
  vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
  merges,
});
