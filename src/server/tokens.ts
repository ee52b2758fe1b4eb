/** Log-probabilities as the two endpoints tell them, and tokens as texts and bytes. */
import type { Encoder } from "../text/encoder.ts";
import type { ChosenToken } from "../sampling/choose.ts";
import type { DrawnAnswer } from "../sampling/answer.ts";
import type { PromptScores } from "../sampling/prompt-reading.ts";

export interface TokenProbability {
  token: string;
  logprob: number;
  bytes: number[];
}

/** A place of a chat completion's answer. */
export interface ChatLogprob extends TokenProbability {
  top_logprobs: TokenProbability[];
}

/** Places of a completion, in lists side by side; nothing is known of a prompt's first token. */
export interface TextLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  /** Where each token begins in the choice's text, in UTF-16 units. */
  text_offset: number[];
}

/** Tokens as texts and as bytes, such that the bytes of an answer's tokens join to its text. */
export class TokenTexts {
  private readonly encoder: Encoder;
  private readonly control: ReadonlySet<number>;
  /** Bytes by id, kept since they are asked for after every token. */
  private readonly bytes: (Uint8Array | undefined)[] = [];

  /** @param marks control tokens that are said, as they open and close calls */
  constructor(encoder: Encoder, marks: readonly string[] = []) {
    const { tokenizer } = encoder;
    this.encoder = encoder;
    this.control = new Set(
      tokenizer.controlTokens
        .filter((token) => !marks.includes(token))
        .flatMap((token) => tokenizer.idOf(token) ?? []),
    );
  }

  /** What a token adds to a text; a control token is not said. */
  bytesOf(id: number): Uint8Array {
    return (this.bytes[id] ??= this.control.has(id)
      ? new Uint8Array()
      : this.encoder.tokenizer.bytesOf(id));
  }

  /**
   * A token's text; of a token that is part of a character its bytes, in the form that OpenAI's
   * completions have.
   */
  textOf(id: number): string {
    const bytes = Buffer.from(this.encoder.tokenizer.bytesOf(id));
    const text = bytes.toString();
    return text.includes("\uFFFD") && !Buffer.from(text).equals(bytes)
      ? `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`
      : text;
  }

  /**
   * The bytes that an answer's text leaves out at its beginning: the space of SentencePiece's first
   * word.
   */
  leftOut({ ids, text }: Pick<DrawnAnswer, "ids" | "text">): number {
    const bytes = ids.length === 0 ? undefined : this.bytesOf(ids[0]!);
    return bytes?.[0] === 0x20 &&
      !text.startsWith(" ") &&
      this.encoder.tokenizer.decode([ids[0]!]).length < bytes.length
      ? 1
      : 0;
  }

  /**
   * Tokens of an answer that its text is made of: not the stop token, and nothing that only a
   * cut-off stop text held.
   */
  within(drawn: Pick<DrawnAnswer, "ids" | "text">): number {
    const { ids, text } = drawn;
    const most = this.encoder.stopIds.includes(ids.at(-1) ?? -1) ? ids.length - 1 : ids.length;
    let left = Buffer.byteLength(text) + this.leftOut(drawn);
    let count = 0;
    while (count < most && left > 0) left -= this.bytesOf(ids[count++]!).length;
    // a token without text belongs to the one before it
    while (count < most && this.bytesOf(ids[count]!).length === 0) count++;
    return count;
  }

  probability({ id, logp }: ChosenToken, leftOut = 0): TokenProbability {
    const bytes = [...this.bytesOf(id)].slice(leftOut);
    const text = this.textOf(id);
    return { token: leftOut > 0 ? text.slice(leftOut) : text, logprob: finite(logp), bytes };
  }
}

/** JSON has no infinity; the least that OpenAI's own tell. */
const finite = (logp: number): number => (Number.isFinite(logp) ? logp : -9999);

/** Places from one token to before another. */
export function chatLogprobs(
  drawn: DrawnAnswer,
  spoken: TokenTexts,
  { from, to, top }: { from: number; to: number; top: number },
): ChatLogprob[] {
  const leftOut = spoken.leftOut(drawn);
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => {
    const place = from + index;
    const cut = place === 0 ? leftOut : 0;
    const listed = (drawn.alternatives?.[place] ?? []).slice(0, top);
    const chosen = { id: drawn.ids[place]!, logp: drawn.logps[place]! };
    // those that begin with a space lose it as the chosen one does
    return {
      ...spoken.probability(chosen, cut),
      top_logprobs: listed.map((each) => spoken.probability(each, each.id === chosen.id ? cut : 0)),
    };
  });
}

interface TextPlace {
  id: number;
  logp: number | undefined;
  listed: readonly ChosenToken[];
}

/** A prompt's own tokens. */
export const promptTokenPlaces = (
  ids: ArrayLike<number>,
  { logps, alternatives }: PromptScores,
): TextPlace[] =>
  Array.from(ids, (id, place) => ({ id, logp: logps[place], listed: alternatives[place]! }));

/** Tokens of an answer from one to before another. */
export const answerTokenPlaces = (
  { ids, logps, alternatives }: DrawnAnswer,
  from: number,
  to: number,
): TextPlace[] =>
  ids.slice(from, to).map((id, index) => ({
    id,
    logp: logps[from + index]!,
    listed: alternatives?.[from + index] ?? [],
  }));

/** @param offset of the first place in the choice's text */
export function textLogprobs(
  places: readonly TextPlace[],
  spoken: TokenTexts,
  { top, offset }: { top: number; offset: number },
): TextLogprobs {
  const text_offset: number[] = [];
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let length = offset;
  for (const { id } of places) {
    text_offset.push(length);
    length += decoder.decode(spoken.bytesOf(id), { stream: true }).length;
  }
  return {
    tokens: places.map(({ id }) => spoken.textOf(id)),
    token_logprobs: places.map(({ logp }) => (logp === undefined ? null : finite(logp))),
    top_logprobs: places.map((place) =>
      place.logp === undefined ? null : byText(place, spoken, top),
    ),
    text_offset,
  };
}

/**
 * The drawn token, which is always told, then the most likely: two tokens of one text stand under
 * different keys.
 */
function byText(
  { id, logp, listed }: TextPlace,
  spoken: TokenTexts,
  top: number,
): Record<string, number> {
  const told: Record<string, number> = Object.create(null) as Record<string, number>;
  told[spoken.textOf(id)] = finite(logp!);
  for (const each of listed.slice(0, top)) {
    if (each.id === id) continue;
    const text = spoken.textOf(each.id);
    told[text in told ? `token_id:${each.id}` : text] = finite(each.logp);
  }
  return { ...told };
}
