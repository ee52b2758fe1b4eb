/**
 * The clock on the wall as a text without a zone, so that a run keeps its date wherever it goes on.
 */

const two = (value: number): string => String(value).padStart(2, "0");

/** `2026-05-04T13:07:59`, local time. */
export function wallClock(date: Date = new Date()): string {
  const day = [
    String(date.getFullYear()).padStart(4, "0"),
    two(date.getMonth() + 1),
    two(date.getDate()),
  ].join("-");
  return `${day}T${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}
