/**
 * The components of @huggingface/tokenizers, with what must be mended inside them: bytes that a
 * decoder loses, and a search that is slow.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import type { AddedToken } from "./added-tokens.ts";
import { correctPreTokenizer, withoutPrefix } from "./library-corrections.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import type { PreTokenizer } from "./words.ts";

export type { Library };
export type Normalizer = Library["normalizer"];

/** The components but for the merges, which are made in `byte-pairs.ts`. */
export function openLibrary(
  json: TokenizerJson,
  added: readonly AddedToken[],
  unknownToken: string | undefined,
): Library {
  const spec = {
    ...json,
    added_tokens: added.map(({ id, content, control, normalized }) => ({
      id,
      content,
      special: control,
      normalized,
    })),
    pre_tokenizer: correctPreTokenizer(json.pre_tokenizer),
    post_processor: null,
    model: { ...json.model, merges: [] },
  };
  const library = new Library(spec, { unk_token: unknownToken });
  keepByteOrderMarks(library.decoder);
  lookUpAddedTokens(library.decoder, new Set(added.map(({ content }) => content)));
  return library;
}

/** Byte fallback must not swallow U+FEFF, which a TextDecoder does unless told not to. */
function keepByteOrderMarks(decoder: object | null): void {
  if (decoder === null) return;
  if ("text_decoder" in decoder)
    decoder.text_decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  if ("decoders" in decoder)
    for (const member of decoder.decoders as (object | null)[]) keepByteOrderMarks(member);
}

/** What the library's byte-level decoder has inside. */
interface ByteLevelDecoder {
  decode_chain(tokens: string[]): string[];
  convert_tokens_to_string(tokens: string[]): string;
}

/** The library searches the list of all added tokens for every token that it decodes. */
function lookUpAddedTokens(decoder: object | null, added: ReadonlySet<string>): void {
  if (decoder === null) return;
  if ("decoders" in decoder)
    for (const member of decoder.decoders as (object | null)[]) lookUpAddedTokens(member, added);
  if (!("byte_decoder" in decoder && "convert_tokens_to_string" in decoder)) return;
  const byteLevel = decoder as unknown as ByteLevelDecoder;
  byteLevel.decode_chain = (tokens) => {
    const texts: string[] = [];
    let bytes: string[] = [];
    const flush = (): void => {
      if (bytes.length > 0) texts.push(byteLevel.convert_tokens_to_string(bytes));
      bytes = [];
    };
    for (const token of tokens) {
      if (!added.has(token)) {
        bytes.push(token);
        continue;
      }
      flush();
      texts.push(token);
    }
    flush();
    return texts;
  };
}

/** Normaliser and pre-tokenizer for text that goes on; undefined where they are the same. */
export function openPrefixless(
  json: TokenizerJson,
  unknownToken: string | undefined,
): { normalizer: Normalizer; preTokenizer: PreTokenizer } | undefined {
  const corrected = correctPreTokenizer(json.pre_tokenizer);
  const [normalizer, preTokenizer] = [withoutPrefix(json.normalizer), withoutPrefix(corrected)];
  if (JSON.stringify([normalizer, preTokenizer]) === JSON.stringify([json.normalizer, corrected]))
    return undefined;
  const library = new Library(
    {
      ...json,
      normalizer,
      pre_tokenizer: preTokenizer,
      added_tokens: [],
      post_processor: null,
      model: { type: "BPE", vocab: {}, merges: [] },
    },
    { unk_token: unknownToken },
  );
  return { normalizer: library.normalizer, preTokenizer: library.pre_tokenizer };
}
