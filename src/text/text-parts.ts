/**
 * Text in parts, of which some are only characters: a control token that is written in a plain part is not recognised.
 * Parts that follow each other are still encoded as one text, so that ordinary text gives the ids it gives in one go.
 */
import { AttuneError } from "../core/errors.ts";

export interface TextPart {
  text: string;
  /** No token of the tokenizer's list of added tokens is recognised in it. */
  plain: boolean;
}

const escape = (text: string): string => text.replaceAll(/[$()*+./?[\\\]^{|}-]/g, String.raw`\$&`);

/** Finds tokens: the leftmost, and of those that begin at one place the longest. Undefined where there are none to find. */
export function tokenPattern(tokens: readonly string[]): RegExp | undefined {
  const sorted = [...new Set(tokens)].filter((token) => token !== "").toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return sorted.length === 0 ? undefined : new RegExp(sorted.map(escape).join("|"), "gu");
}

/** The text with every match of the pattern as a plain part of its own. */
export function guardText(text: string, pattern: RegExp | undefined): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of pattern === undefined ? [] : text.matchAll(pattern)) {
    if (match.index > done) parts.push({ text: text.slice(done, match.index), plain: false });
    parts.push({ text: match[0], plain: true });
    done = match.index + match[0].length;
  }
  if (done < text.length) parts.push({ text: text.slice(done), plain: false });
  return parts;
}

const PRIVATE_USE = /[\u{F0000}-\u{10FFFD}]/gu;

/** Private-use characters (planes 15 and 16) that none of the texts holds, to stand for something else for a while. */
export function* unusedCharacters(texts: readonly string[]): Generator<string, never> {
  const used = new Set(texts.flatMap((text) => text.match(PRIVATE_USE) ?? []));
  for (let code = 0xf0000; code <= 0x10fffd; code++) {
    const character = String.fromCodePoint(code);
    if ((code & 0xffff) < 0xfffe && !used.has(character)) yield character;
  }
  throw new AttuneError("data", "the text holds every private-use character", { hint: "leave this row out" });
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
