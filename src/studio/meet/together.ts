/**
 * Two answers that are written at once, told in step: neither how fast a model writes nor when it
 * began tells which is which. What cannot be hidden is the answers' texts and lengths, and the pace
 * of the slower one.
 */
import { setTimeout as sleep } from "node:timers/promises";

export type End = "stop" | "length" | "stopped" | "failed";

export type Told =
  | { readonly side: number; readonly text: string }
  | { readonly side: number; readonly end: End };

/** What one side has written that was not told yet. */
export class Side {
  /** To be told. */
  waiting = "";
  end: End | undefined;
  ended = false;

  add(text: string): void {
    this.waiting += text;
  }
}

/** Milliseconds between two looks. */
const TICK = 40;
/** Characters of one look, when nobody is waited for: about 20 tokens. */
const MOST = 80;

/**
 * Tells what the sides write, until both have ended.
 * @param tick milliseconds; 0 in tests
 */
export async function* together(
  sides: readonly Side[],
  { tick = TICK, inStep }: { tick?: number; inStep: boolean },
): AsyncGenerator<Told> {
  while (sides.some(({ ended }) => !ended)) {
    const writing = sides.filter(({ end }) => end === undefined);
    // as far as the slower one has come
    const reach = inStep
      ? Math.min(MOST, ...writing.map(({ waiting }) => waiting.length))
      : Infinity;
    for (const [side, each] of sides.entries()) {
      const text = wholeCharacters(each.waiting, reach);
      if (text !== "") {
        each.waiting = each.waiting.slice(text.length);
        yield { side, text };
      }
      if (!each.ended && each.end !== undefined && each.waiting === "") {
        each.ended = true;
        yield { side, end: each.end };
      }
    }
    if (sides.some(({ ended }) => !ended)) await sleep(tick);
  }
}

/** The first of a text, without half of a surrogate pair at the end. */
function wholeCharacters(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.codePointAt(most - 1) ?? 0;
  return text.slice(0, last > 0xffff ? most + 1 : most);
}
