/** Work that is done piece by piece, so that others may go on meanwhile. */

/** Work that is done slice by slice, and its result. */
export type Slices<T> = Generator<undefined, T>;

/** All slices at once. */
export function finish<T>(slices: Slices<T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value;
  }
}
