/** Options that take one of a few words. */
import { AttuneError, nearest } from "../../core/errors.ts";

/** A commander parser that takes one of `words`. */
export function oneOf<T extends string>(words: readonly T[]): (value: string) => T {
  return (value) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const near = nearest(value, words);
    throw new AttuneError("usage", `there is no choice ${value}`, {
      expected: words.join(", "),
      ...(near === undefined ? {} : { hint: near }),
    });
  };
}
