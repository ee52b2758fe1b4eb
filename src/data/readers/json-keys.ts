/**
 * Keys that one object of a JSON text gives twice: JSON.parse keeps the last value and drops the
 * others without a word, other readers keep the first.
 */
import { endOfString, jsonShape } from "./json-fault.ts";

/**
 * @param text valid JSON
 * @param value what it was parsed to
 * @param allKeys of the text, where they were counted already
 * @returns the first key that an object gives twice; undefined where there is none
 */
export function doubledKey(
  text: string,
  value: unknown,
  allKeys = jsonShape(text).allKeys,
): string | undefined {
  // most texts end here; also a text whose `__proto__` was dropped goes on
  return keysOf(value) === allKeys ? undefined : findDoubled(text);
}

/** Keys of all objects in a value. */
function keysOf(value: unknown): number {
  let count = 0;
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== "object" || next === null) continue;
    if (!Array.isArray(next)) count += Object.keys(next).length;
    for (const item of Object.values(next)) if (typeof item === "object") waiting.push(item);
  }
  return count;
}

const COLON = /[ \t\n\r]*:/y;

function findDoubled(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === "{" || character === "[") open.push(new Set());
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const written = text.slice(index, endOfString(text, index) + 1);
      index += written.length - 1;
      COLON.lastIndex = index + 1;
      if (!COLON.test(text)) continue;
      // two spellings of one key are one key
      const key = JSON.parse(written) as string;
      const seen = open.at(-1)!;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}
