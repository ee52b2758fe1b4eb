/** The sentence under a chart of intervals by kind: where it is most and where least. */
import type { Interval } from "../stats/intervals.ts";
import { claims } from "./measure-text.ts";

export interface Kind {
  readonly name: string;
  readonly interval: Interval;
}

/** For a chart that may have nothing to say. */
export const saying = (says: string | undefined): { says?: string } =>
  says === undefined ? {} : { says };

/**
 * @param what is the most and the least: "refused"
 * @returns undefined where fewer than two kinds have an interval
 */
export function extremesText(kinds: readonly Kind[], what: string): string | undefined {
  const known = kinds
    .filter(({ interval }) => claims(interval))
    .toSorted((a, b) => b.interval.estimate - a.interval.estimate);
  const [most, least] = [known[0], known.at(-1)];
  if (!most || !least || known.length < 2) return undefined;
  if (most.interval.estimate === least.interval.estimate)
    return `No kind differs from another in what is ${what}.`;
  const apart = most.interval.low > least.interval.high;
  return (
    `Most ${what}: ${most.name}; least: ${least.name}` +
    (apart ? "." : "; their intervals overlap, so that the two differ is not shown.")
  );
}
