/** Log-probabilities as the two endpoints tell them, and tokens as texts and bytes. */
import { byteCharacters } from "../text/byte-level.ts";
import type { Encoder } from "../text/encoder.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { Chosen } from "../sampling/choose.ts";
import type { Drawn } from "../sampling/answer.ts";

export interface TokenProbability {
  token: string;
  logprob: number;
  bytes: number[] | null;
}

/** A place of a chat completion's answer. */
export interface ChatLogprob extends TokenProbability {
  top_logprobs: TokenProbability[];
}

/** Places of a completion, in lists side by side. */
export interface TextLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  /** Where each token begins in the choice's text, in UTF-16 units. */
  text_offset: number[];
}

const REPLACEMENT = /\uFFFD+$/;

/** Tokens of an answer that its text is made of: not the stop token, and nothing that only a cut-off stop text held. */
export function tokensInText({ ids, text }: Pick<Drawn, "ids" | "text">, encoder: Encoder): number {
  let count = encoder.stopIds.includes(ids.at(-1) ?? -1) ? ids.length - 1 : ids.length;
  // an unfinished character at the end of a shorter text is not yet its last one
  while (count > 0 && encoder.decodeCompletion(ids.slice(0, count - 1)).replace(REPLACEMENT, "").length >= text.length) count--;
  return count;
}

const BYTE_OF = new Map(byteCharacters().map((character, byte) => [character, byte]));

/** Bytes of a token that is part of a character; undefined where the vocabulary does not say. */
function partBytes(piece: string | undefined): number[] | undefined {
  const fallback = piece === undefined ? undefined : /^<0x([0-9A-F]{2})>$/i.exec(piece);
  if (fallback) return [Number.parseInt(fallback[1]!, 16)];
  const bytes = [...(piece ?? "")].map((character) => BYTE_OF.get(character));
  return bytes.length > 0 && bytes.every((byte) => byte !== undefined) ? bytes : undefined;
}

function tokenOf(tokenizer: Tokenizer, { id, logp }: Chosen): TokenProbability {
  const token = tokenizer.decode([id]);
  const bytes = token.includes("\uFFFD") ? (partBytes(tokenizer.tokenOf(id)) ?? null) : [...Buffer.from(token)];
  return { token, logprob: logp, bytes };
}

const chosenAt = ({ ids, logps }: Drawn, place: number): Chosen => ({ id: ids[place]!, logp: logps[place]! });

/** Places from one token to before another. */
export function chatLogprobs(drawn: Drawn, tokenizer: Tokenizer, { from, to, top }: { from: number; to: number; top: number }): ChatLogprob[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => {
    const place = from + index;
    const listed = (drawn.alternatives?.[place] ?? []).slice(0, top);
    return { ...tokenOf(tokenizer, chosenAt(drawn, place)), top_logprobs: listed.map((each) => tokenOf(tokenizer, each)) };
  });
}

export function textLogprobs(drawn: Drawn, encoder: Encoder, { from, to, top }: { from: number; to: number; top: number }): TextLogprobs {
  const { tokenizer } = encoder;
  const places = chatLogprobs(drawn, tokenizer, { from, to, top });
  return {
    tokens: places.map(({ token }) => token),
    token_logprobs: places.map(({ logprob }) => logprob),
    // the drawn token is always told, as by OpenAI's
    top_logprobs: places.map(({ token, logprob, top_logprobs }) => Object.fromEntries([{ token, logprob }, ...top_logprobs].toReversed().map((each) => [each.token, each.logprob]))),
    text_offset: places.map((_, index) => encoder.decodeCompletion(drawn.ids.slice(0, from + index)).length),
  };
}
