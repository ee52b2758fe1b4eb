/** A byte tokenizer for tests: 256 bytes and a few special tokens, with a ChatML-like template. */
import { byteCharacters } from "./byte-level.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { BYTE_LEVEL, addedToken, bpeModel } from "./bpe-json.ts";
import { tokenizerFromFiles } from "./tokenizer.ts";

export const BYTE_SPECIALS = ["<pad>", "<s>", "<end>", "<user>", "<assistant>"] as const;

const BYTE_TEMPLATE =
  "{{ bos_token }}{% for message in messages %}{{ '<' + message.role + '>' + message.content + " +
  "'<end>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

/**
 * With another template, `specials` are further control tokens, and `words` added tokens that are
 * none.
 */
export function byteTokenizer({
  chatTemplate = BYTE_TEMPLATE,
  specials = [],
  words = [],
}: {
  chatTemplate?: string;
  specials?: readonly string[];
  words?: readonly string[];
} = {}): Tokenizer {
  const added = [...BYTE_SPECIALS, ...specials, ...words];
  const vocabulary = [...byteCharacters(), ...added];
  const json = {
    version: "1.0",
    added_tokens: added.map((content, index) =>
      addedToken(256 + index, content, !words.includes(content)),
    ),
    ...BYTE_LEVEL,
    model: bpeModel(vocabulary),
  };
  const config = {
    bos_token: "<s>",
    eos_token: "<end>",
    pad_token: "<pad>",
    add_bos_token: true,
    chat_template: chatTemplate,
  };
  return tokenizerFromFiles({
    "tokenizer.json": JSON.stringify(json),
    "tokenizer_config.json": JSON.stringify(config),
  });
}
