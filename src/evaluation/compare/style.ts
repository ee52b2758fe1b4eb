/**
 * How two answers differ in length and dress: characters, headers, list items, bold.
 *
 * Source: Arena's style control (FastChat, add_markdown_info.py): counts without fenced code, and
 * (a - b) / (a + b + 1) of each.
 * Differences: 1. characters instead of one vendor's tokens. 2. Scaled by their root mean square
 * and not centred (controlled-rate.ts).
 */

/** Features that a fit holds equal, in words. */
export const STYLE_COUNTS = ["length", "headers", "list items", "bold"] as const;

export type StyleCounts = Readonly<Record<(typeof STYLE_COUNTS)[number], number>>;

/** Length in UTF-16 units, and marks of Markdown outside fenced code. */
export function styleCounts(text: string): StyleCounts {
  const prose = text.replace(/```[^]*?(?:```|$)/g, "");
  const count = (pattern: RegExp): number => prose.match(pattern)?.length ?? 0;
  return {
    length: text.length,
    headers: count(/^#{1,6}\s/gm),
    "list items": count(/^\s*(?:\d+\.|[-*+])\s/gm),
    bold: count(/\*\*[^*\n]+\*\*|__[^_\n]+__/g),
  };
}

/** (a - b) / (a + b + 1), between -1 and 1. */
const relative = (a: number, b: number): number => (a - b) / (a + b + 1);

/**
 * By feature of {@link STYLE_COUNTS}, the difference of each pair of texts, in root mean squares; 0
 * throughout for one that never differs.
 */
export function styleDifferences(pairs: readonly (readonly [string, string])[]): number[][] {
  const counts = pairs.map(([a, b]) => [styleCounts(a), styleCounts(b)] as const);
  return STYLE_COUNTS.map((feature) => {
    const differences = counts.map(([a, b]) => relative(a[feature], b[feature]));
    const size = Math.sqrt(
      differences.reduce((total, value) => total + value * value, 0) / differences.length,
    );
    return size > 0 ? differences.map((value) => value / size) : differences;
  });
}
