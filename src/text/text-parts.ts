/**
 * Text in parts, of which some are only characters: a control token that is written in a plain part
 * is not recognised. Parts that follow each other are still encoded as one text, so that ordinary
 * text gives the ids it gives in one go.
 */
import { AttuneError } from "../core/errors.ts";
import type { TokenFinder } from "./token-finder.ts";

/** A part of a text, trusted or not. */
export interface TextPart {
  /** Its characters. */
  text: string;
  /** No token of the tokenizer's list of added tokens is recognised in it. */
  plain: boolean;
}

/** The text with every token that is found as a plain part of its own. */
export function guardText(text: string, find: TokenFinder | undefined): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const { index, token } of find === undefined ? [] : find(text)) {
    if (index > done) parts.push({ text: text.slice(done, index), plain: false });
    parts.push({ text: token, plain: true });
    done = index + token.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done), plain: false });
  return parts;
}

const PRIVATE_USE = /[\u{F0000}-\u{10FFFD}]/gu;

/**
 * Private-use characters (planes 15 and 16) that none of the texts holds, to stand for something
 * else for a while.
 */
export function* unusedCharacters(texts: readonly string[]): Generator<string, never> {
  const used = new Set(texts.flatMap((text) => text.match(PRIVATE_USE) ?? []));
  for (let code = 0xf0000; code <= 0x10fffd; code++) {
    const character = String.fromCodePoint(code);
    if ((code & 0xffff) < 0xfffe && !used.has(character)) yield character;
  }
  throw new AttuneError("data", "the text holds every private-use character", {
    hint: "leave this row out",
  });
}

/** Text in which single characters stand for plain texts. */
export function splitAtMarks(text: string, plain: ReadonlyMap<string, string>): TextPart[] {
  if (plain.size === 0) return text === "" ? [] : [{ text, plain: false }];
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of text.matchAll(PRIVATE_USE)) {
    const meant = plain.get(match[0]);
    if (meant === undefined) continue;
    if (match.index > done) parts.push({ text: text.slice(done, match.index), plain: false });
    if (meant !== "") parts.push({ text: meant, plain: true });
    done = match.index + match[0].length;
  }
  if (done < text.length) parts.push({ text: text.slice(done), plain: false });
  return parts;
}
