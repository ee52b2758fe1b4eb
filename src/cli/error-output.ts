/**
 * How an error ends a command: for people on standard error, as the last JSON line on standard
 * output with `--json`.
 */
import { AttuneError } from "../core/errors.ts";
import { jsonLine, remark, type Sink } from "./display/sink.ts";

export interface ErrorOutput {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly json: boolean;
  /** Nobody reads the output: a JSON line would be lost. */
  readonly readerGone?: boolean;
}

/**
 * Prints an error.
 * @returns the exit status
 */
export function reportError(
  error: unknown,
  { stdout, stderr, json, readerGone = false }: ErrorOutput,
): number {
  const known = error instanceof AttuneError ? error : undefined;
  const exitCode = known?.exitCode ?? 1;
  if (json && !readerGone) {
    const { cause: _, ...details } = known?.details ?? {};
    stdout.write(
      jsonLine({
        type: "error",
        code: known?.code ?? "internal",
        message: known?.what ?? String(error),
        ...details,
        exitCode,
      }),
    );
  } else {
    stderr.write(
      remark(
        known === undefined
          ? unexpected(error)
          : known.code === "interrupted"
            ? known.message
            : `error: ${known.message}`,
      ),
    );
  }
  return exitCode;
}

/** Anything that is not an AttuneError is a defect: the stack helps whoever mends it. */
function unexpected(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error: ${text}\n  try: please report this with the command that led here`;
}
