/**
 * Whether anybody still reads what is printed: `attune dpo --json | head`, a terminal that was
 * closed.
 */
import { AttuneError } from "../core/errors.ts";

/** EIO: a terminal that is gone; the last one: a write after the first failed. */
const GONE: ReadonlySet<string | undefined> = new Set([
  "EPIPE",
  "EIO",
  "ECONNRESET",
  "ERR_STREAM_DESTROYED",
]);

/** A stream as far as its errors are concerned. */
export interface WatchedStream {
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Aborted once a stream has no reader; any other error of a stream is thrown. */
export function watchReaders(streams: readonly WatchedStream[]): AbortSignal {
  const gone = new AbortController();
  for (const stream of streams) {
    stream.on("error", (error) => {
      if (!GONE.has(error.code)) throw error;
      gone.abort(new AttuneError("interrupted", "stopped: what reads the output is gone"));
    });
  }
  return gone.signal;
}
