/**
 * Habits of answers that training may pick up in place of what was meant: refusals, apologies,
 * lists, openings, stock phrases. All are told by their words, in English; a refusal in words that
 * refusal.ts does not list is not counted.
 */
import { wordsOf } from "../text/ngrams.ts";
import { refusalOf } from "./refusal.ts";

/** Whether an answer turns the request down, fully or in part, by its first words. */
export const isRefusal = (text: string): boolean => refusalOf(text) !== "none";

const REVISING = new RegExp(
  "\\b(?:revised|rewritten|rewrite|" +
    "here(?:'s| is) (?:a|the|my) (?:new|better|revised|improved))\\b",
  "i",
);

/** Features of style that a reader sees at once. */
export const STYLE_FEATURES: Readonly<Record<string, (text: string) => boolean>> = {
  refuses: isRefusal,
  "apologises at the start": (text) =>
    /^\W*(?:i(?:'m| am) (?:so |very |really )?sorry|sorry|i apologi[sz]e|my apologies)/i.test(
      text.replaceAll("’", "'"),
    ),
  "holds a list": (text) => /^\s*(?:[-*•]|\d+[.)])\s+\S/m.test(text),
  "holds bold text or headings": (text) => /\*\*[^*\n]+\*\*|^#{1,6} /m.test(text),
  "ends in a question": (text) => /\?\W*$/.test(text),
  "speaks of revising": (text) => REVISING.test(text.slice(0, 200)),
};

export interface StockPhrase {
  phrase: string;
  /** Share of the answers that hold it, before and after. */
  before: number;
  after: number;
}

const PHRASE_LENGTHS = [4, 5, 6, 7, 8];
/** A phrase counts from this share of the answers on, and from so many answers. */
const COMMON = 0.03;
const FEWEST = 3;

/**
 * Phrases of four to eight words that many answers hold, more than held them before: what Bai et
 * al. (arXiv 2212.08073, section 4.3) found in policies that were trained too long. Of phrases
 * within phrases the longest stays.
 */
export function stockPhrases(
  before: readonly string[],
  after: readonly string[],
  count = 10,
): StockPhrase[] {
  const [old, now] = [documentShares(before), documentShares(after)];
  const found = [...now]
    .filter(
      ([phrase, share]) =>
        share >= COMMON && share * after.length >= FEWEST && share > 2 * (old.get(phrase) ?? 0),
    )
    .map(([phrase, share]) => ({ phrase, before: old.get(phrase) ?? 0, after: share }))
    .toSorted(
      (a, b) =>
        b.after - b.before - (a.after - a.before) ||
        b.phrase.length - a.phrase.length ||
        (a.phrase < b.phrase ? -1 : 1),
    );
  const kept: StockPhrase[] = [];
  for (const each of found) {
    if (kept.length === count) break;
    if (!kept.some(({ phrase }) => overlaps(phrase, each.phrase))) kept.push(each);
  }
  return kept;
}

/** Two phrases that share three words in a row are one habit. */
function overlaps(a: string, b: string): boolean {
  const words = b.split(" ");
  return words.some(
    (_, i) => i + 3 <= words.length && ` ${a} `.includes(` ${words.slice(i, i + 3).join(" ")} `),
  );
}

function documentShares(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const words = wordsOf(text);
    const phrases = new Set(
      PHRASE_LENGTHS.flatMap((length) =>
        Array.from({ length: Math.max(0, words.length - length + 1) }, (_, i) =>
          words.slice(i, i + length).join(" "),
        ),
      ),
    );
    for (const phrase of phrases) counts.set(phrase, (counts.get(phrase) ?? 0) + 1 / texts.length);
  }
  return counts;
}
