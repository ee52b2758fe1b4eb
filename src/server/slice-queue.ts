/**
 * Work of requests beside the decoding of answers, such as bodies as values and prompts as ids:
 * slice by slice, the clients taking turns, and their requests. While answers are decoded it has a
 * share of the time, so that whoever sends much slows nobody's stream by more than that. A text
 * that cannot fit is refused before it is rendered, and one that turns out not to fit is not
 * encoded to its end.
 */
import { FairTurns } from "../sampling/fair-turns.ts";
import { onAbort } from "../sampling/generate.ts";
import type { Slices } from "../text/slices.ts";
import { serverStopping } from "./api-error.ts";

type Sliced<T> = Pick<Slices<T>, "next">;

interface Open {
  slices: Sliced<unknown>;
  client: string;
  left: AbortSignal | undefined;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** Stands for the client of work that all requests share. */
const EVERYBODY = "";

/** The client has gone; nobody reads the answer. */
export class ClientLeft extends Error {}

/**
 * Time for slices while answers are decoded, as a share of all time: a step with them takes so much
 * longer.
 */
const SHARE = 1 / 4;
/** Milliseconds of that time that are saved up at most: what follows a long step. */
const MOST_SAVED = 50;
/** Milliseconds of slices in one turn of the event loop, about. */
const TURN = 4;

/** Work in a single slice. */
export const inOneSlice = <T>(work: () => T): Sliced<T> => ({
  next: () => ({ done: true, value: work() }),
});

export class SliceQueue {
  private readonly open: Open[] = [];
  private readonly stop: AbortSignal;
  private readonly isDecoding: () => boolean;
  private readonly clients = new FairTurns<string>();
  private turning = false;
  /**
   * Milliseconds of slices that may be worked at once while answers are decoded, and when that was
   * counted.
   */
  private saved = MOST_SAVED;
  private counted = performance.now();

  /** @param isDecoding whether answers are decoded, beside which slices have a share of the time */
  constructor(stop: AbortSignal, isDecoding: () => boolean = () => false) {
    this.stop = stop;
    this.isDecoding = isDecoding;
    onAbort(stop, () => this.end());
  }

  /**
   * @param client who waits, and `left` that it has left; none where others wait for the result too
   * @throws ApiError 503 where the server stops, and whatever the slices throw
   */
  run<T>(
    slices: Sliced<T>,
    { client = EVERYBODY, left }: { client?: string; left?: AbortSignal } = {},
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.stop.aborted) return reject(serverStopping());
      this.open.push({ slices, client, left, resolve: resolve as Open["resolve"], reject });
      if (this.turning) return;
      this.turning = true;
      setImmediate(() => this.turn());
    });
  }

  /** Slices for about {@link TURN}, as far as there is time for them; one at least. */
  private turn(): void {
    const began = performance.now();
    this.saved = Math.min(MOST_SAVED, this.saved + (began - this.counted) * SHARE);
    this.counted = began;
    const decoding = this.isDecoding();
    // looked at again soon, since decoding may end meanwhile
    if (decoding && this.saved <= 0) return void setTimeout(() => this.turn(), 1);
    const most = decoding ? Math.min(TURN, this.saved) : TURN;
    let took = 0;
    while (this.open.length > 0 && (took === 0 || took < most)) {
      this.work();
      took = performance.now() - began;
    }
    if (decoding) this.saved -= took;
    this.turning = this.open.length > 0;
    if (this.turning) setImmediate(() => this.turn());
  }

  /** Runs a slice for the client that was served longest ago. */
  private work(): void {
    const next = this.open.reduce((first, each) =>
      this.clients.compare(each.client, first.client) < 0 ? each : first,
    );
    this.open.splice(this.open.indexOf(next), 1);
    this.clients.serve(next.client);
    if (next.left?.aborted) return next.reject(new ClientLeft());
    try {
      const { done, value } = next.slices.next();
      if (done) next.resolve(value);
      else this.open.push(next);
    } catch (error) {
      next.reject(error);
    }
  }

  private end(): void {
    for (const { reject } of this.open.splice(0)) reject(serverStopping());
  }
}
