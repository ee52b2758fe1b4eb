/** What Python's texts do otherwise than JavaScript's, for checks that were written in Python. */

/** `\w+` of Python's re: letters and numbers of every script and the underscore, without marks. */
export const WORDS = /[\p{L}\p{N}_]+/gu;

/** `str.isupper`: a cased letter at least, and none that is not upper case. */
export const isUpper = (text: string): boolean =>
  /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);

/** `str.islower`. */
export const isLower = (text: string): boolean =>
  /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);

/** `str.strip` of one character. */
export function stripped(text: string, character: string): string {
  let [from, to] = [0, text.length];
  while (from < to && text[from] === character) from++;
  while (to > from && text[to - 1] === character) to--;
  return text.slice(from, to);
}

export const withoutPrefix = (text: string, prefix: string): string =>
  text.startsWith(prefix) ? text.slice(prefix.length) : text;

export const withoutSuffix = (text: string, suffix: string): string =>
  text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text;

/** A text as a pattern that matches it alone. */
export const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** Non-overlapping matches of a text in another, whatever their case. */
export const countOfText = (text: string, part: string): number =>
  text.match(new RegExp(literal(part), "giu"))?.length ?? 0;

/** Whether a word stands in a text by itself, whatever its case. */
export const holdsWord = (text: string, word: string): boolean =>
  new RegExp(
    `${edge(word.at(0), "<!", "<=")}${literal(word)}${edge(word.at(-1), "!", "=")}`,
    "iu",
  ).test(text);

/** `\b` of Python's re beside a character: unlike JavaScript's, it knows letters of every script. */
const edge = (beside: string | undefined, apart: string, touching: string): string =>
  `(?${beside !== undefined && /[\p{L}\p{N}_]/u.test(beside) ? apart : touching}[\\p{L}\\p{N}_])`;
