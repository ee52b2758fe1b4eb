/**
 * The world's tokenizer: whole words over the closed vocabulary, bytes for everything else, in the
 * form of a Hugging Face byte-level BPE without merges (`ignore_merges`), so that exported models
 * load elsewhere.
 */
import { byteCharacters } from "../text/byte-level.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";

const SPECIALS = ["<pad>", "<end>", "<user>", "<assistant>", "<system>"] as const;

/** The words of texts as GPT-2's pre-tokenizer splits them, with the leading space as Ġ. */
function wordsOf(texts: Iterable<string>): string[] {
  const words = new Set<string>();
  for (const text of texts)
    for (const [word] of text.matchAll(/ ?\p{L}+| ?[^\s\p{L}]+/gu))
      words.add(word.replace(/^ /, "Ġ"));
  return [...words].filter((word) => [...word].length > 1).toSorted();
}

/** Tokenizer files for a world whose texts are all among `texts`. */
export function worldTokenizer(texts: Iterable<string>): TokenizerFiles {
  const vocabulary = [...byteCharacters(), ...wordsOf(texts)];
  const specials = SPECIALS.map((content, index) => ({
    id: vocabulary.length + index,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specials,
    normalizer: null,
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
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
      ignore_merges: true,
      vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
      merges: [],
    },
  };
  const config = {
    eos_token: "<end>",
    pad_token: "<pad>",
    add_bos_token: false,
    tokenizer_class: "PreTrainedTokenizerFast",
    chat_template:
      "{% for message in messages %}{{ '<' + message.role + '>' + message.content + '<end>' }}{% " +
      "endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
  };
  return {
    "tokenizer.json": JSON.stringify(tokenizer),
    "tokenizer_config.json": JSON.stringify(config),
  };
}

/** Number of ids. */
export function vocabularySize(files: TokenizerFiles): number {
  const { model, added_tokens: added } = JSON.parse(files["tokenizer.json"]) as {
    model: { vocab: object };
    added_tokens: unknown[];
  };
  return Object.keys(model.vocab).length + added.length;
}
