/**
 * The bytes that a token stands for within a text: byte-level vocabularies write bytes as
 * characters, SentencePiece's write a space as U+2581 and single bytes as <0x0A>. Joined, they are
 * the text; the library's decoder gives the same but for the space that it takes from a text's
 * beginning.
 */
import type { AddedToken } from "./added-tokens.ts";
import { byteCharacters } from "./byte-level.ts";
import type { Component } from "./library-corrections.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

const BYTE_OF = new Map(byteCharacters().map((character, byte) => [character, byte]));
const SPACE_MARK = "\u2581";
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/i;

/** A component and those inside it. */
function members(component: Component | null): Component[] {
  if (component === null) return [];
  const inner = ["decoders", "normalizers", "pretokenizers"].flatMap(
    (key) => (component[key] ?? []) as Component[],
  );
  return [component, ...inner.flatMap(members)];
}

const types = (component: Component | null): string[] => members(component).map(({ type }) => type);

interface Writing {
  /** Bytes are written as characters. */
  byteLevel: boolean;
  /** A space is written as U+2581. */
  marked: boolean;
}

function writingOf(json: TokenizerJson): Writing {
  const has = (type: string): boolean =>
    [json.pre_tokenizer, json.decoder].some((component) => types(component).includes(type));
  return {
    byteLevel: has("ByteLevel"),
    marked: json.model["byte_fallback"] === true || has("Metaspace"),
  };
}

/** Whether the bytes of tokens, joined, are their text. */
export function bytesJoinToText(json: TokenizerJson): boolean {
  const { byteLevel, marked } = writingOf(json);
  return byteLevel || marked;
}

/** @param decode for vocabularies of another kind */
export function tokenBytes(
  json: TokenizerJson,
  added: readonly AddedToken[],
  decode: (id: number) => string,
): (id: number, token: string) => Uint8Array {
  const { byteLevel, marked } = writingOf(json);
  const whole = new Set(added.map(({ id }) => id));
  return (id, token) => {
    if (whole.has(id)) return Buffer.from(token);
    const bytes = byteLevel ? [...token].map((character) => BYTE_OF.get(character)) : [undefined];
    if (bytes.every((byte) => byte !== undefined)) return Uint8Array.from(bytes);
    if (!marked) return Buffer.from(decode(id));
    const single = json.model["byte_fallback"] === true ? BYTE_TOKEN.exec(token) : null;
    return single
      ? Uint8Array.of(Number.parseInt(single[1]!, 16))
      : Buffer.from(token.replaceAll(SPACE_MARK, " "));
  };
}

/** What keeps every character of a text; NFC may write three bytes as one. */
const KEEPS: Readonly<Record<string, (component: Component) => number>> = {
  Sequence: () => 1,
  Prepend: () => 1,
  Replace: ({ pattern, content }) =>
    (pattern as { String?: unknown } | undefined)?.String === " " && content === SPACE_MARK
      ? 1
      : Infinity,
  NFC: () => 3,
  ByteLevel: () => 1,
  Metaspace: () => 1,
  Digits: () => 1,
  Split: ({ behavior }) => (behavior === "Removed" ? Infinity : 1),
};

/** Most bytes of a text that become one token; Infinity where some may become none. */
export function bytesPerToken(json: TokenizerJson, added: readonly AddedToken[]): number {
  const known =
    types(json.pre_tokenizer).includes("ByteLevel") || json.model["byte_fallback"] === true;
  if (!known || added.some(({ lstrip, rstrip }) => lstrip || rstrip)) return Infinity;
  let factor = 1;
  for (const component of [...members(json.normalizer), ...members(json.pre_tokenizer)])
    factor *= KEEPS[component.type]?.(component) ?? Infinity;
  let longest = 1;
  for (const token of [...Object.keys(json.model.vocab), ...added.map(({ content }) => content)])
    longest = Math.max(longest, Buffer.byteLength(token));
  return factor * longest;
}
