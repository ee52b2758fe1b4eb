/** Words of the ids of measures, from names of any script: the same from run to run. */

/** "My Model/v2" is "my-model-v2". */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "") || "unnamed";

/** Words in their order, those that are taken with a number. */
export function numbered(words: readonly string[]): string[] {
  const taken = new Set<string>();
  return words.map((plain) => {
    let free = plain;
    for (let i = 2; taken.has(free); i++) free = `${plain}-${i}`;
    taken.add(free);
    return free;
  });
}

/** A word for each name, in their order; numbered where two are alike. */
export const numberedSlugs = (names: readonly string[]): string[] => numbered(names.map(slug));

/** The same by name. */
export function slugs(names: readonly string[]): ReadonlyMap<string, string> {
  const unique = [...new Set(names)];
  const words = numberedSlugs(unique);
  return new Map(unique.map((name, i) => [name, words[i]!]));
}
