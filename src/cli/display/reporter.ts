/**
 * How commands speak. Answers (a table, generated text) go to standard output; everything about the
 * work itself (progress, notes, warnings) goes to standard error; with `--json` all of it is one
 * stream of JSON lines on standard output.
 */
import type { TrainingEvent } from "../../runs/events.ts";

export type ReporterMode = "terminal" | "lines" | "json" | "quiet";

export interface Reporter {
  readonly mode: ReporterMode;
  /** One event of a trainer: moves the progress display. */
  event(event: TrainingEvent): void;
  /** The answer of a command: `text` for people, `{"type":"result", ...data}` with `--json`. */
  result(data: Readonly<Record<string, unknown>>, text: string): void;
  /**
   * A piece of the answer that appears bit by bit (generated text): `{"type":"text","text":...}`
   * with `--json`.
   */
  write(text: string): void;
  /**
   * One line on what is going on; nothing with `--quiet`. `onTerminal` is said there instead, with
   * its escapes: its author made it harmless.
   */
  note(text: string, options?: { readonly onTerminal?: string }): void;
  /** Correct, but likely a mistake. `id` is the stable name of this kind of warning. */
  warn(id: string, message: string): void;
  /** Work whose length is known or unknown: downloads, generation, evaluation, quantisation. */
  progress(options: ProgressOptions): Progress;
  /** Leaves the terminal tidy. Safe to call twice. */
  close(): void;
}

export interface ProgressOptions {
  readonly title: string;
  /** Units in all; undefined where unknown. */
  readonly total?: number;
  /** What is counted, in the plural: `examples`, `bytes`, `tokens`. */
  readonly unit: string;
  /**
   * Whether units are alike, so that those of a second and the time left can be told from their
   * number. Default true.
   */
  readonly even?: boolean;
}

export interface Progress {
  /**
   * @param done units done since the beginning;
   * @param detail shown behind the bar: a few words, or parts that are dropped from the end where
   * they do not fit
   */
  update(done: number, detail?: string | readonly string[]): void;
  /** Ends the display; a later `update` does nothing. */
  end(): void;
}
