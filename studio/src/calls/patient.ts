/** Calls that wait for a server that is away. */
import type { AnswerOf, CallOf, RouteDefinition } from "../../../src/studio/api/route.ts";
import { call, CallError } from "../api.ts";
import { setReached } from "./reach.ts";

/** Milliseconds between tries. */
const FIRST = 500;
const LONGEST = 8_000;

/** Whether a failure says that the server is away, or on its way out, and not that it refuses. */
export const isAway = (error: unknown): boolean =>
  error instanceof CallError
    ? error.status === 502 || error.status === 503 || error.status === 504
    : error instanceof TypeError;

const pause = (milliseconds: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

/** One try; the page learns whether the server is there. */
export async function tryCall<R extends RouteDefinition>(
  route: R,
  request: CallOf<R>,
  options: { signal?: AbortSignal; file?: Blob } = {},
): Promise<AnswerOf<R>> {
  try {
    const answer = await call(route, request, options);
    setReached(true);
    return answer;
  } catch (error) {
    if (!options.signal?.aborted) setReached(!isAway(error));
    throw error;
  }
}

/** Asks until the server is there; only for what may be asked twice. */
export async function patientCall<R extends RouteDefinition>(
  route: R,
  request: CallOf<R>,
  signal?: AbortSignal,
): Promise<AnswerOf<R>> {
  for (let wait = FIRST; ; wait = Math.min(wait * 2, LONGEST)) {
    try {
      return await tryCall(route, request, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!isAway(error) || signal?.aborted) throw error;
      await pause(wait, signal);
      if (signal?.aborted) throw error;
    }
  }
}
