/** Turns of the world's conversations, and where its rows are said to stand. */
import type { ErrorPlace } from "../core/errors.ts";
import type { Message } from "../text/messages.ts";

export const userTurn = (content: string): Message => ({ role: "user", content });
export const assistantTurn = (content: string): Message => ({ role: "assistant", content });

/** @param index of the row, from 0 */
export const placeOf = (index: number): ErrorPlace => ({
  file: "the built-in world",
  row: index + 1,
});
