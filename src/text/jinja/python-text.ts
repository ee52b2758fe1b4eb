/**
 * Python's idea of text where JavaScript's differs: code points, white space, lines, case,
 * printable characters.
 */
import type { Text } from "./data-text.ts";
import { rewritten, sliceText, textOf } from "./data-text.ts";

const SPACE = new RegExp(
  String.raw`[\t-\r\x1C-\x1F \x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]`,
);
export const isSpace = (character: string | undefined): boolean =>
  character !== undefined && character !== "" && SPACE.test(character);

const SURROGATE = /[\uD800-\uDFFF]/;

/** Offset of the code point `index`, which may be one past the end. */
export function offsetOf(text: string, index: number): number {
  if (!SURROGATE.test(text)) return index;
  let offset = 0;
  for (let count = 0; count < index && offset < text.length; count++)
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  return offset;
}

/** Code points up to `offset`. */
export function indexOf(text: string, offset: number): number {
  if (!SURROGATE.test(text)) return offset;
  let count = 0;
  for (let at = 0; at < offset; at += text.codePointAt(at)! > 0xffff ? 2 : 1) count++;
  return count;
}

export const lengthOf = (text: string): number => indexOf(text, text.length);

/** Code points as texts of their own. */
export function characters(value: Text): Text[] {
  const text = textOf(value);
  const found: Text[] = [];
  for (let at = 0; at < text.length;) {
    const end = at + (text.codePointAt(at)! > 0xffff ? 2 : 1);
    found.push(sliceText(value, at, end));
    at = end;
  }
  return found;
}

/** @param set characters to take away; undefined for white space */
export function strip(value: Text, sides: "both" | "left" | "right", set?: string): Text {
  const text = textOf(value);
  const chosen = set === undefined ? undefined : new Set(set);
  const taken = (character: string): boolean =>
    chosen === undefined ? isSpace(character) : chosen.has(character);
  const at = (offset: number): string => String.fromCodePoint(text.codePointAt(offset)!);
  let start = 0;
  let end = text.length;
  if (sides !== "right") while (start < end && taken(at(start))) start += at(start).length;
  if (sides !== "left") {
    while (end > start) {
      const last =
        end - 2 >= start && text.codePointAt(end - 2)! > 0xffff ? at(end - 2) : text[end - 1]!;
      if (!taken(last)) break;
      end -= last.length;
    }
  }
  return sliceText(value, start, end);
}

const LINE_END = new RegExp(String.raw`\r\n|[\n\r\v\f\x1C-\x1E\x85\u2028\u2029]`, "g");

export function splitLines(value: Text, keepEnds = false): Text[] {
  const text = textOf(value);
  const lines: Text[] = [];
  let done = 0;
  for (const match of text.matchAll(LINE_END)) {
    const end = match.index + match[0].length;
    lines.push(sliceText(value, done, keepEnds ? end : match.index));
    done = end;
  }
  if (done < text.length) lines.push(sliceText(value, done));
  return lines;
}

export const upper = (value: Text): Text => rewritten(value, textOf(value).toUpperCase());
export const lower = (value: Text): Text => rewritten(value, textOf(value).toLowerCase());

export function capitalize(value: Text): Text {
  const text = textOf(value);
  const [first = ""] = text;
  return rewritten(value, first.toUpperCase() + text.slice(first.length).toLowerCase());
}

/** Upper case behind everything that is no letter. */
export function title(value: Text): Text {
  return rewritten(
    value,
    textOf(value).replaceAll(/\p{L}[\p{L}\p{M}]*/gu, (word) => {
      const [first = ""] = word;
      return first.toUpperCase() + word.slice(first.length).toLowerCase();
    }),
  );
}

/** Order by code points; UTF-16 order differs beyond the first plane. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (!SURROGATE.test(a) || !SURROGATE.test(b)) {
    const at = firstDifference(a, b);
    const [left, right] = [a.codePointAt(at) ?? -1, b.codePointAt(at) ?? -1];
    return left < right ? -1 : 1;
  }
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0) return -1;
  return left[at]!.codePointAt(0)! - (right[at]?.codePointAt(0) ?? -1) < 0 ? -1 : 1;
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

const UNPRINTABLE = /[\p{C}\p{Z}\\'"]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  "\n": String.raw`\n`,
  "\r": String.raw`\r`,
  "\t": String.raw`\t`,
  "\\": String.raw`\\`,
  " ": " ",
};

/**
 * What Python's repr writes for the characters that it does not write as they are, given the quote
 * around them.
 */
export function reprEscapes(quote: string): {
  pattern: RegExp;
  escape: (character: string) => string;
} {
  return {
    pattern: UNPRINTABLE,
    escape(character) {
      const known = ESCAPES[character];
      if (known !== undefined) return known;
      if (character === "'" || character === '"')
        return character === quote ? `\\${character}` : character;
      const code = character.codePointAt(0)!;
      const digits = code.toString(16);
      if (code < 0x100) return String.raw`\x` + digits.padStart(2, "0");
      return code < 0x10000
        ? String.raw`\u` + digits.padStart(4, "0")
        : String.raw`\U` + digits.padStart(8, "0");
    },
  };
}
