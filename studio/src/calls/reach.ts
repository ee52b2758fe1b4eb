/** Whether the studio's server is reached: one fact, for the whole page. */
import { useSyncExternalStore } from "react";

let reached = true;
const listeners = new Set<() => void>();

export function setReached(now: boolean): void {
  if (now === reached) return;
  reached = now;
  for (const listener of listeners) listener();
}

/** @returns what ends the subscription */
export const onReach = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const isReached = (): boolean => reached;
export const useReached = (): boolean => useSyncExternalStore(onReach, isReached);
