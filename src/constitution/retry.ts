/**
 * Trying again: exponential back-off with jitter, and a pause of all requests where the server asks
 * for one (Retry-After). The `openai` client can retry too, but each of its requests by itself,
 * without a reply that is read as nonsense, and with an unseeded jitter.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AttuneError } from "../core/errors.ts";
import { Random } from "../core/random.ts";

/** How often and after which waits a request is tried again. */
export interface RetryOptions {
  /** Tries after the first. */
  retries: number;
  /** Wait before the first of them, doubled each time up to the longest. Milliseconds. */
  firstWait: number;
  /** Longest wait between two tries. Milliseconds. */
  longestWait: number;
  /**
   * A server that asks for a longer pause ends the run, which can be resumed then. Milliseconds.
   */
  longestPause: number;
}

export const RETRIES: RetryOptions = {
  retries: 8,
  firstWait: 1000,
  longestWait: 60_000,
  longestPause: 600_000,
};

/** What one try came to: an answer, or why it should be tried again. */
export type Attempt<T> =
  | { answer: T }
  | { again: string; /** Milliseconds that the server asks to wait. */ after?: number | undefined };

export class Retrier {
  private readonly options: RetryOptions;
  /** All requests wait until then; milliseconds since 1970. */
  private pausedUntil = 0;
  private readonly onRetry: (why: string, wait: number) => void;

  constructor(
    options: RetryOptions,
    onRetry: (why: string, wait: number) => void = () => undefined,
  ) {
    this.options = options;
    this.onRetry = onRetry;
  }

  /**
   * @param key seeds the jitter
   * @throws AttuneError `network` after the last try; whatever `attempt` throws; the signal's
   * reason
   */
  async run<T>(
    key: string,
    attempt: () => Promise<Attempt<T>>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { retries, firstWait, longestWait, longestPause } = this.options;
    const random = Random.for(0, "retry", key);
    for (let number = 0; ; number++) {
      await this.untilFree(signal);
      const tried = await attempt();
      if ("answer" in tried) return tried.answer;
      const hint = "`attune resume` goes on from what was answered, when the server is well again";
      if (number >= retries)
        throw new AttuneError("network", `the server gives no answer after ${retries + 1} tries`, {
          got: tried.again,
          hint,
        });
      if (tried.after !== undefined && tried.after > longestPause)
        throw new AttuneError(
          "network",
          `the server asks to wait for ${Math.ceil(tried.after / 60_000)} minutes`,
          { got: tried.again, hint },
        );
      const own = Math.min(longestWait, firstWait * 2 ** number) * (0.5 + 0.5 * random.uniform());
      const wait = tried.after ?? own;
      // the server's word holds for all requests
      if (tried.after !== undefined)
        this.pausedUntil = Math.max(this.pausedUntil, Date.now() + tried.after);
      this.onRetry(tried.again, wait);
      await pause(wait, signal);
    }
  }

  private async untilFree(signal: AbortSignal | undefined): Promise<void> {
    for (let wait = this.pausedUntil - Date.now(); wait > 0; wait = this.pausedUntil - Date.now()) {
      await pause(wait, signal);
    }
    signal?.throwIfAborted();
  }
}

/** @throws the signal's reason, at once */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() =>
    signal?.throwIfAborted(),
  );
}

/** Retry-After of a reply (seconds or a date), or the finer retry-after-ms; milliseconds. */
export function retryAfter(headers: Headers | undefined): number | undefined {
  const fine = Number.parseFloat(headers?.get("retry-after-ms") ?? "");
  if (fine >= 0) return fine;
  const value = headers?.get("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(value)) return 1000 * Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
