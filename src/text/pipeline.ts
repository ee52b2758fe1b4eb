/**
 * From text to ids by the components of @huggingface/tokenizers: added tokens, normaliser,
 * pre-tokenizer, model. The order is that of the Rust library (TokenizerImpl::encode). Put together
 * here rather than by the library's own `encode` because that one can neither take a control token
 * for ordinary text nor go on after a text, and gives ids by the text of a token, so that ordinary
 * text may come out as a control token.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import { createSplitter } from "./added-tokens.ts";
import { byteCharacters } from "./byte-level.ts";
import { BytePairs, SLICE } from "./byte-pairs.ts";
import { isKnown } from "./expressions.ts";
import { correctPreTokenizer, withoutPrefix } from "./library-corrections.ts";
import { bytesPerToken } from "./token-bytes.ts";
import type { TextPart } from "./text-parts.ts";
import { splitAtMarks, unusedCharacters } from "./text-parts.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import { withinTime } from "./within-time.ts";
import type { Limited, PreTokenizer } from "./words.ts";
import { wordSplitter } from "./words.ts";

export interface EncodeOptions {
  /** The text goes on after other text, so that nothing is put before it. Default false. */
  continues?: boolean;
  /**
   * Most ids that whoever asks can take: a text with more is not encoded to its end. Default none.
   * @throws TextTooLong
   */
  limit?: number;
}

/** A text has more ids than were asked for. */
export class TextTooLong extends Error {}

/** Work that is done slice by slice, and its result. */
export type Slices<T> = Generator<undefined, T>;

/** All slices at once. */
export function finish<T>(slices: Slices<T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value;
  }
}

export interface Pipeline {
  /**
   * Between two slices lies about a millisecond, but for a normaliser and added tokens, which take
   * a text in one.
   */
  encode(parts: readonly TextPart[], options?: EncodeOptions): Slices<number[]>;
  /**
   * What of a plain text becomes no token, as the model writes it (bytes as letters, for a
   * byte-level one); nothing where the vocabulary has a token for everything.
   */
  missing(parts: readonly TextPart[]): string[];
  /** Text of tokens; the caller leaves out ids without a token. */
  decode(ids: readonly number[]): string;
}

type Normalizer = Library["normalizer"];

/** Words whose ids are remembered; the memory is emptied when it is full. */
const MEMORY = 50_000;
const LONGEST_REMEMBERED = 64;
/** Operations that a word takes beside those of its characters. */
const WORD_WORK = 16;

/** @param file that the tokenizer stands in, for errors */
export function createPipeline(
  json: TokenizerJson,
  added: readonly AddedToken[],
  { unknownToken, file }: { unknownToken: string | undefined; file: string },
): Pipeline {
  const limited = limitedBy(file);
  const library = openLibrary(json, added, unknownToken);
  const known = {
    normalizer: isKnown(json.normalizer),
    preTokenizer: isKnown(json.pre_tokenizer),
    decoder: isKnown(json.decoder),
  };
  const splitter = (preTokenizer: PreTokenizer): ReturnType<typeof wordSplitter> =>
    wordSplitter(preTokenizer, known.preTokenizer ? undefined : limited);
  const normalizerOf = (normalizer: Normalizer): Normalizer =>
    (normalizer === null || known.normalizer
      ? normalizer
      : (text: string) => limited(text, () => normalizer(text))) as Normalizer;
  const start = {
    normalizer: normalizerOf(library.normalizer),
    words: splitter(library.pre_tokenizer),
  };
  const prefixless = openPrefixless(json, unknownToken);
  const later = prefixless
    ? { normalizer: normalizerOf(prefixless.normalizer), words: splitter(prefixless.preTokenizer) }
    : start;
  const splitRaw = createSplitter(
    added.filter(({ normalized }) => !normalized).map((token) => [token.content, token]),
  );
  const normalizedTokens = added.filter(({ normalized }) => normalized);
  const splitNormalized = createSplitter(
    normalizedTokens.map((token) => [normalize(token.content, start.normalizer), token]),
  );
  const { idsOfWord, missingOfWord } = createWordEncoder(json, added);
  const most = bytesPerToken(json, added);

  function* encodeSection(
    parts: readonly TextPart[],
    isFirst: boolean,
    { normalizer, words }: typeof start,
  ): Generator<number | string, void> {
    const texts =
      normalizedTokens.length === 0
        ? [{ plain: false, text: normalize(joined(parts), normalizer) }]
        : normalizeParts(parts, normalizer, later.normalizer);
    for (const [index, section] of splitNormalized(texts).entries()) {
      if ("token" in section) {
        yield section.token.id;
        continue;
      }
      yield* words(joined(section.parts), { section_index: isFirst && index === 0 ? 0 : 1 });
    }
  }
  /** Ids of added tokens, and words. */
  function* pieces(
    parts: readonly TextPart[],
    continues: boolean,
  ): Generator<number | string, void> {
    for (const [index, section] of splitRaw(parts).entries()) {
      if ("token" in section) yield section.token.id;
      else
        yield* encodeSection(section.parts, index === 0, continues && index === 0 ? later : start);
    }
  }
  return {
    *encode(parts, { continues = false, limit = Infinity } = {}) {
      if (parts.reduce((total, { text }) => total + Buffer.byteLength(text), 0) > limit * most)
        throw new TextTooLong();
      const ids: number[] = [];
      let worked = 0;
      for (const piece of pieces(parts, continues)) {
        const found = typeof piece === "number" ? [piece] : yield* idsOfWord(piece);
        for (const id of found) ids.push(id);
        if (ids.length > limit) throw new TextTooLong();
        worked +=
          typeof piece === "number" ? 1 : WORD_WORK + Math.min(piece.length, LONGEST_REMEMBERED);
        if (worked < SLICE) continue;
        worked = 0;
        yield;
      }
      return ids;
    },
    missing(parts) {
      if (missingOfWord === undefined) return [];
      return [...pieces(parts, false)].flatMap((piece) =>
        typeof piece === "number" ? [] : missingOfWord(piece),
      );
    },
    decode(ids) {
      if (ids.length === 0) return "";
      const decode = (): string =>
        library.decode([...ids], {
          skip_special_tokens: false,
          clean_up_tokenization_spaces: false,
        });
      return known.decoder ? decode() : limited("", decode);
    },
  };
}

const LIMIT_MILLISECONDS = 700;

/** A second of a tokenizer's own expressions on one text is far above what any takes that ends. */
const limitedBy =
  (file: string): Limited =>
  (text, work) =>
    withinTime(work, {
      milliseconds: LIMIT_MILLISECONDS + Math.ceil(text.length / 1000),
      error: () =>
        new AttuneError("model", "a regular expression of the tokenizer runs without end", {
          file,
          got: `on a text of ${countOf(text.length, "character")}`,
          hint: "another tokenizer: this one is broken or hostile",
        }),
    });

const joined = (parts: readonly TextPart[]): string => parts.map(({ text }) => text).join("");
const normalize = (text: string, normalizer: Normalizer): string =>
  normalizer === null ? text : normalizer(text);

/** Normalises a text as one, and its plain parts apart. */
function normalizeParts(
  parts: readonly TextPart[],
  normalizer: Normalizer,
  later: Normalizer,
): TextPart[] {
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

/** The components but for the merges, which are made in `byte-pairs.ts`. */
function openLibrary(
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
function openPrefixless(
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

interface WordEncoder {
  idsOfWord: (word: string) => Slices<readonly number[]>;
  /** Undefined where every character has a token, or the unknown one. */
  missingOfWord: ((word: string) => string[]) | undefined;
}

/** Tokens that stand for the 256 bytes, of which any text is made. */
function hasAllBytes({ model, pre_tokenizer: preTokenizer }: TokenizerJson): boolean {
  const has = (token: string): boolean => Object.hasOwn(model.vocab, token);
  if (model["byte_fallback"] === true)
    return Array.from(
      { length: 256 },
      (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
    ).every(has);
  return (
    JSON.stringify(preTokenizer ?? null).includes('"type":"ByteLevel"') &&
    byteCharacters().every(has)
  );
}

function createWordEncoder(json: TokenizerJson, added: readonly AddedToken[]): WordEncoder {
  const { model } = json;
  const control = new Set(added.filter((token) => token.control).map(({ content }) => content));
  const unknown = model.unk_token ?? undefined;
  const unknownId =
    unknown === undefined
      ? undefined
      : (added.find(({ content }) => content === unknown)?.id ??
        (Object.hasOwn(model.vocab, unknown) ? model.vocab[unknown] : undefined));
  const pairs = new BytePairs(model, { without: control, unknownId });
  const memory = new Map<string, readonly number[]>();
  const missingOfWord =
    unknownId !== undefined || hasAllBytes(json)
      ? undefined
      : (word: string) => pairs.missing(word);
  const idsOfWord = function* (word: string): Slices<readonly number[]> {
    const remembered = memory.get(word);
    if (remembered) return remembered;
    const ids = yield* pairs.encode(word);
    if (word.length <= LONGEST_REMEMBERED) {
      if (memory.size >= MEMORY) memory.clear();
      memory.set(word, ids);
    }
    return ids;
  };
  return { idsOfWord, missingOfWord };
}
