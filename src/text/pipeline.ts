/**
 * From text to ids by the components of @huggingface/tokenizers: added tokens, normaliser,
 * pre-tokenizer, model. The order is that of the Rust library (TokenizerImpl::encode). Put together
 * here rather than by the library's own `encode` because that one can neither take a control token
 * for ordinary text nor go on after a text, and gives ids by the text of a token, so that ordinary
 * text may come out as a control token.
 */
import { countOf } from "../core/counts.ts";
import { AttuneError } from "../core/errors.ts";
import type { AddedToken } from "./added-tokens.ts";
import { createSplitter } from "./added-tokens.ts";
import { SLICE } from "./byte-pairs.ts";
import { isKnown } from "./expressions.ts";
import { bytesPerToken } from "./token-bytes.ts";
import type { TextPart } from "./text-parts.ts";
import { splitAtMarks, unusedCharacters } from "./text-parts.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import { withinTime } from "./within-time.ts";
import type { Limited, PreTokenizer } from "./words.ts";
import { wordSplitter } from "./words.ts";
import type { Slices } from "./slices.ts";
import type { Library, Normalizer } from "./tokenizer-library.ts";
import { openLibrary, openPrefixless } from "./tokenizer-library.ts";
import { LONGEST_REMEMBERED, createWordEncoder } from "./word-ids.ts";

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
  const pieces = createPieceReader(added, openStages(json, { library, unknownToken, limited }));
  const { idsOfWord, missingOfWord } = createWordEncoder(json, added);
  const most = bytesPerToken(json, added);
  const knowsDecoder = isKnown(json.decoder);
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
      return knowsDecoder ? decode() : limited("", decode);
    },
  };
}

/** Normaliser and pre-tokenizer. */
interface Stage {
  normalizer: Normalizer;
  words: ReturnType<typeof wordSplitter>;
}

/** How a text is split, and how one that goes on after another text is. */
interface Stages {
  start: Stage;
  later: Stage;
}

/** The tokenizer's own expressions run within a time; those that are known need none. */
function openStages(
  json: TokenizerJson,
  {
    library,
    unknownToken,
    limited,
  }: { library: Library; unknownToken: string | undefined; limited: Limited },
): Stages {
  const knowsNormalizer = isKnown(json.normalizer);
  const knowsPreTokenizer = isKnown(json.pre_tokenizer);
  const stage = (normalizer: Normalizer, preTokenizer: PreTokenizer): Stage => ({
    normalizer: (normalizer === null || knowsNormalizer
      ? normalizer
      : (text: string) => limited(text, () => normalizer(text))) as Normalizer,
    words: wordSplitter(preTokenizer, knowsPreTokenizer ? undefined : limited),
  });
  const start = stage(library.normalizer, library.pre_tokenizer);
  const prefixless = openPrefixless(json, unknownToken);
  return {
    start,
    later: prefixless ? stage(prefixless.normalizer, prefixless.preTokenizer) : start,
  };
}

/** Ids of added tokens, and words that are still to be encoded. */
type Pieces = Generator<number | string, void>;

/** Takes texts apart at added tokens, before and after the normaliser, and the rest into words. */
function createPieceReader(
  added: readonly AddedToken[],
  { start, later }: Stages,
): (parts: readonly TextPart[], continues: boolean) => Pieces {
  const splitRaw = createSplitter(
    added.filter(({ normalized }) => !normalized).map((token) => [token.content, token]),
  );
  const normalizedTokens = added.filter(({ normalized }) => normalized);
  const splitNormalized = createSplitter(
    normalizedTokens.map((token) => [normalize(token.content, start.normalizer), token]),
  );
  function* sectionPieces(
    parts: readonly TextPart[],
    isFirst: boolean,
    { normalizer, words }: Stage,
  ): Pieces {
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
  return function* pieces(parts, continues) {
    for (const [index, section] of splitRaw(parts).entries()) {
      if ("token" in section) yield section.token.id;
      else
        yield* sectionPieces(section.parts, index === 0, continues && index === 0 ? later : start);
    }
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
