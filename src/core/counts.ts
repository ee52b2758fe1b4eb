/** Counts as people read them. */

/** `12,345`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/**
 * `1 row`, `1,200 rows`.
 * @param thing one of them
 * @param things several, where an s is not enough
 */
export function countOf(count: number, thing: string, things = `${thing}s`): string {
  return `${formatCount(count)} ${count === 1 ? thing : things}`;
}
