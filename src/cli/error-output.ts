/** How an error ends a command: for people on standard error, as the last JSON line on standard output with `--json`. */
import { AttuneError } from "../core/errors.ts";
import { stringifyJson } from "../core/json.ts";
import { answer, type Sink } from "./sink.ts";

/**
 * Prints an error.
 * @returns the exit status
 */
export function reportError(error: unknown, { stdout, stderr, json }: { stdout: Sink; stderr: Sink; json: boolean }): number {
  const known = error instanceof AttuneError ? error : undefined;
  const exitCode = known?.exitCode ?? 1;
  if (json) {
    const { cause: _, ...details } = known?.details ?? {};
    stdout.write(`${stringifyJson({ type: "error", code: known?.code ?? "internal", message: known?.what ?? String(error), ...details, exitCode })}\n`);
  } else {
    answer(stderr, `${known === undefined ? unexpected(error) : known.code === "interrupted" ? known.message : `error: ${known.message}`}\n`);
  }
  return exitCode;
}

/** Anything that is not an AttuneError is a defect: the stack helps whoever mends it. */
function unexpected(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error: ${text}\n  try: please report this with the command that led here`;
}
