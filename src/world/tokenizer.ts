/**
 * The world's tokenizer: whole words over the closed vocabulary, bytes for everything else, in the
 * form of a Hugging Face byte-level BPE without merges (`ignore_merges`), so that exported models
 * load elsewhere.
 */
import { byteCharacters } from "../text/byte-level.ts";
import type { TokenizerFiles } from "../text/tokenizer.ts";
import { BYTE_LEVEL, addedToken, bpeModel } from "../text/bpe-json.ts";

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
  const specials = SPECIALS.map((content, index) => addedToken(vocabulary.length + index, content));
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specials,
    ...BYTE_LEVEL,
    model: bpeModel(vocabulary, [], { ignore_merges: true }),
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
