/**
 * Where a JSON text breaks, and what would have been right there. JSON.parse says so in words that
 * change between versions of Node and often without a position; rows need both. Grammar: RFC 8259.
 * Iterative, so depth cannot overflow the stack.
 */

export interface JsonFault {
  /**
   * UTF-16 index of the first character that cannot stand there; the length of the text where it
   * ends too early.
   */
  readonly index: number;
  readonly expected: string;
}

type State = "value" | "value or ]" | "key or }" | "key" | "colon" | "after value";

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y; // oxlint-disable-line no-control-regex
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Undefined where the text is one JSON value. */
export function findJsonFault(text: string): JsonFault | undefined {
  const open: ("{" | "[")[] = [];
  let state: State = "value";
  let index = skip(SPACE, text, 0);
  while (!(state === "after value" && open.length === 0)) {
    const character = text[index];
    const inside = open.at(-1);
    if (state === "colon") {
      if (character !== ":") return { index, expected: '":" after the key' };
      [state, index] = ["value", index + 1];
    } else if (state === "after value") {
      const close = inside === "{" ? "}" : "]";
      if (character !== "," && character !== close) return { index, expected: `"," or "${close}"` };
      if (character === close) open.pop();
      else state = inside === "{" ? "key" : "value";
      index++;
    } else if (
      (state === "key or }" && character === "}") ||
      (state === "value or ]" && character === "]")
    ) {
      open.pop();
      [state, index] = ["after value", index + 1];
    } else if (state === "key" || state === "key or }") {
      if (character !== '"')
        return {
          index,
          expected: state === "key" ? "a key in double quotes" : 'a key in double quotes, or "}"',
        };
      const end = scanString(text, index);
      if (typeof end !== "number") return end;
      [state, index] = ["colon", end];
    } else if (character === "{" || character === "[") {
      open.push(character);
      [state, index] = [character === "{" ? "key or }" : "value or ]", index + 1];
    } else {
      const end = scanScalar(text, index);
      if (typeof end !== "number") return end;
      [state, index] = ["after value", end];
    }
    index = skip(SPACE, text, index);
  }
  return index === text.length ? undefined : { index, expected: "the end of the value" };
}

function scanScalar(text: string, index: number): number | JsonFault {
  if (text[index] === '"') return scanString(text, index);
  const end = Math.max(skip(NUMBER, text, index), skip(WORD, text, index));
  return end > index ? end : { index, expected: "a value" };
}

function scanString(text: string, start: number): number | JsonFault {
  for (let index = start + 1; ;) {
    index = skip(PLAIN, text, index);
    const character = text[index];
    if (character === '"') return index + 1;
    if (character === undefined) return { index, expected: "the closing quote" };
    if (character !== "\\")
      return {
        index,
        expected:
          "no bare control character in a text " +
          `(\\u${character.charCodeAt(0).toString(16).padStart(4, "0")} is its escape)`,
      };
    const next = skip(ESCAPE, text, index);
    if (next === index) return { index, expected: 'an escape such as \\n, \\", \\\\ or \\u00e9' };
    index = next;
  }
}

/** End of the match of a sticky pattern at `index`; `index` where there is none. */
function skip(pattern: RegExp, text: string, index: number): number {
  pattern.lastIndex = index;
  return pattern.test(text) ? pattern.lastIndex : index;
}

export interface JsonShape {
  /** How many lists and objects stand inside one another at most. */
  readonly depth: number;
  /** Keys of the object that has most. */
  readonly keys: number;
  /** Keys of all objects. */
  readonly allKeys: number;
  /** Values of all lists and objects, to within the empty ones. */
  readonly values: number;
}

/** Measured before parsing, in one pass; a text that is no JSON gives some numbers. */
export function jsonShape(text: string): JsonShape {
  let [depth, deepest, keys, allKeys, commas] = [0, 0, 0, 0, 0];
  // keys of the objects that are open, by depth
  const counts: number[] = [0, 0];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22) index = endOfString(text, index);
    else if (code === 0x7b || code === 0x5b) {
      deepest = Math.max(deepest, ++depth);
      counts[depth] = 0;
      commas++;
    } else if (code === 0x2c) commas++;
    else if (code === 0x7d || code === 0x5d) depth--;
    else if (code === 0x3a && depth > 0) {
      allKeys++;
      if (++counts[depth]! > keys) keys = counts[depth]!;
    }
  }
  return { depth: deepest, keys, allKeys, values: commas };
}

/** Index of the closing quote; the text's length where there is none. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
