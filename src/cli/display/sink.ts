/** Where reporters write. */
import { stringifyJson } from "../../core/json.ts";
import { LINE_WIDTH, printable } from "./words.ts";

/** A stream as far as a reporter needs it. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width of a terminal in characters. */
  readonly columns?: number | undefined;
}

/** Characters in a line. */
export const widthOf = ({ columns }: Sink): number => columns ?? LINE_WIDTH;

/** Text for standard output: untrusted text must not steer a terminal. */
export function answer(stdout: Sink, text: string): void {
  stdout.write(stdout.isTTY ? printable(text) : text);
}

/**
 * A line on the work itself for standard error, which may hold anybody's text and is as often a log
 * as a terminal.
 */
export const remark = (text: string): string => `${printable(text)}\n`;

/** One line of JSON; JSON itself escapes only some of the characters that steer terminals. */
export function jsonLine(value: unknown): string {
  const escaped = (character: string): string =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  // oxlint-disable-next-line no-control-regex
  return `${stringifyJson(value).replace(/[\u007f-\u009f]/g, escaped)}\n`;
}
