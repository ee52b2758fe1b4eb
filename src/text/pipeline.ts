/**
 * From text to ids by the components of @huggingface/tokenizers: added tokens, normaliser, pre-tokenizer, model. The
 * order is that of the Rust library (TokenizerImpl::encode). Put together here rather than by the library's own `encode`
 * because that one can neither take a control token for ordinary text nor go on after a text, and gives ids by the text
 * of a token, so that ordinary text may come out as a control token.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import type { AddedToken } from "./added-tokens.ts";
import { createSplitter } from "./added-tokens.ts";
import { correctPreTokenizer, withoutPrefix } from "./library-corrections.ts";
import type { TextPart } from "./text-parts.ts";
import { splitAtMarks, unusedCharacters } from "./text-parts.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

export interface EncodeOptions {
  /** The text goes on after other text, so that nothing is put before it. Default false. */
  continues?: boolean;
}

export interface Pipeline {
  encode(parts: readonly TextPart[], options?: EncodeOptions): number[];
  /** Text of tokens; the caller leaves out ids without a token. */
  decode(ids: readonly number[]): string;
}

type Normalizer = Library["normalizer"];
type PreTokenizer = Library["pre_tokenizer"];

/** Words whose ids are remembered; the memory is emptied when it is full. */
const MEMORY = 50_000;
const LONGEST_REMEMBERED = 64;

export function createPipeline(json: TokenizerJson, added: readonly AddedToken[], unknownToken: string | undefined): Pipeline {
  const library = openLibrary(json, added, unknownToken);
  const start = { normalizer: library.normalizer, preTokenizer: library.pre_tokenizer };
  const later = openPrefixless(json, unknownToken) ?? start;
  const splitRaw = createSplitter(added.filter(({ normalized }) => !normalized).map((token) => [token.content, token]));
  const normalizedTokens = added.filter(({ normalized }) => normalized);
  const splitNormalized = createSplitter(normalizedTokens.map((token) => [normalize(token.content, start.normalizer), token]));
  const idsOfWord = createWordEncoder(library);

  const encodeSection = (parts: readonly TextPart[], isFirst: boolean, { normalizer, preTokenizer }: typeof start): number[] => {
    const texts = normalizedTokens.length === 0 ? [{ plain: false, text: normalize(joined(parts), normalizer) }] : normalizeParts(parts, normalizer, later.normalizer);
    return splitNormalized(texts).flatMap((section, index) => {
      if ("token" in section) return section.token.id;
      const text = joined(section.parts);
      const words = preTokenizer === null ? [text] : preTokenizer(text, { section_index: isFirst && index === 0 ? 0 : 1 });
      return words.flatMap(idsOfWord);
    });
  };
  return {
    encode: (parts, { continues = false } = {}) =>
      splitRaw(parts).flatMap((section, index) => ("token" in section ? section.token.id : encodeSection(section.parts, index === 0, continues && index === 0 ? later : start))),
    decode: (ids) => (ids.length === 0 ? "" : library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false })),
  };
}

const joined = (parts: readonly TextPart[]): string => parts.map(({ text }) => text).join("");
const normalize = (text: string, normalizer: Normalizer): string => (normalizer === null ? text : normalizer(text));

/** Normalises a text as one, and its plain parts apart. */
function normalizeParts(parts: readonly TextPart[], normalizer: Normalizer, later: Normalizer): TextPart[] {
  const marks = unusedCharacters(parts.map(({ text }) => text));
  const plain = new Map<string, string>();
  const marked = parts.map((part) => {
    if (!part.plain) return part.text;
    const { value } = marks.next();
    plain.set(value, normalize(part.text, later));
    return value;
  });
  return splitAtMarks(normalize(marked.join(""), normalizer), plain);
}

/** The components, which know the text of every token but never make a control token of a word. */
function openLibrary(json: TokenizerJson, added: readonly AddedToken[], unknownToken: string | undefined): Library {
  const control = new Set(added.filter((token) => token.control).map(({ content }) => content));
  const isControl = (merge: string | readonly string[]): boolean => control.size > 0 && control.has(typeof merge === "string" ? merge.replace(" ", "") : merge.join(""));
  const spec = {
    ...json,
    added_tokens: added.map(({ id, content, control, normalized }) => ({ id, content, special: control, normalized })),
    pre_tokenizer: correctPreTokenizer(json.pre_tokenizer),
    post_processor: null,
    // Merges that end in a control token would make one of ordinary text.
    model: { ...json.model, merges: json.model.merges.filter((merge) => !isControl(merge)) },
  };
  const library = new Library(spec, { unk_token: unknownToken });
  for (const content of control) library.model!.tokens_to_ids.delete(content);
  keepByteOrderMarks(library.decoder);
  return library;
}

/** Byte fallback must not swallow U+FEFF, which a TextDecoder does unless told not to. */
function keepByteOrderMarks(decoder: object | null): void {
  if (decoder === null) return;
  if ("text_decoder" in decoder) decoder.text_decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  if ("decoders" in decoder) for (const member of decoder.decoders as (object | null)[]) keepByteOrderMarks(member);
}

/** Normaliser and pre-tokenizer for text that goes on; undefined where they are the same. */
function openPrefixless(json: TokenizerJson, unknownToken: string | undefined): { normalizer: Normalizer; preTokenizer: PreTokenizer } | undefined {
  const corrected = correctPreTokenizer(json.pre_tokenizer);
  const [normalizer, preTokenizer] = [withoutPrefix(json.normalizer), withoutPrefix(corrected)];
  if (JSON.stringify([normalizer, preTokenizer]) === JSON.stringify([json.normalizer, corrected])) return undefined;
  const library = new Library({ ...json, normalizer, pre_tokenizer: preTokenizer, added_tokens: [], post_processor: null, model: { type: "BPE", vocab: {}, merges: [] } }, { unk_token: unknownToken });
  return { normalizer: library.normalizer, preTokenizer: library.pre_tokenizer };
}

function createWordEncoder({ model }: Library): (word: string) => readonly number[] {
  const known = model!.tokens_to_ids;
  const unknown = model!.unk_token_id;
  const memory = new Map<string, readonly number[]>();
  return (word) => {
    const remembered = memory.get(word);
    if (remembered) return remembered;
    const ids: number[] = [];
    for (const token of model!([word])) {
      const id = known.get(token) ?? unknown;
      if (id !== undefined) ids.push(id);
    }
    if (word.length <= LONGEST_REMEMBERED) {
      if (memory.size >= MEMORY) memory.clear();
      memory.set(word, ids);
    }
    return ids;
  };
}
