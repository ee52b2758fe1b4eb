/** How many prompts would tell, where those that there are do not. */
import { normalQuantile } from "../../stats/special.ts";
import type { GoldWitness } from "./verdict.ts";
import { ALPHA } from "./verdict.ts";

export interface Settlement {
  /** Prompts in all, with a power of 80%, if what was seen is what is true. */
  prompts: number;
  /** What they would show. */
  shows: "a fall" | "no fall that matters";
}

/** Intervals shrink with the root of the prompts; that they just reach is a matter of luck. */
const POWER = ((normalQuantile(1 - ALPHA) + normalQuantile(0.8)) / normalQuantile(1 - ALPHA)) ** 2;

/** @returns undefined where no number of prompts would, if what was seen is what is true */
export function promptsToSettle({ change, gain, margin }: GoldWitness): Settlement | undefined {
  const { estimate, low, high, n } = change;
  const needed = (half: number, distance: number): number =>
    distance > 0 && Number.isFinite(half)
      ? Math.ceil(n * POWER * (half / distance) ** 2)
      : Infinity;
  const fall = needed(high - estimate, -estimate);
  const none = Math.max(
    needed(estimate - low, estimate + margin),
    needed(gain.estimate - gain.low, gain.estimate),
  );
  const prompts = Math.min(fall, none);
  if (!Number.isFinite(prompts)) return undefined;
  // a number may be reached already by luck's measure, and more are needed all the same
  return {
    prompts: Math.max(prompts, n + 1),
    shows: fall < none ? "a fall" : "no fall that matters",
  };
}
