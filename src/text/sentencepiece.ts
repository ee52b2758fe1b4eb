/**
 * SentencePiece's BPE as merges. Source: transformers' convert_slow_tokenizer.py (generate_merges).
 *
 * SentencePiece joins the two neighbours whose union has the highest score; a list of merges joins
 * the pair that stands first. So every way to put a token together from two tokens becomes a merge,
 * in the order of the scores.
 */

/**
 * @param tokens by id, none longer than some hundred characters
 * @param scores of the tokens; higher is joined earlier
 */
export function sentencePieceMerges(
  tokens: readonly string[],
  scores: readonly number[],
): [string, string][] {
  const known = new Set(tokens);
  const merges: { pair: [string, string]; score: number; length: number }[] = [];
  tokens.forEach((token, id) => {
    let cut = 0;
    for (const character of token) {
      cut += character.length;
      const pair: [string, string] = [token.slice(0, cut), token.slice(cut)];
      if (pair[1] !== "" && known.has(pair[0]) && known.has(pair[1]))
        merges.push({ pair, score: scores[id]!, length: cut });
    }
  });
  // Among ways to make one token, the longer left side first, as transformers has it.
  return merges
    .toSorted((a, b) => b.score - a.score || b.length - a.length)
    .map(({ pair }) => pair);
}
