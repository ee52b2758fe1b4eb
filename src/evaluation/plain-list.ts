/** Names in a message: all of a few, the first of many. */

const MOST = 12;

/** `a, b, c`; of more than twelve the first, and how many more there are. */
export const formatPlainList = (names: readonly string[]): string =>
  names.length <= MOST
    ? names.join(", ")
    : `${names.slice(0, MOST).join(", ")} and ${names.length - MOST} more`;
