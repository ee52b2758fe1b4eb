/** JSON files of a model folder. */
import { AttuneError, preview } from "../../core/errors.ts";
import { parseJson } from "../../core/json.ts";
import { readRegularText } from "../../text/regular-file.ts";
import { messageOf } from "./bytes.ts";

/** Twice the index of the largest models; a hostile file must not fill the memory. */
const MAX_BYTES = 2 ** 25;
/**
 * Values in a file, and how deep they may lie: small ones take many times their bytes in memory.
 */
const MAX_VALUES = 2 ** 20;
const MAX_DEPTH = 64;

/**
 * Reads a file that must hold a JSON object.
 * @throws AttuneError `model` naming the file
 */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    const text = readRegularText(path, { code: "model", limit: MAX_BYTES });
    checkExtent(text);
    value = parseJson(text);
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("model", "cannot read the file as JSON", {
      file: path,
      got: messageOf(cause),
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new AttuneError("model", "the file must hold a JSON object", {
      file: path,
      got: preview(value),
    });
  return value as Record<string, unknown>;
}

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
] as const;

/**
 * @throws Error for more or deeper values than any model's files have, whether or not they are well
 * formed
 */
function checkExtent(text: string): void {
  let [values, depth] = [1, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfText(text, at);
    else if (code === COMMA) values++;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) [values, depth] = [values + 1, depth + 1];
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
    if (depth > MAX_DEPTH) throw new Error(`values lie more than ${MAX_DEPTH} deep`);
    if (values > MAX_VALUES) throw new Error(`more than ${MAX_VALUES} values`);
  }
}

/** Where the quote stands that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
