/** Where reporters write. */
import { printable } from "./words.ts";

/** A stream as far as a reporter needs it. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width of a terminal in characters. */
  readonly columns?: number;
}

/** Text for standard output: untrusted text must not steer a terminal. */
export function answer(stdout: Sink, text: string): void {
  stdout.write(stdout.isTTY ? printable(text) : text);
}
