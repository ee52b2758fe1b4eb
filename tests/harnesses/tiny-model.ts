/**
 * A tiny model that transformers and attune both load: random weights, the same on every machine,
 * over byte-level BPE with a few merges, so that words of a text join with the space before them.
 */
import { mkdirSync } from "node:fs";
import { decodableConfig, randomModel } from "../../src/models/testing.ts";
import type { Model } from "../../src/models/model.ts";
import { saveMerged, saveTokenizer } from "../../src/models/save.ts";
import { byteCharacters } from "../../src/text/byte-level.ts";
import { BYTE_LEVEL, addedToken, bpeModel } from "../../src/text/bpe-json.ts";
import type { Tokenizer } from "../../src/text/tokenizer.ts";
import { tokenizerFromFiles } from "../../src/text/tokenizer.ts";

/** Room for two examples and a question, and too small for the longest of the texts. */
export const CONTEXT = 512;

const SPECIALS = ["<pad>", "<end>", "<user>", "<assistant>"];
const MERGED = [
  ..." the| a| of| is| in| and| to| capital| what| which| answer|er|in|on|an|ou|ll|th".split("|"),
  ..."ing|ed|es|re|Question|Answer".split("|"),
];
const TEMPLATE =
  "{% for message in messages %}<{{ message.role }}>{{ message.content }}<end>{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% endif %}";

/** Joins each word from the left, character by character. */
function mergesOf(words: readonly string[]): [string, string][] {
  const merges = new Map<string, [string, string]>();
  for (const word of words) {
    const parts = [...word.replaceAll(" ", "\u0120")];
    for (let end = 1; end < parts.length; end++) {
      const left = parts.slice(0, end).join("");
      merges.set(left + parts[end]!, [left, parts[end]!]);
    }
  }
  return [...merges.values()];
}

export function tinyTokenizer(): Tokenizer {
  const merges = mergesOf(MERGED);
  const vocabulary = [
    ...SPECIALS,
    ...byteCharacters(),
    ...merges.map(([left, right]) => left + right),
  ];
  return tokenizerFromFiles({
    "tokenizer.json": JSON.stringify({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: SPECIALS.map((content, id) => addedToken(id, content)),
      ...BYTE_LEVEL,
      model: bpeModel(vocabulary, merges, { ignore_merges: false }),
    }),
    "tokenizer_config.json": JSON.stringify({
      tokenizer_class: "PreTrainedTokenizerFast",
      eos_token: "<end>",
      pad_token: "<pad>",
      model_max_length: CONTEXT,
      clean_up_tokenization_spaces: false,
      chat_template: TEMPLATE,
    }),
  });
}

export function tinyModel(seed = 1): { model: Model; tokenizer: Tokenizer } {
  const tokenizer = tinyTokenizer();
  const model = randomModel(
    {
      ...decodableConfig("llama"),
      vocab_size: tokenizer.vocabularySize,
      max_position_embeddings: CONTEXT,
      pad_token_id: 0,
      eos_token_id: 1,
      bos_token_id: null,
    },
    seed,
    0.25,
  );
  return { model, tokenizer };
}

/** Writes the model as a folder of safetensors. */
export async function writeTinyModel(folder: string): Promise<void> {
  const { model, tokenizer } = tinyModel();
  mkdirSync(folder, { recursive: true });
  await saveMerged(model, folder, { tokenizer });
  await saveTokenizer(tokenizer, folder);
}
