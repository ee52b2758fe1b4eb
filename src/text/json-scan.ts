/** JSON in the middle of other text, as models write it. */

export interface ScannedJson {
  readonly value: unknown;
  /** Where the text goes on. */
  readonly end: number;
}

/**
 * The JSON object or list that begins at `start`; undefined where none does, or it is not finished.
 */
export function scanJson(text: string, start: number): ScannedJson | undefined {
  const end = endOfJson(text, start);
  if (end === undefined) return undefined;
  try {
    return { value: JSON.parse(text.slice(start, end)) as unknown, end };
  } catch {
    return undefined;
  }
}

function endOfJson(text: string, start: number): number | undefined {
  if (text[start] !== "{" && text[start] !== "[") return undefined;
  let depth = 0;
  let inText = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at]!;
    if (inText) {
      if (character === "\\") at++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}
