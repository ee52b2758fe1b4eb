/** Ids of words by the tokenizer's model, remembered. */
import type { AddedToken } from "./added-tokens.ts";
import { byteCharacters } from "./byte-level.ts";
import { BytePairs } from "./byte-pairs.ts";
import type { Slices } from "./slices.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

/** Words whose ids are remembered; the memory is emptied when it is full. */
const MEMORY = 50_000;
/** Longest word whose ids are remembered, characters. */
export const LONGEST_REMEMBERED = 64;

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

export function createWordEncoder(json: TokenizerJson, added: readonly AddedToken[]): WordEncoder {
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
