/** Token ids as people read them: which parts are control tokens, and which are learned. */
import type { Tokenizer } from "./tokenizer.ts";

export interface MarkedPart {
  text: string;
  /** A control token, rather than characters that look like one. */
  control: boolean;
  /** A label of the training. */
  learned: boolean;
}

/** @param supervised 1 where a token is a label; none where left out */
export function markedParts(
  ids: ArrayLike<number>,
  tokenizer: Pick<Tokenizer, "decode" | "tokenOf" | "controlTokens">,
  supervised?: ArrayLike<number>,
): MarkedPart[] {
  const control = new Set(tokenizer.controlTokens);
  const all = Array.from(ids);
  const kinds = all.map((id, index) => ({
    control: control.has(tokenizer.tokenOf(id) ?? ""),
    learned: supervised?.[index] === 1,
  }));
  const parts: MarkedPart[] = [];
  let [start, shown] = [0, ""];
  for (let end = 1; end <= all.length; end++) {
    const [kind, next] = [kinds[start]!, kinds[end]];
    if (next && !kind.control && !next.control && next.learned === kind.learned) continue;
    // of the whole text so far, since how a token is written may depend on what stands before it
    const whole = tokenizer.decode(all.slice(0, end));
    const text = kind.control
      ? tokenizer.tokenOf(all[start]!)!
      : whole.slice(commonLength(shown, whole));
    if (text !== "") parts.push({ text, ...kind });
    [start, shown] = [end, whole];
  }
  return parts;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Characters of a part, and of the middle of a text, that are shown at most. */
const LONGEST_PART = 600;

/** Long parts lose their middle, with a count of what is left out. */
export function shortenParts(parts: readonly MarkedPart[], longest = LONGEST_PART): MarkedPart[] {
  return parts.map((part) => {
    const characters = [...part.text];
    const left = characters.length - longest;
    if (left <= 0) return part;
    const half = Math.floor(longest / 2);
    return {
      ...part,
      text:
        `${characters.slice(0, half).join("")} … ${left.toLocaleString("en-US")} characters … ` +
        `${characters.slice(characters.length - (longest - half)).join("")}`,
    };
  });
}

/** Turns of a long conversation that are shown: these many parts at its beginning and end. */
const [FIRST_PARTS, LAST_PARTS] = [12, 16];

/** A long list without its middle, and how many parts that was. */
export function shortenList<T>(parts: readonly T[]): {
  first: readonly T[];
  leftOut: number;
  last: readonly T[];
} {
  const leftOut = parts.length - FIRST_PARTS - LAST_PARTS;
  return leftOut <= 0
    ? { first: parts, leftOut: 0, last: [] }
    : { first: parts.slice(0, FIRST_PARTS), leftOut, last: parts.slice(-LAST_PARTS) };
}
