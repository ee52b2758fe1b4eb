/** Values as PostgreSQL's jsonb takes them: it holds no NUL, no half of a surrogate pair. */

// oxlint-disable-next-line no-control-regex -- this is the character
const UNSTORABLE = /\u0000|\p{Surrogate}/gu;

/**
 * The value with such characters replaced (U+FFFD), and whole numbers beyond 2^53 as texts.
 * @returns `mended` where something was
 */
export function storable<T>(value: T): { value: T; mended: boolean } {
  let mended = false;
  const walk = (each: unknown): unknown => {
    if (typeof each === "string") {
      if (each.search(UNSTORABLE) === -1) return each;
      mended = true;
      return each.replace(UNSTORABLE, "\uFFFD");
    }
    if (typeof each === "bigint") {
      mended = true;
      return String(each);
    }
    if (Array.isArray(each)) return each.map(walk);
    if (typeof each !== "object" || each === null || each instanceof Date) return each;
    return Object.fromEntries(
      Object.entries(each).map(([name, inner]) => [walk(name) as string, walk(inner)]),
    );
  };
  return { value: walk(value) as T, mended };
}
