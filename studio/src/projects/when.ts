/** A moment as this reader writes moments. */
export const whenOf = (time: string | null, never: string): string =>
  time === null
    ? never
    : new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
