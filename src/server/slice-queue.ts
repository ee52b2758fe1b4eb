/**
 * Long work beside everything else that the server does, such as prompts of requests as ids: slice by slice, one slice in a turn of the event
 * loop, the clients taking turns, and their requests. A text that cannot fit is refused before it is rendered, and one that turns out not to fit is not
 * encoded to its end.
 */
import { FairTurns } from "../sampling/fair-turns.ts";
import { onAbort } from "../sampling/generate.ts";
import type { Slices } from "../text/pipeline.ts";
import { stopping } from "./api-error.ts";

interface Open {
  slices: Slices<unknown>;
  client: string;
  left: AbortSignal | undefined;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** Whose the work is that all requests share. */
const EVERYBODY = "";

/** The client has gone; nobody reads the answer. */
export class ClientLeft extends Error {}

export class SliceQueue {
  private readonly open: Open[] = [];
  private readonly stop: AbortSignal;
  private readonly clients = new FairTurns<string>();
  private turning = false;
  /** Slices so far. */
  worked = 0;

  constructor(stop: AbortSignal) {
    this.stop = stop;
    onAbort(stop, () => this.end());
  }

  /**
   * @param client who waits, and `left` that it has left; none where others wait for the result too
   * @throws ApiError 503 where the server stops, and whatever the slices throw
   */
  run<T>(slices: Slices<T>, { client = EVERYBODY, left }: { client?: string; left?: AbortSignal } = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.stop.aborted) return reject(stopping());
      this.open.push({ slices, client, left, resolve: resolve as Open["resolve"], reject });
      if (this.turning) return;
      this.turning = true;
      setImmediate(() => this.turn());
    });
  }

  private turn(): void {
    const next = this.open.reduce<Open | undefined>((first, each) => (first === undefined || this.clients.compare(each.client, first.client) < 0 ? each : first), undefined);
    this.turning = next !== undefined;
    if (next === undefined) return;
    this.open.splice(this.open.indexOf(next), 1);
    this.clients.serve(next.client);
    setImmediate(() => this.turn());
    if (next.left?.aborted) return next.reject(new ClientLeft());
    try {
      this.worked++;
      const { done, value } = next.slices.next();
      if (done) next.resolve(value);
      else this.open.push(next);
    } catch (error) {
      next.reject(error);
    }
  }

  private end(): void {
    for (const { reject } of this.open.splice(0)) reject(stopping());
  }
}
