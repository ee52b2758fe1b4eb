/**
 * Prompts of requests as ids, beside everything else that the server does: slice by slice, one slice in a turn of the event
 * loop, the requests taking turns. A text that cannot fit is refused before it is rendered, and one that turns out not to fit is not
 * encoded to its end.
 */
import { onAbort } from "../sampling/generate.ts";
import type { Slices } from "../text/pipeline.ts";
import { stopping } from "./api-error.ts";

interface Open {
  slices: Slices<Int32Array>;
  left: AbortSignal;
  resolve: (ids: Int32Array) => void;
  reject: (error: unknown) => void;
}

/** The client has gone; nobody reads the answer. */
export class ClientLeft extends Error {}

export class EncodingQueue {
  private readonly open: Open[] = [];
  private readonly stop: AbortSignal;
  private turning = false;
  /** Slices so far. */
  worked = 0;

  constructor(stop: AbortSignal) {
    this.stop = stop;
    onAbort(stop, () => this.end());
  }

  /** @throws ApiError 503 where the server stops, and whatever encoding throws */
  encode(slices: Slices<Int32Array>, left: AbortSignal): Promise<Int32Array> {
    return new Promise((resolve, reject) => {
      if (this.stop.aborted) return reject(stopping());
      this.open.push({ slices, left, resolve, reject });
      if (this.turning) return;
      this.turning = true;
      setImmediate(() => this.turn());
    });
  }

  private turn(): void {
    const next = this.open.shift();
    this.turning = next !== undefined;
    if (next === undefined) return;
    setImmediate(() => this.turn());
    if (next.left.aborted) return next.reject(new ClientLeft());
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
