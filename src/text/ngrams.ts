/**
 * Words and n-grams of texts, for statistics of variety and repetition.
 *
 * Source: distinct-n of Li et al. (arXiv 1510.03055); repeated 4-grams within an answer (seq-rep-4)
 * of Welleck et al. (arXiv 1908.04319). Difference: units are words, not tokens: the same for every
 * tokenizer.
 */

/** Runs of letters, marks and digits, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** Different n-grams over all n-grams of all answers; NaN without any. */
export function distinctShare(answers: readonly (readonly string[])[], n: number): number {
  const seen = new Set<string>();
  let total = 0;
  for (const words of answers) {
    for (let i = 0; i + n <= words.length; i++) {
      seen.add(words.slice(i, i + n).join(" "));
      total++;
    }
  }
  return seen.size / total;
}

/** 1 - (different 4-grams / 4-grams) of one answer; 0 where it is shorter than 4 words. */
export function repeatedShare(words: readonly string[]): number {
  return words.length < 4 ? 0 : 1 - distinctShare([words], 4);
}
