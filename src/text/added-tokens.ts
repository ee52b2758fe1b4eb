/**
 * Added tokens are found in the text before anything else is done with it. Source: AddedVocabulary
 * of the Rust library tokenizers (added_vocabulary.rs). Difference: nothing is found in plain parts
 * of the text.
 */
import type { TextPart } from "./text-parts.ts";
import { tokenFinder } from "./token-finder.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Directs the model rather than being text, such as `<|im_end|>`. */
  readonly control: boolean;
  /** Found in normalised text, not in the text as it is. */
  readonly normalized: boolean;
  /** Takes the white space on its left with it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Only found between characters that are no part of a word. */
  readonly singleWord: boolean;
}

/** A found token, or text between found tokens (never empty). */
export type Section = { token: AddedToken } | { parts: TextPart[] };

const WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]$/u;

/** Whether what stands at `index` of the text, or ends there, belongs to a word. */
function isWordAt(text: string, index: number, side: "before" | "after"): boolean {
  const character =
    side === "after"
      ? text.codePointAt(index)
      : Array.from(text.slice(Math.max(0, index - 2), index))
          .at(-1)
          ?.codePointAt(0);
  return character !== undefined && WORD.test(String.fromCodePoint(character));
}

const SPACE = /\p{White_Space}/u;
const SPACE_AFTER = /^\p{White_Space}+/u;

/** Goes back character by character: a regular expression would try every start of a long run. */
function withoutSpaceAtEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** Splits text at tokens, each given with the text by which it is found. */
export function createSplitter(
  tokens: readonly (readonly [text: string, token: AddedToken])[],
): (parts: readonly TextPart[]) => Section[] {
  const byText = new Map(tokens);
  const find = tokenFinder([...byText.keys()]);
  return (parts) => {
    if (find === undefined)
      return parts.some(({ text }) => text !== "") ? [{ parts: [...parts] }] : [];
    const whole = parts.map(({ text }) => text).join("");
    const sections: Section[] = [];
    let open: TextPart[] = [];
    const add = (text: string, plain: boolean): void =>
      void (text === "" || open.push({ text, plain }));
    const close = (): void => {
      if (open.length > 0) sections.push({ parts: open });
      open = [];
    };
    let offset = 0;
    for (const { text, plain } of parts) {
      let done = 0;
      for (const { index, token: found } of plain ? [] : find(text)) {
        const token = byText.get(found)!;
        const end = index + found.length;
        if (
          token.singleWord &&
          (isWordAt(whole, offset + index, "before") || isWordAt(whole, offset + end, "after"))
        )
          continue;
        const before = text.slice(done, index);
        add(token.lstrip ? withoutSpaceAtEnd(before) : before, false);
        close();
        sections.push({ token });
        done = end + (token.rstrip ? (SPACE_AFTER.exec(text.slice(end))?.[0].length ?? 0) : 0);
      }
      add(text.slice(done), plain);
      offset += text.length;
    }
    close();
    return sections;
  };
}
