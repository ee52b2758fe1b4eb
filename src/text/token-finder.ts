/** Finds tokens in a text: the leftmost, and of those that begin at one place the longest. */

export interface FoundToken {
  readonly index: number;
  readonly token: string;
}

export type TokenFinder = (text: string) => Iterable<FoundToken>;

/**
 * Above this many an expression takes seconds to compile: some models add a token for every unit of
 * sound.
 */
const MOST_ALTERNATIVES = 256;

const escape = (text: string): string => text.replaceAll(/[$()*+./?[\\\]^{|}]/g, String.raw`\$&`);

/** Undefined where there are none to find. */
export function tokenFinder(tokens: readonly string[]): TokenFinder | undefined {
  const all = [...new Set(tokens)].filter((token) => token !== "");
  if (all.length === 0) return undefined;
  return all.length <= MOST_ALTERNATIVES && all.every(({ length }) => length <= LONGEST_ALTERNATIVE)
    ? byExpression(all)
    : bySearch(all);
}

const LONGEST_ALTERNATIVE = 1000;

function byExpression(tokens: readonly string[]): TokenFinder {
  const sorted = tokens.toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const pattern = new RegExp(sorted.map(escape).join("|"), "gu");
  return function* (text) {
    for (const match of text.matchAll(pattern)) yield { index: match.index, token: match[0] };
  };
}

/** The sorted tokens stand for a tree: those that share what was read so far lie side by side. */
function bySearch(tokens: readonly string[]): TokenFinder {
  const sorted = tokens.toSorted();
  const ranges = new Map<number, [first: number, end: number]>();
  for (const [index, token] of sorted.entries()) {
    const range = ranges.get(token.charCodeAt(0));
    if (range) range[1] = index + 1;
    else ranges.set(token.charCodeAt(0), [index, index + 1]);
  }
  /** First of [low, high) whose unit at `depth` is at least `unit`. */
  const bound = (
    low: number,
    high: number,
    { depth, unit }: { depth: number; unit: number },
  ): number => {
    let [first, end] = [low, high];
    while (first < end) {
      const middle = (first + end) >>> 1;
      if (sorted[middle]!.charCodeAt(depth) < unit) first = middle + 1;
      else end = middle;
    }
    return first;
  };
  const longestAt = (text: string, at: number): string | undefined => {
    let [low, high] = ranges.get(text.charCodeAt(at)) ?? [0, 0];
    let longest: string | undefined;
    for (let depth = 1; low < high; depth++) {
      // the shortest of those that begin alike comes first
      if (sorted[low]!.length === depth) longest = sorted[low++];
      if (at + depth >= text.length) break;
      const unit = text.charCodeAt(at + depth);
      low = bound(low, high, { depth, unit });
      high = bound(low, high, { depth, unit: unit + 1 });
    }
    return longest;
  };
  return function* (text) {
    for (let at = 0; at < text.length;) {
      const token = longestAt(text, at);
      if (token !== undefined) yield { index: at, token };
      at += token?.length ?? (text.codePointAt(at)! > 0xffff ? 2 : 1);
    }
  };
}
