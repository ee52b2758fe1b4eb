/**
 * Figures of a comparison that was looked at after every prompt: shares whose intervals hold at every
 * look, whenever it stopped.
 */
import type { Interval } from "../../stats/intervals.ts";
import { SequentialShare } from "../../stats/sequential.ts";
import type { MatchedPrompt } from "./matched.ts";

export interface LookedAt {
  clusters?: readonly (string | number)[] | undefined;
  /** Of all prompts at hand, which is known before any is judged. */
  largestCluster: number;
}

/** The most prompts that belong together. */
export function largestCluster(prompts: readonly Pick<MatchedPrompt, "cluster">[]): number {
  const sizes = new Map<string, number>();
  for (const { cluster } of prompts)
    if (cluster !== undefined) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  return Math.max(1, ...sizes.values());
}

/** Units are prompts, or whole clusters of them. */
function shareOf(
  values: readonly number[],
  { clusters, largestCluster: largest }: LookedAt,
): SequentialShare {
  const units = new Map<string | number, number[]>();
  for (const [i, value] of values.entries()) {
    const name = clusters?.[i] ?? `prompt ${i}`;
    const members = units.get(name);
    if (members) members.push(value);
    else units.set(name, [value]);
  }
  const share = new SequentialShare(largest > 1 ? { largestCluster: largest } : {});
  for (const members of units.values()) share.add(members);
  return share;
}

/** The mean of outcomes in [0, 1]. */
export const alwaysValidInterval = (
  values: readonly number[],
  { confidence, ...looked }: LookedAt & { confidence: number },
): Interval => shareOf(values, looked).interval(confidence);

/** Two-sided, that the mean outcome is a half. */
export const alwaysValidP = (values: readonly number[], looked: LookedAt): number =>
  shareOf(values, looked).pValue;
